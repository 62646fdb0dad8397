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
                .containsPattern("model: [0-9.]+ % of the length of its weights away from .*ema")
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
                .contains("\"average\":[{\"name\":\"ema\",\"training\":{\"checkpoint\":{\"entry\":\"state_dict_ema\"")
                .doesNotContain(folder.toString());
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
        assertThat(run.out()).contains(stranger + ": 200 % of the length of its weights away from " + SHIPPED);
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
                .isEqualTo("thinkingvit: " + three + ": is a ThinkingViT with stages 2H → 3H → 6H, " + SHIPPED
                        + " is one with stages 3H → 6H: an average is of networks of one shape");
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
}
