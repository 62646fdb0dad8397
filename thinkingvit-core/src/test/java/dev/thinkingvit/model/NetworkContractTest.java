package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.Gumbel;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.StageLoss;
import dev.thinkingvit.network.TrainingPasses;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** What every architecture promises: of what it declares, how it learns, and how it is written and read. */
@NullUnmarked // a null fails the test
@ParameterizedClass(name = "{0}")
@MethodSource("dev.thinkingvit.model.Specimen#all")
class NetworkContractTest {
    private static final int IMAGES = 3;
    private static final long SEED = 5;

    private final Specimen specimen;
    private final NetworkConfig config;
    private final Network network;
    private final Map<String, HostTensor> weights;

    @TempDir
    private Path folder;

    NetworkContractTest(Specimen specimen) {
        this.specimen = specimen;
        this.config = specimen.config();
        this.network = config.network();
        this.weights = specimen.weights();
    }

    @Test
    void whatItTellsOfItselfAgrees() {
        assertThat(network.stages()).isEqualTo(config.stages());
        assertThat(config.parameterCount())
                .isEqualTo(config.parameterShapes().values().stream()
                        .mapToLong(shape -> Arrays.stream(shape).reduce(1, Math::multiplyExact))
                        .sum());
        for (Parameter parameter : network.parameters().all()) {
            assertThat(parameter.layer()).as(parameter.name()).isBetween(0, network.depth() + 1);
            assertThat(parameter.reader()).as(parameter.name()).isBetween(0, config.stages());
        }
        assertThat(IntStream.rangeClosed(1, config.stages()).map(network::depth).max())
                .as("the deepest stage")
                .hasValue(network.depth());
        for (int stage = 1; stage <= config.stages(); stage++) {
            Network.Ports ports = specimen.ports(stage);
            ImageSize size = config.imageSize();
            assertThat(ports.images()).containsExactly(3L, (long) size.height(), (long) size.width());
            assertThat(ports.tokens())
                    .containsExactly((long) config.stageTokens(stage), (long) config.stageWidth(stage));
            if (ports.previous() != null) {
                assertThat(ports.previous())
                        .as("stage %d takes what stage %d leaves", stage, stage - 1)
                        .isEqualTo(specimen.ports(stage - 1).tokens());
            }
        }
        assertThat(specimen.ports(1).previous()).isNull();
        assertThat(config.shorthand()).isNotBlank();
        assertThat(config.withImageSize(config.imageSize())).isEqualTo(config);
        assertThat(config.narrowest().stages()).isEqualTo(config.stages());
    }

    @Test
    void firstWeightsAreTheSameForTheSameSeedAlone() {
        Map<String, HostTensor> one = config.parameters().draw(3);
        assertSame(config.parameters().draw(3), one);
        assertThat(config.parameters().draw(4).entrySet())
                .anyMatch(entry -> !Arrays.equals(
                        entry.getValue().toFloats(), one.get(entry.getKey()).toFloats()));
        Form.compute(() -> {
            try (Scope scope = new Scope()) {
                for (Network.Output<Tensor> output : cut(one).forward(specimen.images(1), stages(), DropPath.NONE)) {
                    assertFinite("at the start", Tensors.toFloats(output.tokens()));
                }
            }
            return null;
        });
    }

    /** Every value that no stage reads may be anything: here it is no number at all. */
    @Test
    void aStageReadsNothingButWhatIsDeclaredForIt() {
        for (int stage = 1; stage <= config.stages(); stage++) {
            Map<String, HostTensor> spoilt = new LinkedHashMap<>();
            for (Parameter parameter : network.parameters().all()) {
                float[] values = weights.get(parameter.name()).toFloats();
                boolean[] read = read(parameter, stage);
                for (int i = 0; i < values.length; i++) {
                    values[i] = read[i] ? values[i] : Float.NaN;
                }
                spoilt.put(parameter.name(), HostTensor.of(values, parameter.shape()));
            }
            Map<String, float[]> expected = stage(weights, stage);
            stage(spoilt, stage)
                    .forEach((name, values) -> assertThat(values).as(name).containsExactly(expected.get(name)));
        }
    }

