package dev.thinkingvit.eval;

/**
 * What is kept of one stage's thought about one image.
 *
 * @param predicted the most probable class
 * @param probability of it, among the classes that may be predicted: 0–1
 * @param inTop1 whether it is a right one
 * @param inTop5 whether a right class is among the five most probable
 * @param measure the router's, of the probabilities of the classes that may be predicted
 * @param entropyNats Shannon entropy of the same probabilities
 * @param crossEntropyNats negative logarithm of the right class's probability; of several right ones the most probable's
 * @param macs multiply-accumulates that were spent on the image up to and with this stage
 */
public record StageRecord(
        int predicted,
        double probability,
        boolean inTop1,
        boolean inTop5,
        double measure,
        double entropyNats,
        double crossEntropyNats,
        long macs) {}
