package dev.thinkingvit.model;

import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.network.TokenPruning;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The shape of a network, whatever its architecture: what the rest of the program asks of it. Immutable. */
public interface NetworkConfig {
    /** What kind of network it is. */
    Architecture architecture();

    /** Its layers. */
    Network network();

    /** Number of stages, at least 1. */
    int stages();

    /** C. */
    int numClasses();

    /** Of the input. */
    ImageSize imageSize();

    /** How people name it, such as {@code "3H → 6H"}. */
    String shorthand();

    /** What kind of network it is, as people call it: one that thinks once goes by another name than one in stages. */
    default String title() {
        return stages() > 1 ? architecture().title() : architecture().plainTitle();
    }

    /** How its predictions are read. */
    default Readout readout() {
        return Readout.CLASSES;
    }

    /** Patches that an input is cut into, down and across: as many of {@link #shape()}'s {@code patch_size} as cover it. */
    default ImageSize grid() {
        int side = (Integer) Objects.requireNonNull(shape().get("patch_size"), "the shape has no patch_size");
        return new ImageSize(
                (imageSize().height() + side - 1) / side, (imageSize().width() + side - 1) / side);
    }

    /** Where its stages leave patches out on the way, which a training must teach them; null for a kind that keeps all. */
    default @Nullable TokenPruning pruning() {
        return null;
    }

    /** The same network with all of its tokens kept, of which it has every parameter; itself if it leaves none out. */
    default NetworkConfig unpruned() {
        return this;
    }

    /** When tokens halt in its last stage, which a training weighs; null if all go through every block. */
    default @Nullable Halting halting() {
        return null;
    }

    /** The certainty measure of its published thresholds. */
    default String publishedRouter() {
        return "entropy_top10";
    }

    /** Width of the vector before the classifier, at full width: timm's {@code num_features}. */
    int numFeatures();

    /**
     * What people want to know of its shape: {@code depth}, {@code width}, {@code heads}, {@code head_width},
     * {@code patch_size} and what else it has; numbers, or lists of them, one a level.
     */
    Map<String, Object> shape();

    /** Heads of a stage: a number, or a list of them, one a level. */
    Object stageHeads(int stage);

    /** Tokens that a stage leaves. */
    default int stageTokens(int stage) {
        return Math.toIntExact(network().ports(stage).tokens().get(0));
    }

    /** Width of the tokens that a stage leaves. */
    default int stageWidth(int stage) {
        return Math.toIntExact(network().ports(stage).tokens().get(1));
    }

    /**
     * The shape of the same network for pictures of another size.
     *
     * @param size of the input
     * @throws IllegalArgumentException if the network cannot: names the sizes that it can
     */
    NetworkConfig withImageSize(ImageSize size);

    /** Whether it is made for pictures of whatever size comes, its own being that of what it was trained on. */
    default boolean takesAnySize() {
        return false;
    }

    /**
     * The weights for another size of pictures.
     *
     * @param weights of this network; not changed
     * @param to from {@link #withImageSize}
     */
    Map<String, HostTensor> resized(Map<String, HostTensor> weights, NetworkConfig to);

    /** The shape without what no stage reads; itself if there is nothing of that kind. */
    default NetworkConfig narrowest() {
        return this;
    }

    /** Whether {@link #drawMimetic} is there. */
    default boolean hasMimeticDraw() {
        return false;
    }

    /**
     * First weights whose attention looks like a trained one's, where the architecture has such.
     *
     * @throws IllegalArgumentException if it has not
     */
    default Map<String, HostTensor> drawMimetic(long seed) {
        throw new IllegalArgumentException(
                "mimetic first weights are not there for " + architecture().name());
    }

    /**
     * The shape of the same network with one stage that uses all of it, at another width: what a plain network of that width
     * is.
     *
     * @param numFeatures its {@link #numFeatures()}
     * @throws IllegalArgumentException if there can be none of that width
     */
    NetworkConfig plain(int numFeatures);

    /**
     * Brings the weights of a trained network to this one's names and geometry, for it to start from.
     *
     * @param tensors under timm's names, of any type; not changed
     * @param library in whose manner their file names them, such as {@code Microsoft's}; empty for timm's own
     * @param seen size of the pictures that they were trained on, where something says so; null where nothing does
     * @throws IllegalArgumentException if it cannot start from them, whatever is done: says why
     */
    default WarmSource warmSource(Map<String, HostTensor> tensors, String library, @Nullable ImageSize seen) {
        return WarmSource.of(tensors, this);
    }

    /** Every parameter of the model, declared. */
    default Parameters parameters() {
        return network().parameters();
    }

    /** Every parameter of the model with its shape, named and ordered as published checkpoints are. */
    default Map<String, long[]> parameterShapes() {
        return parameters().shapes();
    }

    /** Those of a larger network's weights that this one has. */
    default Map<String, HostTensor> ownOf(Map<String, HostTensor> weights) {
        Map<String, HostTensor> own = new LinkedHashMap<>(weights);
        own.keySet().retainAll(parameterShapes().keySet());
        return own;
    }

    /** Number of trainable values. */
    default long parameterCount() {
        return parameters().count();
    }

    /**
     * Multiply-accumulates of one image at {@code stage} alone: linear layers and attention's products, as the paper counts
     * them.
     */
    default long macs(int stage) {
        return Cost.macs(network(), stage);
    }

    /**
     * Multiply-accumulates that one image really took at {@code stage} alone; for networks that spend unlike amounts on
     * images of one stage.
     *
     * @param extras what the stage said of the image besides its prediction, by name
     */
    default long macs(int stage, Map<String, float[]> extras) {
        return macs(stage);
    }
}
