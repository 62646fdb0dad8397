package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.ModelDirectory;
import dev.thinkingvit.checkpoint.Safetensors;
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
    void trainingStartsFromANarrowerCutOfAnotherModel() {
        CommandRun run = train("--init", SOURCE, "--lr=1e-30", "--min-lr=1e-30", "--warmup-lr=1e-30");

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("warning: 2 tensors are cut by more than width: head.weight, head.bias")
                .contains("tensors of the source are left over: blocks.1.norm1.weight, ")
                .contains("start from ")
                .contains(SOURCE.normalize().getFileName().toString());
        // at next to no learning rate, what was saved is what training began with
        float[] saved = ModelDirectory.read(directory.resolve("out/last"))
                .weights()
                .get("blocks.0.attn.proj.weight")
                .toFloats();
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
    void weightsOfWhichNextToNothingFitsAreRefused() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("fc.weight", HostTensor.of(new float[1], 1));
        tensors.put("norm.weight", HostTensor.of(new float[48], 48));
        Path file = directory.resolve("other.safetensors");
        Safetensors.write(file, tensors, Map.of());

        CommandRun run = train("--init", file);

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .contains("tensor fc.weight of the source is left over")
                .contains("only 1 of 23 tensors, 0.1 % of the values");
        assertThat(directory.resolve("out")).doesNotExist();
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
        arguments.addAll(List.of(more));
        return CommandRun.of(arguments.toArray());
    }
}
