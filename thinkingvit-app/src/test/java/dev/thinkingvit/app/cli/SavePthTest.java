package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.TorchFile;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code train --save-pth} leaves for users of Python. */
@NullUnmarked // a null fails the test
class SavePthTest {
    @TempDir
    Path directory;

    private Path run;

    @BeforeEach
    void trainOneEpoch() throws IOException {
        TinyTraining.writePictures(directory);
        run = directory.resolve("run");
        train(1, "--save-pth");
    }

    private void train(int epochs, Object... more) {
        CommandRun done = CommandRun.of(
                TinyTraining.arguments(directory, run, epochs, more).toArray());
        assertThat(done.code()).as(done.err()).isZero();
    }

    private Map<?, ?> content(String name) {
        return (Map<?, ?>) TorchFile.load(run.resolve(name));
    }

    private Map<?, ?> shape() {
        return (Map<?, ?>) ((Map<?, ?>) content("last.pth.tar").get("args")).get("model_kwargs");
    }

    private static void assertSame(Object dictionary, Map<String, HostTensor> expected, String prefix) {
        Map<?, ?> read = (Map<?, ?>) dictionary;
        assertThat(read).isNotEmpty().allSatisfy((name, tensor) -> assertThat(((HostTensor) tensor).data())
                .as("%s", name)
                .isEqualTo(expected.get(prefix + name).data()));
    }

    @Test
    void weightsAndAverageAreThoseOfTheRunBitForBit() {
        Map<?, ?> last = content("last.pth.tar");

        assertThat(last.get("epoch")).as("the last that is done, from 0").isEqualTo(0);
        assertThat(last.get("version")).isEqualTo(2);
        assertThat(last.get("arch")).isEqualTo("thinkingvit");
        assertThat((double) last.get("metric")).isBetween(0.0, 100.0);
        assertSame(last.get("state_dict"), RunFolder.state(run).orElseThrow().tensors(), "model.");
        assertSame(
                last.get("state_dict_ema"),
                ModelDirectory.read(run.resolve("last")).weights(),
                "");
        assertSame(
                content("model_best.pth.tar").get("state_dict_ema"),
                ModelDirectory.read(run.resolve("best")).weights(),
                "");
    }

    @Test
    void argumentsHaveTimmsNamesAndTellTheNetwork() {
        Map<?, ?> arguments = (Map<?, ?>) content("last.pth.tar").get("args");

        assertThat(arguments.get("model")).isEqualTo("thinkingvit");
        assertThat(arguments.get("thinking_stages")).isEqualTo(List.of(1, 2));
        assertThat(arguments.get("opt")).isEqualTo("adamw");
        assertThat(arguments.get("lr")).isEqualTo(1e-3);
        assertThat(arguments.get("batch_size")).isEqualTo(8);
        assertThat(arguments.get("model_ema")).isEqualTo(true);
        assertThat(arguments.get("clip_grad")).isNull();
        assertThat(arguments.get("mean")).isEqualTo(List.of(0.485, 0.456, 0.406));
        assertThat(((Map<?, ?>) arguments.get("model_kwargs")).get("num_heads")).isEqualTo(2);
    }

    @Test
    void whatTimmCallsOtherwiseStandsUnderItsName() {
        assertThat(((Map<?, ?>) content("last.pth.tar").get("args")).get("eval_metric"))
                .isEqualTo("top1");
        run = directory.resolve("poly");
        train(1, "--save-pth", "--sched=poly", "--poly-power=0.7", "--best-metric=stage1_loss");
        Map<?, ?> arguments = (Map<?, ?>) content("last.pth.tar").get("args");
        assertThat(arguments.get("decay_rate")).isEqualTo(0.7);
        assertThat(arguments.get("eval_metric")).isEqualTo("loss");
        assertThat(arguments.get("best_metric")).isEqualTo("stage1_loss");
    }

    @Test
    void itConvertsBackWithoutAConfiguration() {
        ModelDirectory.Model trained = ModelDirectory.read(run.resolve("last"));

        ModelDirectory.Model read = ModelImport.read(run.resolve("last.pth.tar"), null, Weights.AUTO)
                .model();

        assertThat(read.config().network()).isEqualTo(trained.config().network());
        assertThat(read.config().preprocessing()).isEqualTo(trained.config().preprocessing());
    }

    /** timm's models take no such argument, so that the usual one is left out. */
    @Test
    void anEpsilonIsKeptWhereItIsNotTheUsualOne() {
        assertThat(shape().keySet().toString()).isEqualTo("[img_size, patch_size, embed_dim, num_heads, depth]");
        run = directory.resolve("eps");
        train(1, "--save-pth", "--model-kwargs=norm_eps=1e-3");

        assertThat(shape().get("norm_eps")).isEqualTo(1e-3);
        itConvertsBackWithoutAConfiguration();
    }

    @Test
    void aTrainingThatHasThemGoesOnWritingThem() {
        train(2);

        assertThat(content("last.pth.tar").get("epoch")).isEqualTo(1);
        assertSame(
                content("last.pth.tar").get("state_dict_ema"),
                ModelDirectory.read(run.resolve("last")).weights(),
                "");
    }

    @Test
    void aNewTrainingInTheFolderDoesNotKeepThem() throws IOException {
        List<String> arguments = TinyTraining.arguments(directory, run, 1, "--force", "--model-ema-decay=0");
        arguments.remove("--resume");

        assertThat(CommandRun.of(arguments.toArray()).code()).isZero();

        assertThat(Files.exists(run.resolve("last.pth.tar"))).isFalse();
        assertThat(Files.exists(run.resolve("model_best.pth.tar"))).isFalse();
    }

    @Test
    void withoutAnAverageThereIsOnlyTheStateDict() {
        List<String> arguments =
                TinyTraining.arguments(directory, run, 1, "--force", "--model-ema-decay=0", "--save-pth");
        arguments.remove("--resume");
        CommandRun.of(arguments.toArray());

        assertThat(content("last.pth.tar").containsKey("state_dict_ema")).isFalse();
        assertThat(((Map<?, ?>) content("last.pth.tar").get("args")).get("model_ema"))
                .isEqualTo(false);
    }
}
