package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.model.ClassHead;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.WarmSource;
import dev.thinkingvit.model.WarmStart;
import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.TokenPruning;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.Checkpoints;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.SourceConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * The first weights of a training: drawn at random as its recipe says, or laid from a checkpoint into random ones; see
 * {@link WarmStart}.
 *
 * @param weights exactly the network's parameters, F32
 * @param lines what is to be said of them
 */
public record FirstWeights(Map<String, HostTensor> weights, List<String> lines) {
    /** The {@linkplain WarmStart#share() share} below which a source has little to do with the network. */
    private static final double LEAST_SHARE = 0.1;

    /** What {@link NetworkConfig#shape()} calls it. */
    private static final String HEAD_WIDTH = "head_width";

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
     * @param path whatever {@link Checkpoints} reads, of a network that the {@linkplain NetworkConfig#warmSource
     *     architecture} can start from, of any width; the moving average is preferred
     * @param classNames what the network's classes are called, in order
     * @param seed of what the checkpoint does not fill
     * @throws CheckpointException if it cannot be read, is of another kind of network, has heads of another width, or
     *     holds values that are no numbers
     */
    public static FirstWeights read(Path path, NetworkConfig network, List<String> classNames, long seed) {
        return read(path, network, classNames, seed, false);
    }

    /**
     * As {@link #read}, with what recycles tokens as well: for a network that goes on from one of the same stages, or from
     * one that has others besides: 3H → 6H from 2H → 3H → 6H, or from 3H → 6H → 12H.
     *
     * @throws CheckpointException also if the checkpoint has not all that recycles tokens, or of another shape
     */
    public static FirstWeights readWithRecycling(Path path, NetworkConfig network, List<String> classNames, long seed) {
        return read(path, network, classNames, seed, true);
    }

    private static FirstWeights read(
            Path path, NetworkConfig network, List<String> classNames, long seed, boolean recycling) {
        StateDict source = Checkpoints.read(path, Weights.AUTO);
        SourceConfig config = SourceConfig.of(path, source);
        WarmSource fitted = fitted(source, config, network);
        if (recycling) {
            fitted = fitted.withRecycling(recycling(path, source, network), network);
        }
        ClassHead head = ClassHead.of(
                WarmStart.classes(fitted.tensors(), network), config.namings(), network.numClasses(), classNames);
        WarmStart start = WarmStart.of(fitted, network, network.parameters().draw(seed), head);
        requireShare(source, start, network);
        requireHeads(source, fitted, network);
        requireHeadDim(source, config.headDim(), network);
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
        lines.addAll(doubts(start.width(), config, network));
        return new FirstWeights(start.weights(), lines);
    }

    private static WarmSource fitted(StateDict source, SourceConfig config, NetworkConfig network) {
        try {
            return network.warmSource(source.tensors(), source.origin().library(), config.imageSize());
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(source.file(), String.valueOf(e.getMessage()), e);
        }
    }

    /**
     * All that recycles tokens, under the network's names: into each stage what the source recycles between stages as wide,
     * whichever of its stages these are.
     */
    private static Map<String, HostTensor> recycling(Path path, StateDict source, NetworkConfig network) {
        NetworkConfig its = told(path).orElse(network); // else what has the name and the shape counts
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        for (List<Parameter> stage : recycling(network)) {
            List<Parameter> alike = alike(stage, recycling(its));
            for (int i = 0; i < stage.size(); i++) {
                Parameter parameter = stage.get(i);
                HostTensor tensor = alike.isEmpty()
                        ? null
                        : source.tensors().get(alike.get(i).name());
                if (tensor == null
                        || !Arrays.equals(tensor.shape(), alike.get(i).shape())) {
                    throw new CheckpointException(
                            source.file(),
                            "recycles tokens otherwise than " + network.shorthand() + ": " + parameter.name() + " of "
                                    + Arrays.toString(parameter.shape()) + " is required to take it, it has "
                                    + (tensor == null ? "none" : tensor)
                                    + (its == network ? "" : "; it is " + its.shorthand()));
                }
                tensors.put(parameter.name(), leading(tensor, parameter.shape()));
            }
        }
        return tensors;
    }

    /** The network that a source's own configuration says; shapes tell the stages of others, and not always rightly. */
    private static Optional<NetworkConfig> told(Path path) {
        try {
            return ModelDirectory.isOwn(path)
                    ? Optional.of(ModelDirectory.readConfig(path.resolve(ModelDirectory.CONFIG))
                            .network())
                    : Optional.empty();
        } catch (CheckpointException e) { // it says less than all
            return Optional.empty();
        }
    }

    /** What recycles between stages as wide: that of the same stage if it does, else the only one that does; nothing if none. */
    private static List<Parameter> alike(List<Parameter> stage, Collection<List<Parameter>> others) {
        List<List<Parameter>> fitting = others.stream()
                .filter(other -> readShapes(other).equals(readShapes(stage)))
                .toList();
        return fitting.stream()
                .filter(other -> other.get(0).reader() == stage.get(0).reader())
                .findFirst()
                .orElse(fitting.size() == 1 ? fitting.get(0) : List.of());
    }

