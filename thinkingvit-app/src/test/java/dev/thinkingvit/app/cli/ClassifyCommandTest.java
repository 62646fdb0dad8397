package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // JUnit sets the folder
class ClassifyCommandTest {
    private static final Path MODEL = Path.of("../models/cifar10-3h-6h");
    private static final Path AIRPLANE = Path.of("../samples/airplane-0011.jpg");

    @TempDir
    private Path directory;

    @Test
    void labelsOfStrangersDoNotSteerTheTerminal() throws IOException {
        Files.copy(MODEL.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        String config = Files.readString(MODEL.resolve("config.json"));
        String label = "\\u001b[31m\\nforged\\u202e" + "x".repeat(100); // as JSON has it, and Java would
        Files.writeString(directory.resolve("config.json"), config.replace("airplane", label));

        CommandRun table = CommandRun.of("classify", "--model", directory, AIRPLANE);
        assertThat(table.code()).as(table.err()).isZero();
        assertThat(table.out())
                .contains("  \\u001b[31m\\nforged\\u202ex")
                .doesNotContain("\u001B", "\u202E", "x".repeat(40));
        assertThat(CommandRun.of("info", directory).out())
                .contains("10: \\u001b[31m\\nforged\\u202ex")
                .doesNotContain("\u001B", "\u202E", "x".repeat(40));
        assertThat(CommandRun.of("classify", "--json", "--model", directory, AIRPLANE)
                        .out())
                .as("JSON is exact")
                .contains("\u202E" + "x".repeat(100));
    }

    @Test
    void whatASmallNetworkSpentIsNotRoundedAway() {
        Path small = CommandRun.REFERENCE.resolve("swin-24x64");
        CommandRun classified = CommandRun.of("classify", "--model", small, small.resolve("picture0.png"));
        assertThat(classified.code()).as(classified.err()).isZero();
        assertThat(classified.out()).containsPattern("early: (0\\.000[1-9]\\d) of \\1 GMACs spent, 0 % of the work");
    }

    @Test
    void aNameWithALineBreakHasItsReason() {
        assertThat(CommandRun.of("classify", "nl\nx.jpg").err().strip())
                .isEqualTo("thinkingvit: nl\\nx.jpg: no such file or folder");
    }

    @Test
    void whatIsLeftOutOfACheckpointIsSaidOnceAsByTheOtherCommands() {
        Path wide = CommandRun.REFERENCE.resolve("vit-wide");
        Object[] model = {
            "--model", wide.resolve("checkpoint.pth.tar"), "--config", wide.resolve("config.json"),
        };
        CommandRun exported =
                CommandRun.of("export", model[0], model[1], model[2], model[3], "--out", directory.resolve("out"));
        assertThat(exported.err())
                .startsWith("note: left out: alpha.1 to alpha.11")
                .hasLineCount(1);
        CommandRun classified = CommandRun.of("classify", "--json", model[0], model[1], model[2], model[3], AIRPLANE);
        assertThat(classified.code()).as(classified.err()).isZero();
        assertThat(classified.err()).isEqualTo(exported.err());
        assertThat(classified.out()).startsWith("{");
    }
}
