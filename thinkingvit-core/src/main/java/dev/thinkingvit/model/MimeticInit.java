package dev.thinkingvit.model;

import dev.thinkingvit.tensor.HostTensor;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * First weights whose attention looks like a trained one's (Trockman and Kolter, "Mimetic Initialization of
 * Self-Attention Layers", 2023): queries and keys alike, so that a token attends to itself and, through the position
 * embedding, to its neighbours; values and projection opposed. The paper factors a wanted product by SVD; here
 * correlated draws give the products in expectation, which holds for every leading slice too, as nested stages need it.
 */
final class MimeticInit {
    private static final double QUERY_KEY = 0.7;
    private static final double VALUE_PROJECTION = 0.4;
    private static final double TEMPERATURE = 100;
    private static final double GOLDEN = 0.6180339887498949;

    private MimeticInit() {}

    /** Replaces attention weights and position embedding. */
    static void apply(Map<String, HostTensor> weights, ThinkingViTConfig config, long seed) {
        RandomGenerator random = new SplittableRandom(seed ^ 0x6d696d65746963L);
        int width = config.embedDim();
        for (int block = 0; block < config.depth(); block++) {
            String attention = "blocks." + block + ".attn.";
            float[] queryKey = gaussian(width * width, Math.sqrt(QUERY_KEY / width), random);
            float[] value = gaussian(width * width, Math.sqrt(VALUE_PROJECTION / width), random);
            float[] qkv = new float[3 * width * width];
            float[] projection = new float[width * width];
            System.arraycopy(queryKey, 0, qkv, 0, width * width);
            System.arraycopy(queryKey, 0, qkv, width * width, width * width);
            System.arraycopy(value, 0, qkv, 2 * width * width, width * width);
            for (int row = 0; row < width; row++) {
                for (int column = 0; column < width; column++) {
                    projection[row * width + column] = -value[column * width + row];
                }
            }
            weights.put(attention + "qkv.weight", HostTensor.of(qkv, 3L * width, width));
            weights.put(attention + "proj.weight", HostTensor.of(projection, width, width));
        }
        weights.put("pos_embed", positions(config));
    }

    private static float[] gaussian(int count, double std, RandomGenerator random) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (std * random.nextGaussian());
        }
        return values;
    }

    /**
     * Sines and cosines of both coordinates; the class token's are 0. Frequencies come in an order that spreads those of
     * every leading slice over the whole range.
     */
    private static HostTensor positions(ThinkingViTConfig config) {
        int width = config.embedDim();
        int across = config.grid().width();
        float[] values = new float[config.tokens() * width];
        for (int feature = 0; feature < width; feature++) {
            int band = feature / 4; // sine and cosine, across and down
            double frequency = Math.pow(TEMPERATURE, -(band * GOLDEN % 1));
            for (int patch = 0; patch < config.patches(); patch++) {
                int place = feature % 4 < 2 ? patch % across : patch / across;
                double angle = place * frequency;
                values[(1 + patch) * width + feature] = (float) (feature % 2 == 0 ? Math.sin(angle) : Math.cos(angle));
            }
        }
        return HostTensor.of(values, 1, config.tokens(), width);
    }
}
