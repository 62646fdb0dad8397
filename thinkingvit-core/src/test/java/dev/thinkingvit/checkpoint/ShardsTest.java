package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.store.Checkpoints;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class ShardsTest {
    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";

    @TempDir
    Path directory;

    private final Map<String, HostTensor> all = TestWeights.of(TestWeights.SMALL);
    private final Map<String, HostTensor> first = new LinkedHashMap<>();
    private final Map<String, HostTensor> second = new LinkedHashMap<>();
    private final Map<String, String> places = new LinkedHashMap<>();

    @BeforeEach
    void split() {
        all.forEach((name, tensor) -> {
            boolean early = name.startsWith("blocks.");
            (early ? first : second).put(name, tensor);
            places.put(name, early ? FIRST : SECOND);
        });
    }

    @Test
    void theDirectoryAndTheIndexStandForAllParts() throws IOException {
        Path index = write();

        for (Path path : new Path[] {directory, index}) {
            StateDict read = Checkpoints.read(path, Weights.AUTO);
            assertThat(read.tensors()).containsOnlyKeys(all.keySet());
            all.forEach(
                    (name, tensor) -> assertThat(read.get(name).data()).as(name).isEqualTo(tensor.data()));
        }
    }

    @Test
    void onePartIsNotTakenForTheWhole() throws IOException {
        write();

        assertRefused(directory.resolve(FIRST), "is one of 2 parts; model.safetensors.index.json or the folder");
    }

    @Test
    void aMissingPartIsNamed() throws IOException {
        write();
        Files.delete(directory.resolve(SECOND));

        assertRefused(directory, "its part " + SECOND + " is not beside it");
    }

    @Test
    void aTensorThatIsNotWhereTheIndexSaysIsNamed() throws IOException {
        second.remove("head.bias");
        write();

        assertRefused(directory, "tensor 'head.bias' is missing; model.safetensors.index.json says that it is in");
    }

    @Test
    void aTensorInTwoPartsIsNamed() throws IOException {
        first.put("head.bias", HostTensor.of(new float[3], 3));
        write();

        assertRefused(directory, "tensor 'head.bias' is in two parts: " + FIRST + " and " + SECOND);
    }

    @ParameterizedTest
    @CsvSource({"../other.safetensors", "/etc/passwd", "a/../../b", "''", "."})
    void aPartOutsideOfTheFolderIsRefused(String place) throws IOException {
        places.put("head.bias", place);
        write();

        assertRefused(directory, "its part '" + place + "' is outside of its folder");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | weight_map",
                "{\"weight_map\": {}} | weight_map",
                "{\"weight_map\": {\"a\": 1}} | the file of tensor 'a' must be a name, got 1",
                "{\"weight_map\": | is not valid JSON"
            })
    void anIndexThatIsNoneIsRefused(String text, String reason) throws IOException {
        Path index = Files.writeString(directory.resolve("model.safetensors.index.json"), text);

        assertRefused(index, reason);
    }

    private Path write() throws IOException {
        Safetensors.write(directory.resolve(FIRST), first, Map.of());
        Safetensors.write(directory.resolve(SECOND), second, Map.of());
        String text = JsonMapper.shared().writeValueAsString(Map.of("weight_map", places));
        return Files.writeString(directory.resolve("model.safetensors.index.json"), text);
    }

    private static void assertRefused(Path path, String reason) {
        assertThatThrownBy(() -> Checkpoints.read(path, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(reason);
    }
}
