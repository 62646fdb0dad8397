package dev.thinkingvit.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Gradients of networks whose blocks are put together as no built-in network's are. */
class TrainingPassesTest {
    private static final int IMAGES = 3;
    private static final int WIDTH = 8;
    private static final int HEADS = 2;

    /** What a block does. */
    private enum Body {
        GELU_ADDED,
        GELU_OF_THE_STREAM,
        NORM_AFTERWARDS,
        NORM_ADDED,
        SCALED_BRANCH,
        SCALED_STREAM,
        ATTENTION,
        ATTENTION_OF_THE_STREAM,
        ATTENTION_UNCAST,
        CAST_AFTER_UNCAST,
        UNCAST_AFTER_CAST,
        TRANSPOSED,
        SUMS,
        WITHOUT_CLASS_TOKEN,
        NORM_BEFORE_TOKENS
    }

    private static final class Odd implements Network {
        private final Body kind;
        private final List<Parameter> parameters = new ArrayList<>();
        private final Linear embedding = linear("embedding", WIDTH, 12);
        private final Linear head = added(plain("head", 5, WIDTH).with(Parameter::uncast));
        private final Linear first = linear("first", WIDTH, WIDTH);
        private final Linear second = linear("second", WIDTH, WIDTH);
        private final Linear uncast = added(plain("uncast", WIDTH, WIDTH).with(Parameter::uncast));
        private final Linear qkv = linear("qkv", 3 * WIDTH, WIDTH);
        private final Linear uncastQkv =
                added(plain("uncast_qkv", 3 * WIDTH, WIDTH).with(Parameter::uncast));
        private final Linear turned = added(Linear.transposed(parameter("turned", WIDTH, WIDTH)));
        private final Norm last = added(Norm.of("last", 0, Axis.whole(WIDTH), 1e-6));
        private final Norm inner = added(Norm.of("inner", 0, Axis.whole(WIDTH), 1e-6));
        private final Parameter classToken = added(parameter("cls", 1, 1, WIDTH));
        private final Parameter positions = added(parameter("pos", 1, 5, WIDTH));
        private final Parameter gate = added(parameter("gate", 1).uncast());
        private final Parameter other = added(parameter("other", 1).uncast());

        Odd(Body kind) {
            this.kind = kind;
        }

        private static Parameter parameter(String name, Integer... sizes) {
            Axis[] axes = Arrays.stream(sizes).map(Axis::whole).toArray(Axis[]::new);
            return Parameter.of(name, Start.uniform(0.3), 0, axes);
        }

        private static Linear plain(String name, int out, int in) {
            return new Linear(parameter(name + ".w", out, in), parameter(name + ".b", out));
        }

        private Linear linear(String name, int out, int in) {
            return added(plain(name, out, in));
        }

        private Linear added(Linear layer) {
            layer.addTo(parameters);
            return layer;
        }

        private Norm added(Norm norm) {
            norm.addTo(parameters);
            return norm;
        }

        private Parameter added(Parameter parameter) {
            parameters.add(parameter);
            return parameter;
        }

        @Override
        public Parameters parameters() {
            return Parameters.of(parameters);
        }

        @Override
        public int stages() {
            return 1;
        }

        @Override
        public int depth() {
            return 2;
        }

        @Override
        public Ports ports(int stage) {
            long tokens = kind == Body.WITHOUT_CLASS_TOKEN ? 4 : 5;
            return new Ports(List.of(3L, 4L, 4L), null, List.of(tokens, (long) WIDTH), List.of(5L));
        }

        @Override
        public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
            T embedded = on.linear(on.patches(images, 2), embedding);
            T patches = kind == Body.NORM_BEFORE_TOKENS ? on.norm(embedded, inner) : embedded;
            T x = kind == Body.WITHOUT_CLASS_TOKEN ? patches : on.tokens(patches, classToken, positions);
            for (int block = 0; block < depth(); block++) {
                x = on.block(x, block, in -> body(on, in));
            }
            T tokens = kind == Body.SUMS ? x : on.norm(x, last);
            return new Output<>(tokens, on.linear(on.token(tokens, 0), head));
        }

        private <T> T body(Layers<T> on, T x) {
            return switch (kind) {
                case GELU_ADDED -> on.residual(x, on.gelu(on.linear(x, first)));
                case GELU_OF_THE_STREAM -> on.residual(x, on.linear(on.gelu(x), first));
                case NORM_AFTERWARDS -> on.norm(on.residual(x, on.linear(on.gelu(on.linear(x, first)), second)), inner);
                case NORM_ADDED -> on.residual(x, on.norm(on.linear(x, first), inner));
                case SCALED_BRANCH -> on.residual(x, on.scale(on.linear(x, first), gate));
                case SCALED_STREAM -> on.residual(on.scale(x, other), on.scale(on.linear(x, first), gate));
                case ATTENTION -> attention(on, x, on.norm(x, inner), qkv);
                case ATTENTION_OF_THE_STREAM -> attention(on, x, x, qkv);
                case ATTENTION_UNCAST -> attention(on, x, on.norm(x, inner), uncastQkv);
                case CAST_AFTER_UNCAST -> on.residual(x, on.linear(on.gelu(on.linear(x, uncast)), first));
                case UNCAST_AFTER_CAST -> on.residual(x, on.linear(on.linear(x, first), uncast));
                case TRANSPOSED -> on.residual(x, on.linear(on.linear(on.norm(x, inner), turned), first));
                case SUMS -> on.add(on.add(x, on.linear(x, first)), on.gelu(on.linear(x, second)));
                case WITHOUT_CLASS_TOKEN, NORM_BEFORE_TOKENS -> on.residual(x, on.linear(on.gelu(x), first));
            };
        }

