package dev.thinkingvit.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.picture.ImageSize;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomErasingTest {

    private static final int SIDE = 32;
    private static final ImageSize SIZE = ImageSize.square(SIDE);
    private static final int PLANE = SIDE * SIDE;
    private static final float UNTOUCHED = 99;

    private final SplittableRandom random = new SplittableRandom(6);

    @Test
    void somethingIsErasedAsOftenAsAsked() {
        int erased = 0;
        for (int i = 0; i < 4000; i++) {
            erased += area(erase(new RandomErasing(0.25, RandomErasing.Mode.PIXEL))) > 0 ? 1 : 0;
        }
        assertThat(erased / 4000.0).isCloseTo(0.25, within(0.03));
    }

    @Test
    void areasAndAspectsFillTheirRanges() {
        double smallest = 1;
        double largest = 0;
        double flattest = 100;
        double tallest = 0;
        for (int i = 0; i < 5000; i++) {
            Box box = box(erase(new RandomErasing(1, RandomErasing.Mode.CONST)));
            double share = (double) box.width * box.height / PLANE;
            smallest = Math.min(smallest, share);
            largest = Math.max(largest, share);
            flattest = Math.min(flattest, (double) box.height / box.width);
            tallest = Math.max(tallest, (double) box.height / box.width);
        }
        // Sides are whole pixels, so that the ends are met but roughly.
        assertThat(smallest).isCloseTo(0.02, within(0.005));
        assertThat(largest).isCloseTo(1 / 3.0, within(0.03));
        assertThat(flattest).isBetween(0.2, 0.35);
        assertThat(tallest).isBetween(3.0, 5.0);
    }

    @ParameterizedTest
    @EnumSource
    void allChannelsAreErasedWithinOneRectangle(RandomErasing.Mode mode) {
        for (int i = 0; i < 200; i++) {
            float[] input = erase(new RandomErasing(1, mode));
            Box box = box(input);
            assertThat(area(input)).isEqualTo(box.width * box.height);
            for (int p = 0; p < PLANE; p++) {
                boolean inside = input[p] != UNTOUCHED;
                assertThat(input[PLANE + p] != UNTOUCHED).isEqualTo(inside);
                assertThat(input[2 * PLANE + p] != UNTOUCHED).isEqualTo(inside);
            }
        }
    }

    @Test
    void modesDifferInWhatIsWritten() {
        assertThat(written(RandomErasing.Mode.CONST)).containsExactly(0f);
        assertThat(written(RandomErasing.Mode.RAND)).hasSize(3);
        assertThat(written(RandomErasing.Mode.PIXEL)).hasSizeGreaterThan(50);
    }

    @Test
    void noiseIsStandardNormal() {
        double sum = 0;
        double squares = 0;
        int count = 0;
        for (int i = 0; i < 300; i++) {
            for (float value : erase(new RandomErasing(1, RandomErasing.Mode.PIXEL))) {
                if (value != UNTOUCHED) {
                    sum += value;
                    squares += value * value;
                    count++;
                }
            }
        }
        assertThat(sum / count).isCloseTo(0, within(0.02));
        assertThat(squares / count).isCloseTo(1, within(0.03));
    }

    @Test
    void severalRectanglesShareTheArea() {
        double one = 0;
        double three = 0;
        for (int i = 0; i < 2000; i++) {
            one += area(erase(new RandomErasing(1, RandomErasing.Mode.CONST)));
            three += area(erase(new RandomErasing(1, RandomErasing.Mode.CONST, 3, 3, 0.02, 1.0 / 3, 0.3, 1 / 0.3)));
        }
        // Less by overlaps, and by the largest that do not fit as one.
        assertThat(three / one).isBetween(0.8, 1.02);
    }

    @Test
    void neighboursInTheBatchAreNotTouched() {
        int floats = 3 * PLANE;
        for (int i = 0; i < 200; i++) {
            float[] batch = new float[3 * floats];
            Arrays.fill(batch, UNTOUCHED);
            new RandomErasing(1, RandomErasing.Mode.PIXEL).apply(batch, floats, SIZE, random);
            assertThat(area(Arrays.copyOfRange(batch, 0, floats))).isZero();
            assertThat(area(Arrays.copyOfRange(batch, floats, 2 * floats))).isPositive();
            assertThat(area(Arrays.copyOfRange(batch, 2 * floats, 3 * floats))).isZero();
        }
    }

    @Test
    void tinyPicturesSurvive() {
        for (int size = 1; size < 5; size++) {
            for (int i = 0; i < 200; i++) {
                new RandomErasing(1, RandomErasing.Mode.PIXEL)
                        .apply(new float[3 * size * size], 0, ImageSize.square(size), random);
            }
        }
    }

    @Test
    void whatIsErasedOfAPictureThatIsNoSquareIsARectangleWithinIt() {
        ImageSize wide = new ImageSize(16, 40);
        int widest = 0;
        double share = 0;
        for (int round = 0; round < 500; round++) {
            float[] input = new float[wide.values()];
            Arrays.fill(input, UNTOUCHED);
            new RandomErasing(1, RandomErasing.Mode.CONST).apply(input, 0, wide, random);
            Set<Integer> rows = new HashSet<>();
            Set<Integer> columns = new HashSet<>();
            int erased = 0;
            for (int i = 0; i < wide.pixels(); i++) {
                assertThat(input[i]).isEqualTo(input[wide.pixels() + i]).isEqualTo(input[2 * wide.pixels() + i]);
                if (input[i] != UNTOUCHED) {
                    rows.add(i / 40);
                    columns.add(i % 40);
                    erased++;
                }
            }
            assertThat(erased).isEqualTo(rows.size() * columns.size());
            assertThat(rows.size()).isLessThan(16);
            widest = Math.max(widest, columns.size());
            share += (double) erased / wide.pixels() / 500;
        }
        assertThat(widest).isGreaterThan(16);
        assertThat(share).isBetween(0.1, 0.2);
    }

    @Test
    void equalGeneratorsEraseAlike() {
        float[] one = new float[3 * PLANE];
        float[] other = new float[3 * PLANE];
        for (int seed = 0; seed < 20; seed++) {
            new RandomErasing(0.5, RandomErasing.Mode.PIXEL).apply(one, 0, SIZE, new SplittableRandom(seed));
            new RandomErasing(0.5, RandomErasing.Mode.PIXEL).apply(other, 0, SIZE, new SplittableRandom(seed));
            assertThat(one).isEqualTo(other);
        }
    }

    @Test
    void impossibleSettingsAreRefused() {
        RandomErasing.Mode mode = RandomErasing.Mode.named("pixel");
        assertThatThrownBy(() -> RandomErasing.Mode.named("noise")).hasMessageContaining("'noise'");
        assertThatThrownBy(() -> new RandomErasing(2, mode)).hasMessageContaining("not 2.0");
        assertThatThrownBy(() -> new RandomErasing(1, mode, 2, 1, 0.1, 0.2, 1, 1))
                .hasMessageContaining("2 to 1");
        assertThatThrownBy(() -> new RandomErasing(1, mode, 1, 1, 0.3, 0.2, 1, 1))
                .hasMessageContaining("0.3 to 0.2");
        assertThatThrownBy(() -> new RandomErasing(1, mode, 1, 1, 0.1, 0.2, 2, 1))
                .hasMessageContaining("2.0 to 1.0");
    }

    private record Box(int width, int height) {}

    private float[] erase(RandomErasing erasing) {
        float[] input = new float[3 * PLANE];
        Arrays.fill(input, UNTOUCHED);
        erasing.apply(input, 0, SIZE, random);
        return input;
    }

    private Set<Float> written(RandomErasing.Mode mode) {
        Set<Float> values = new HashSet<>();
        for (float value : erase(new RandomErasing(1, mode))) {
            values.add(value);
        }
        values.remove(UNTOUCHED);
        return values;
    }

    /** Erased pixels of the first channel. */
    private static int area(float[] input) {
        int area = 0;
        for (int p = 0; p < PLANE; p++) {
            area += input[p] != UNTOUCHED ? 1 : 0;
        }
        return area;
    }

    private static Box box(float[] input) {
        int left = SIDE;
        int right = 0;
        int top = SIDE;
        int bottom = 0;
        for (int p = 0; p < PLANE; p++) {
            if (input[p] != UNTOUCHED) {
                left = Math.min(left, p % SIDE);
                right = Math.max(right, p % SIDE + 1);
                top = Math.min(top, p / SIDE);
                bottom = Math.max(bottom, p / SIDE + 1);
            }
        }
        return new Box(right - left, bottom - top);
    }
}
