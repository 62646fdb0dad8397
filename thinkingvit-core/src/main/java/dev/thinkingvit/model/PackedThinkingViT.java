package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.PackedStage;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A ThinkingViT as inference sees it: each stage's weights cut to its width, packed and cast once, when the model is
 * loaded. Computes what {@link ThinkingViT} computes.
 *
 * <p>Owns its weights; close it. Immutable; its work belongs on the {@linkplain ComputeThread compute thread}.
 */
public final class PackedThinkingViT extends ThinkingViTBackbone {
    /** Values of one (B, N, d) tensor of a micro-batch: 8 images of 197 tokens at width 384. */
    private static final int MICRO_BATCH_VALUES = 8 * 197 * 384;

    private final Precision precision;
    private final List<PackedStage> stages;
    private boolean closed;

    private PackedThinkingViT(ThinkingViTConfig config, Precision precision, List<PackedStage> stages) {
        super(config);
        this.precision = precision;
        this.stages = stages;
    }

    /**
     * Packs weights for inference.
     *
     * @param weights exactly the parameters of {@link ThinkingViTConfig#parameterShapes()}, of any float type
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     */
    public static PackedThinkingViT of(ThinkingViTConfig config, Map<String, HostTensor> weights, Precision precision) {
        Natives.load();
        WeightsException.check(config.parameterShapes(), weights);
        return ComputeThread.callToTheEnd(() -> {
            Network network = new ThinkingViTNetwork(config);
            List<PackedStage> stages = new ArrayList<>();
            try {
                for (int stage = 1; stage <= config.stages(); stage++) {
                    stages.add(PackedStage.pack(network, stage, weights, Tensors.dtype(precision.type())));
                }
            } catch (RuntimeException | Error e) {
                stages.forEach(PackedStage::close);
                throw e;
            }
            return new PackedThinkingViT(config, precision, stages);
        });
    }

    public Precision precision() {
        return precision;
    }

    @Override
    public int microBatch(int stage) {
        return stages.get(stage - 1).microBatch();
    }

    /** {@link Backbone#microBatch} where every operation runs over the whole of it before the next begins. */
    public static int microBatch(ThinkingViTConfig config, int stage) {
        return Math.max(1, MICRO_BATCH_VALUES / (config.tokens() * config.width(stage)));
    }

    @Override
    public boolean runsSideBySide() {
        return true;
    }

    @Override
    public long weightBytes() {
        return stages.stream().mapToLong(PackedStage::weightBytes).sum();
    }

    /** Bytes that the weights of one stage take once packed, padding apart. */
    public static long weightBytes(ThinkingViTConfig config, int stage, Precision precision) {
        long width = config.width(stage);
        long products = (config.patchElements() + 1) * width // patch embedding
                + config.tokens() * width // class token and positions
                + config.depth() * (12 * width * width + 9 * width)
                + (stage == 1 ? 0 : (config.width(stage - 1) + 1) * width); // recycling
        long floats = (4L * config.depth() + 2) * width // norms
                + (width + 1) * config.numClasses();
        return products * (precision == Precision.FP32 ? 4 : 2) + floats * 4;
    }

    @Override
    public StageOutput run(int stage, Tensor images, @Nullable Tensor previousTokens) {
        if (closed) {
            throw new IllegalStateException("the model is closed");
        }
        StageInput.check(config(), stage, images, previousTokens);
        if (previousTokens != null) {
            StageInput.requireType("tokens", previousTokens, Tensors.dtype(precision.type()));
        }
        return StageOutput.of(stages.get(stage - 1).run(images, previousTokens));
    }

    @Override
    public void close() {
        ComputeThread.callToTheEnd(() -> {
            if (!closed) {
                closed = true;
                stages.forEach(PackedStage::close);
            }
            return null;
        });
    }
}
