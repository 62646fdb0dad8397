package dev.thinkingvit.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class PruningVerificationTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final Path WIDE = REFERENCE.resolve("dynamicvit-wide");

    @TempDir
    private Path folder;

    private final Safetensors.Contents contents = Safetensors.read(WIDE.resolve(TrainingVerification.RECORDING));
    private final Map<String, HostTensor> tensors = new LinkedHashMap<>(contents.tensors());
    private final Map<String, String> metadata = new LinkedHashMap<>(contents.metadata());

    private static ModelDirectory.Model model(Path folder) {
        return ModelImport.read(folder, null, Weights.AUTO).model();
    }

    private Verification verify() {
        Path file = folder.resolve("recording.safetensors");
        Safetensors.write(file, tensors, metadata);
        return TrainingVerification.of(model(WIDE), file, TrainingVerification.DEFAULT_TOLERANCE);
    }

    @ParameterizedTest
    @CsvSource({"dynamicvit-wide, 169", "dynamicvit-plain, 98"})
    void whatTrainingComputesAgreesWithTheRecording(String name, int lines) {
        Path recording = REFERENCE.resolve(name).resolve(TrainingVerification.RECORDING);

        Verification verdict = TrainingVerification.of(
                model(REFERENCE.resolve(name)), recording, TrainingVerification.DEFAULT_TOLERANCE);

        assertThat(verdict.lines())
                .hasSize(lines)
                .allSatisfy(line -> assertThat(line.ok()).as("%s", line).isTrue());
    }

    @ParameterizedTest
    @CsvSource({
        "losses, losses.token_distillation",
        "class_losses, class_losses.stage2",
        "decision.1, decision.1",
        "ratio_grad.score_predictor.2.out_conv.4.bias, ratio_grad.score_predictor.2.out_conv.4.bias",
        "grad.pos_embed, grad.pos_embed",
        "grad.alpha.3, grad.alpha.3",
        "teacher.tokens, teacher.tokens",
    })
    void oneValueThatDiffersIsOut(String name, String line) {
        float[] values = tensors.get(name).toFloats();
        values[values.length - 1] += 2e-3f;
        tensors.put(name, HostTensor.of(values, tensors.get(name).shape()));

        assertThat(verify().lines().stream().filter(each -> !each.ok()))
                .extracting(Verification.Line::name)
                .containsExactly(line);
    }

    @Test
    void whatIsMissingOrLeftOverIsNamed() {
        tensors.put("grad.blocks.9.norm1.weight", HostTensor.of(new float[2], 2));
        tensors.remove("grad.norm.weight");

        assertThat(verify().lines().stream().filter(each -> !each.ok()))
                .extracting(each -> each.name() + " " + each.note())
                .containsExactlyInAnyOrder(
                        "grad.blocks.9.norm1.weight left over: nothing of that name is computed",
                        "grad.norm.weight is missing");
    }

    @Test
    void otherWeightsOfTheTotalAreTheRecordingsMatter() {
        metadata.put("total", "class + 0 * ratio / predictors + 0.5 * class distillation + 0.5 * token distillation");
        assertThat(verify().lines().stream().filter(each -> !each.ok()))
                .extracting(Verification.Line::name)
                .contains("losses.total", "grad.score_predictor.0.in_conv.1.weight")
                .doesNotContain("losses.ratio");

        metadata.put("total", "class + ratio");
        assertThatThrownBy(this::verify)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("metadata total must read");
    }

    @Test
    void noiseThatDoesNotFitIsRefused() {
        tensors.put("gumbel.1", HostTensor.of(new float[4 * 64], 4, 64));
        assertThatThrownBy(this::verify)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tensor gumbel.1 does not fit the model: expected floating point [4, 64, 2]");
    }
}
