package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.NativeTensor;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Another backbone but for what is overridden. */
public interface WrappedBackbone extends Backbone {
    Backbone inner();

    @Override
    default StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        return inner().run(stage, images, previousTokens);
    }

    @Override
    default int stages() {
        return inner().stages();
    }

    @Override
    default int numClasses() {
        return inner().numClasses();
    }

    @Override
    default ImageSize imageSize() {
        return inner().imageSize();
    }

    @Override
    default long macs(int stage) {
        return inner().macs(stage);
    }

    @Override
    default long macs(int stage, Map<String, float[]> extras) {
        return inner().macs(stage, extras);
    }

    @Override
    default int microBatch(int stage) {
        return inner().microBatch(stage);
    }

    @Override
    default long weightBytes() {
        return inner().weightBytes();
    }

    @Override
    default void close() {
        inner().close();
    }
}
