package dev.thinkingvit.inference;

import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchTensor;
import org.jspecify.annotations.Nullable;

/** What training computes, held to the same recordings as inference: every stage is run anew for each question. */
public record TrainingView(NestedNetwork model) implements Backbone {
    public static TrainingView of(ModelDirectory.Model read) {
        return new TrainingView(ComputeThread.call(
                () -> NestedNetwork.of(ThinkingViTConfig.of(read.config().network()), read.weights())));
    }

    @Override
    public int stages() {
        return model.config().stages();
    }

    @Override
    public int numClasses() {
        return model.config().numClasses();
    }

    @Override
    public ImageSize imageSize() {
        return model.config().imageSize();
    }

    @Override
    public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        Network.Output<NativeTensor> output = model.forward(Tensors.shared(images), Precision.FP32, DropPath.NONE)
                .get(stage - 1)
                .map(TorchTensor::new);
        return new StageOutput(output.tokens(), output.prediction(), output.extras());
    }

    @Override
    public long macs(int stage) {
        return model.config().macs(stage);
    }

    @Override
    public int microBatch(int stage) {
        return 16;
    }

    @Override
    public long weightBytes() {
        return model.config().parameterCount() * Float.BYTES;
    }

    @Override
    public void close() {
        model.close();
    }
}