        private <T> T attention(Layers<T> on, T x, T asked, Linear by) {
            return on.residual(x, on.linear(on.attention(on.linear(asked, by), HEADS), first));
        }
    }

    @ParameterizedTest
    @EnumSource
    void programsGiveTheGradientsOfOperators(Body kind) {
        Network network = new Odd(kind);
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
            assumeTrue(Dnnl.hasKernel(type), () -> "no products in " + type);
            assertThat(TrainingPasses.arePlannedFor(network, type)).isTrue();
            for (boolean drops : new boolean[] {true, false}) {
                for (boolean tokens : new boolean[] {true, false}) {
                    compare(network, type, drops, tokens);
                }
            }
        }
    }

    private static void compare(Network network, DType type, boolean drops, boolean tokens) {
        Natives.onThreads(1, () -> {
            try (Scope scope = new Scope()) {
                Map<String, Tensor> weights = weights(network);
                Tensor images = drawn(new SplittableRandom(7), 3 * 4 * 4 * IMAGES, IMAGES, 3, 4, 4);
                List<SplittableRandom> generators = IntStream.range(0, IMAGES)
                        .mapToObj(SplittableRandom::new)
                        .toList();
                DropPath dropPath = drops ? DropPath.draw(0.5, network, generators) : DropPath.NONE;
                StageLoss loss = (stage, output) -> {
                    Tensor said = output.prediction().square().sum();
                    return tokens
                            ? said.add(output.tokens()
                                    .to(ScalarType.Float)
                                    .square()
                                    .sum())
                            : said;
                };
                Map<String, Tensor> exact = zeros(network);
                NestedWeights replica =
                        NestedWeights.cut(network, weights, ScalarType.Float).replica();
                replica.backward(images, 1, loss, tokens, dropPath, null, false);
                replica.addGradientsTo(exact);
                Map<String, Tensor> came = zeros(network);
                try (TrainingPasses passes = new TrainingPasses(network, type, drops)) {
                    passes.use(NestedWeights.cut(network, weights, Tensors.scalarType(type)));
                    passes.backward(images, 1, loss, tokens, dropPath);
                    passes.addGradientsTo(came);
                }
                double all = Math.sqrt(exact.values().stream()
                        .mapToDouble(TrainingPassesTest::squares)
                        .sum());
                double share = type == DType.F32 ? 2e-5 : 0.06; // of a parameter's gradient, and a fifth of it of all
                came.forEach((name, found) -> {
                    Tensor expected = Objects.requireNonNull(exact.get(name));
                    assertThat(Math.sqrt(squares(found.sub(expected))))
                            .as("%s in %s, drop path %s, tokens %s", name, type, drops, tokens)
                            .isLessThanOrEqualTo(share * (Math.sqrt(squares(expected)) + all / 5));
                });
            }
            return null;
        });
    }

    private static double squares(Tensor values) {
        return values.square().sum().item().toDouble();
    }

    private static Map<String, Tensor> weights(Network network) {
        SplittableRandom random = new SplittableRandom(1);
        Map<String, Tensor> weights = new LinkedHashMap<>();
        for (Parameter each : network.parameters().all()) {
            weights.put(each.name(), drawn(random, each.elements(), each.shape()));
        }
        return weights;
    }

    private static Tensor drawn(SplittableRandom random, long count, long... shape) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.1 + 0.25 * random.nextGaussian());
        }
        return Tensors.floats(values, 0, shape);
    }

    private static Map<String, Tensor> zeros(Network network) {
        Map<String, Tensor> zeros = new LinkedHashMap<>();
        for (Parameter each : network.parameters().all()) {
            zeros.put(each.name(), Tensors.floats(new float[Math.toIntExact(each.elements())], 0, each.shape()));
        }
        return zeros;
    }

    @Test
    void normsThatAreCastAreLeftToOperators() {
        Network plain = new Odd(Body.NORM_ADDED);
        Norm cast = new Norm(
                Parameter.of("cast.w", Start.ONES, 0, Axis.whole(WIDTH)),
                Parameter.of("cast.b", Start.ZEROS, 0, Axis.whole(WIDTH)),
                1e-6);
        Network network = new Network() {
            @Override
            public Parameters parameters() {
                List<Parameter> all = new ArrayList<>(plain.parameters().all());
                cast.addTo(all);
                return Parameters.of(all);
            }

            @Override
            public int stages() {
                return 1;
            }

            @Override
            public int depth() {
                return plain.depth();
            }

            @Override
            public Ports ports(int stage) {
                return plain.ports(stage);
            }

            @Override
            public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
                Output<T> output = plain.stage(on, stage, images, previous);
                return new Output<>(on.norm(output.tokens(), cast), output.prediction());
            }
        };
        assumeTrue(Dnnl.hasKernel(DType.BF16), "no products in bf16");
        assertThat(TrainingPasses.arePlannedFor(network, DType.BF16)).isFalse();
        assertThat(TrainingPasses.arePlannedFor(network, DType.F32)).isTrue();
    }
}
