package dev.thinkingvit.eval;

import dev.thinkingvit.data.Sample;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;

/** Recordings, pictures and models made up for tests. */
public final class MadeUp {
    /** A model of three stages that takes milliseconds. */
    public static final ThinkingViTConfig NETWORK = new ThinkingViTConfig(16, 8, 32, 2, 4, List.of(1, 2, 4), 6, 1e-6);

    private MadeUp() {}

    /** Images whose later stages are right more often, with many equal measures. */
    public static Recording recording(Router router, int images, int stages, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<ImageRecord> records = new ArrayList<>();
        for (int i = 0; i < images; i++) {
            List<StageRecord> thoughts = new ArrayList<>();
            for (int k = 0; k < stages; k++) {
                boolean right = random.nextDouble() < 0.5 + 0.15 * k;
                double measure = random.nextInt(20) / 20.0;
                thoughts.add(new StageRecord(
                        right ? 1 : 0,
                        0.5,
                        right,
                        right || random.nextBoolean(),
                        measure,
                        2 * random.nextDouble(),
                        measure,
                        (k + 1L) * (k + 1L) * 1_250_000_000L));
            }
            records.add(new ImageRecord(Path.of(i + ".png"), List.of(1), thoughts));
        }
        List<Double> gmacs = new ArrayList<>();
        for (int k = 1; k <= stages; k++) {
            gmacs.add(k * k * 1.25);
        }
        return new Recording(router, 10, gmacs, records, List.of(), 0);
    }

    /** @param gmacs of all stages up to and with it */
    static StageRecord stage(boolean right, double measure, int gmacs) {
        return new StageRecord(right ? 1 : 0, 0.5, right, right, measure, measure, measure, gmacs * 1_000_000_000L);
    }

    public static ElasticEngine engine() {
        try (NestedNetwork model = NestedNetwork.initialise(NETWORK, 3)) {
            Map<String, HostTensor> weights = new LinkedHashMap<>(model.stateDict());
            // Freshly drawn heads are nearly indifferent: louder ones make entropies differ.
            weights.computeIfPresent("head.weight", (name, head) -> louder(head));
            return new ElasticEngine(PackedBackbone.of(NETWORK, weights, Precision.FP32));
        }
    }

    private static HostTensor louder(HostTensor tensor) {
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
            values[i] *= 25;
        }
        return HostTensor.of(values, tensor.shape());
    }

    /** Pictures of noise, {@code each} in each of six folders. */
    public static List<Sample> pictures(Path root, int each) throws IOException {
        List<Sample> samples = new ArrayList<>();
        for (int label = 0; label < NETWORK.numClasses(); label++) {
            Path folder = Files.createDirectories(root.resolve("class" + label));
            for (int i = 0; i < each; i++) {
                SplittableRandom random = new SplittableRandom(label * 1000L + i);
                BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
                int base = random.nextInt(0x1000000);
                for (int pixel = 0; pixel < 256; pixel++) {
                    image.setRGB(pixel % 16, pixel / 16, base ^ (random.nextInt(0x1000000) & 0x3F3F3F));
                }
                Path file = folder.resolve(String.format("%03d.png", i));
                ImageIO.write(image, "png", file.toFile());
                samples.add(new Sample(file, label));
            }
        }
        return samples;
    }
}
