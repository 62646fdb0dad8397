package dev.thinkingvit.train;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Draws the stages whose losses an update descends on. Immutable. */
final class StageSampler {
    private final double[] weights;
    private final LossRecipe.StageSampling sampling;

    /** @param weights of each stage's loss, not negative, not all 0 */
    StageSampler(double[] weights, LossRecipe.StageSampling sampling) {
        this.weights = weights.clone();
        this.sampling = sampling;
    }

    /** The weight of each stage's loss in an update: 0 for one that is not selected; their sum is that of all weights. */
    double[] draw(SplittableRandom random) {
        int stages = weights.length;
        boolean[] selected = new boolean[stages];
        int[] weighted = IntStream.range(0, stages).filter(k -> weights[k] > 0).toArray();
        switch (sampling) {
            case ALL -> Arrays.fill(selected, true);
            case RANDOM -> selected[weighted[random.nextInt(weighted.length)]] = true;
            case SANDWICH -> {
                selected[0] = true;
                selected[stages - 1] = true;
                if (stages > 2) {
                    selected[1 + random.nextInt(stages - 2)] = true;
                }
            }
        }
        double some = 0;
        for (int k = 0; k < stages; k++) {
            some += selected[k] ? weights[k] : 0;
        }
        if (some == 0) { // of a sandwich whose stages have no weight
            selected[weighted[0]] = true;
            some = weights[weighted[0]];
        }
        double all = Arrays.stream(weights).sum();
        double[] drawn = new double[stages];
        for (int k = 0; k < stages; k++) {
            drawn[k] = selected[k] ? weights[k] * all / some : 0;
        }
        return drawn;
    }
}
