package dev.thinkingvit.eval;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.inference.Routers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@NullUnmarked // a null fails the test
class PredictionLinesTest {
    @TempDir
    private Path folder;

    private Recording recording;

    @BeforeEach
    void record() {
        StageRecord sure = new StageRecord(0, 0.9, false, true, 0.2, 0.2, 3, 1_000_000_000L);
        StageRecord unsure = new StageRecord(1, 0.4, true, true, 1.5, 1.5, 0.9, 3_000_000_000L);
        StageRecord never = new StageRecord(0, 0.9, false, false, 1.5, 1.5, Double.POSITIVE_INFINITY, 3_000_000_000L);
        recording = new Recording(
                Routers.ENTROPY,
                2,
                List.of(1.0, 3.0),
                List.of(
                        new ImageRecord(Path.of("early.png"), List.of(1), List.of(sure, unsure)),
                        new ImageRecord(Path.of("a\n\"b\".png"), List.of(0, 1), List.of(unsure, never))),
                List.of(new BatchLoader.Failure(new Sample(Path.of("broken.png"), 0), "broken.png: is broken", false)),
                0);
    }

    private List<JsonNode> lines(List<Double> thresholds) throws IOException {
        Path file = folder.resolve("predictions.jsonl");
        new PredictionLines(recording, thresholds, index -> "class " + index).write(file);
        return Files.readAllLines(file).stream()
                .map(line -> JsonMapper.shared().readTree(line))
                .toList();
    }

    @Test
    void aPictureEndsWhereTheThresholdsLetIt() throws IOException {
        JsonNode stopping = lines(List.of(1.0)).get(0);
        assertThat(stopping.get("stage").asInt()).isEqualTo(1);
        assertThat(stopping.get("label").asString()).isEqualTo("class 0");
        assertThat(stopping.get("correct").asBoolean()).isFalse();
        assertThat(stopping.get("gmacs").asDouble()).isEqualTo(1);

        JsonNode thinking = lines(List.of()).get(0);
        assertThat(thinking.get("stage").asInt()).isEqualTo(2);
        assertThat(thinking.get("correct").asBoolean()).isTrue();
        assertThat(thinking.get("stages")).isEqualTo(stopping.get("stages"));
    }

    @Test
    void everyPictureIsOnItsLineWhateverItsName() throws IOException {
        List<JsonNode> lines = lines(List.of());
        assertThat(lines)
                .extracting(line -> line.get("file").asString())
                .containsExactly("early.png", "a\n\"b\".png", "broken.png");
        assertThat(lines.get(1).get("answers").size()).isEqualTo(2);
        assertThat(lines.get(2).get("error").asString()).isEqualTo("broken.png: is broken");
    }

    @Test
    void whatJsonCannotSayIsNull() throws IOException {
        assertThat(lines(List.of()).get(1).at("/stages/1/cross_entropy").isNull())
                .isTrue();
    }
}
