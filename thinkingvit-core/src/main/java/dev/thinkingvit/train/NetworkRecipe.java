package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is trained. Keys are timm's; see {@link Recipe}. A ThinkingViT is said by {@code stages}, {@code head_dim},
 * {@code depth}, {@code img_size} and {@code patch_size}; another architecture by its name, a published one for all that the
 * name implies, and {@code model_kwargs}, which are the {@code model_args} of its {@code config.json}.
 *
 * @param architecture its name, or a published one such as {@code swin_small_patch4_window7_224}
 * @param stages heads of each stage, growing; null of another architecture
 * @param headDim width of a head; null of another architecture
 * @param depth number of blocks; null of another architecture
 * @param imgSize of the input, a side or height and width; null where another architecture says it itself
 * @param patchSize height and width of a patch in pixels; likewise
 * @param weightInit first weights, where no checkpoint gives them
 * @param modelKwargs arguments of another architecture; what they leave out is as its name implies
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record NetworkRecipe(
        String architecture,
        @Nullable List<Integer> stages,
        @Nullable Integer headDim,
        @Nullable Integer depth,
        @Nullable ImageSize imgSize,
        @Nullable Integer patchSize,
        WeightInit weightInit,
        Map<String, Object> modelKwargs) {
    /** Keys that say what a ThinkingViT is, and nothing of another architecture unless somebody says so. */
    static final List<String> OF_THINKING_VIT = List.of("stages", "head_dim", "depth", "img_size", "patch_size");

    /** See {@link Recipe#DEFAULT}. */
    static final NetworkRecipe DEFAULT = new NetworkRecipe(
            ThinkingViTConfig.ARCHITECTURE.name(),
            List.of(3, 6),
            32,
            6,
            ImageSize.square(32),
            4,
            WeightInit.TIMM,
            Map.of());

    /** First weights. */
    public enum WeightInit {
        /** As each parameter says: for a ViT truncated normal of deviation 0.02, as timm draws it. */
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
        require(architecture != null, "architecture must be a name, got null");
        require(weightInit != null, "weight_init must be timm or mimetic, got null");
        modelKwargs = modelKwargs == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(modelKwargs));
        if (isThinkingViT(architecture)) {
            require(stages != null, "stages must be a list of heads, got null");
            stages = List.copyOf(stages);
            require(!stages.isEmpty(), "stages: at least one is required");
            require(headDim != null && headDim >= 1, "head_dim must be at least 1, got " + headDim);
            require(depth != null, "depth must be a number of blocks, got null");
            require(
                    imgSize != null && patchSize != null,
                    "img_size and patch_size must be numbers of pixels, got null");
            require(
                    modelKwargs.isEmpty(),
                    "model_kwargs is for other architectures, got " + modelKwargs + "; a " + architecture
                            + " is said by " + String.join(", ", OF_THINKING_VIT));
        } else {
            require(
                    stages == null && headDim == null && depth == null,
                    "stages, head_dim and depth say what a " + ThinkingViTConfig.ARCHITECTURE.name()
                            + " is; architecture " + architecture + " is said by model_kwargs (--architecture "
                            + ThinkingViTConfig.ARCHITECTURE.name()
                            + " trains one of those with the rest of a recipe)");
            Architecture named = Architectures.named(architecture);
            NetworkConfig config = configured(named, architecture, imgSize, patchSize, modelKwargs, 1);
            if (weightInit == WeightInit.MIMETIC) {
                require(
                        config.hasMimeticDraw(),
                        "weight_init mimetic is not there for " + named.name() + "; timm is required");
            }
        }
    }

    private static boolean isThinkingViT(String architecture) {
        return architecture.equals(ThinkingViTConfig.ARCHITECTURE.name());
    }

    /**
     * The model that learns {@code numClasses} classes.
     *
     * @throws IllegalArgumentException if there can be none of that shape
     */
    public NetworkConfig config(int numClasses) {
        if (stages == null || headDim == null || depth == null || imgSize == null || patchSize == null) {
            Architecture named = Architectures.named(architecture);
            return configured(named, architecture, imgSize, patchSize, modelKwargs, numClasses);
        }
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

    private static NetworkConfig configured(
            Architecture named,
            String name,
            @Nullable ImageSize imgSize,
            @Nullable Integer patchSize,
            Map<String, Object> kwargs,
            int numClasses) {
        Map<String, @Nullable Object> arguments = new LinkedHashMap<>(named.implied(name));
        arguments.putAll(kwargs);
        if (imgSize != null) {
            arguments.put("img_size", imgSize.argument());
        }
        if (patchSize != null) {
            arguments.put("patch_size", patchSize);
        }
        arguments.put("num_classes", numClasses);
        return named.read(new Arguments("model_kwargs", arguments));
    }

    /** Number of stages. */
    int stageCount() {
        return stages == null ? config(1).stages() : stages.size();
    }
}
