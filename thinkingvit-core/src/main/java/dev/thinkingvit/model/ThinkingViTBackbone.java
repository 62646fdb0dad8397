package dev.thinkingvit.model;

/** A {@link Backbone} of a ThinkingViT's shape, whoever computes it. */
public abstract class ThinkingViTBackbone implements Backbone {
    private final ThinkingViTConfig config;

    /** @param config shape of the network */
    protected ThinkingViTBackbone(ThinkingViTConfig config) {
        this.config = config;
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
        return config.macs(stage);
    }
}
