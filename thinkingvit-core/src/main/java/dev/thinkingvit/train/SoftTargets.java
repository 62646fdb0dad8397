package dev.thinkingvit.train;

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
}
