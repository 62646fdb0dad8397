package dev.thinkingvit.train;

import org.bytedeco.pytorch.Tensor;

/**
 * What a batch should be recognised as, as timm's {@code mixup_target} says it: label smoothing, and the labels of the
 * pictures that were mixed in.
 *
 * @param smoothing share that is spread over all classes
 * @param numClasses C
 */
record SoftTargets(double smoothing, int numClasses) {
    /**
     * @param labels of B images
     * @param ownShare of each image that is its own; the rest is of image B−1−i
     * @return (B, C), each row summing to 1
     */
    float[] of(int[] labels, double ownShare) {
        float off = (float) (smoothing / numClasses);
        float on = (float) (1 - smoothing + smoothing / numClasses);
        float own = (float) ownShare;
        float rest = (float) (1 - ownShare);
        float[] targets = new float[Math.multiplyExact(labels.length, numClasses)];
        for (int i = 0; i < labels.length; i++) {
            int other = labels[labels.length - 1 - i];
            for (int c = 0; c < numClasses; c++) {
                targets[i * numClasses + c] = (c == labels[i] ? on : off) * own + (c == other ? on : off) * rest;
            }
        }
        return targets;
    }

    /**
     * Cross entropy of what a network says with soft targets.
     *
     * @param logits (B, C) F32
     * @param targets (B, C) F32, rows sum to 1
     * @return nats, summed over the images; a scalar
     */
    static Tensor crossEntropy(Tensor logits, Tensor targets) {
        return logits.log_softmax(-1).mul(targets).sum().neg();
    }
}
