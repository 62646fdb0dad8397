package dev.thinkingvit.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResamplingTest {
    private static final int SIDE = 5;

    /** The first row of what Pillow 11 makes of a 5 × 5 picture of floats, whose pixel i is i² mod 17. */
    @ParameterizedTest
    @CsvSource({
        "BICUBIC, 3, 2.3204734 7.6386404 13.6641426",
        "BICUBIC, 8, -0.6838449 -0.0968143 1.0433359 2.2317286 4.6232066 8.3073626 13.5305576 16.7558022",
        "BILINEAR, 3, 2.5714285 7.5396829 13.0",
        "BILINEAR, 8, 0.0 0.4375 1.1875 3.0625 5.5625 8.6875 12.9375 16.0"
    })
    void aMatrixResizesAsPilDoes(Resampling kernel, int size, String expected) {
        float[] matrix = kernel.matrix(SIDE, size);
        String[] values = expected.split(" ", -1);
        for (int x = 0; x < size; x++) {
            double value = 0;
            for (int i = 0; i < SIDE * SIDE; i++) {
                value += matrix[i / SIDE] * matrix[x * SIDE + i % SIDE] * (i * i % 17);
            }
            assertThat(value).as("column %d", x).isCloseTo(Double.parseDouble(values[x]), within(1e-5));
        }
    }

    @Test
    void aMatrixKeepsWhatHasItsSizeAlready() {
        float[] matrix = Resampling.BICUBIC.matrix(4, 4);
        for (int i = 0; i < 16; i++) {
            assertThat(matrix[i]).isEqualTo(i % 5 == 0 ? 1 : 0);
        }
    }
}
