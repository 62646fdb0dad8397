package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;

/** A set of labelled pixels in {@code data}, 8 pictures to train on and 2 to judge by, and a recipe for it. */
@NullUnmarked // a null fails the test
record TinyPixels(Path directory) {
    private static final String RECIPE = """
            network:
              architecture: thinkingvit_segmenter
              model_kwargs: {thinking_stages: [1, 2], img_size: 16, patch_size: 8, embed_dim: 16, depth: 1, num_heads: 2, decoder: linear}
            optimizer: {opt: sgd, lr: 0.05, batch_size: 4, weight_decay: 0}
            schedule: {sched: poly, sched_on_updates: true, epochs: 3, min_lr: 1e-5}
            """;

    /** Dark above, bright below, with a border that is left out. */
    static TinyPixels write(Path directory) throws IOException {
        TinyPixels set = new TinyPixels(directory);
        for (String part : new String[] {"train", "val"}) {
            for (int i = 0; i < (part.equals("train") ? 8 : 2); i++) {
                BufferedImage picture = new BufferedImage(24, 20, BufferedImage.TYPE_INT_RGB);
                BufferedImage labels = new BufferedImage(24, 20, BufferedImage.TYPE_BYTE_GRAY);
                for (int y = 0; y < 20; y++) {
                    for (int x = 0; x < 24; x++) {
                        boolean below = y > 6 + i;
                        picture.setRGB(x, y, below ? 0xF0F0E0 : 0x101020);
                        labels.getRaster().setSample(x, y, 0, x == 0 ? 2 : below ? 1 : 0);
                    }
                }
                set.write(picture, "data/images/" + part + "/" + i + ".png");
                set.write(labels, "data/annotations/" + part + "/" + i + ".png");
            }
        }
        set.labels("sky", "ground", "-border");
        set.recipe(RECIPE);
        return set;
    }

    Path data() {
        return directory.resolve("data");
    }

    void labels(String... names) throws IOException {
        Files.write(directory.resolve("data/labels.txt"), List.of(names));
    }

    void recipe(String text) throws IOException {
        Files.writeString(directory.resolve("recipe.yaml"), text);
    }

    /** An annotation in which all pixels have a number. */
    void annotate(String name, int number) throws IOException {
        BufferedImage labels = new BufferedImage(24, 20, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < 20 * 24; i++) {
            labels.getRaster().setSample(i % 24, i / 24, 0, number);
        }
        write(labels, "data/annotations/" + name);
    }

    void write(BufferedImage image, String name) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        assertThat(ImageIO.write(image, "png", file.toFile())).isTrue();
    }

    /** Trains in {@code run}. */
    CommandRun train(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of(
                "train",
                "--data",
                data(),
                "--recipe",
                directory.resolve("recipe.yaml"),
                "--out",
                directory.resolve("run")));
        arguments.addAll(List.of(more));
        return CommandRun.of(arguments.toArray());
    }

    /** Goes on in {@code run}. */
    CommandRun goOn(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("train", "--resume", "--out", directory.resolve("run")));
        arguments.addAll(List.of(more));
        return CommandRun.of(arguments.toArray());
    }
}