    @Test
    void theFirstStageIsThePlainNetworkWithTheSlicedWeights() {
        NetworkConfig plain = specimen.plain();
        assumeTrue(plain != null, "no plain network has the shape of the first stage");
        Map<String, HostTensor> sliced = new LinkedHashMap<>();
        for (Parameter parameter : plain.parameters().all()) {
            Parameter whole = network.parameters().require(parameter.name());
            float[] values = weights.get(parameter.name()).toFloats();
            boolean[] read = Arrays.equals(parameter.shape(), whole.shape())
                    ? null // the plain network has it whole and reads of it what the stage does
                    : read(whole, 1);
            float[] kept = new float[Math.toIntExact(parameter.elements())];
            int next = 0;
            for (int i = 0; i < values.length; i++) {
                if (read == null || read[i]) {
                    kept[next++] = values[i];
                }
            }
            assertThat(next).as(parameter.name()).isEqualTo(kept.length);
            sliced.put(parameter.name(), HostTensor.of(kept, parameter.shape()));
        }
        Form.compute(() -> {
            try (Scope scope = new Scope()) {
                Tensor images = specimen.images(IMAGES);
                Map<String, float[]> nested =
                        Form.of(cut(weights).stage(1, images, null)).values();
                Form.of(NestedWeights.cut(plain.network(), tensors(sliced), ScalarType.Float)
                                .stage(1, images, null))
                        .values()
                        .forEach((name, only) -> assertClose(name, nested.get(name), only));
            }
            return null;
        });
    }

    @Test
    void everyParameterGetsAGradientWhereAStageReadsIt() {
        List<String> without = new ArrayList<>();
        List<String> elsewhere = new ArrayList<>();
        gradients(stages(), DropPath.NONE, false).forEach((name, gradient) -> {
            Parameter parameter = network.parameters().require(name);
            boolean[] read = new boolean[gradient.length];
            for (int stage = 1; stage <= config.stages(); stage++) {
                boolean[] of = read(parameter, stage);
                for (int i = 0; i < read.length; i++) {
                    read[i] |= of[i];
                }
            }
            assertFinite(name, gradient);
            if (IntStream.range(0, gradient.length).allMatch(i -> gradient[i] == 0)) {
                without.add(name);
            }
            if (IntStream.range(0, gradient.length).anyMatch(i -> !read[i] && gradient[i] != 0)) {
                elsewhere.add(name);
            }
        });
        assertThat(without).as("parameters without a gradient").isEmpty();
        assertThat(elsewhere)
                .as("parameters with a gradient where no stage reads them")
                .isEmpty();
    }

    /**
     * Along themselves: a step that way and one back differ by what the gradients say. Of tokens that are chosen inference's
     * way: what chance chooses has a gradient that is an estimate.
     */
    @Test
    void gradientsAreThoseOfTheLoss() {
        Map<String, float[]> gradients = gradients(stages(), DropPath.NONE, null, false);
        double length = Math.sqrt(gradients.values().stream()
                .flatMapToDouble(each -> IntStream.range(0, each.length).mapToDouble(i -> (double) each[i] * each[i]))
                .sum());
        double step = 1e-2;
        double predicted = 2 * step * length;
        double found = loss(moved(gradients, step / length)) - loss(moved(gradients, -step / length));
        assertThat(found).isCloseTo(predicted, withinPercentage(2));
    }

    private Map<String, HostTensor> moved(Map<String, float[]> along, double by) {
        Map<String, HostTensor> moved = new LinkedHashMap<>();
        weights.forEach((name, tensor) -> {
            float[] values = tensor.toFloats();
            float[] direction = along.get(name);
            for (int i = 0; i < values.length; i++) {
                values[i] += (float) (by * direction[i]);
            }
            moved.put(name, HostTensor.of(values, tensor.shape()));
        });
        return moved;
    }

    private double loss(Map<String, HostTensor> of) {
        return Form.compute(() -> {
            try (Scope scope = new Scope()) {
                double sum = 0;
                int stage = 1;
                for (Network.Output<Tensor> output :
                        cut(of).forward(specimen.images(IMAGES), stages(), DropPath.NONE)) {
                    Tensor loss = loss(stage++, stages(), output.prediction());
                    sum += loss == null ? 0 : loss.item().toDouble();
                }
                return sum;
            }
        });
    }

    /** None of the second of many. */
    private static @Nullable Tensor loss(int stage, int last, Tensor prediction) {
        return stage == 2 && last > 2
                ? null
                : prediction.mul(prediction).sum().add(prediction.select(1, 0).sum());
    }

