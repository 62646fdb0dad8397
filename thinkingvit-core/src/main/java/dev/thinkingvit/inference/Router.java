package dev.thinkingvit.inference;

/**
 * Decides, per image, whether a stage is sure enough to stop. The {@linkplain Routers usual ones} are built in; any
 * other is a class with these three methods. Implementations are stateless and safe from any thread.
 */
public interface Router {
    /** Name in configurations, tables and on the command line. */
    String id();

    /**
     * How certain a stage is.
     *
     * @param probabilities softmax of the stage's logits, C values that sum to 1; not to be changed
     * @return a number that {@link #isSure} compares with a threshold
     */
    double measure(float[] probabilities);

    /** Whether an image with this measure stops at this threshold. */
    boolean isSure(double measure, double threshold);
}
