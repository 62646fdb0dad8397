package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.model.DynamicViTConfig;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.SegmenterConfig;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Meeting;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Team;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@NullUnmarked // a null fails the test
class SharedImageTest {
    private static final ThinkingViTConfig VIT = new ThinkingViTConfig(40, 8, 64, 3, 4, List.of(1, 4), 10, 1e-6);

    @BeforeEach
    void requireKernels() {
        assumeTrue(Dnnl.hasKernel(DType.F32), "oneDNN has no kernels here");
    }

    static Stream<Arguments> shared() {
        ImageSize uneven = new ImageSize(19, 43); // neither side is whole patches
        Stream<NetworkConfig> configs = Stream.of(
                VIT,
                new ThinkingViTConfig(16, 8, 192, 1, 3, List.of(2, 3), 3, 1e-6), // 5 tokens
                SegmenterConfig.of(uneven, 8, 24, 2, 3, List.of(1, 3), 4, SegmenterConfig.Decoder.LINEAR),
                SegmenterConfig.of(uneven, 8, 32, 1, 2, List.of(1, 2), 13, SegmenterConfig.Decoder.MASK));
        return configs.flatMap(config -> Stream.of(1, 2, 3, 4).map(parts -> Arguments.of(config, parts)));
    }

    @ParameterizedTest(name = "{0}, {1} parts")
    @MethodSource("shared")
    void anyNumberOfPartsLeavesWhatOneProgramLeaves(NetworkConfig config, int parts) {
        Network network = config.network();
        Map<String, HostTensor> weights = config.parameters().draw(3);
        int images = 2;
        try (Scope scope = new Scope();
                Team team = new Team("team")) {
            NativeArray pixels = drawn(images, network.ports(1).images());
            NativeTensor before = null;
            for (int stage = 1; stage <= network.stages(); stage++) {
                try (DnnlStage whole = new DnnlStage(network, stage, weights, Arithmetic.of(DType.F32));
                        DnnlWeights own = new DnnlWeights(stage, weights, Arithmetic.of(DType.F32));
                        SharedImage shared = new SharedImage(network, stage, StagePass.WHOLE, own, parts);
                        SharedImage begin = new SharedImage(network, stage, StagePass.BEGIN, own, parts);
                        SharedImage finish = new SharedImage(network, stage, StagePass.FINISH, own, parts)) {
                    Network.Output<NativeTensor> expected = run(whole, pixels, before);
                    Network.Ports ports = network.ports(stage);
                    NativeArray previous = before == null ? null : before.array();
                    StagePass.Left<NativeArray> came = run(team, shared, parts, ports, pixels, previous);
                    assertClose(came.tokens(), expected.tokens());
                    assertClose(came.said().get(0), expected.prediction());
                    StagePass.Left<NativeArray> begun = run(team, begin, parts, ports, pixels, previous);
                    assertClose(begun.said().get(0), expected.prediction());
                    assertClose(
                            run(team, finish, parts, ports, null, begun.tokens())
                                    .tokens(),
                            expected.tokens());
                    before = expected.tokens();
                }
            }
        }
    }

    @Test
    void fewTokensAreNotSharedOutAmongMany() {
        assertThat(DnnlStage.parts(197, 2)).isEqualTo(2);
        assertThat(DnnlStage.parts(65, 64)).isEqualTo(16);
        assertThat(DnnlStage.parts(3, 2)).isEqualTo(1);
    }

    private static StagePass.Left<NativeArray> run(
            Team team, SharedImage image, int parts, Network.Ports ports, NativeArray images, NativeArray previous) {
        int count = Math.toIntExact((images == null ? previous : images).size(0));
        image.allocate();
        team.run(parts, image::write);
        StagePass.Left<NativeArray> outputs = new StagePass.Left<>(
                zeros(count, ports.tokens()), images == null ? List.of() : List.of(zeros(count, ports.prediction())));
        for (int each = 0; each < count; each++) {
            int which = each;
            team.run(parts, part -> image.run(part, which, images, previous, outputs));
            image.requireDone();
        }
        return outputs;
    }

