package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.picture.ImageSize;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class MixingTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/mixup-target.json");
    private static final String FIRST = "0 1 2 3 127 128 200 255";
    private static final String SECOND = "255 2 5 4 128 255 13 0";

    /** Expected: what timm's FastCollateMixup makes of the same levels. */
    @ParameterizedTest
    @CsvSource({
        "0.5, 128 2 4 4 128 192 106 128, 128 2 4 4 128 192 106 128",
        "0.3, 178 2 4 4 128 217 69 76, 76 1 3 3 127 166 144 178",
        "0.7071067811865476, 75 1 3 3 127 165 145 180, 180 2 4 4 128 218 68 75",
        "0.0009765, 255 2 5 4 128 255 13 0, 0 1 2 3 127 128 200 255",
        "0.95, 13 1 2 3 127 134 191 242, 242 2 5 4 128 249 22 13"
    })
    void mixupGivesTimmsWholeLevels(double lambda, String first, String second) {
        byte[] levels = levels(FIRST + " " + SECOND);

        Mixing.blend(levels, 2, lambda);

        assertThat(levels).isEqualTo(levels(first + " " + second));
    }

    @Test
    void mixupBlendsWithTheBatchInReverseOrder() {
        byte[] levels = levels("0 0 0 100 100 100 200 200 200");

        double lambda = new Mixing(new Mixing.Options(0.8, 0, 1, 0))
                .mix(levels, 3, ImageSize.square(1), new SplittableRandom(2));

        assertThat(levels[0] & 0xFF).isEqualTo((int) Math.rint((1 - lambda) * 200));
        assertThat(levels[3]).as("the middle one meets itself").isEqualTo((byte) 100);
        assertThat(levels[6] & 0xFF).isEqualTo((int) Math.rint(lambda * 200));
    }

    @Test
    void cutmixExchangesABoxAndTheShareIsItsArea() {
        for (ImageSize size : List.of(ImageSize.square(8), new ImageSize(6, 15), new ImageSize(20, 3))) {
            exchangesABox(size);
        }
    }

    private static void exchangesABox(ImageSize size) {
        int batch = 4;
        int length = size.values();
        Mixing cutmix = new Mixing(new Mixing.Options(0, 1, 1, 0));
        SplittableRandom random = new SplittableRandom(4);
        for (int round = 0; round < 20; round++) {
            byte[] levels = new byte[batch * length];
            for (int i = 0; i < levels.length; i++) {
                levels[i] = (byte) (i / length);
            }
            double share = cutmix.mix(levels, batch, size, random);
            for (int i = 0; i < batch; i++) {
                int own = 0;
                for (int p = 0; p < length; p++) {
                    byte level = levels[i * length + p];
                    assertThat(level).isIn((byte) i, (byte) (batch - 1 - i));
                    own += level == i ? 1 : 0;
                }
                assertThat(share).isCloseTo((double) own / length, within(1e-12));
            }
        }
    }

    @Test
    void aBatchThatIsNotDrawnStaysAsItIs() {
        byte[] levels = levels(FIRST + " " + SECOND);

        assertThat(new Mixing(new Mixing.Options(0.8, 1, 0, 0.5))
                        .mix(levels, 2, ImageSize.square(1), new SplittableRandom(1)))
                .isEqualTo(1);

        assertThat(levels).isEqualTo(levels(FIRST + " " + SECOND));
    }

    @Test
    void mixedTargetsAreThePublishedOnesToTheLastBit() throws Exception {
        JsonNode reference = new JsonMapper().readTree(Files.readAllBytes(REFERENCE));
        int[] labels = new JsonMapper().treeToValue(reference.get("labels"), int[].class);
        int classes = reference.get("num_classes").asInt();

        float[] targets = new SoftTargets(reference.get("smoothing").asDouble(), classes)
                .of(labels, reference.get("lambda").asDouble());

        assertThat(targets).hasSize(labels.length * classes);
        for (int i = 0; i < targets.length; i++) {
            assertThat(targets[i]).isEqualTo((float)
                    reference.get("target").get(i / classes).get(i % classes).asDouble());
        }
    }

    @Test
    void targetsOfUnmixedImagesAreSmoothedLabels() {
        assertThat(new SoftTargets(0.1, 4).of(new int[] {2, 0}, 1))
                .containsExactly(0.025f, 0.025f, 0.925f, 0.025f, 0.925f, 0.025f, 0.025f, 0.025f);
    }

    private static byte[] levels(String text) {
        int[] numbers = Stream.of(text.split(" ")).mapToInt(Integer::parseInt).toArray();
        byte[] levels = new byte[numbers.length];
        for (int i = 0; i < levels.length; i++) {
            levels[i] = (byte) numbers[i];
        }
        return levels;
    }
}
