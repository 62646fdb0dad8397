package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class AverageCommandTest {
    private static final Path TRAINED = CommandRun.REFERENCE.resolve("vit-3h-6h/checkpoint.pth.tar");
    private static final Path CONFIG = CommandRun.REFERENCE.resolve("vit-3h-6h/config.json");
    private static final Path SHIPPED = Path.of("../models/cifar10-3h-6h");

    @TempDir
    Path folder;

    /** Two models of one training: its weights, and their moving average. */
    private Path[] two() {
        Path[] models = {folder.resolve("ema"), folder.resolve("model")};
        for (Path model : models) {
            CommandRun run =
                    CommandRun.of("convert", TRAINED, model, "--config", CONFIG, "--weights", model.getFileName());
            assertThat(run.code()).as(run.err()).isZero();
        }
        return models;
    }

    @Test
    void theMeanOfTwoModelsIsAModel() throws IOException {
        Path[] models = two();
        Path out = folder.resolve("deep/averaged");
        CommandRun run = CommandRun.of("average", models[0], models[1], "--out", out);

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .containsPattern("model: cosine 0\\.9[0-9]+ to the weights of .*ema")
                .contains("wrote " + out + ": 3H → 6H, the average of 2 models, ");
        Map<String, HostTensor> first = ModelDirectory.read(models[0]).weights();
        Map<String, HostTensor> second = ModelDirectory.read(models[1]).weights();
        ModelDirectory.Model made = ModelDirectory.read(out);
        made.weights().forEach((name, tensor) -> {
            float[] one = first.get(name).toFloats();
            float[] other = second.get(name).toFloats();
            float[] mean = tensor.toFloats();
            for (int i = 0; i < mean.length; i++) {
                assertThat(mean[i]).as(name).isEqualTo((float) (((double) one[i] + other[i]) / 2));
            }
        });
        assertThat(made.config().training().text())
                .contains("\"command\":\"thinkingvit average ")
                .containsPattern(
                        "\"average\":\\[\\{\"name\":\"[^\"/]+/ema\",\"training\":\\{\"checkpoint\":\\{\"entry\":\"state_dict_ema\"")
                .doesNotContain(folder.toString());
        assertThat(CommandRun.of("info", out).out())
                .containsPattern("training +thinkingvit average .* \\(--json has the trainings of each\\)");
        assertThat(out.resolve("README.md"))
                .content()
                .contains("Its weights are the average of those of 2 models, made by thinkingvit")
                .contains("- ema/model.safetensors, ", "- model/model.safetensors, ");
    }

    @Test
    void checkpointsAreReadAsTheyAre() {
        Path out = folder.resolve("out");
        CommandRun run =
                CommandRun.of("average", TRAINED, TRAINED, "--config", CONFIG, "--weights", "model", "--out", out);

        assertThat(run.code()).as(run.err()).isZero();
        CommandRun same =
                CommandRun.of("convert", TRAINED, folder.resolve("same"), "--config", CONFIG, "--weights", "model");
        assertThat(same.code()).isZero();
        ModelDirectory.read(folder.resolve("same")).weights().forEach((name, tensor) -> assertThat(
                        ModelDirectory.read(out).weights().get(name).toFloats())
                .as(name)
                .isEqualTo(tensor.toFloats()));
    }

    @Test
    void thresholdsAreLeftOutAndThatIsSaid() {
        Path out = folder.resolve("out");
        CommandRun run = CommandRun.of("average", SHIPPED, SHIPPED, "--out", out);

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("none is stored until 'calibrate --save' has found them");
        assertThat(ModelDirectory.read(out).config().routing().thresholds()).isEmpty();
        assertThat(out.resolve("int8.ranges")).doesNotExist(); // they are of other weights
    }

    @Test
    void modelsThatHardlyBeganAlikeAreWarnedAbout() {
        ModelDirectory.Model one = ModelDirectory.read(SHIPPED);
        Map<String, HostTensor> against = new LinkedHashMap<>();
        one.weights().forEach((name, tensor) -> {
            float[] values = tensor.toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] = -values[i];
            }
            against.put(name, HostTensor.of(values, tensor.shape()));
        });
        Path stranger = folder.resolve("stranger");
        ModelDirectory.write(stranger, one.config(), against);
        CommandRun run = CommandRun.of("average", SHIPPED, stranger, "--out", folder.resolve("out"));

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains(stranger + ": cosine -1.0000 to the weights of " + SHIPPED);
        assertThat(run.err())
                .contains("warning: " + stranger + " and " + SHIPPED
                        + " hardly began alike; the average of such weights" + " means nothing: 'evaluate' it first");
    }

    @Test
    void whatCannotBeAveragedIsRefusedAndNothingIsWritten() throws IOException {
        Path out = folder.resolve("out");
        CommandRun alone = CommandRun.of("average", SHIPPED, "--out", out);
        assertThat(alone.code()).isEqualTo(Main.USAGE);
        assertThat(alone.err()).contains("an average is of at least 2 models, got 1");

        Path three = Path.of("../models/cifar10-2h-3h-6h");
        CommandRun unlike = CommandRun.of("average", SHIPPED, three, "--out", out);
        assertThat(unlike.code()).isEqualTo(Main.FAILED);
        assertThat(unlike.err().strip())
                .isEqualTo("thinkingvit: " + three + ": is a ThinkingViT with thinking_stages [2, 3, 6], " + SHIPPED
                        + " is one with thinking_stages [3, 6]: an average is of networks of one shape");
        assertThat(out).doesNotExist();

        Path[] models = two();
        byte[] before = Files.readAllBytes(models[1].resolve("model.safetensors"));
        CommandRun itself = CommandRun.of("average", models[0], models[1], "--out", models[1], "--force");
        assertThat(itself.code()).isEqualTo(Main.USAGE);
        assertThat(itself.err()).contains(models[1] + ": is one of the models, and would be lost");
        assertThat(models[1].resolve("model.safetensors")).hasBinaryContent(before);

        CommandRun inTheWay = CommandRun.of("average", models[0], models[0], "--out", models[1]);
        assertThat(inTheWay.code()).isEqualTo(Main.FAILED);
        assertThat(inTheWay.err()).contains("is not empty; --force");
    }

    @Test
    void noFileThatIsReadIsWrittenOver() throws IOException {
        Path[] models = two();
        byte[] before = Files.readAllBytes(models[0].resolve("model.safetensors"));
        CommandRun file = CommandRun.of(
                "average", models[0].resolve("model.safetensors"), models[1], "--out", models[0], "--force");
        assertThat(file.code()).as(file.err()).isEqualTo(Main.FAILED);
        assertThat(file.err()).contains("is read as an input and would be lost");

        Path linked = Files.createDirectory(folder.resolve("linked"));
        for (String name : new String[] {"model.safetensors", "config.json"}) {
            Files.createSymbolicLink(
                    linked.resolve(name), models[0].resolve(name).toAbsolutePath());
        }
        CommandRun links = CommandRun.of("average", models[0], models[1], "--out", linked, "--force");
        assertThat(links.code()).as(links.err()).isEqualTo(Main.FAILED);
        assertThat(links.err()).contains("and would be lost");
        assertThat(models[0].resolve("model.safetensors")).hasBinaryContent(before);
    }

    @Test
    void rangesOfTheWeightsThatGoAreNoneOfThoseThatCome() throws IOException {
        Path out = Files.createDirectory(folder.resolve("out"));
        for (String name : new String[] {"model.safetensors", "config.json", "int8.ranges"}) {
            Files.copy(SHIPPED.resolve(name), out.resolve(name));
        }
        CommandRun run = CommandRun.of("average", SHIPPED, SHIPPED, "--out", out, "--force");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(out.resolve("int8.ranges")).doesNotExist();
    }

    @Test
    void foldersOfThisMachineDoNotTravel() throws IOException {
        Path[] models = two();
        Path arguments = Files.writeString(folder.resolve("arguments"), "-o" + folder.resolve("by-file"));
        for (String[] out : new String[][] {
            {"-o" + folder.resolve("short"), "short"},
            {"-o=" + folder.resolve("equal"), "equal"},
            {"--out=" + folder.resolve("long"), "long"},
            {"@" + arguments, "by-file"}
        }) {
            CommandRun run = CommandRun.of("average", "local-dir:" + models[0], models[1], out[0]);
            assertThat(run.code()).as(run.err()).isZero();
            Path made = folder.resolve(out[1]);
            assertThat(made.resolve("config.json")).content().doesNotContain(folder.toString());
            assertThat(made.resolve("README.md")).content().doesNotContain(folder.toString());
            assertThat(made.resolve("config.json")).content().contains("thinkingvit average local-dir:");
        }
    }

    @Test
    void whoseCropIsTakenIsSaid() {
        Path other = folder.resolve("other");
        assertThat(CommandRun.of("convert", SHIPPED, other, "--crop-pct", "0.8").code())
                .isZero();
        CommandRun run = CommandRun.of("average", SHIPPED, other, "--out", folder.resolve("out"));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("note: " + other + " crops or resizes pictures otherwise; the average does as");

        CommandRun asked =
                CommandRun.of("average", SHIPPED, other, "--out", folder.resolve("asked"), "--crop-pct", "0.7");
        assertThat(asked.err()).doesNotContain("otherwise");
        assertThat(ModelDirectory.read(folder.resolve("asked"))
                        .config()
                        .preprocessing()
                        .cropPct())
                .isEqualTo(0.7);
    }
}
