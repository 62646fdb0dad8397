package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.List;

/**
 * What is descended on. Keys are timm's; see {@link Recipe}.
 *
 * @param smoothing share of the target spread over all classes
 * @param dropPath stochastic depth of the last block
 * @param stageWeights weight of each stage's loss; empty for equal weights that sum to 1
 * @param stageSampling which stages' losses a step descends on
 * @param classWeights weight of each class's pixels in a Segmenter's loss, in the order of the classes; empty for equal ones
 */
public record LossRecipe(
        double smoothing,
        double dropPath,
        List<Double> stageWeights,
        StageSampling stageSampling,
        List<Double> classWeights) {
    /** See {@link Recipe#DEFAULT}. */
    static final LossRecipe DEFAULT = new LossRecipe(0, 0, List.of(), StageSampling.ALL, List.of());

    /** Which stages' losses a step descends on. */
    public enum StageSampling {
        @JsonProperty("all")
        ALL,
        /** The first, the last and a random one between (Yu et al., 2018). */
        @JsonProperty("sandwich")
        SANDWICH,
        /** One, drawn anew each step. Later stages do not run. */
        @JsonProperty("random")
        RANDOM
    }

    public LossRecipe {
        require(smoothing >= 0 && smoothing < 1, "smoothing must lie in [0, 1), got " + smoothing);
        require(dropPath >= 0 && dropPath < 1, "drop_path must lie in [0, 1), got " + dropPath);
        stageWeights = List.copyOf(stageWeights);
        for (double weight : stageWeights) {
            require(
                    weight >= 0 && weight < Double.POSITIVE_INFINITY,
                    "stage_weights must not be negative, got " + stageWeights);
        }
        require(
                stageWeights.isEmpty() || stageWeights.stream().anyMatch(weight -> weight > 0),
                "at least one of stage_weights must be positive, got " + stageWeights);
        classWeights = List.copyOf(classWeights);
        for (double weight : classWeights) {
            require(
                    weight > 0 && weight < Double.POSITIVE_INFINITY,
                    "class_weights must be positive, got " + classWeights);
        }
    }

    /** The weights of {@code stages} stages' losses. */
    public double[] weights(int stages) {
        if (stageWeights.isEmpty()) {
            double[] equal = new double[stages];
            Arrays.fill(equal, 1.0 / stages);
            return equal;
        }
        require(
                stageWeights.size() == stages,
                "stage_weights: the model has " + stages + " stages, got " + stageWeights.size() + " weights");
        return stageWeights.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** The weights of the pixels of {@code classes} classes. */
    public double[] pixelWeights(int classes) {
        if (classWeights.isEmpty()) {
            double[] equal = new double[classes];
            Arrays.fill(equal, 1);
            return equal;
        }
        require(
                classWeights.size() == classes,
                "class_weights: the data has " + classes + " classes, got " + classWeights.size() + " weights");
        return classWeights.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
