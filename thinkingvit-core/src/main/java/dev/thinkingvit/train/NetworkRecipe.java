package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.ImageSize;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is trained. Keys are timm's; see {@link Recipe}. Each architecture says by which of {@code stages}, {@code head_dim},
 * {@code depth}, {@code img_size} and {@code patch_size} it is described ({@link Architecture#recipeKeys()}); the rest, or all,
 * is said by its name, a published one for all that it implies, and {@code model_kwargs}, which are the {@code model_args} of
 * its {@code config.json}.
 *
 * @param architecture its name, or a published one such as {@code swin_small_patch4_window7_224}
 * @param stages heads of each stage, growing; null where this does not describe the architecture
 * @param headDim width of a head; likewise
 * @param depth number of blocks; likewise
 * @param imgSize of the input, a side or height and width; null where the architecture says it itself
 * @param patchSize height and width of a patch in pixels; likewise
 * @param weightInit first weights, where no checkpoint gives them
 * @param modelKwargs further arguments of the architecture; what they leave out is as its name implies
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
    private static final String IMG_SIZE = "img_size";
    private static final String PATCH_SIZE = "patch_size";

    /** Keys that may say what a network is, each with what its value must be. */
    private static final Map<String, String> WANTED = wanted();

    /** The same: of another architecture they say nothing unless somebody says so. */
    static final List<String> SHAPE = List.copyOf(WANTED.keySet());

    /** Those that any architecture may be given. */
    private static final List<String> ANY = List.of(IMG_SIZE, PATCH_SIZE);

    /** See {@link Recipe#DEFAULT}. */
    static final NetworkRecipe DEFAULT = new NetworkRecipe(
            Architectures.unnamed().name(), List.of(3, 6), 32, 6, ImageSize.square(32), 4, WeightInit.TIMM, Map.of());

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
        stages = stages == null ? null : List.copyOf(stages);
        require(stages == null || !stages.isEmpty(), "stages: at least one is required");
        require(headDim == null || headDim >= 1, "head_dim must be at least 1, got " + headDim);
        modelKwargs = modelKwargs == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(modelKwargs));
        Architecture named = Architectures.named(architecture);
        Map<String, Object> keys = keys(stages, headDim, depth, imgSize, patchSize);
        requireKeys(named, architecture, keys.keySet());
        NetworkConfig config = configured(named, architecture, keys, modelKwargs, 1);
        if (weightInit == WeightInit.MIMETIC) {
            require(
                    config.hasMimeticDraw(),
                    "weight_init mimetic is not there for " + named.name() + "; timm is required");
        }
    }

    private static Map<String, String> wanted() {
        Map<String, String> wanted = new LinkedHashMap<>();
        wanted.put("stages", "a list of heads");
        wanted.put("head_dim", "a number of values");
        wanted.put("depth", "a number of blocks");
        wanted.put(IMG_SIZE, "a number of pixels, or height and width");
        wanted.put(PATCH_SIZE, "a number of pixels");
        return wanted;
    }

    /** The keys that are there, with values as {@link Arguments} has them. */
    private static Map<String, Object> keys(
            @Nullable List<Integer> stages,
            @Nullable Integer headDim,
            @Nullable Integer depth,
            @Nullable ImageSize imgSize,
            @Nullable Integer patchSize) {
        Map<String, @Nullable Object> all = new LinkedHashMap<>();
        all.put("stages", stages);
        all.put("head_dim", headDim);
        all.put("depth", depth);
        all.put(IMG_SIZE, imgSize == null ? null : imgSize.argument());
        all.put(PATCH_SIZE, patchSize);
        Map<String, Object> there = new LinkedHashMap<>();
        all.forEach((key, value) -> {
            if (value != null) {
                there.put(key, value);
            }
        });
        return there;
    }

    /** Whether a key of {@link #SHAPE} may be said of an architecture. */
    static boolean mayHave(Architecture architecture, String key) {
        return ANY.contains(key) || architecture.recipeKeys().contains(key);
    }

    private static void requireKeys(Architecture named, String name, Set<String> there) {
        List<String> own = named.recipeKeys();
        for (String key : own) {
            require(there.contains(key), key + " must be " + WANTED.get(key) + ", got null");
        }
        List<String> others = there.stream().filter(key -> !mayHave(named, key)).toList();
        if (!others.isEmpty()) {
            throw new IllegalArgumentException(String.join(", ", others) + " cannot be said of architecture " + name
                    + ", which is described by " + String.join(", ", own.isEmpty() ? List.of("model_kwargs") : own)
                    + Architectures.describedBy(others)
                            .map(other -> " (--architecture " + other.name()
                                    + " trains one of those with the rest of a recipe)")
                            .orElse(""));
        }
    }

    /**
     * The model that learns {@code numClasses} classes.
     *
     * @throws IllegalArgumentException if there can be none of that shape
     */
    public NetworkConfig config(int numClasses) {
        Map<String, Object> keys = keys(stages, headDim, depth, imgSize, patchSize);
        return configured(Architectures.named(architecture), architecture, keys, modelKwargs, numClasses);
    }

    private static NetworkConfig configured(
            Architecture named, String name, Map<String, Object> keys, Map<String, Object> kwargs, int numClasses) {
        Map<String, Object> described = named.described(keys);
        List<String> twice = kwargs.keySet().stream()
                .filter(key -> described.containsKey(key) && !ANY.contains(key))
                .toList();
        require(
                twice.isEmpty(),
                "model_kwargs must not say " + String.join(", ", twice) + " of " + Words.a(named.name()) + ", as "
                        + String.join(", ", named.recipeKeys()) + " do");
        require(
                !kwargs.containsKey("num_classes"),
                "model_kwargs must not say num_classes: it is the number of the data's classes");
        Map<String, @Nullable Object> arguments = new LinkedHashMap<>(named.implied(name));
        arguments.putAll(kwargs);
        arguments.putAll(described);
        arguments.put("num_classes", numClasses);
        return named.read(new Arguments("model_kwargs", arguments));
    }

    /** Number of stages. */
    int stageCount() {
        return config(1).stages();
    }
}
