package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.tensor.DnnlProgram.After;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class DnnlProgramTest {
    private Scope scope;
    private DnnlProgram program;

    @BeforeEach
    void open() {
        assumeTrue(Dnnl.isFast(DType.F32), "oneDNN has no kernels here");
        scope = new Scope();
        torch.manual_seed(1);
        program = new DnnlProgram();
    }

    @AfterEach
    void close() {
        if (scope != null) {
            program.close();
            scope.close();
        }
    }

    @ParameterizedTest
    @EnumSource(After.class)
    void aLinearLayerIsLibtorchs(After after) {
        Tensor x = torch.randn(13, 24);
        Tensor weight = torch.randn(40, 24);
        Tensor bias = torch.randn(40);
        Tensor before = torch.randn(13, 40);
        Tensor expected = torch.linear(x, weight, new TensorOptional(bias));
        switch (after) {
            case NONE -> {}
            case GELU -> expected = torch.gelu(expected);
            case ADD -> expected = expected.add(before);
        }

        DnnlView in = program.external(DType.F32, 13, 24);
        DnnlView out = program.external(DType.F32, 13, 40);
        try (DnnlMatrix matrix = new DnnlMatrix(array(weight), array(bias), DType.F32, 13)) {
            program.linear(in, matrix, out, after);
            program.bind(in, array(x), 0);
            program.bind(out, array(before), 0);
            program.run();
        }

        assertClose(before, expected, 2e-5f);
    }

    @Test
    void rowsAreChosenByTheirFirstEntryAndTheEarlierOfEqualOnesFirst() {
        float[] scores = {-0f, 9, 5, 9, 0, 9, 7, 9, /* the next image's */ 1, 0, Float.NaN, 0, -3, 0, 1, 0};
        Tensor x = torch.randn(2, 5, 3);
        Tensor back = x.clone();
        Tensor order = torch.zeros(2, 3);
        Tensor out = torch.zeros(2, 4, 3);
        DnnlView places = program.constant(array(order));

        program.choose(program.constant(array(Tensors.floats(scores, 0, 2, 4, 2))), places);
        program.gather(program.constant(array(x)), places, program.constant(array(out)));
        program.scatter(program.constant(array(back.zero_())), places, program.constant(array(out)));
        program.run();

        assertThat(Tensors.toFloats(order)).containsExactly(3, 1, 0, 1, 0, 3);
        int[][] rows = {{0, 4, 2, 1}, {0, 2, 1, 4}};
        for (int image = 0; image < 2; image++) {
            for (int row = 0; row < 4; row++) {
                float[] own = Tensors.toFloats(x.select(0, image).select(0, rows[image][row]));
                assertThat(Tensors.toFloats(out.select(0, image).select(0, row)))
                        .containsExactly(own);
                assertThat(Tensors.toFloats(back.select(0, image).select(0, rows[image][row])))
                        .containsExactly(own);
            }
        }
        assertThat(Tensors.toFloats(back.select(0, 0).select(0, 3))).containsOnly(0);
    }

    @Test
    void rowsThatDoNotFitAreRefused() {
        DnnlView scores = program.constant(array(torch.zeros(2, 4, 2)));
        DnnlView five = program.constant(array(torch.zeros(2, 5)));
        DnnlView x = program.constant(array(torch.zeros(2, 5, 3)));
        DnnlView three = program.constant(array(torch.zeros(2, 3)));

        assertThatThrownBy(() -> program.choose(scores, five)).hasMessageContaining("more rows than");
        assertThatThrownBy(() -> program.gather(x, three, program.constant(array(torch.zeros(2, 3, 3)))))
                .hasMessageContaining("the chosen: shape [2, 4, 3] is required");
        assertThatThrownBy(
                        () -> program.gather(x.permute(0, 2, 1), three, program.constant(array(torch.zeros(2, 4, 5)))))
                .hasMessageContaining("rows without gaps");
    }

    @Test
    void theLogarithmOfASoftmaxIsLibtorchs() {
        Tensor x = torch.randn(2, 3, 2);
        Tensor out = torch.zeros(2, 3, 2);
        program.logSoftmax(program.constant(array(x)), program.constant(array(out)));
        program.run();
        assertClose(out, x.log_softmax(-1), 1e-5f);
    }

    @Test
    void linearLayersInBf16AddUpInF32() {
        assumeTrue(Dnnl.isFast(DType.BF16), "this processor has no instructions for BF16");
        Tensor x = torch.randn(13, 64).to(ScalarType.BFloat16);
        Tensor weight = torch.randn(40, 64).to(ScalarType.BFloat16).to(ScalarType.Float);
        Tensor bias = torch.randn(40);
        Tensor out = torch.randn(13, 40);
        Tensor expected = torch.linear(x.to(ScalarType.Float), weight, new TensorOptional(bias))
                .add(out);

        DnnlView in = program.constant(array(x));
        DnnlView sum = program.constant(array(out));
        try (DnnlMatrix matrix = new DnnlMatrix(array(weight), array(bias), DType.BF16, 13)) {
            program.linear(in, matrix, sum, After.ADD);
            program.run();
        }

        assertClose(out, expected, 2e-5f);
    }

    @Test
    void productsAndSoftmaxWorkOnPartsOfAMemory() {
        // two heads of width 8 among the queries, keys and values of 5 tokens, as one linear layer leaves them
        Tensor qkv = torch.randn(5, 3 * 2 * 8);
        Tensor out = torch.zeros(5, 2 * 8);
        Tensor split = qkv.view(5, 3, 2, 8).permute(1, 2, 0, 3); // (3, H, N, hd)
        Tensor expected = split.select(0, 0)
                .bmm(split.select(0, 1).transpose(1, 2))
                .softmax(-1)
                .bmm(split.select(0, 2))
                .transpose(0, 1)
                .reshape(5, 16);

        DnnlView view = program.constant(array(qkv)).reshape(5, 3, 2, 8);
        DnnlView scores = program.buffer(DType.F32, 2, 5, 5);
        program.product(view.select(1, 0).permute(1, 0, 2), view.select(1, 1).permute(1, 2, 0), scores);
        program.softmax(scores, scores);
        program.product(
                scores,
                view.select(1, 2).permute(1, 0, 2),
                program.constant(array(out)).reshape(5, 2, 8).permute(1, 0, 2));
        program.run();

        assertClose(out, expected, 1e-5f);
    }

    /** Also of one row, one column or one value, where oneDNN has more than one way to read strides. */
    @ParameterizedTest
    @CsvSource({"F32, 1e-5", "BF16, 0.05"})
    void productsOfAnySizeWorkOnPartsOfMemories(DType type, float tolerance) {
        int[] sizes = {1, 3};
        for (int images : sizes) {
            for (int n : sizes) {
                for (int k : sizes) {
                    for (int m : sizes) {
                        for (int swapped = 0; swapped < 4; swapped++) {
                            productOfParts(type, tolerance, swapped, images, n, k, m);
                        }
                    }
                }
            }
        }
    }

    /** @param swapped a bit for each operand whose columns lie one after the other */
    private static void productOfParts(DType type, float tolerance, int swapped, int images, int n, int k, int m) {
        Tensor a = part(type, images, n, k, (swapped & 1) != 0);
        Tensor b = part(type, images, k, m, (swapped & 2) != 0);
        Tensor out = part(type, images, n, m, false);
        Tensor before = out.clone();
        Tensor expected = inside(a, n, k, (swapped & 1) != 0)
                .to(ScalarType.Float)
                .bmm(inside(b, k, m, (swapped & 2) != 0).to(ScalarType.Float));
        try (DnnlProgram own = new DnnlProgram()) {
            own.product(
                    inside(own.constant(array(a)), n, k, (swapped & 1) != 0),
                    inside(own.constant(array(b)), k, m, (swapped & 2) != 0),
                    inside(own.constant(array(out)), n, m, false));
            own.run();
        }
        String what = type + " " + List.of(images, n, k, m) + " swapped " + swapped;
        float[] came =
                Tensors.toFloats(inside(out, n, m, false).to(ScalarType.Float).contiguous());
        float[] wanted = Tensors.toFloats(expected);
        for (int i = 0; i < wanted.length; i++) {
            assertThat(came[i])
                    .as("%s, element %d", what, i)
                    .isCloseTo(wanted[i], within(tolerance * Math.max(1, Math.abs(wanted[i]))));
        }
        before.narrow(1, 1, n).narrow(2, 3, m).copy_(inside(out, n, m, false));
        assertThat(Tensors.toFloats(out.to(ScalarType.Float))) // the rest is as it was
                .isEqualTo(Tensors.toFloats(before.to(ScalarType.Float)));
    }

    /** Room for matrices among other values. */
    private static Tensor part(DType type, int images, int rows, int columns, boolean swapped) {
        Tensor room = torch.randn(images, (swapped ? columns : rows) + 2, (swapped ? rows : columns) + 4);
        return room.to(type == DType.BF16 ? ScalarType.BFloat16 : ScalarType.Float);
    }

    private static Tensor inside(Tensor room, int rows, int columns, boolean swapped) {
        Tensor part = room.narrow(1, 1, swapped ? columns : rows).narrow(2, 3, swapped ? rows : columns);
        return swapped ? part.transpose(1, 2) : part;
    }

    private static DnnlView inside(DnnlView room, int rows, int columns, boolean swapped) {
        DnnlView part = room.narrow(1, 1, swapped ? columns : rows).narrow(2, 3, swapped ? rows : columns);
        return swapped ? part.permute(0, 2, 1) : part;
    }

    @Test
    void layerNormIsLibtorchs() {
        Tensor x = torch.randn(7, 24);
        Tensor weight = torch.randn(24);
        Tensor bias = torch.randn(24);
        Tensor out = torch.zeros(7, 24);
        Tensor expected =
                torch.layer_norm(x, new long[] {24}, new TensorOptional(weight), new TensorOptional(bias), 1e-6, false);

        program.layerNorm(program.constant(array(x)), array(weight), array(bias), 1e-6, program.constant(array(out)));
        program.run();

        assertClose(out, expected, 1e-5f);
    }

    @Test
    void copiesFollowTheStrides() {
        Tensor images = torch.randn(2, 3, 4, 4);
        Tensor out = torch.zeros(2, 2 * 2, 3 * 2 * 2);
        Tensor expected =
                images.reshape(2, 3, 2, 2, 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(2, 4, 12);

        program.copy(
                program.constant(array(images)).reshape(2, 3, 2, 2, 2, 2).permute(0, 2, 4, 1, 3, 5),
                program.constant(array(out)).reshape(2, 2, 2, 3, 2, 2));
        program.run();

        assertClose(out, expected, 0);
    }

    @Test
    void anExternalViewFollowsWhatItIsBoundTo() {
        DnnlView row = program.external(DType.F32, 1, 6);
        Tensor out = torch.zeros(1, 6);
        program.copy(row.narrow(1, 0, 6), program.constant(array(out)));
        Tensor rows = torch.randn(3, 6);
        for (int i = 0; i < 3; i++) {
            program.bind(row, array(rows), i);
            program.run();
            assertClose(out, rows.narrow(0, i, 1), 0);
        }
    }

    @Test
    void runsLeaveNoObjectsBehind() {
        Tensor x = torch.randn(7, 24);
        DnnlView view = program.external(DType.F32, 7, 24);
        program.softmax(view, view);
        program.bind(view, array(x), 0);
        program.run();
        long before = Pointer.totalCount();
        for (int i = 0; i < 100; i++) {
            program.run();
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void bf16IsFastWithTilesOrWhereItGains() {
        DoubleSupplier never = () -> {
            throw new AssertionError("nothing is to be timed");
        };
        assertThat(Dnnl.isFast("brg_matmul:avx10_1_512_amx", DType.BF16, never)).isTrue();
        assertThat(Dnnl.isFast("gemm:jit:bf16", DType.BF16, never)).isFalse();
        assertThat(Dnnl.isFast("ref:any", DType.BF16, never)).isFalse();
        assertThat(Dnnl.isFast("ref:any", DType.F32, never)).isFalse();
        assertThat(Dnnl.isFast("brg_matmul:avx2", DType.F32, never)).isTrue();
        assertThat(Dnnl.isFast("brg_matmul:avx512_core_bf16", DType.BF16, () -> 1.7))
                .isTrue();
        assertThat(Dnnl.isFast("brg_matmul:avx512_core_bf16", DType.BF16, () -> 1.1))
                .isFalse();
    }

    @Test
    void timingLeavesNothingBehind() {
        int threads = Natives.threads();
        Dnnl.isFast(DType.BF16); // is timed now, at the latest
        long before = Pointer.totalCount();
        assertThat(Dnnl.isFast(DType.BF16)).isEqualTo(Dnnl.isFast(DType.BF16));
        assertThat(Pointer.totalCount()).isEqualTo(before);
        assertThat(Natives.threads()).isEqualTo(threads);
    }

    @Test
    void whatIsNotBoundOrDoesNotFitIsRefused() {
        DnnlView view = program.external(DType.F32, 2, 6);
        program.softmax(view, view);
        assertThatThrownBy(() -> program.run()).hasMessageContaining("not bound");
        Tensor rows = torch.randn(3, 6);
        assertThatThrownBy(() -> program.bind(view, array(rows), 2))
                .hasMessageContaining("from row 2 on, F32 [3, 6] came");
        assertThatThrownBy(() -> program.bind(view, array(rows.to(ScalarType.Double)), 0))
                .hasMessageContaining("F64 [3, 6] came");
        assertThatThrownBy(() -> view.narrow(1, 4, 3)).hasMessageContaining("not within dimension 1");
        assertThatThrownBy(() -> program.layerNorm(view, array(torch.ones(6)), array(torch.zeros(2)), 1e-6, view))
                .hasMessageContaining("bias: shape [6] is required");
        assertThatThrownBy(() -> new DnnlMatrix(array(torch.randn(4, 6)), array(torch.randn(1)), DType.F32, 2))
                .hasMessageContaining("F32 [4, 6] and F32 [1] came");
    }

    @Test
    void aClosedProgramSaysSo() {
        DnnlView view = program.buffer(DType.F32, 2, 2);
        program.softmax(view, view);
        program.close();
        assertThatThrownBy(program::run).hasMessage("the program is closed");
    }

    @Test
    void anotherNumberOfNativeThreadsIsRefused() {
        DnnlView view = program.buffer(DType.F32, 2, 2);
        program.softmax(view, view);
        int before = Natives.threads();
        Natives.setThreads(before + 1, 1);
        try {
            assertThatThrownBy(program::run).hasMessageContaining("native threads");
        } finally {
            Natives.setThreads(before, 1);
        }
    }

    @Test
    void aProgramThatHasRunTakesNoMoreSteps() {
        DnnlView view = program.buffer(DType.F32, 2, 2);
        program.softmax(view, view);
        program.run();
        assertThatThrownBy(() -> program.softmax(view, view))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("has run already");
    }

    @Test
    void shapesThatDoNotFitAreRefusedWithBoth() {
        DnnlView three = program.buffer(DType.F32, 2, 3);
        DnnlView four = program.buffer(DType.F32, 2, 4);
        for (Runnable step : List.<Runnable>of(
                () -> program.softmax(three, four),
                () -> program.copy(three, four),
                () -> program.layerNorm(three, array(torch.ones(3)), array(torch.zeros(3)), 1e-6, four))) {
            assertThatThrownBy(step::run)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("[2, 3] is required")
                    .hasMessageContaining("[2, 4]");
        }
        try (DnnlMatrix matrix = new DnnlMatrix(array(torch.randn(4, 5)), array(torch.randn(4)), DType.F32, 2)) {
            assertThatThrownBy(() -> program.linear(three, matrix, four, After.NONE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("[2, 5] is required");
        }
    }

    @Test
    void operandsOfDifferentTypesAreRefused() {
        DnnlView f32 = program.buffer(DType.F32, 1, 2, 4);
        DnnlView bf16 = program.buffer(DType.BF16, 1, 4, 2);
        assertThatThrownBy(() -> program.product(f32, bf16, program.buffer(DType.BF16, 1, 2, 2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("F32 is required")
                .hasMessageContaining("BF16");
    }

    @Test
    void aViewWithGapsHasNoOtherShape() {
        DnnlView view = program.buffer(DType.F32, 4, 6).narrow(1, 0, 3);
        assertThatThrownBy(() -> view.reshape(12))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[4, 3]")
                .hasMessageContaining("[12]");
    }

    /** The tensor's own memory. */
    private static NativeArray array(Tensor tensor) {
        return new TorchTensor(tensor).array();
    }

    private static void assertClose(Tensor came, Tensor expected, float tolerance) {
        float[] a = Tensors.toFloats(came);
        float[] b = Tensors.toFloats(expected);
        assertThat(a).hasSameSizeAs(b);
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i]).as("element %d", i).isCloseTo(b[i], within(tolerance * Math.max(1, Math.abs(b[i]))));
        }
    }
}
