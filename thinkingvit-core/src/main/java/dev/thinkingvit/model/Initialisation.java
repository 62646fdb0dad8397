package dev.thinkingvit.model;

import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** Random weights, drawn as timm draws a ViT's. */
final class Initialisation {
    private static final double STD = 0.02;

    private Initialisation() {}

    static Map<String, HostTensor> draw(ThinkingViTConfig config, long seed) {
        RandomGenerator random = new SplittableRandom(seed);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        config.parameterShapes().forEach((name, shape) -> {
            int count = 1;
            for (long size : shape) {
                count = Math.multiplyExact(count, Math.toIntExact(size));
            }
            weights.put(name, HostTensor.of(values(name, count, config, random), shape));
        });
        return weights;
    }

    private static float[] values(String name, int count, ThinkingViTConfig config, RandomGenerator random) {
        float[] values = new float[count];
        if (name.equals("cls_token")) {
            fill(values, () -> 1e-6 * random.nextGaussian());
        } else if (name.startsWith("patch_embed.")) {
            // PyTorch's default for a convolution: uniform within 1/√fan-in, bias too
            double bound = 1 / Math.sqrt(config.patchElements());
            fill(values, () -> random.nextDouble(-bound, bound));
        } else if (name.contains("norm") && name.endsWith(".weight")) {
            fill(values, () -> 1);
        } else if (name.equals("pos_embed") || name.endsWith(".weight")) {
            fill(values, () -> gaussian(random));
        }
        return values; // biases and alphas start at 0
    }

    private static double gaussian(RandomGenerator random) {
        // timm truncates at ±2, which at this deviation is a hundred deviations away
        return STD * random.nextGaussian();
    }

    private interface Draw {
        double next();
    }

    private static void fill(float[] values, Draw draw) {
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) draw.next();
        }
    }
}
