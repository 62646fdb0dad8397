package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A ThinkingViT whose tokens halt in its last stage, on its way through the commands. */
@NullUnmarked // a null fails the test
class AdaptiveViTCommandsTest {
    private static final String RECIPE = """
            network:
              architecture: avit
              model_kwargs: {thinking_stages: [1, 2], img_size: 16, patch_size: 8, embed_dim: 16, depth: 3, num_heads: 2, gate_scale: 5, gate_center: -2}
            """;

    @TempDir
    Path directory;

    private Path model;

    @BeforeEach
    void drawAModel() throws IOException {
        TinyTraining.writePictures(directory);
        Files.writeString(directory.resolve("recipe.yaml"), RECIPE);
        CommandRun run = CommandRun.of(
                "train",
                "--data",
                directory.resolve("train"),
                "--recipe",
                directory.resolve("recipe.yaml"),
                "--out",
                directory.resolve("run"),
                "--epochs=0");
        assertThat(run.code()).as(run.err()).isZero();
        model = directory.resolve("run/last");
    }

    private CommandRun drawn(String threshold) {
        return CommandRun.of(
                "classify",
                "--model",
                model,
                "--threshold",
                threshold,
                "--token-depth",
                directory.resolve("depths"),
                directory.resolve("val/dark"));
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("depths"))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void howDeepTokensGoIsDrawnOfPicturesThatReachTheirStage() throws IOException {
        CommandRun all = drawn("0");
        assertThat(all.code()).as(all.err()).isZero();
        assertThat(all.err()).doesNotContain("not drawn");
        assertThat(files()).hasSize(3 * 11).contains("00001-100.both.png", "00001-100.depth.png");
    }

    @Test
    void picturesThatStopBeforeTokensHaltAreCounted() throws IOException {
        CommandRun none = drawn("9");
        assertThat(none.code()).as(none.err()).isZero();
        assertThat(none.err())
                .contains("note: 11 of 11 pictures stopped before the stage in which tokens halt, and are not drawn");
        assertThat(files()).isEmpty();
    }

    @Test
    void aCentreBelowZeroIsAdded() {
        assertThat(CommandRun.of("info", model).out()).contains("σ(5.0 · first feature + 2.0) sums to 0.99");
    }
}
