package dev.thinkingvit.store;

import static dev.thinkingvit.store.TrainerArguments.integer;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the weights of a ThinkingViT, or of a plain Vision Transformer, say of their network. Heads are {@value #HEAD_DIM} wide
 * unless a configuration, or the file's own layout, says otherwise.
 */
final class BareThinkingViT implements BareWeights {
    private static final int HEAD_DIM = 64;

    private final StateDict state;
    private final WeightShapes shapes;
    private final TrainerArguments arguments;

    BareThinkingViT(StateDict state) {
        this.state = state;
        this.shapes = new WeightShapes(state);
        this.arguments = new TrainerArguments(state);
    }

    @Override
    public void requireOwn() {
        shapes.requireThinkingViT();
    }

    /** The alphas that no stage uses: the first release has one a block. */
    @Override
    public List<String> surplus(NetworkConfig network) {
        return shapes.alphas().stream()
                .skip(network.stages() - 1L)
                .filter(name -> state.get(name).elements() == 1)
                .toList();
    }

    @Override
    public void complete(ObjectNode root, List<String> notes) {
        ObjectNode args = root.withObject("model_args");
        if (!args.hasNonNull("embed_dim")) {
            args.put("embed_dim", shapes.embedDim());
        }
        if (!args.hasNonNull("patch_size")) {
            args.put("patch_size", shapes.patchSize());
        }
        if (!args.hasNonNull("img_size")) {
            int patch = integer(args.get("patch_size"));
            ImageSize size = shapes.imageSize(patch > 0 ? patch : shapes.patchSize(), arguments.imageSizes(root));
            args.set("img_size", ModelConfigJson.MAPPER.valueToTree(size));
        }
        if (!args.hasNonNull("depth")) {
            args.put("depth", shapes.depth());
        }
        if (!args.hasNonNull("num_classes") && !root.hasNonNull("num_classes")) {
            root.put("num_classes", shapes.numClasses());
        }
        completeHeads(root, args);
    }

    private void completeHeads(ObjectNode root, ObjectNode args) {
        int width = integer(args.get("embed_dim"));
        requireHeads(root, width, integer(args.get("num_heads")));
        if (width < 1 || (args.hasNonNull("num_heads") && args.hasNonNull("thinking_stages"))) {
            return;
        }
        shapes.requireEmbedDim(width); // before wrong widths of stages are blamed on the heads
        if (!args.hasNonNull("num_heads")) {
            args.put("num_heads", width / headDim(width, integers(args.get("thinking_stages"))));
        }
        int heads = integer(args.get("num_heads"));
        if (!args.hasNonNull("thinking_stages") && heads > 0 && width % heads == 0) {
            args.set("thinking_stages", ModelConfigJson.MAPPER.valueToTree(stages(width / heads, heads)));
        }
    }

    private void requireHeads(ObjectNode root, int width, int said) {
        int shown = state.origin().heads();
        if (shown > 0 && said > 0 && said != shown) {
            throw new CheckpointException(
                    state.file(), "has " + shown + " attention heads in its tensors' shapes; num_heads says " + said);
        }
        boolean transformers = root.path("training").has("transformers_model_type");
        if (width > 0 && said > 0 && width % said != 0) {
            throw new CheckpointException(
                    state.file(),
                    transformers
                            ? "num_attention_heads must divide hidden_size " + width + ", got " + said
                            : "num_heads must divide embed_dim " + width + ", got " + said);
        }
    }

    /** Width of a head, from the file's own layout, the stages that a configuration names, else the published one. */
    private int headDim(int width, List<Integer> givenStages) {
        int shown = state.origin().heads();
        if (shown > 0 && width % shown == 0) {
            return width / shown;
        }
        int said = givenStages.isEmpty() ? integer(arguments.get("model_kwargs").get("num_heads")) : 0; // timm's option
        if (said > 0 && width % said == 0) {
            return width / said;
        }
        List<Integer> widths = shapes.recycledWidths();
        int named = headDimOf(givenStages, widths, width);
        if (named > 0) {
            return named;
        }
        boolean usual = width % HEAD_DIM == 0 && widths.stream().allMatch(recycled -> recycled % HEAD_DIM == 0);
        int trained = headDimOf(arguments.integers("thinking_stages"), widths, width);
        if (!usual && trained > 0) {
            return trained;
        }
        for (int i = 0; i < widths.size(); i++) {
            if (widths.get(i) % HEAD_DIM != 0) {
                throw unknownHeads(
                        "stage " + (i + 1) + " is " + widths.get(i) + " wide (" + WeightShapes.projection(i) + ")");
            }
        }
        if (width % HEAD_DIM != 0) {
            throw unknownHeads("embed_dim is " + width + " (cls_token)");
        }
        return HEAD_DIM;
    }

    private CheckpointException unknownHeads(String what) {
        return new CheckpointException(
                state.file(),
                "the number of heads is unknown: " + what + ", which is not a multiple of the usual head width "
                        + HEAD_DIM + "; --config must supply num_heads, as in {\"model_args\": {\"num_heads\": …}}");
    }

    /** The head width at which {@code stages} gives exactly {@code widths}; 0 if there is none. */
    private static int headDimOf(List<Integer> stages, List<Integer> widths, int full) {
        if (widths.isEmpty() || stages.size() != widths.size() + 1 || stages.get(0) < 1) {
            return 0;
        }
        int headDim = widths.get(0) / stages.get(0);
        boolean fits = headDim > 0 && full % headDim == 0;
        for (int i = 0; fits && i < widths.size(); i++) {
            fits = stages.get(i) == widths.get(i) / headDim && widths.get(i) % headDim == 0;
        }
        return fits ? headDim : 0;
    }

    private List<Integer> stages(int headDim, int heads) {
        List<Integer> stages = new ArrayList<>();
        List<Integer> widths = shapes.recycledWidths();
        for (int i = 0; i < widths.size(); i++) {
            if (widths.get(i) % headDim != 0) {
                throw new CheckpointException(
                        state.file(),
                        "tensor " + WeightShapes.projection(i) + " has the wrong shape: expected a multiple of the head"
                                + " width " + headDim + " (embed_dim / num_heads) as columns, came " + widths.get(i));
            }
            stages.add(widths.get(i) / headDim);
        }
        // Nothing recycles the last stage, so that no shape tells its width: all heads, unless the trainer says less.
        List<Integer> trained = arguments.integers("thinking_stages");
        boolean agrees = trained.size() == stages.size() + 1
                && trained.subList(0, stages.size()).equals(stages)
                && grows(stages, trained.get(stages.size()), heads);
        if (!agrees && shapes.alphas().size() > stages.size()) {
            throw new CheckpointException(
                    state.file(),
                    "the last stage is unknown: it may be narrower than the file's " + heads + " heads, as in the first"
                            + " release, and "
                            + (trained.isEmpty()
                                    ? "no args name the stages"
                                    : "its args name the stages " + trained + ", which do not fit")
                            + "; --config must, as in {\"model_args\":"
                            + " {\"thinking_stages\": " + stages.toString().replace("]", ", …]") + "}}");
        }
        stages.add(agrees ? trained.get(stages.size()) : heads);
        return stages;
    }

    private static boolean grows(List<Integer> stages, int last, int heads) {
        return last > (stages.isEmpty() ? 0 : stages.get(stages.size() - 1)) && last <= heads;
    }

    private static List<Integer> integers(@Nullable JsonNode values) {
        List<Integer> integers = new ArrayList<>();
        if (values != null && values.isArray()) {
            values.forEach(value -> integers.add(integer(value)));
        }
        return integers;
    }
}
