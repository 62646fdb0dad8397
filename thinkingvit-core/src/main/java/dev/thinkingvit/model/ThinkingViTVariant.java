package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;

/** A network that is a {@linkplain #vit ThinkingViT} but for what becomes of its tokens: its shape is that one's. */
public interface ThinkingViTVariant extends NetworkConfig {
    /** The ThinkingViT in which all tokens go through all blocks. */
    ThinkingViTConfig vit();

    @Override
    default int stages() {
        return vit().stages();
    }

    @Override
    default int numClasses() {
        return vit().numClasses();
    }

    @Override
    default ImageSize imageSize() {
        return vit().imageSize();
    }

    @Override
    default ImageSize grid() {
        return vit().grid();
    }

    @Override
    default int numFeatures() {
        return vit().numFeatures();
    }

    @Override
    default Object stageHeads(int stage) {
        return vit().stageHeads(stage);
    }

    /** An architecture of such networks: its tokens are a ThinkingViT's. */
    interface Named extends Architecture {
        @Override
        default String stagesArgument() {
            return ThinkingViTConfig.ARCHITECTURE.stagesArgument();
        }

        @Override
        default String globalPool() {
            return ThinkingViTConfig.ARCHITECTURE.globalPool();
        }

        @Override
        default int prefixTokens() {
            return ThinkingViTConfig.ARCHITECTURE.prefixTokens();
        }
    }
}
