package dev.thinkingvit.eval;

/**
 * What is kept of one stage's thought about one image.
 *
 * @param predicted the most probable class; {@link Score.Fared#NO_CLASS} where no class is predicted
 * @param probability of it, among the classes that may be predicted: 0–1
 * @param score how much of what was wanted it gave: 0–1, of a class 1 or 0
 * @param inTop1 whether it is a right one, or what else the {@link Score} calls right
 * @param inTop5 whether a right class is among the five most probable, or what else the score calls nearly right
 * @param measure the router's, of the probabilities of the classes that may be predicted
 * @param entropyNats Shannon entropy of the same probabilities
 * @param loss the score's; of classes the cross entropy in nats
 * @param macs multiply-accumulates that were spent on the image up to and with this stage
 */
public record StageRecord(
        int predicted,
        double probability,
        double score,
        boolean inTop1,
        boolean inTop5,
        double measure,
        double entropyNats,
        double loss,
        long macs) {
    /** Of a prediction that is either right or not. */
    public StageRecord(
            int predicted,
            double probability,
            boolean inTop1,
            boolean inTop5,
            double measure,
            double entropyNats,
            double loss,
            long macs) {
        this(predicted, probability, inTop1 ? 1 : 0, inTop1, inTop5, measure, entropyNats, loss, macs);
    }
}