    @Test
    void blocksThatAreComputedAgainGiveTheSameGradients() {
        DropPath dropPath = DropPath.draw(0.5, network, eachImage());
        for (int last : new TreeSet<>(List.of(1, stages()))) {
            Map<String, float[]> kept = gradients(last, dropPath, false);
            gradients(last, dropPath, true).forEach((name, again) -> assertClose(name, again, kept.get(name)));
        }
    }

    @Test
    void aPredictionAloneIsTheSameAndHasTheSameGradients() {
        DropPath dropPath = DropPath.draw(0.5, network, eachImage());
        Map<String, float[]> whole = gradients(stages(), dropPath, false);
        for (boolean again : new boolean[] {false, true}) {
            gradients(stages(), false, dropPath, Gumbel.draw(eachImage()), again)
                    .forEach((name, alone) -> assertClose(name, alone, whole.get(name)));
        }
    }

    @Test
    void programsGiveTheSameGradientsAsOperators() {
        assumeTrue(TrainingPasses.arePlannedFor(network, DType.F32), "trained by operators");
        DropPath dropPath = DropPath.draw(0.5, network, eachImage());
        for (int last : new TreeSet<>(List.of(1, stages()))) {
            StageLoss ofPrediction = (stage, output) -> loss(stage, last, output.prediction());
            StageLoss ofBoth = (stage, output) -> {
                Tensor part = output.tokens().mul(output.tokens()).sum();
                Tensor rest = loss(stage, last, output.prediction());
                return rest == null ? part : part.add(rest);
            };
            Map<String, float[]> expected = gradients(last, ofPrediction, true, dropPath, null, false);
            Map<String, float[]> ofTokens = gradients(last, ofBoth, true, dropPath, null, false);
            Map<String, float[]> without = gradients(last, ofPrediction, true, DropPath.NONE, null, false);
            withGradients(() -> {
                try (TrainingPasses passes = new TrainingPasses(network, DType.F32, true);
                        TrainingPasses wholly = new TrainingPasses(network, DType.F32, false)) {
                    for (boolean tokens : new boolean[] {true, false}) {
                        programs(passes, last, ofPrediction, tokens, dropPath)
                                .forEach((name, found) -> assertClose(name, found, expected.get(name)));
                        programs(passes, last, ofBoth, true, dropPath) // in memory that is not new
                                .forEach((name, found) -> assertClose(name, found, ofTokens.get(name)));
                        programs(wholly, last, ofPrediction, tokens, DropPath.NONE)
                                .forEach((name, found) -> assertClose(name, found, without.get(name)));
                    }
                }
                return null;
            });
        }
    }

    /** BF16 rounds: programs' gradients are about as far from exact ones as operators' are. */
    @Test
    void programsInBf16AreAsNearToExactGradientsAsOperators() {
        assumeTrue(TrainingPasses.arePlannedFor(network, DType.BF16), "trained by operators");
        DropPath dropPath = DropPath.draw(0.5, network, eachImage());
        for (int last : new TreeSet<>(List.of(1, stages()))) {
            for (boolean tokens : new boolean[] {true, false}) {
                StageLoss loss = (stage, output) -> {
                    Tensor rest = loss(stage, last, output.prediction());
                    Tensor part = tokens
                            ? output.tokens().to(ScalarType.Float).square().sum()
                            : null;
                    return part == null || rest == null ? (part == null ? rest : part) : part.add(rest);
                };
                Map<String, float[]> exact = gradients(last, loss, tokens, dropPath, null, false);
                withGradients(() -> {
                    NestedWeights rounded = NestedWeights.cut(network, tensors(weights), ScalarType.BFloat16);
                    Map<String, Tensor> sums = zeros();
                    NestedWeights replica = rounded.replica();
                    replica.backward(specimen.images(IMAGES), last, loss, tokens, dropPath, null, false);
                    replica.addGradientsTo(sums);
                    double byOperators = distance(values(sums), exact);
                    try (TrainingPasses passes = new TrainingPasses(network, DType.BF16, true);
                            TrainingPasses wholly = new TrainingPasses(network, DType.BF16, false)) {
                        Map<String, float[]> came = programs(passes, rounded, last, loss, tokens, dropPath);
                        assertNear(came, exact);
                        assertNear(
                                programs(wholly, rounded, last, loss, tokens, DropPath.NONE),
                                gradients(last, loss, tokens, DropPath.NONE, null, false));
                        double byPrograms = distance(came, exact);
                        assertThat(byPrograms)
                                .as("distance up to stage %d, by operators %s", last, byOperators)
                                .isPositive()
                                .isLessThan(Math.max(0.01, 1.5 * byOperators));
                    }
                    return null;
                });
            }
        }
    }

