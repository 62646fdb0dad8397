package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class TrainCommandTest {
    private static final Path SOURCE = CommandRun.REFERENCE.resolve("vit-3h-6h/model.safetensors");

    @TempDir
    Path directory;

    @BeforeEach
    void writePictures() throws IOException {
        for (String name : List.of("black", "white")) {
            Path folder = Files.createDirectories(directory.resolve("data").resolve(name));
            BufferedImage picture = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
            picture.setRGB(0, 0, 64, 64, new int[64 * 64], 0, 64);
            picture.setRGB(0, 0, name.equals("white") ? 0xFFFFFF : 0);
            for (int i = 0; i < 2; i++) {
                ImageIO.write(picture, "png", folder.resolve(i + ".png").toFile());
            }
        }
    }

    @Test
    void trainingStartsFromACutOfAWiderModel() {
        CommandRun run = train("--init", SOURCE, "--epochs=0");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("first weights: 18 of 23 tensors, ")
                .contains(SOURCE.normalize().getFileName().toString())
                .contains("note: the source is 48 wide, the model 32: its leading slices are taken")
                .contains("note: the source's head has 20 classes, this model 2: it starts at random")
                .contains("warning: blocks.1.* of the source is left over: the model computes without it");
        float[] saved = starting("blocks.0.attn.proj.weight");
        float[] source = Safetensors.read(SOURCE)
                .tensors()
                .get("blocks.0.attn.proj.weight")
                .toFloats();
        for (int i = 0; i < 32; i++) {
            for (int j = 0; j < 32; j++) {
                assertThat(saved[i * 32 + j]).isEqualTo(source[i * 48 + j]);
            }
        }
    }

    @Test
    void withoutEpochsTheStartingModelIsWrittenAndATrainingGoesOnFromIt() {
        CommandRun run = train("--epochs=0", "--warmup-epochs=5", "--cooldown-epochs=10", "--batch-size=1024");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("wrote the starting model to " + directory.resolve("out/last"));
        assertThat(directory.resolve("out/best")).doesNotExist();
        CommandRun shown = CommandRun.of("info", directory.resolve("out/last"));
        assertThat(shown.code()).as(shown.err()).isZero();
        Map<String, HostTensor> start =
                ModelDirectory.read(directory.resolve("out/last")).weights();

        CommandRun again = CommandRun.of("train", "--resume", "--out", directory.resolve("out"));
        assertThat(again.out()).contains("0 epochs; more --epochs would go on");
        CommandRun gone = CommandRun.of(
                "train",
                "--resume",
                "--out",
                directory.resolve("out"),
                "--epochs=1",
                "--cooldown-epochs=0",
                "--batch-size=2",
                "--lr=1e-30",
                "--min-lr=0",
                "--warmup-lr=0");
        assertThat(gone.code()).as(gone.err()).isZero();
        assertThat(gone.err()).contains("going on at epoch 1, update 1");
        start.forEach((name, tensor) ->
                assertThat(starting(name)).as(name).containsExactly(tensor.toFloats(), within(1e-6f)));
    }

    @Test
    void weightsOfWhichNextToNothingFitsAreRefusedInOneLine() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("fc.weight", HostTensor.of(new float[1000], 1000));
        tensors.put("norm.weight", HostTensor.of(new float[48], 48));
        Path file = directory.resolve("other.safetensors");
        Safetensors.write(file, tensors, Map.of());

        CommandRun run = train("--init", file);

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .containsOnlyOnce("thinkingvit: ")
                .contains(file + ": is of another kind of network: of its 2 tensors, such as fc.weight, 1 fit a ViT");
        assertThat(directory.resolve("out")).doesNotExist();
    }

    private float[] starting(String name) {
        return ModelDirectory.read(directory.resolve("out/last"))
                .weights()
                .get(name)
                .toFloats();
    }

    private CommandRun train(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of(
                "train",
                "--data",
                directory.resolve("data"),
                "--out",
                directory.resolve("out"),
                "--recipe=../recipes/cifar10-3h-6h.yaml",
                "--stages=2,4",
                "--head-dim=8",
                "--depth=1",
                "--img-size=64",
                "--patch-size=16",
                "--epochs=1",
                "--batch-size=2",
                "--warmup-epochs=0",
                "--model-ema-decay=0",
                "--weight-init=timm",
                "--precision=fp32"));
        for (Object argument : more) {
            // what a test asks for takes the place of what is said above
            String key = argument.toString().replaceFirst("=.*", "=");
            arguments.removeIf(before -> before.toString().startsWith(key));
            arguments.add(argument);
        }
        return CommandRun.of(arguments.toArray());
    }
}
