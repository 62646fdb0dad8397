package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.tensor.DnnlProgram.After;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class EightBitProductsTest {
    private static final int ROWS = 13;
    private static final int IN = 50; // no multiple of four
    private static final int OUT = 40;

    private final SplittableRandom random = new SplittableRandom(3);
    private Scope scope;
    private DnnlProgram program;
    private final byte[] x = new byte[ROWS * IN]; // U8
    private final byte[] weight = new byte[OUT * IN];
    private final float[] unit = new float[OUT];
    private final float[] bias = new float[OUT];

    @BeforeEach
    void open() {
        assumeTrue(Dnnl.hasKernel(DType.U8), "this processor has no instructions for eight bits");
        scope = new Scope();
        program = new DnnlProgram();
        random.nextBytes(x);
        x[0] = (byte) 255; // sums of pairs beyond 16 bits
        x[1] = (byte) 255;
        for (int i = 0; i < weight.length; i++) {
            weight[i] = (byte) random.nextInt(-127, 128);
        }
        weight[0] = 127;
        weight[1] = 127;
        for (int n = 0; n < OUT; n++) {
            unit[n] = (float) random.nextDouble(1e-5, 2e-5);
            bias[n] = (float) random.nextDouble(-1, 1);
        }
    }

    @AfterEach
    void close() {
        if (scope != null) {
            program.close();
            scope.close();
        }
    }

    private DnnlMatrix matrix() {
        return DnnlMatrix.inEightBits(
                array(DType.I8, weight, OUT, IN), NativeArray.of(unit, OUT), NativeArray.of(bias, OUT), ROWS);
    }

    private static NativeArray array(DType type, byte[] values, long... shape) {
        return NativeArray.of(new HostTensor(type, shape, ByteBuffer.wrap(values)));
    }

    private double exact(int row, int out) {
        int sum = 0;
        for (int c = 0; c < IN; c++) {
            sum += (x[row * IN + c] & 0xff) * weight[out * IN + c];
        }
        return (double) unit[out] * sum + bias[out];
    }

    @ParameterizedTest
    @EnumSource(After.class)
    void sumsAreThoseOfWholeNumbers(After after) {
        float[] before = new float[ROWS * OUT];
        for (int i = 0; i < before.length; i++) {
            before[i] = (float) random.nextDouble(-1, 1);
        }
        NativeArray out = NativeArray.of(before, ROWS, OUT);
        try (DnnlMatrix matrix = matrix()) {
            program.linear(program.constant(array(DType.U8, x, ROWS, IN)), matrix, program.constant(out), after);
            program.run();
        }
        float[] came = out.toFloats();
        for (int i = 0; i < came.length; i++) {
            double product = exact(i / OUT, i % OUT);
            double expected =
                    switch (after) {
                        case NONE -> product;
                        case GELU -> gelu(product);
                        case ADD -> product + before[i];
                    };
            assertThat((double) came[i]).as("element %d", i).isCloseTo(expected, within(1e-5));
        }
    }

    private static double gelu(double x) {
        int parts = 2000; // of the integral of the bell curve from 0 to x
        double area = Math.sqrt(2 * Math.PI) / 2;
        for (int i = 0; i < parts; i++) {
            double t = x * (i + 0.5) / parts;
            area += Math.exp(-t * t / 2) * x / parts;
        }
        return x * area / Math.sqrt(2 * Math.PI);
    }

    @ParameterizedTest
    @EnumSource(
            value = After.class,
            names = {"NONE", "GELU"})
    void productsAreRoundedFeatureByFeatureAndHeldWithinEightBits(After after) {
        float[] scale = new float[OUT];
        float[] shift = new float[OUT];
        for (int n = 0; n < OUT; n++) {
            scale[n] = (float) random.nextDouble(20, 200); // some are beyond
            shift[n] = (float) random.nextDouble(50, 200);
        }
        NativeArray out = NativeArray.zeros(DType.U8, ROWS, OUT);
        try (DnnlMatrix matrix = matrix()) {
            program.linear(
                    program.constant(array(DType.U8, x, ROWS, IN)),
                    matrix,
                    after,
                    new Quantizer(NativeArray.of(scale, OUT), NativeArray.of(shift, OUT)),
                    program.constant(out));
            program.run();
        }
        assertRounded(after, scale, shift, out);
    }

    @ParameterizedTest
    @EnumSource(
            value = After.class,
            names = {"NONE", "GELU"})
    void productsAreRoundedEvenlyWhereAllFeaturesAreAlike(After after) {
        float[] scale = new float[OUT];
        float[] shift = new float[OUT];
        Arrays.fill(scale, 150);
        Arrays.fill(shift, 90);
        Quantizer how = new Quantizer(NativeArray.of(scale, OUT), NativeArray.of(shift, OUT));
        assertThat(how.isEven()).isTrue();
        NativeArray out = NativeArray.zeros(DType.U8, ROWS, OUT);
        try (DnnlMatrix matrix = matrix()) {
            program.linear(program.constant(array(DType.U8, x, ROWS, IN)), matrix, after, how, program.constant(out));
            program.run();
        }
        assertRounded(after, scale, shift, out);
    }

    private void assertRounded(After after, float[] scale, float[] shift, NativeArray out) {
        int held = 0;
        for (int i = 0; i < ROWS * OUT; i++) {
            double product = exact(i / OUT, i % OUT);
            double real = (after == After.GELU ? gelu(product) : product) * scale[i % OUT] + shift[i % OUT];
            double expected = Math.max(0, Math.min(255, real));
            held += real < -1 || real > 256 ? 1 : 0;
            assertThat((double) (out.memory().get(i) & 0xff))
                    .as("element %d", i)
                    .isCloseTo(expected, within(0.51));
        }
        assertThat(held).isPositive();
    }

    @ParameterizedTest
    @CsvSource({"F32, 0.51, false", "BF16, 1.5, false", "F32, 0.51, true", "BF16, 1.5, true"})
    void rowsAreRoundedFeatureByFeatureOrEvenly(DType type, double tolerance, boolean evenly) {
        assumeTrue(Dnnl.hasKernel(type));
        float[] values = new float[ROWS * IN];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-3, 3);
        }
        float[] scale = new float[IN];
        float[] shift = new float[IN];
        for (int c = 0; c < IN; c++) {
            scale[c] = evenly ? 61.5f : 10 + c;
            shift[c] = evenly ? 101 : 100 + c;
        }
        DnnlView rows = program.buffer(type, ROWS, IN);
        NativeArray out = NativeArray.zeros(DType.U8, ROWS, IN);
        program.copy(program.constant(NativeArray.of(values, ROWS, IN)), rows);
        program.quantize(
                rows, new Quantizer(NativeArray.of(scale, IN), NativeArray.of(shift, IN)), program.constant(out));
        program.run();
        for (int i = 0; i < values.length; i++) {
            double expected = Math.max(0, Math.min(255, values[i] * scale[i % IN] + shift[i % IN]));
            assertThat((double) (out.memory().get(i) & 0xff))
                    .as("element %d", i)
                    .isCloseTo(expected, within(tolerance));
        }
    }

    @Test
    void aNormLeavesEightBitsWhereItIsAskedTo() {
        float[] values = new float[ROWS * IN];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-3, 3);
        }
        float[] scale = new float[IN];
        float[] shift = new float[IN];
        for (int c = 0; c < IN; c++) {
            scale[c] = 30 + 2 * c;
            shift[c] = 100 + c;
        }
        NativeArray x = NativeArray.of(values, ROWS, IN);
        NativeArray exact = NativeArray.zeros(DType.F32, ROWS, IN);
        NativeArray rounded = NativeArray.zeros(DType.U8, ROWS, IN);
        for (NativeArray out : List.of(exact, rounded)) {
            program.layerNorm(
                    program.constant(x),
                    NativeArray.of(scale, IN),
                    NativeArray.of(shift, IN),
                    1e-6,
                    program.constant(out));
        }
        program.run();
        float[] expected = exact.toFloats();
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) (rounded.memory().get(i) & 0xff))
                    .as("element %d", i)
                    .isCloseTo(Math.max(0, Math.min(255, expected[i])), within(0.51));
        }
    }

    @Test
    void whoWatchesSeesWhatPassesByInEachRun() {
        NativeArray rows = NativeArray.of(new float[] {1, 2, 3, 4}, 2, 2);
        List<float[]> seen = new ArrayList<>();
        DnnlView view = program.constant(rows);
        program.watch(view, seen::add);
        program.add(view, view);
        program.run();
        program.run();
        assertThat(seen).containsExactly(new float[] {1, 2, 3, 4}, new float[] {2, 4, 6, 8});
    }

    @Test
    void whatDoesNotFitIsRefused() {
        DnnlView rows = program.constant(array(DType.U8, x, ROWS, IN));
        DnnlView out = program.buffer(DType.U8, ROWS, OUT);
        Quantizer how = new Quantizer(NativeArray.zeros(DType.F32, OUT), NativeArray.zeros(DType.F32, OUT));
        try (DnnlMatrix matrix = matrix()) {
            assertThatThrownBy(() -> program.linear(rows, matrix, out, After.NONE))
                    .hasMessageContaining("must be said");
            assertThatThrownBy(() -> program.linear(rows, matrix, After.ADD, how, out))
                    .hasMessageContaining("a sum is not rounded");
            DnnlView floats = program.buffer(DType.F32, ROWS, IN);
            assertThatThrownBy(() -> program.linear(floats, matrix, program.buffer(DType.F32, ROWS, OUT), After.NONE))
                    .hasMessageContaining("U8 is required");
            assertThatThrownBy(() -> program.quantize(floats, how, program.buffer(DType.U8, ROWS, IN)))
                    .hasMessageContaining("[" + IN + "] is required");
        }
        assertThatThrownBy(() -> DnnlMatrix.inEightBits(
                        array(DType.U8, weight, OUT, IN), NativeArray.of(unit, OUT), NativeArray.of(bias, OUT), ROWS))
                .hasMessageContaining("I8 weight (out, in)");
        assertThatThrownBy(() -> new Quantizer(NativeArray.of(unit, OUT), NativeArray.zeros(DType.F32, 3)))
                .hasMessageContaining("as many features");
    }

    @Test
    void aProcessorWithoutInstructionsForThemIsTold() {
        assertThat(Dnnl.hasKernel("brg_matmul:avx512_core_vnni", DType.U8)).isTrue();
        assertThat(Dnnl.hasKernel("brg_matmul:avx10_1_512_amx", DType.U8)).isTrue();
        assertThat(Dnnl.hasKernel("brg_matmul:avx2_vnni", DType.U8)).isTrue();
        assertThat(Dnnl.hasKernel("brg_matmul:avx512_core", DType.U8)).isFalse();
        assertThat(Dnnl.hasKernel("gemm:jit", DType.U8)).isFalse();
        assertThat(Dnnl.hasKernel("ref:any", DType.U8)).isFalse();
        assertThat(Dnnl.isFast("brg_matmul:avx10_1_512_amx", DType.U8, () -> 0)).isTrue();
        assertThat(Dnnl.isFast("brg_matmul:avx512_core_vnni", DType.U8, () -> 3))
                .isTrue();
        assertThat(Dnnl.isFast("brg_matmul:avx512_core_vnni", DType.U8, () -> 1))
                .isFalse();
    }
}