    /** Each, within a share of its length and a smaller one of that of all together. */
    private static void assertNear(Map<String, float[]> came, Map<String, float[]> exact) {
        double all = Math.sqrt(exact.values().stream()
                .mapToDouble(NetworkContractTest::squares)
                .sum());
        came.forEach((name, found) -> {
            float[] expected = exact.get(name);
            float[] off = new float[found.length];
            for (int i = 0; i < off.length; i++) {
                off[i] = found[i] - expected[i];
            }
            assertThat(Math.sqrt(squares(off)))
                    .as(name)
                    .isLessThanOrEqualTo(0.06 * Math.sqrt(squares(expected)) + 0.006 * all);
        });
    }

    private static double squares(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return sum;
    }

    /** Of all gradients together, as a share of the expected ones' length. */
    private static double distance(Map<String, float[]> came, Map<String, float[]> expected) {
        double off = 0;
        double length = 0;
        for (Map.Entry<String, float[]> each : expected.entrySet()) {
            float[] own = came.get(each.getKey());
            for (int i = 0; i < own.length; i++) {
                double difference = own[i] - each.getValue()[i];
                off += difference * difference;
                length += (double) each.getValue()[i] * each.getValue()[i];
            }
        }
        return Math.sqrt(off / length);
    }

    private Map<String, float[]> programs(
            TrainingPasses passes, int last, StageLoss loss, boolean tokens, DropPath dropPath) {
        return programs(passes, cut(weights), last, loss, tokens, dropPath);
    }

    private Map<String, float[]> programs(
            TrainingPasses passes, NestedWeights cut, int last, StageLoss loss, boolean tokens, DropPath dropPath) {
        Map<String, Tensor> sums = zeros();
        passes.use(cut);
        passes.backward(specimen.images(IMAGES), last, loss, tokens, dropPath);
        passes.use(cut); // what nobody asked for is forgotten
        passes.backward(specimen.images(IMAGES), last, loss, tokens, dropPath);
        passes.addGradientsTo(sums);
        return values(sums);
    }

    private Map<String, Tensor> zeros() {
        Map<String, Tensor> sums = new LinkedHashMap<>();
        for (Parameter parameter : network.parameters().all()) {
            long[] shape = parameter.shape();
            sums.put(parameter.name(), Tensors.floats(new float[Math.toIntExact(parameter.elements())], 0, shape));
        }
        return sums;
    }

