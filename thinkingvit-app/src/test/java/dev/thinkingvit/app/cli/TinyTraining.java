package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.TrainingLog;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.TrainerState;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.jspecify.annotations.NullUnmarked;

/** Pictures and a network so small that a training takes seconds, with everything that chance decides. */
@NullUnmarked // a null fails the test
final class TinyTraining {
    static final int PICTURES = 80;
    static final int UPDATES_PER_EPOCH = 10;

    /** Odd, so that two processes cannot share them evenly. */
    static final int VALIDATION = 21;

    private TinyTraining() {}

    /** Writes {@code train} and {@code val}. */
    static void writePictures(Path folder) throws IOException {
        Random random = new Random(5);
        for (int i = 0; i < PICTURES + VALIDATION; i++) {
            BufferedImage picture = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
            boolean dark = i % 2 == 0;
            for (int p = 0; p < 256; p++) {
                picture.setRGB(p % 16, p / 16, (dark ? 0x303030 : 0x808080) + (random.nextInt(1 << 24) & 0x7F7F7F));
            }
            Path target = Files.createDirectories(
                    folder.resolve(i < PICTURES ? "train" : "val").resolve(dark ? "dark" : "light"));
            ImageIO.write(picture, "png", target.resolve(i + ".png").toFile());
        }
    }

    /** The command line of a training that begins, or goes on where there is one. */
    static List<String> arguments(Path pictures, Path out, int epochs, Object... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "--resume",
                "--data=" + pictures.resolve("train"),
                "--val=" + pictures.resolve("val"),
                "--out=" + out,
                "--recipe=" + Path.of("../recipes/cifar10-3h-6h.yaml").toAbsolutePath(),
                "--stages=1,2",
                "--head-dim=8",
                "--depth=2",
                "--img-size=16",
                "--weight-init=timm",
                "--batch-size=8",
                "--warmup-epochs=0",
                "--precision=fp32",
                "--epochs=" + epochs));
        for (Object argument : more) {
            arguments.add(argument.toString());
        }
        return arguments;
    }

    /** Packs a folder. */
    static void tar(Path folder, Path tar) throws IOException {
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(Files.newOutputStream(tar));
                Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                TarArchiveEntry entry =
                        new TarArchiveEntry(folder.relativize(file).toString());
                entry.setSize(Files.size(file));
                out.putArchiveEntry(entry);
                Files.copy(file, out);
                out.closeArchiveEntry();
            }
        }
    }

    /** How many updates the saved state has behind it. */
    static long updates(Path run) {
        Optional<TrainerState> state = RunFolder.state(run);
        return state.isPresent() ? state.get().position().totalUpdates() : 0;
    }

    /** Fails unless two runs have come to the same models, states and numbers, bit for bit. */
    static void assertSame(Path run, Path expected) throws IOException {
        for (String file : List.of("last/model.safetensors", "best/model.safetensors", "last/state.safetensors")) {
            Safetensors.Contents came = Safetensors.read(run.resolve(file));
            Safetensors.Contents wanted = Safetensors.read(expected.resolve(file));
            assertThat(came.metadata()).as(file).isEqualTo(wanted.metadata());
            assertThat(came.tensors().keySet())
                    .as(file)
                    .isEqualTo(wanted.tensors().keySet());
            came.tensors().forEach((name, tensor) -> assertThat(tensor.data())
                    .as("%s in %s", name, file)
                    .isEqualTo(wanted.tensors().get(name).data()));
        }
        assertThat(epochs(run)).isEqualTo(epochs(expected));
        assertThat(run.resolve("steps.csv")).hasSameTextualContentAs(expected.resolve("steps.csv"));
    }

    /** The table of epochs without what the machine decides. */
    static Map<String, List<Double>> epochs(Path run) throws IOException {
        Map<String, List<Double>> table = TrainingLog.read(run.resolve("epochs.csv"));
        table.remove("images_per_second");
        table.remove("waiting_share");
        return table;
    }

    /** The largest difference between two states' values of the tensors whose names begin with {@code prefix}. */
    static double distance(Path run, Path other, String prefix) {
        Map<String, HostTensor> ones = RunFolder.state(run).orElseThrow().tensors();
        Map<String, HostTensor> others = RunFolder.state(other).orElseThrow().tensors();
        double largest = 0;
        int compared = 0;
        for (Map.Entry<String, HostTensor> entry : ones.entrySet()) {
            if (entry.getKey().startsWith(prefix)) {
                float[] one = entry.getValue().toFloats();
                float[] theOther = others.get(entry.getKey()).toFloats();
                for (int i = 0; i < one.length; i++) {
                    largest = Math.max(largest, Math.abs((double) one[i] - theOther[i]));
                    compared++;
                }
            }
        }
        assertThat(compared).isPositive();
        return largest;
    }
}
