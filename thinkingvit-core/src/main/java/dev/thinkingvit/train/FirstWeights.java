package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.ClassHead;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.WarmStart;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.Checkpoints;
import dev.thinkingvit.store.SourceConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The first weights of a training: drawn at random as its recipe says, or laid from a checkpoint into random ones; see
 * {@link WarmStart}.
 *
 * @param weights exactly the network's parameters, F32
 * @param lines what is to be said of them
 */
public record FirstWeights(Map<String, HostTensor> weights, List<String> lines) {
    /** The {@linkplain WarmStart#share() share} below which a source has little to do with a ViT. */
    private static final double LEAST_SHARE = 0.1;

    /** Width of a head in published ViTs, of whatever size. */
    private static final int PUBLISHED_HEAD_DIM = 64;

    private static final double SAME_MEAN = 0.01;

    public FirstWeights {
        lines = List.copyOf(lines);
    }

    /** A model with random weights. */
    public static NestedNetwork drawn(Recipe recipe, NetworkConfig network) {
        long seed = recipe.execution().seed();
        return recipe.network().weightInit() == NetworkRecipe.WeightInit.MIMETIC
                ? NestedNetwork.of(network, network.drawMimetic(seed))
                : NestedNetwork.initialise(network, seed);
    }

    /**
     * Starts a network from a checkpoint.
     *
     * @param path whatever {@link Checkpoints} reads, of a ViT, a DeiT or a ThinkingViT of any width; the moving average
     *     is preferred
     * @param classNames what the network's classes are called, in order
     * @param seed of what the checkpoint does not fill
     * @throws CheckpointException if it cannot be read, is of another kind of network, has heads of another width, or
     *     holds values that are no numbers
     */
    public static FirstWeights read(Path path, NetworkConfig config, List<String> classNames, long seed) {
        return read(path, ThinkingViTConfig.of(config), classNames, seed);
    }

    private static FirstWeights read(Path path, ThinkingViTConfig network, List<String> classNames, long seed) {
        StateDict source = Checkpoints.read(path, Weights.AUTO);
        SourceConfig config = SourceConfig.of(path, source);
        ClassHead head =
                ClassHead.of(WarmStart.classes(source.tensors()), config.namings(), network.numClasses(), classNames);
        WarmStart start = WarmStart.of(source.tensors(), network, seed, head);
        requireShare(source, start, network);
        int headDim = config.headDim() > 0 ? config.headDim() : trainedHeadDim(source);
        requireHeadDim(source, headDim, network);
        requireNumbers(source, start);
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                "first weights: %d of %d tensors, %,d of %,d values, from %s%s",
                start.copied().size(),
                start.weights().size(),
                start.values(),
                network.parameterCount(),
                source.file() + (source.entry().isEmpty() ? "" : " (" + source.entry() + ")"),
                start.values() == network.parameterCount() ? "" : "; the others are drawn at random"));
        source.notes().forEach(note -> lines.add("note: " + note));
        lines.addAll(start.summary());
        lines.addAll(doubts(headDim, start.width(), config, network));
        return new FirstWeights(start.weights(), lines);
    }

    private static void requireShare(StateDict source, WarmStart start, ThinkingViTConfig network) {
        if (start.share() < LEAST_SHARE) {
            throw new CheckpointException(
                    source.file(),
                    String.format(
                            "is of another kind of network: of its %d tensors, such as %s, %d fit a ViT as timm names"
                                    + " them (blocks.0.attn.qkv.weight, …), which is %.1f %% of its values; a ViT, DeiT"
                                    + " or ThinkingViT is required to start %s from",
                            source.tensors().size(),
                            source.tensors().keySet().stream().findFirst().orElse("none"),
                            start.copied().size(),
                            100 * start.share(),
                            network.shorthand()));
        }
    }

    private static void requireHeadDim(StateDict source, int headDim, ThinkingViTConfig network) {
        if (headDim > 0 && headDim != network.headDim()) {
            throw new CheckpointException(
                    source.file(),
                    "its heads are " + headDim + " wide, those of the training " + network.headDim()
                            + ": attention would start as another function; --head-dim " + headDim + " is required");
        }
    }

    /** Width of a head where only the trainer's arguments say how many heads stage 1 had; 0 where not even they do. */
    private static int trainedHeadDim(StateDict source) {
        HostTensor projection = source.tensors().get(ThinkingViTConfig.projectionName(2) + ".weight"); // (D, d_1)
        if (projection != null
                && projection.shape().length == 2
                && source.facts().get("args") instanceof Map<?, ?> args
                && args.get("thinking_stages") instanceof List<?> stages
                && !stages.isEmpty()
                && stages.get(0) instanceof Number heads
                && heads.intValue() > 0
                && projection.shape()[1] % heads.intValue() == 0) {
            return (int) (projection.shape()[1] / heads.intValue());
        }
        return 0;
    }

    private static void requireNumbers(StateDict source, WarmStart start) {
        for (String name : start.copied()) {
            HostTensor tensor = start.weights().get(name);
            for (float value : tensor == null ? new float[0] : tensor.toFloats()) {
                if (!Float.isFinite(value)) {
                    throw new CheckpointException(
                            source.file(), "tensor " + name + " holds " + value + ": nothing can be learnt from there");
                }
            }
        }
    }

    /** What may make the start another function than the source is. */
    private static List<String> doubts(int headDim, int width, SourceConfig config, ThinkingViTConfig network) {
        List<String> lines = new ArrayList<>();
        boolean published = width % PUBLISHED_HEAD_DIM == 0;
        if (headDim == 0 && !(published && network.headDim() == PUBLISHED_HEAD_DIM)) {
            lines.add("warning: the source does not say how wide its heads are"
                    + (published ? ", those of published ViTs are " + PUBLISHED_HEAD_DIM : "") + "; this model's are "
                    + network.headDim() + ": if they differ, attention starts as another function"
                    + (published ? " (--head-dim " + PUBLISHED_HEAD_DIM + ")" : ""));
        }
        float[] mean = Preprocessing.imagenet(network.imageSize()).mean();
        boolean same = config.mean().isEmpty() || config.mean().size() == mean.length;
        for (int i = 0; same && i < config.mean().size(); i++) {
            same = Math.abs(config.mean().get(i) - mean[i]) < SAME_MEAN;
        }
        if (!same) {
            lines.add("warning: the source was trained on pictures normalised with mean " + config.mean()
                    + ", a training normalises with ImageNet's " + Arrays.toString(mean));
        }
        return lines;
    }
}
