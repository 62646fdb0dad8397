package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.picture.ImageSize;
import java.util.Map;
import java.util.stream.IntStream;

/** A {@link Backbone} of a known shape, whoever computes it. */
public abstract class NetworkBackbone implements Backbone {
    private final NetworkConfig config;
    private final Network network;
    private final long[] macs; // of each stage

    /** @param config shape of the network */
    protected NetworkBackbone(NetworkConfig config) {
        this.config = config;
        this.network = config.network();
        this.macs = IntStream.rangeClosed(1, config.stages())
                .mapToLong(config::macs)
                .toArray();
    }

    /** Shape of the network. */
    public final NetworkConfig config() {
        return config;
    }

    /** The network's layers. */
    protected final Network network() {
        return network;
    }

    @Override
    public final int stages() {
        return config.stages();
    }

    @Override
    public final int numClasses() {
        return config.numClasses();
    }

    @Override
    public final ImageSize imageSize() {
        return config.imageSize();
    }

    @Override
    public final Readout readout() {
        return config.readout();
    }

    @Override
    public final long macs(int stage, Map<String, float[]> extras) {
        return extras.isEmpty() ? macs(stage) : config.macs(stage, extras);
    }

    @Override
    public final long macs(int stage) {
        return macs[stage - 1];
    }
}
