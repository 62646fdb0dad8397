package dev.thinkingvit.model;

import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Parameters;
import java.util.Map;

/** The shape of a network, whatever its architecture: what the rest of the program asks of it. Immutable. */
public interface NetworkConfig {
    /** Its layers. */
    Network network();

    /** Number of stages, at least 1. */
    int stages();

    /** C. */
    int numClasses();

    /** Height and width of the input in pixels. */
    int imageSize();

    /** How people name it, such as {@code "3H → 6H"}. */
    String shorthand();

    /** Every parameter of the model, declared. */
    default Parameters parameters() {
        return network().parameters();
    }

    /** Every parameter of the model with its shape, named and ordered as published checkpoints are. */
    default Map<String, long[]> parameterShapes() {
        return parameters().shapes();
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
}