    /** What recycles tokens into each stage but the first, in its own order. */
    private static Collection<List<Parameter>> recycling(NetworkConfig network) {
        return network.parameters().all().stream()
                .filter(each -> each.role() == Parameter.Role.RECYCLING || each.role() == Parameter.Role.KEPT_RECYCLING)
                .collect(Collectors.groupingBy(Parameter::reader, TreeMap::new, Collectors.toList()))
                .values();
    }

    private static List<List<Long>> readShapes(List<Parameter> stage) {
        return stage.stream()
                .map(each -> LongStream.of(each.shape(each.reader())).boxed().toList())
                .toList();
    }

    /** The leading rows, as many as a shape has; the stage that reads it reads none of what is beyond them. */
    private static HostTensor leading(HostTensor tensor, long[] shape) {
        if (Arrays.equals(tensor.shape(), shape)) {
            return tensor;
        }
        int values = Math.toIntExact(LongStream.of(shape).reduce(1, Math::multiplyExact));
        return HostTensor.of(Arrays.copyOf(tensor.toFloats(), values), shape);
    }

    private static void requireShare(StateDict source, WarmStart start, NetworkConfig network) {
        if (start.share() < LEAST_SHARE) {
            List<String> kinds = network.architecture().sources();
            throw new CheckpointException(
                    source.file(),
                    String.format(
                            "is of another kind of network: of its %d tensors, such as %s, %d fit %s by name and"
                                    + " shape (%s, …), which is %.1f %% of its values; %s is required to start %s"
                                    + " from",
                            source.tensors().size(),
                            source.tensors().keySet().stream().findFirst().orElse("none"),
                            start.copied().size(),
                            Words.a(kinds.get(0)),
                            network.parameters().all().stream()
                                    .filter(parameter -> parameter.layer() == 1 && parameter.decays())
                                    .map(Parameter::name)
                                    .findFirst()
                                    .orElse("none"),
                            100 * start.share(),
                            Words.a(oneOf(kinds)),
                            network.shorthand()));
        }
    }

    /** {@code "ViT, DeiT or ThinkingViT"}. */
    private static String oneOf(List<String> kinds) {
        int last = kinds.size() - 1;
        return last < 1 ? kinds.get(0) : String.join(", ", kinds.subList(0, last)) + " or " + kinds.get(last);
    }

    /** Where tensors tell how many heads there are, and so how wide they are. */
    private static void requireHeads(StateDict source, WarmSource fitted, NetworkConfig network) {
        NetworkConfig shape = fitted.shape();
        for (Parameter parameter : network.parameters().all()) {
            int axis = parameter.axis(Axis.Meaning.HEADS).orElse(-1);
            HostTensor tensor = fitted.tensors().get(parameter.name());
            Parameter wanted = shape == null ? null : shape.parameters().get(parameter.name());
            if (axis >= 0
                    && wanted != null
                    && tensor != null
                    && tensor.shape().length == parameter.axes().size()
                    && tensor.shape()[axis] != wanted.shape()[axis]) {
                throw new CheckpointException(
                        source.file(),
                        "its heads are of another width: " + parameter.name() + " has " + tensor.shape()[axis]
                                + " of them, heads as wide as the training's ("
                                + network.shape().get(HEAD_WIDTH)
                                + ") would be " + wanted.shape()[axis]
                                + ": attention would start as another function");
            }
        }
    }

    private static void requireHeadDim(StateDict source, int headDim, NetworkConfig network) {
        if (headDim > 0 && network.shape().get(HEAD_WIDTH) instanceof Integer own && headDim != own) {
            throw new CheckpointException(
                    source.file(),
                    "its heads are " + headDim + " wide, those of the training " + own
                            + ": attention would start as another function"
                            + (isKey(network) ? "; --head-dim " + headDim + " is required" : ""));
        }
    }

    /** Whether a recipe says so of such a network. */
    private static boolean isKey(NetworkConfig network) {
        return network.architecture().recipeKeys().contains("head_dim");
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
    private static List<String> doubts(int width, SourceConfig config, NetworkConfig network) {
        List<String> lines = new ArrayList<>();
        int usual = network.architecture().weights().usualHeadWidth();
        boolean published = usual > 0 && width % usual == 0;
        boolean shown = network.parameters().all().stream()
                .anyMatch(parameter -> parameter.axis(Axis.Meaning.HEADS).isPresent());
        Object own = network.shape().get(HEAD_WIDTH);
        if (config.headDim() == 0 && own != null && !shown && !(published && own.equals(usual))) {
            lines.add("warning: the source does not say how wide its heads are"
                    + (published ? ", those of published ones are " + usual : "") + "; this model's are "
                    + own + ": if they differ, attention starts as another function"
                    + (published && isKey(network) ? " (--head-dim " + usual + ")" : ""));
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
        TokenPruning before = config.pruning();
        TokenPruning now = network.pruning();
        if (before != null && now != null && !before.blocks().equals(now.blocks())) {
            lines.add("warning: the source leaves patches out before the blocks " + before.blocks()
                    + ", this model before " + now.blocks() + ": predictors start with what they learnt there");
        }
        return lines;
    }
}
