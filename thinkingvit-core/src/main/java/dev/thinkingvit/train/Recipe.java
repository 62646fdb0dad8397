package dev.thinkingvit.train;

import dev.thinkingvit.model.Precision;
import java.util.Arrays;
import java.util.List;

/**
 * How a model is trained. Names follow timm's training script; see {@link #cifar10()} for a complete example.
 *
 * @param epochs passes over the training set, warm-up included
 * @param batchSize images a step
 * @param learningRate peak learning rate at this batch size
 * @param minLearningRate learning rate at the end of the cosine
 * @param warmupLearningRate learning rate at the start of the warm-up
 * @param warmupEpochs epochs of linear warm-up; the cosine runs underneath, as timm's without prefix does
 * @param scheduleOnUpdates change the learning rate at every step instead of once an epoch
 * @param optimizer AdamW's settings
 * @param dropPath stochastic depth of the last block, [0, 1)
 * @param labelSmoothing share of the target spread over all classes, [0, 1)
 * @param mixing mixup and cutmix
 * @param stageWeights weight of each stage's loss; empty for equal weights that sum to 1
 * @param emaDecay decay of the moving average of the weights; 0 for none
 * @param precision of the matrix products
 * @param seed of weights, order, augmentation and mixing
 */
public record Recipe(
        int epochs,
        int batchSize,
        double learningRate,
        double minLearningRate,
        double warmupLearningRate,
        int warmupEpochs,
        boolean scheduleOnUpdates,
        AdamW.Options optimizer,
        double dropPath,
        double labelSmoothing,
        Mixing.Options mixing,
        List<Double> stageWeights,
        double emaDecay,
        Precision precision,
        long seed) {

    public Recipe {
        require(epochs >= 1, "epochs must be at least 1, got " + epochs);
        require(batchSize >= 1, "batch size must be at least 1, got " + batchSize);
        require(
                learningRate > 0 && learningRate < Double.POSITIVE_INFINITY,
                "learning rate must be positive, got " + learningRate);
        require(
                minLearningRate >= 0 && minLearningRate <= learningRate,
                "minimum learning rate must lie between 0 and the learning rate, got " + minLearningRate);
        require(warmupLearningRate >= 0, "warm-up learning rate must not be negative, got " + warmupLearningRate);
        require(
                warmupEpochs >= 0 && warmupEpochs <= epochs,
                "warm-up epochs must lie between 0 and epochs, got " + warmupEpochs);
        require(dropPath >= 0 && dropPath < 1, "drop path must lie in [0, 1), got " + dropPath);
        require(labelSmoothing >= 0 && labelSmoothing < 1, "label smoothing must lie in [0, 1), got " + labelSmoothing);
        require(emaDecay >= 0 && emaDecay < 1, "EMA decay must lie in [0, 1), got " + emaDecay);
        for (double weight : stageWeights) {
            require(
                    weight >= 0 && weight < Double.POSITIVE_INFINITY,
                    "stage weights must not be negative, got " + stageWeights);
        }
        require(
                stageWeights.isEmpty() || stageWeights.stream().anyMatch(weight -> weight > 0),
                "at least one stage weight must be positive, got " + stageWeights);
        require(
                optimizer.weightDecay() >= 0 && optimizer.weightDecay() < 1,
                "weight decay must lie in [0, 1), got " + optimizer.weightDecay());
        stageWeights = List.copyOf(stageWeights);
    }

    /** A recipe for CIFAR-10 on a CPU within hours. */
    public static Recipe cifar10() {
        return new Recipe(
                30,
                256,
                1e-3,
                1e-5,
                1e-5,
                2,
                true,
                AdamW.Options.RECIPE,
                0,
                0.1,
                Mixing.Options.NONE,
                List.of(),
                0.998,
                Precision.BF16.isFastHere() ? Precision.BF16 : Precision.FP32,
                1);
    }

    /** The weights of {@code stages} stages' losses. */
    double[] weights(int stages) {
        if (stageWeights.isEmpty()) {
            double[] equal = new double[stages];
            Arrays.fill(equal, 1.0 / stages);
            return equal;
        }
        require(
                stageWeights.size() == stages,
                "stage weights: the model has " + stages + " stages, got " + stageWeights.size() + " weights");
        return stageWeights.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /**
     * The learning rate, stepped as timm's cosine schedule does.
     *
     * @param epoch from 0; with a fraction where the schedule moves on updates
     */
    public double learningRateAt(double epoch) {
        if (epoch < warmupEpochs) {
            return warmupLearningRate + epoch * (learningRate - warmupLearningRate) / warmupEpochs;
        }
        if (epoch >= epochs) {
            return minLearningRate;
        }
        return minLearningRate + 0.5 * (learningRate - minLearningRate) * (1 + Math.cos(Math.PI * epoch / epochs));
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
