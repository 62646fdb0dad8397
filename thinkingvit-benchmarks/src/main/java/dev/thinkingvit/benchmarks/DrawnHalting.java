package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.AdaptiveViT;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * An A-ViT of DeiT-Tiny's shape, drawn so that its tokens halt after 3 to 9 of its 12 blocks, 6 on average, and a few somewhat
 * earlier or later: how much is saved is known before, and each image keeps other tokens.
 *
 * <p>The gate reads a token's first feature. Here the blocks leave that one alone, so that it stays what positions and patches
 * make of it.
 */
final class DrawnHalting {
    static final AdaptiveViT NETWORK = new AdaptiveViT(ThinkingViTConfig.imagenet(3), 1, 0, AdaptiveViT.DEFAULT_EPS);

    private static final int LEAST = 3;
    private static final int LARGEST = 9;
    /** Of the first feature, from image to image: enough that some tokens halt a block earlier or later. */
    private static final double SPREAD = 0.1;

    private static final long SEED = 1;

    private DrawnHalting() {}

    /** Its weights, and DeiT-Tiny's with as good a right. */
    static Map<String, HostTensor> weights() {
        Map<String, HostTensor> weights =
                new LinkedHashMap<>(NETWORK.parameters().draw(SEED));
        int width = NETWORK.vit().embedDim();
        int tokens = NETWORK.vit().tokens();
        for (int block = 0; block < NETWORK.vit().depth(); block++) {
            for (String last : new String[] {"attn.proj.", "mlp.fc2."}) {
                String layer = "blocks." + block + "." + last;
                change(weights, layer + "weight", values -> Arrays.fill(values, 0, values.length / width, 0));
                change(weights, layer + "bias", values -> values[0] = 0);
            }
        }
        SplittableRandom random = new SplittableRandom(SEED);
        change(weights, "cls_token", values -> values[0] = 0);
        change(weights, "pos_embed", values -> {
            for (int token = 0; token < tokens; token++) {
                int depth = random.nextInt(LEAST, LARGEST + 1);
                values[token * width] = (float) gate(depth);
            }
        });
        change(weights, "patch_embed.proj.bias", values -> values[0] = 0);
        change(weights, "patch_embed.proj.weight", values -> {
            int pixels = values.length / width;
            for (int i = 0; i < pixels; i++) {
                values[i] = (float) (SPREAD / Math.sqrt(pixels) * random.nextGaussian());
            }
        });
        return weights;
    }

    /** Of which as many scores sum to 1 − ε and no fewer do. */
    private static double gate(int depth) {
        double limit = 1 - NETWORK.haltingEps();
        double score = (limit / depth + limit / (depth - 1)) / 2;
        return Math.log(score / (1 - score));
    }

    private interface Change {
        void to(float[] values);
    }

    private static void change(Map<String, HostTensor> weights, String name, Change change) {
        HostTensor before = weights.get(name);
        if (before == null) {
            throw new IllegalStateException("no tensor " + name);
        }
        float[] values = before.toFloats();
        change.to(values);
        weights.put(name, HostTensor.of(values, before.shape()));
    }
}
