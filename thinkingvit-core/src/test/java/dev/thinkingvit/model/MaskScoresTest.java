package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.picture.ImageSize;
import java.util.SplittableRandom;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class MaskScoresTest {
    private static final int CLASSES = 5;

    /** Of 2 by 3 patches of 4 pixels, cut to 7 by 10. */
    private static final MaskReadout HOW =
            new MaskReadout(new ImageSize(2, 3), new ImageSize(8, 12), new ImageSize(7, 10), CLASSES);

    private final float[] values = values(20);

    private static float[] values(double spread) {
        SplittableRandom random = new SplittableRandom(3);
        float[] values = new float[2 * 3 * CLASSES];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (spread * random.nextGaussian());
        }
        return values;
    }

    @Test
    void pixelsAreInterpolatedBetweenPatchesAndCut() {
        MaskScores scores = HOW.read(values, 0, values.length);
        float[] logits = scores.logits();
        assertThat(logits).hasSize(CLASSES * 7 * 10);
        int[] labels = scores.labels();
        for (int y = 0; y < 7; y++) {
            for (int x = 0; x < 10; x++) {
                double down = Math.max(0, (y + 0.5) / 4 - 0.5);
                double across = Math.max(0, (x + 0.5) / 4 - 0.5);
                int best = 0;
                for (int c = 0; c < CLASSES; c++) {
                    double upper = between(across, (int) down, c);
                    double lower = between(across, Math.min((int) down + 1, 1), c);
                    double share = down - (int) down;
                    float came = logits[(c * 7 + y) * 10 + x];
                    assertThat(came).isCloseTo((float) ((1 - share) * upper + share * lower), within(1e-4f));
                    best = came > logits[(best * 7 + y) * 10 + x] ? c : best;
                }
                assertThat(labels[y * 10 + x]).isEqualTo(best);
            }
        }
    }

    private double between(double across, int row, int c) {
        int left = (int) across;
        int right = Math.min(left + 1, 2);
        double share = across - left;
        return (1 - share) * values[(row * 3 + left) * CLASSES + c] + share * values[(row * 3 + right) * CLASSES + c];
    }

    @Test
    void entropyIsTheMeanOverAllPixelsOfTheFilledUpCrop() {
        for (double spread : new double[] {0, 0.1, 3, 500}) {
            float[] spreadOut = values(spread);
            MaskScores scores = HOW.read(spreadOut, 0, spreadOut.length);
            double measured = scores.measure(probabilities -> {
                double entropy = 0;
                for (float p : probabilities) {
                    entropy -= p > 0 ? p * Math.log(p) : 0;
                }
                return entropy;
            });
            assertThat(scores.entropyNats()).isCloseTo(measured, within(1e-6));
            assertThat(measured).isBetween(-1e-9, Math.log(CLASSES) + 1e-6);
        }
    }

    /** Patches of odd and even sides, one row of them alone, logits that lie far apart: sums over rows meet each pixel once. */
    @ParameterizedTest
    @CsvSource({"1, 1, 4, 1", "1, 3, 7, 3", "4, 2, 1, 3", "5, 3, 14, 2", "3, 4, 16, 30", "7, 2, 5, 120"})
    void entropyMeetsEachPixelOnce(int down, int across, int patch, double spread) {
        ImageSize filled = new ImageSize(down * patch, across * patch);
        MaskReadout how = new MaskReadout(new ImageSize(down, across), filled, filled, CLASSES);
        SplittableRandom random = new SplittableRandom(5);
        float[] logits = new float[down * across * CLASSES];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (spread * random.nextGaussian());
        }
        MaskScores scores = how.read(logits, 0, logits.length);
        double measured = scores.measure(probabilities -> {
            double entropy = 0;
            for (float p : probabilities) {
                entropy -= p > 0 ? p * Math.log(p) : 0;
            }
            return entropy;
        });
        assertThat(scores.entropyNats()).isCloseTo(measured, within(2e-6));
    }

    @Test
    void probabilitiesAreThoseOfTheSoftmax() {
        float[] logits = {0, -1e-7f, -0.3f, -0.34657f, -0.7f, -2, -5, -7.9f, -12, -16, -30, -40, -86.9f, -88, -1000};
        float[][] rows = new float[logits.length][2];
        float[][] shares = new float[logits.length][2];
        for (int i = 0; i < logits.length; i++) {
            rows[i][0] = logits[i];
            rows[i][1] = 3 - logits[logits.length - 1 - i] / 1000;
        }
        new PixelRows.Softmax(2).of(rows, shares);
        for (int x = 0; x < 2; x++) {
            float[] column = new float[logits.length];
            for (int i = 0; i < column.length; i++) {
                column[i] = rows[i][x];
            }
            float[] expected = ClassScores.softmax(column, 0, column.length);
            for (int i = 0; i < column.length; i++) {
                assertThat(shares[i][x]).isCloseTo(expected[i], within(2e-6f * expected[i] + 1e-8f));
            }
            int[] label = new int[2];
            float[] highest = new float[2];
            float[] sure = new float[2];
            PixelRows.loudest(rows, 2, highest, label, 0);
            PixelRows.largestShare(rows, 2, highest, new float[2], sure, 0);
            assertThat(sure[x]).isCloseTo(expected[label[x]], within(2e-6f));
        }
    }

    @Test
    void anotherNumberOfValuesIsRefused() {
        assertThatThrownBy(() -> HOW.read(values, 0, 7)).hasMessage("6 patches of 5 classes take 30 values, 7 came");
    }
}
