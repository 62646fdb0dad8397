package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.NetworkConfig;
import java.util.SplittableRandom;

/**
 * Images of noise with random labels: what a network costs does not depend on what it sees.
 *
 * @param images (B, 3, S, S), normally distributed
 * @param targets (B, C), rows sum to 1; smoothed as recipes do
 * @param size B
 */
@SuppressWarnings("ArrayRecordComponent") // nobody's map key
record SyntheticBatch(float[] images, float[] targets, int size) {
    private static final float SMOOTHING = 0.1f;

    static SyntheticBatch draw(NetworkConfig config, int size, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] images = new float[size * config.imageSize().values()];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        int classes = config.numClasses();
        float[] targets = new float[size * classes];
        java.util.Arrays.fill(targets, SMOOTHING / classes);
        for (int i = 0; i < size; i++) {
            targets[i * classes + random.nextInt(classes)] += 1 - SMOOTHING;
        }
        return new SyntheticBatch(images, targets, size);
    }
}
