package dev.thinkingvit.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Trainer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class TrainingVerificationTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final Path FOLDER = REFERENCE.resolve("vit-3h-6h");
    private static final String KEY_BIAS = "blocks.1.attn.qkv.bias";

    /** An element of the keys' third of that bias of 3 · 48 values. */
    private static final int KEY = 60;

    @TempDir
    Path directory;

    private Map<String, HostTensor> tensors;
    private Map<String, String> metadata;

    @BeforeEach
    void readTheRecording() {
        Safetensors.Contents contents = Safetensors.read(FOLDER.resolve(TrainingVerification.RECORDING));
        tensors = new LinkedHashMap<>(contents.tensors());
        metadata = new LinkedHashMap<>(contents.metadata());
    }

    @ParameterizedTest
    @CsvSource({"vit-3h-6h, 2", "vit-2h-3h-6h, 3"})
    void threeStepsAgreeWithTheRecording(String name, int stages) {
        ModelDirectory.Model start = ModelDirectory.read(REFERENCE.resolve(name));

        Verification verdict = TrainingVerification.of(
                start, start.path().resolve(TrainingVerification.RECORDING), TrainingVerification.DEFAULT_TOLERANCE);

        assertThat(verdict.lines())
                .hasSize(3 * (1 + stages) + 4 * start.weights().size())
                .allSatisfy(line -> assertThat(line.ok()).as(line.toString()).isTrue());
        assertThat(verdict.lines().stream().filter(line -> line.name().startsWith("grad.")))
                .allSatisfy(line -> assertThat(line.note()).isEmpty());
        for (String kind : List.of("after3.", "ema3.", "ema3_published.")) {
            assertThat(line(verdict, kind + KEY_BIAS).note())
                    .isEqualTo("48 of 144 values left out: their gradient is rounding noise");
            assertThat(line(verdict, kind + "norm.bias").note()).isEmpty();
        }
    }

    /**
     * In three settings of the ponder loss and the prior, of which tokens that have halted feel the latter alone. In the
     * setting without it they may be removed.
     */
    @Test
    void tokensThatHaltTrainAsRecorded() {
        ModelDirectory.Model start = ModelDirectory.read(REFERENCE.resolve("avit-training"));

        Verification verdict = TrainingVerification.of(
                start, start.path().resolve(TrainingVerification.RECORDING), TrainingVerification.DEFAULT_TOLERANCE);

        assertThat(verdict.lines())
                .hasSize(4 * (4 + start.weights().size() + 1))
                .allSatisfy(line -> assertThat(line.ok()).as(line.toString()).isTrue());
        assertThat(line(verdict, "strong.losses.prior").largestDifference()).isLessThan(1e-6);
        assertThat(verdict.lines().stream()
                        .filter(line -> line.name().startsWith("noprior.grad.")
                                && line.name().endsWith(", halted tokens removed")))
                .hasSize(start.weights().size())
                .allSatisfy(line -> assertThat(line.largestDifference()).isLessThan(1e-5));
    }

    @Test
    void aSettingOfHaltingTokensWhoseWeightsNothingNamesIsRefused() {
        ModelDirectory.Model start = ModelDirectory.read(REFERENCE.resolve("avit-training"));
        Safetensors.Contents contents = Safetensors.read(start.path().resolve(TrainingVerification.RECORDING));
        Map<String, String> named = new LinkedHashMap<>(contents.metadata());
        named.put("distr_prior_alpha", "strong.* 0.1");
        Path file = directory.resolve("training.safetensors");
        Safetensors.write(file, contents.tensors(), named);

        assertThatThrownBy(() -> TrainingVerification.of(start, file, 1e-4))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("metadata distr_prior_alpha 'strong.* 0.1' names no weight for losses");
    }

    @Test
    void anArchitectureOfAnyKindTrainsAsRecordedClippedToo() {
        ModelDirectory.Model start = ModelDirectory.read(REFERENCE.resolve("swin-uneven"));

        Verification verdict = TrainingVerification.of(
                start, start.path().resolve(TrainingVerification.RECORDING), TrainingVerification.DEFAULT_TOLERANCE);

        assertThat(verdict.lines())
                .hasSize(3 * 3 + 2 * start.weights().size() + 3 * 4)
                .allSatisfy(line -> assertThat(line.ok()).as(line.toString()).isTrue());
        assertThat(verdict.lines().stream().map(Verification.Line::name))
                .contains("clip5.losses[3].stage2", "clip5.grad_norm[3]");
    }

    @Test
    void aSegmenterTrainsAsRecordedBySgdWithAPolynomialSchedule() {
        ModelDirectory.Model start = ModelDirectory.read(REFERENCE.resolve("segmenter-window"));

        Verification verdict = TrainingVerification.of(
                start, start.path().resolve(TrainingVerification.RECORDING), TrainingVerification.DEFAULT_TOLERANCE);

        assertThat(verdict.lines())
                .hasSize(3 * 3 + 2 * start.weights().size() + 1)
                .allSatisfy(line -> assertThat(line.ok()).as(line.toString()).isTrue());
        assertThat(line(verdict, "learning_rates").allowed()).isLessThan(1e-5);
        assertThat(line(verdict, "grad.encoder._thinking_alphas.0").note()).isEmpty();
    }

    @Test
    void aClippedRunIsHeldToItsRecording() {
        Path folder = REFERENCE.resolve("swin-uneven");
        Safetensors.Contents contents = Safetensors.read(folder.resolve(TrainingVerification.RECORDING));
        Map<String, HostTensor> recorded = new LinkedHashMap<>(contents.tensors());
        float[] norms = recorded.get("clip5.grad_norm").toFloats();
        norms[1] *= 1.001f; // of this size AdamW would take no notice
        recorded.put("clip5.grad_norm", HostTensor.of(norms, norms.length));
        Path file = directory.resolve("recording.safetensors");
        Safetensors.write(file, recorded, contents.metadata());

        Verification verdict =
                TrainingVerification.of(ModelDirectory.read(folder), file, TrainingVerification.DEFAULT_TOLERANCE);

        assertThat(verdict.lines().stream().filter(line -> !line.ok()).map(Verification.Line::name))
                .containsExactly("clip5.grad_norm[2]");
    }

    @Test
    void eachAverageIsJudgedByItsOwnRule() {
        Map<String, HostTensor> constant = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> {
            if (name.startsWith("ema3.")) {
                constant.put(name.replace("ema3.", "ema3_published."), tensor);
            }
        });
        tensors.putAll(constant);

        Verification verdict = verify();

        assertThat(line(verdict, "ema3.head.weight").ok()).isTrue();
        assertThat(line(verdict, "ema3_published.head.weight").ok()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ema3.", "ema3_published."})
    void aRecordingMayLackAnAverageButNotAPartOfIt(String average) {
        tensors.keySet().removeIf(name -> name.startsWith(average) && !name.endsWith("head.bias"));
        assertThat(verify().failures()).isEqualTo(46);

        tensors.remove(average + "head.bias");
        Verification verdict = verify();
        assertThat(verdict.passed()).isTrue();
        assertThat(verdict.lines()).hasSize(9 + 3 * 47);
    }

    @Test
    void gradientsOfAnotherStepAreOut() {
        recordGradientsOfStep(2);

        Verification verdict = verify();

        assertThat(line(verdict, "grad.cls_token").ok()).isFalse();
        assertThat(line(verdict, "after3.cls_token").ok()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "grad.blocks.2.mlp.fc1.weight",
                "grad.alpha.0",
                "grad." + KEY_BIAS,
                "after3.pos_embed",
                "after3." + KEY_BIAS,
                "ema3.proj_layer.bias",
                "ema3_published.proj_layer.bias"
            })
    void oneValueThatDiffersIsOut(String name) {
        change(name, 0, 1e-3f);

        Verification verdict = verify();

        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, name).ok()).isFalse();
        assertThat(line(verdict, name).largestDifference()).isBetween(0.9e-3, 1.1e-3);
    }

    @ParameterizedTest
    @CsvSource({"0, losses[1].total", "4, losses[2].stage1", "8, losses[3].stage2"})
    void aLossThatDiffersIsOut(int element, String name) {
        change("losses", element, 0.01f);

        Verification verdict = verify();

        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, name).ok()).isFalse();
    }

    @Test
    void valuesWithoutGradientMayDifferAsFarAsNoiseCarriesThem() {
        change("after3." + KEY_BIAS, KEY, 2e-3f);
        assertThat(verify().passed()).isTrue();

        change("after3." + KEY_BIAS, KEY, 0.1f);
        Verification verdict = verify();
        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, "after3." + KEY_BIAS).note())
                .isEqualTo("a value whose gradient is rounding noise lies farther from the start than 3 steps can carry"
                        + " it");
    }

    @Test
    void aGradientOfAKeyBiasIsOut() {
        change("grad." + KEY_BIAS, KEY, 1e-3f);

        Verification verdict = verify();

        assertThat(line(verdict, "grad." + KEY_BIAS).ok()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "grad.norm.weight",
                "after3.norm.weight",
                "ema3.norm.weight",
                "ema3_published.norm.weight",
                "after3." + KEY_BIAS
            })
    void aMissingTensorIsOut(String name) {
        HostTensor tensor = tensors.remove(name);

        Verification verdict = verify();

        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, name).note())
                .isEqualTo("is missing: expected shape " + Arrays.toString(tensor.shape()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"grad.fc.weight", "after2.norm.weight", "norm.weight", "dropout"})
    void aTensorThatIsLeftOverIsOut(String name) {
        tensors.put(name, HostTensor.of(new float[48], 48));

        Verification verdict = verify();

        assertThat(verdict.failures()).isEqualTo(1);
        assertThat(line(verdict, name).note())
                .isEqualTo("left over: not grad.*, after3.*, ema3.*, ema3_published.* of a parameter of the model");
    }

    @ParameterizedTest
    @ValueSource(strings = {"grad.", "after3.", "ema3.", "ema3_published."})
    void anotherShapeTypeOrNoNumberIsOut(String kind) {
        tensors.put(kind + "norm.weight", HostTensor.of(new float[47], 47));
        tensors.put(kind + KEY_BIAS, HostTensor.of(new float[145], 145));
        tensors.put(kind + "norm.bias", HostTensor.of(new long[48], 48));
        change(kind + "head.bias", 3, Float.NaN);
        change(kind + "blocks.0.attn.qkv.bias", KEY, Float.POSITIVE_INFINITY);

        Verification verdict = verify();

        assertThat(verdict.lines().stream().filter(line -> line.name().startsWith(kind) && !line.ok()))
                .hasSize(5);
        assertThat(line(verdict, kind + "norm.weight").note()).isEqualTo("expected shape [47], came [48]");
        assertThat(line(verdict, kind + KEY_BIAS).note()).isEqualTo("expected shape [145], came [144]");
        assertThat(line(verdict, kind + "norm.bias").note())
                .isEqualTo("expected floating point, the recording has I64 [48]");
        assertThat(line(verdict, kind + "head.bias").note()).isEqualTo("the recording has NaN at element 3");
        assertThat(line(verdict, kind + "blocks.0.attn.qkv.bias").note())
                .isEqualTo("the recording has Infinity at element 60");
    }

    @Test
    void aShorterTrainingIsJudgedByItsOwnSteps() {
        float[] losses = tensors.get("losses").toFloats();
        tensors.put("losses", HostTensor.of(Arrays.copyOf(losses, 3), 1, 3));

        Verification verdict = verify();

        // what belongs to the third step is left over, after1 missing; losses and gradients agree
        assertThat(verdict.failures()).isEqualTo(4 * 47);
        assertThat(line(verdict, "grad.head.bias").ok()).isTrue();
        assertThat(line(verdict, "after1.head.bias").note()).startsWith("is missing");
    }

    @ParameterizedTest
    @CsvSource({"lr, 0.0011", "weight_decay, 0.5", "'betas', '0.8,0.999'", "betas, '0.9,0.9'", "ema_decay, 0.8"})
    void theMetadataSayHowItIsTrained(String name, String value) {
        metadata.put(name, value);
        assertThat(verify().passed()).isFalse();
    }

    @Test
    void withoutMetadataTheUsualRecipeIsTaken() {
        metadata.clear();
        assertThat(verify().passed()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "optimizer, lion, was trained with optimizer 'lion'",
        "lr, fast, metadata lr 'fast' does not do",
        "lr, NaN, metadata lr 'NaN' does not do",
        "lr, -1, lr must be positive",
        "betas, 0.9, metadata betas '0.9' does not do",
        "ema_decay, '0.9,0.9', 'metadata ema_decay ''0.9,0.9'' does not do'"
    })
    void metadataThatDoNotDoAreNamed(String name, String value, String reason) {
        metadata.put(name, value);
        assertRefused(reason);
    }

    @ParameterizedTest
    @CsvSource({
        "input, '[at least 1, 3, 64, 64]'",
        "target, '[8, 20]'",
        "losses, '[at least 1, 3]'",
    })
    void withoutABatchOrLossesNothingIsTrained(String name, String shape) {
        HostTensor tensor = tensors.remove(name);
        assertRefused("tensor " + name + " is missing: expected floating point " + shape);

        tensors.put(name, HostTensor.of(new float[7], 7));
        assertRefused(
                "tensor " + name + " does not fit the model: expected floating point " + shape + ", came F32 [7]");

        tensors.put(name, tensor);
        change(name, 1, Float.NaN);
        assertRefused("tensor " + name + " has NaN at element 1");
    }

    @Test
    void weightsThatAreNoNumbersAreNamed() {
        ModelDirectory.Model start = ModelDirectory.read(FOLDER);
        Map<String, HostTensor> weights = new LinkedHashMap<>(start.weights());
        weights.put("alpha.0", HostTensor.of(new float[] {Float.NaN}, 1));
        ModelDirectory.Model broken = new ModelDirectory.Model(start.path(), start.config(), weights);

        assertThatThrownBy(() -> TrainingVerification.of(
                        broken, FOLDER.resolve(TrainingVerification.RECORDING), TrainingVerification.DEFAULT_TOLERANCE))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(FOLDER + ": tensor alpha.0 has NaN at element 0");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY})
    void aToleranceThatForgivesEverythingOrNothingIsRefused(double tolerance) {
        assertThatThrownBy(() -> TrainingVerification.of(
                        ModelDirectory.read(FOLDER), FOLDER.resolve(TrainingVerification.RECORDING), tolerance))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("tolerance");
    }

    private void recordGradientsOfStep(int step) {
        ModelDirectory.Model start = ModelDirectory.read(FOLDER);
        RecordedTraining recorded = RecordedTraining.read(
                FOLDER.resolve(TrainingVerification.RECORDING),
                ThinkingViTConfig.of(start.config().network()));
        try (Scope scope = new Scope();
                NestedNetwork model =
                        NestedNetwork.of(ThinkingViTConfig.of(start.config().network()), start.weights());
                Trainer trainer = new Trainer(model, recorded.recipe(), Peers.ALONE, 1)) {
            for (int i = 0; i < step; i++) {
                trainer.update(List.of(recorded.part()), 1e-3);
            }
            trainer.gradients().forEach((name, gradient) -> tensors.put("grad." + name, Tensors.toHost(gradient)));
        }
    }

    private void change(String name, int element, float difference) {
        float[] values = tensors.get(name).toFloats();
        values[element] += difference;
        tensors.put(name, HostTensor.of(values, tensors.get(name).shape()));
    }

    private Verification verify() {
        Path file = directory.resolve("training.safetensors");
        Safetensors.write(file, tensors, metadata);
        return TrainingVerification.of(ModelDirectory.read(FOLDER), file, TrainingVerification.DEFAULT_TOLERANCE);
    }

    private void assertRefused(String reason) {
        assertThatThrownBy(this::verify)
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(directory.toString())
                .hasMessageContaining(reason);
    }

    private static Verification.Line line(Verification verdict, String name) {
        return verdict.lines().stream()
                .filter(line -> line.name().equals(name))
                .findFirst()
                .orElseThrow();
    }
}
