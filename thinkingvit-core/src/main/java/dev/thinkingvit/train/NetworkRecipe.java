package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.util.List;

/**
 * What is trained. Keys are timm's; see {@link Recipe}.
 *
 * @param stages heads of each stage, growing
 * @param headDim width of a head
 * @param depth number of blocks
 * @param imgSize height and width of the input in pixels
 * @param patchSize height and width of a patch in pixels
 * @param weightInit first weights, where no checkpoint gives them
 */
public record NetworkRecipe(
        List<Integer> stages, int headDim, int depth, int imgSize, int patchSize, WeightInit weightInit) {
    /** See {@link Recipe#DEFAULT}. */
    static final NetworkRecipe DEFAULT = new NetworkRecipe(List.of(3, 6), 32, 6, 32, 4, WeightInit.TIMM);

    /** First weights. */
    public enum WeightInit {
        /** Truncated normal of deviation 0.02, as timm draws a ViT's. */
        @JsonProperty("timm")
        TIMM,
        /**
         * Attention that looks like a trained one's (Trockman and Kolter, 2023): for small data sets and short
         * trainings.
         */
        @JsonProperty("mimetic")
        MIMETIC
    }

    public NetworkRecipe {
        require(stages != null, "stages must be a list of heads, got null");
        stages = List.copyOf(stages);
        require(!stages.isEmpty(), "stages: at least one is required");
        require(headDim >= 1, "head_dim must be at least 1, got " + headDim);
    }

    /** The model that learns {@code numClasses} classes. */
    public ThinkingViTConfig config(int numClasses) {
        int heads = stages.get(stages.size() - 1);
        return new ThinkingViTConfig(
                imgSize,
                patchSize,
                heads * headDim,
                depth,
                heads,
                stages,
                numClasses,
                ThinkingViTConfig.DEFAULT_NORM_EPS);
    }
}