    private static Map<String, float[]> values(Map<String, Tensor> tensors) {
        Map<String, float[]> values = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> values.put(name, Tensors.toFloats(tensor)));
        return values;
    }

    private Map<String, float[]> gradients(int last, DropPath dropPath, boolean again) {
        return gradients(last, dropPath, Gumbel.draw(eachImage()), again);
    }

    private static List<SplittableRandom> eachImage() {
        return IntStream.range(0, IMAGES).mapToObj(SplittableRandom::new).toList();
    }

    private Map<String, float[]> gradients(int last, DropPath dropPath, @Nullable Gumbel noise, boolean again) {
        return gradients(last, true, dropPath, noise, again);
    }

    private Map<String, float[]> gradients(
            int last, boolean tokens, DropPath dropPath, @Nullable Gumbel noise, boolean again) {
        return gradients(
                last, (stage, output) -> loss(stage, last, output.prediction()), tokens, dropPath, noise, again);
    }

    private Map<String, float[]> gradients(
            int last, StageLoss loss, boolean tokens, DropPath dropPath, @Nullable Gumbel noise, boolean again) {
        return withGradients(() -> {
            Map<String, Tensor> sums = zeros();
            NestedWeights replica = cut(weights).replica();
            replica.backward(specimen.images(IMAGES), last, loss, tokens, dropPath, noise, again);
            replica.addGradientsTo(sums);
            return values(sums);
        });
    }

    /** On the calling thread: the compute thread records no gradients. */
    private static <T> T withGradients(Supplier<T> work) {
        return Natives.onThreads(1, () -> {
            try (Scope scope = new Scope()) {
                return work.get();
            }
        });
    }

    @Test
    void whatIsWrittenIsReadAsTheSame() {
        ModelConfig model = ModelConfig.of(config);
        ModelDirectory.write(folder, model, weights);
        ModelDirectory.Model read = ModelDirectory.read(folder);
        assertThat(read.config().network()).isEqualTo(config);
        assertThat(read.config().preprocessing()).isEqualTo(model.preprocessing());
        assertSame(read.weights(), weights);
        Architecture architecture = config.architecture();
        assertThat(Architectures.named(architecture.name())).isEqualTo(architecture);
        assertThat(architecture.title()).isNotBlank();
        assertThat(architecture.globalPool()).isIn("token", "avg");
        assertThat(architecture.write(config)).containsKey(architecture.stagesArgument());
        assertThat(architecture.implied(architecture.name())).isEmpty();
        for (int stage = 1; stage <= config.stages(); stage++) {
            assertThat(architecture.prefixTokens()).isBetween(0, config.stageTokens(stage) - 1);
        }
    }

    @Test
    void anArgumentThatItDoesNotKnowIsRefusedByName() {
        Architecture architecture = config.architecture();
        Map<String, Object> arguments = new LinkedHashMap<>(architecture.write(config));
        arguments.put("num_classes", config.numClasses());
        assertThat(architecture.read(new Arguments(arguments))).isEqualTo(config);
        arguments.put("no_such_argument", 1);
        assertThatThrownBy(() -> architecture.read(new Arguments(arguments)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no_such_argument")
                .hasMessageContaining(architecture.name());
        for (String key : architecture.write(config).keySet()) {
            Map<String, Object> mistaken = new LinkedHashMap<>(architecture.write(config));
            mistaken.put("num_classes", config.numClasses());
            mistaken.put(key, Map.of("of", "another type"));
            assertThatThrownBy(() -> architecture.read(new Arguments(mistaken)))
                    .as(key)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(key);
        }
    }

    @Test
    void weightsThatDoNotFitAreRefusedByName() {
        everyLoader((name, loads) -> {
            for (Parameter parameter : network.parameters().all()) {
                Map<String, HostTensor> missing = new LinkedHashMap<>(weights);
                missing.remove(parameter.name());
                assertRefused(
                        name,
                        loads,
                        missing,
                        "tensor " + parameter.name() + " is missing: expected shape "
                                + Arrays.toString(parameter.shape()));
                Map<String, HostTensor> misshapen = new LinkedHashMap<>(weights);
                long[] shape = parameter.shape();
                shape[0]++;
                int values = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
                misshapen.put(parameter.name(), HostTensor.of(new float[values], shape));
                assertRefused(
                        name,
                        loads,
                        misshapen,
                        "tensor " + parameter.name() + " has the wrong shape: expected "
                                + Arrays.toString(parameter.shape()) + ", came " + Arrays.toString(shape));
            }
            String first = config.parameterShapes().keySet().iterator().next();
            HostTensor right = weights.get(first);
            Map<String, HostTensor> mistyped = new LinkedHashMap<>(weights);
            mistyped.put(first, HostTensor.of(new long[right.toFloats().length], right.shape()));
            assertRefused(
                    name,
                    loads,
                    mistyped,
                    "tensor " + first + " has the wrong type: expected floating point, came I64");
            Map<String, HostTensor> leftOver = new LinkedHashMap<>(weights);
            leftOver.put("nobodys.weight", HostTensor.of(new float[6], 2, 3));
            assertRefused(name, loads, leftOver, "tensor nobodys.weight [2, 3] is left over");
        });
    }

    @Test
    void anExportIsReadAsWhatWasWritten() {
        ModelConfig model = ModelConfig.of(config);
        for (OnnxExport.Layout layout : OnnxExport.Layout.values()) {
            ExportedModel written = OnnxExport.write(folder, model, weights, layout, "test");
            ExportedModel read = ExportedModel.read(folder);
            assertThat(read).as(layout.name()).isEqualTo(written);
            assertThat(read.config().network()).isEqualTo(config);
        }
    }

    /** Where it can see pictures of another size at all. */
    @Test
    void weightsFitPicturesOfAnotherSizeOrItIsRefusedInWords() {
        ImageSize twice = new ImageSize(
                2 * config.imageSize().height(), 2 * config.imageSize().width());
        NetworkConfig large;
        try {
            large = config.withImageSize(twice);
        } catch (IllegalArgumentException e) {
            assertThat(e).hasMessageContaining("img_size").hasMessageContaining(twice.toString());
            try (Backbone backbone = dynamic()) {
                assertThatThrownBy(() -> backbone.at(twice)).hasMessage(e.getMessage());
            }
            return;
        }
        assertThat(large.imageSize()).isEqualTo(twice);
        Map<String, HostTensor> resized = config.resized(weights, large);
        WeightsException.check(large.parameterShapes(), resized);
        assertSame(specimen.weights(), weights);
        assertSame(config.resized(weights, config), weights);
        try (Backbone backbone = dynamic();
                Backbone alone = PackedBackbone.of(large, resized, Precision.FP32)) {
            Specimen drawn = new Specimen("twice as large", large);
            for (int stage = 1; stage <= config.stages(); stage++) {
                Map<String, float[]> expected = ran(alone, stage, drawn);
                ran(backbone.at(twice), stage, drawn)
                        .forEach((name, values) -> assertThat(values).as(name).containsExactly(expected.get(name)));
                ran(backbone, stage, specimen);
            }
        }
    }

    private Backbone dynamic() {
        return DynamicBackbone.of(config, weights, (sized, them) -> PackedBackbone.of(sized, them, Precision.FP32));
    }

    private static Map<String, float[]> ran(Backbone backbone, int stage, Specimen of) {
        return Form.compute(() -> {
            try (Scope scope = new Scope()) {
                return Form.run(backbone, stage, of.images(IMAGES), of.previous(stage, IMAGES))
                        .values();
            }
        });
    }

    @Test
    void aTrainingStartsFromItsOwnKindWithAllButWhatRecycles() {
        WarmStart start = start(weights, config);

        Map<String, HostTensor> drawn = config.parameters().draw(SEED);
        for (Parameter parameter : config.parameters().all()) {
            boolean anew = parameter.role() == Parameter.Role.RECYCLING;
            assertThat(start.weights().get(parameter.name()).toFloats())
                    .as(parameter.name())
                    .isEqualTo((anew ? drawn : weights).get(parameter.name()).toFloats());
            if (anew) {
                String layer = parameter.name().replaceFirst("\\..*", "");
                assertThat(start.summary())
                        .anyMatch(line -> line.contains(layer) && line.endsWith(" anew in every model"));
            }
        }
        assertThat(start.share()).isEqualTo(1);
        assertThat(start.width()).isEqualTo(config.numFeatures());
        assertThat(start.summary()).noneMatch(line -> line.startsWith("warning"));
        assertThat(config.architecture().sources()).isNotEmpty().allSatisfy(source -> assertThat(source)
                .isNotBlank());
    }

    /** What a plain network of some width is called, has, and leaves to chance, follows from what is declared. */
    @Test
    void aTrainingStartsFromAPlainNetworkOfItsWidth() {
        NetworkConfig plain = config.plain(config.numFeatures());
        assertThat(plain.architecture()).isEqualTo(config.architecture());
        assertThat(plain.stages()).isEqualTo(1);
        assertThat(plain.numFeatures()).isEqualTo(config.numFeatures());
        Map<String, HostTensor> source = new Specimen("plain", plain).weights();

        WarmStart start = start(source, config);

        Map<String, HostTensor> drawn = config.parameters().draw(SEED);
        for (Parameter parameter : config.parameters().all()) {
            boolean anew = parameter.role() == Parameter.Role.RECYCLING || !source.containsKey(parameter.name());
            assertThat(start.weights().get(parameter.name()).toFloats())
                    .as(parameter.name())
                    .isEqualTo((anew ? drawn : source).get(parameter.name()).toFloats());
        }
        assertThat(start.share()).isEqualTo(1);
    }

    @Test
    void aTrainingFindsNothingInAnotherKindOfNetwork() {
        Map<String, HostTensor> others = Map.of("layer1.0.conv1.weight", HostTensor.of(new float[36], 2, 2, 3, 3));

        WarmStart start = start(others, config);

        assertSame(start.weights(), config.parameters().draw(SEED));
        assertThat(start.share()).isZero();
        assertThat(start.summary()).anyMatch(line -> line.startsWith("warning") && line.contains("left over"));
    }

    private static WarmStart start(Map<String, HostTensor> source, NetworkConfig config) {
        ClassHead head = ClassHead.of(WarmStart.classes(source, config), config.numClasses());
        WarmSource fitted = config.warmSource(source, "", config.imageSize());
        return WarmStart.of(fitted, config, config.parameters().draw(SEED), head);
    }

    private interface Loads {
        void load(Map<String, HostTensor> weights);
    }

    private void everyLoader(BiConsumer<String, Loads> check) {
        check.accept("training", them -> NestedNetwork.of(config, them).close());
        check.accept("inference", them -> PackedBackbone.of(config, them, Precision.FP32)
                .close());
        check.accept("training's view", them -> NestedBackbone.of(config, them, Precision.FP32, TorchDevice.CPU)
                .close());
        check.accept(
                "export",
                them -> OnnxExport.write(folder, ModelConfig.of(config), them, OnnxExport.Layout.SHARED, "test"));
        check.accept("directory", them -> ModelDirectory.write(folder, ModelConfig.of(config), them));
    }

    private static void assertRefused(String loader, Loads loads, Map<String, HostTensor> them, String words) {
        assertThatThrownBy(() -> loads.load(them))
                .as(loader)
                .isInstanceOf(WeightsException.class)
                .message()
                .contains(words)
                .doesNotContain("\n");
    }

    /** Which values of a parameter a stage reads: of each axis the leading ones of each chunk, found value by value. */
    private static boolean[] read(Parameter parameter, int stage) {
        boolean[] read = new boolean[Math.toIntExact(parameter.elements())];
        List<Axis> axes = parameter.axes();
        for (int value = 0; value < read.length; value++) {
            boolean inside = parameter.isReadBy(stage);
            int rest = value;
            for (int axis = axes.size() - 1; axis >= 0; axis--) {
                int at = rest % axes.get(axis).size();
                rest /= axes.get(axis).size();
                int chunk = axes.get(axis).size() / axes.get(axis).chunks();
                inside &= at % chunk < axes.get(axis).read(stage);
            }
            read[value] = inside;
        }
        return read;
    }

    /** What a stage leaves of drawn pictures and tokens. */
    private Map<String, float[]> stage(Map<String, HostTensor> of, int stage) {
        return Form.compute(() -> {
            try (Scope scope = new Scope()) {
                Map<String, float[]> left = Form.of(
                                cut(of).stage(stage, specimen.images(IMAGES), specimen.previous(stage, IMAGES)))
                        .values();
                left.forEach((name, values) -> assertFinite(name + " of stage " + stage, values));
                return left;
            }
        });
    }

    private int stages() {
        return config.stages();
    }

    private NestedWeights cut(Map<String, HostTensor> of) {
        return NestedWeights.cut(network, tensors(of), ScalarType.Float);
    }

    private static Map<String, Tensor> tensors(Map<String, HostTensor> of) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        of.forEach((name, tensor) -> tensors.put(name, Tensors.toNative(tensor)));
        return tensors;
    }

    private static void assertSame(Map<String, HostTensor> came, Map<String, HostTensor> expected) {
        assertThat(came).containsOnlyKeys(expected.keySet());
        expected.forEach((name, tensor) -> {
            assertThat(came.get(name).shape()).as(name).isEqualTo(tensor.shape());
            assertThat(came.get(name).toFloats()).as(name).isEqualTo(tensor.toFloats());
        });
    }

    private static void assertFinite(String what, float[] values) {
        for (float value : values) {
            assertThat(value).as(what).isFinite();
        }
    }

    private static void assertClose(String what, float[] came, float[] expected) {
        assertThat(came).as(what).hasSameSizeAs(expected);
        double scale = 1e-3;
        double largest = 0;
        for (int i = 0; i < came.length; i++) {
            scale = Math.max(scale, Math.abs(expected[i]));
            largest = Math.max(largest, Math.abs((double) came[i] - expected[i]));
        }
        assertThat(largest / scale).as(what).isLessThan(2e-5);
    }
}
