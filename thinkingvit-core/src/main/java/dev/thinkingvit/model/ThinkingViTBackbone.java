package dev.thinkingvit.model;

import java.util.stream.IntStream;

/** A {@link Backbone} of a ThinkingViT's shape, whoever computes it. */
public abstract class ThinkingViTBackbone implements Backbone {
    private final ThinkingViTConfig config;
    private final long[] macs; // of each stage

    /** @param config shape of the network */
    protected ThinkingViTBackbone(ThinkingViTConfig config) {
        this.config = config;
        this.macs = IntStream.rangeClosed(1, config.stages())
                .mapToLong(config::macs)
                .toArray();
    }

    /** Shape of the network. */
    public final ThinkingViTConfig config() {
        return config;
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
    public final int imageSize() {
        return config.imageSize();
    }

    @Override
    public final long macs(int stage) {
        return macs[stage - 1];
    }
}