    private static Network.Output<NativeTensor> run(DnnlStage stage, NativeArray images, NativeTensor before) {
        return Natives.onThisThreadOnly(() -> stage.run(images, before));
    }

    private static NativeArray drawn(int images, List<Long> of) {
        NativeArray zeros = zeros(images, of);
        float[] values = new float[Math.toIntExact(zeros.elements())];
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return NativeArray.of(values, zeros.shape());
    }

    private static NativeArray zeros(int images, List<Long> of) {
        long[] shape = new long[of.size() + 1];
        shape[0] = images;
        for (int i = 0; i < of.size(); i++) {
            shape[i + 1] = of.get(i);
        }
        return NativeArray.zeros(DType.F32, shape);
    }

    @Test
    void whatFailsInOnePartFailsTheImageAndHoldsNobody() {
        Network network = VIT.network();
        Map<String, HostTensor> weights = VIT.parameters().draw(3);
        try (Scope scope = new Scope();
                Team team = new Team("team");
                DnnlWeights own = new DnnlWeights(1, weights, Arithmetic.of(DType.F32));
                SharedImage shared = new SharedImage(network, 1, StagePass.WHOLE, own, 3)) {
            shared.allocate();
            team.run(2, shared::write); // the third part has no program
            Network.Ports ports = network.ports(1);
            NativeArray pixels = drawn(1, ports.images());
            StagePass.Left<NativeArray> outputs =
                    new StagePass.Left<>(zeros(1, ports.tokens()), List.of(zeros(1, ports.prediction())));
            team.run(3, part -> shared.run(part, 0, pixels, null, outputs));
            assertThatThrownBy(shared::requireDone)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("part 2 was not written");
        }
    }

    @Test
    void networksWhoseTokensAreCutUpLeftOutOrHaltAreNotShared() {
        List<NetworkConfig> others = List.of(
                new SwinConfig(ImageSize.square(32), 4, 12, List.of(2), List.of(3), List.of(4), List.of(List.of(3)), 5),
                new DynamicViTConfig(VIT, List.of(1), List.of(0.7)));
        for (NetworkConfig config : others) {
            Network network = config.network();
            int last = network.stages();
            try (DnnlWeights weights = new DnnlWeights(last, config.parameters().draw(3), Arithmetic.of(DType.F32))) {
                assertThatThrownBy(() -> new SharedImage(network, last, StagePass.WHOLE, weights, 2))
                        .isInstanceOf(SharedPlan.NotSharedException.class)
                        .hasMessageEndingWith("cannot be shared out by tokens");
            }
        }
    }

    @Test
    void aMeetingABlockAndTwoMemoriesSuffice() {
        Network network = VIT.network();
        try (DnnlWeights weights = new DnnlWeights(2, VIT.parameters().draw(3), Arithmetic.of(DType.F32))) {
            Meeting meeting = new Meeting(2);
            SharedPlan plan = new SharedPlan(weights, network.ports(2).tokens().get(0), 2, meeting);
            Network.Ports ports = network.ports(2);
            network.stage(
                    plan,
                    2,
                    plan.whole(DType.F32, 1, 3, 40, 40),
                    plan.rows(
                            DType.F32, ports.previous().get(0), ports.previous().get(1)));
            assertThat(plan.meetings()).isEqualTo(network.depth());
            assertThat(plan.shared()).hasSize(2);
        }
    }

    private static void assertClose(NativeTensor came, NativeTensor expected) {
        float[] a = came.toFloats();
        float[] b = expected.toFloats();
        assertThat(a).hasSameSizeAs(b);
        float largest = 0;
        for (float value : b) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < a.length; i++) {
            assertThat(a[i]).as("element %d", i).isCloseTo(b[i], within(1e-5f * largest));
        }
    }
}
