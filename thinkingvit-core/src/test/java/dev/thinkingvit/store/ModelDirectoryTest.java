package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class ModelDirectoryTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/vit-3h-6h");

    @TempDir
    Path directory;

    private Map<String, HostTensor> weights;

    @BeforeEach
    void copyTheReference() throws IOException {
        Files.copy(REFERENCE.resolve("config.json"), directory.resolve("config.json"));
        weights = new LinkedHashMap<>(
                Safetensors.read(REFERENCE.resolve("model.safetensors")).tensors());
    }

    @Test
    void aModelSurvivesTheRoundTrip() {
        ModelDirectory.Model read = ModelDirectory.read(REFERENCE);
        Path copy = directory.resolve("copy");
        ModelDirectory.write(copy, read.config(), read.weights());

        ModelDirectory.Model again = ModelDirectory.read(copy);

        assertThat(again.config().network()).isEqualTo(read.config().network());
        assertThat(again.config().preprocessing()).isEqualTo(read.config().preprocessing());
        assertThat(again.weights().keySet()).isEqualTo(read.weights().keySet());
        read.weights()
                .forEach((name, tensor) ->
                        assertThat(again.weights().get(name).data()).as(name).isEqualTo(tensor.data()));
    }

    @Test
    void aMissingTensorIsNamed() {
        weights.remove("blocks.1.mlp.fc2.bias");
        assertRefused("tensor blocks.1.mlp.fc2.bias is missing: expected shape [48]");
    }

    @Test
    void aLeftOverTensorIsNamed() {
        weights.put("head_dist.bias", HostTensor.of(new float[20], 20));
        assertRefused("tensor head_dist.bias [20] is left over: the model has no parameter of that name");
    }

    @Test
    void aWronglyShapedTensorIsNamedWithWhatWasExpectedAndWhatCame() {
        weights.put("norm.weight", HostTensor.of(new float[24], 24));
        assertRefused("tensor norm.weight has the wrong shape: expected [48], came [24]");
    }

    @Test
    void aTensorOfWholeNumbersIsNoParameter() {
        weights.put("norm.weight", HostTensor.of(new long[48], 48));
        assertRefused("tensor norm.weight has the wrong type: expected floating point, came I64");
    }

    @Test
    void aFileInPlaceOfADirectoryIsRefusedWithAdvice() {
        assertThatThrownBy(() -> ModelDirectory.read(REFERENCE.resolve("checkpoint.pth.tar")))
                .hasMessageContaining("is not a model directory; 'convert' makes one");
        assertThatThrownBy(() -> ModelDirectory.read(directory.resolve("none")))
                .hasMessageContaining("no such model directory");
    }

    @Test
    void aDirectoryWithoutConfigurationIsRefused() throws IOException {
        Files.delete(directory.resolve("config.json"));
        assertRefused("config.json: is missing");
    }

    @Test
    void weightsThatDoNotFitAreNotWritten() {
        ModelConfig config = ModelDirectory.readConfig(directory.resolve("config.json"));
        weights.remove("cls_token");
        Path target = directory.resolve("new");

        assertThatThrownBy(() -> ModelDirectory.write(target, config, weights)).hasMessageContaining("cls_token");
        assertThat(target).doesNotExist();
    }

    private void assertRefused(String reason) {
        Safetensors.write(directory.resolve("model.safetensors"), weights, Map.of());
        assertThatThrownBy(() -> ModelDirectory.read(directory))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(directory.toString())
                .hasMessageContaining(reason);
    }
}
