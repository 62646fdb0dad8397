package dev.thinkingvit.model;

/**
 * How a network's predictions are read, image by image. The network brings it, so that routing, evaluation and verification
 * need not know what is predicted. Immutable, and safe from any thread.
 */
public interface Readout {
    /** A logit a class: {@link ClassScores}. */
    Readout CLASSES = new Readout() {
        @Override
        public ClassScores read(float[] values, int offset, int length) {
            return ClassScores.of(values, offset, length);
        }

        @Override
        public String place(int index) {
            return "class " + index;
        }
    };

    /**
     * Reads one image.
     *
     * @param values the prediction of a batch, image by image; not kept
     * @param offset of the image's first
     * @param length of the image's values
     */
    Prediction read(float[] values, int offset, int length);

    /** Whether what it reads is {@link MaskScores}, a prediction of each pixel. */
    default boolean isOfPixels() {
        return false;
    }

    /** What value {@code index} of an image is of, in words. */
    String place(int index);

    /**
     * Refuses what is no number, which has no entropy and would pass for certainty.
     *
     * @param stage that gave the values
     * @throws NoNumberException that names the stage and the place
     */
    default void requireNumbers(int stage, float[] values, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new NoNumberException("stage " + stage + " gave " + values[i] + " for " + place(i - offset)
                        + ", a finite number is required; the model's weights or the input are damaged");
            }
        }
    }
}
