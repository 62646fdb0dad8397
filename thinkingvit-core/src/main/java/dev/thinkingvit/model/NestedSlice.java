package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Which part of a shared parameter a stage reads: a strided view of the full tensor, and the shape in which a layer
 * takes it. One rule for both ways: weights are cut out through the view, gradients are added back through it.
 *
 * <p>{@code D} full width, {@code d} width of the stage.
 */
final class NestedSlice {
    private static final String QKV = "attn.qkv.";

    private final ThinkingViTConfig config;
    private final int stage;
    private final String name;
    /** The attention's headDim^-0.5 on the queries' rows: cheaper on weights than on activations. */
    private final float @Nullable [] factors;

    NestedSlice(ThinkingViTConfig config, int stage, String name) {
        this.config = config;
        this.stage = stage;
        this.name = name;
        this.factors = name.contains(QKV) ? new float[] {(float) (1 / Math.sqrt(config.headDim())), 1, 1} : null;
    }

    String name() {
        return name;
    }

    /** Whether {@code stage} reads the parameter at all: recycling belongs to one stage each. */
    boolean isRead() {
        for (int other = 2; other <= config.stages(); other++) {
            boolean recycles = name.equals(ThinkingViTConfig.alphaName(other))
                    || name.startsWith(ThinkingViTConfig.projectionName(other) + ".");
            if (recycles) {
                return other == stage;
            }
        }
        return true;
    }

    /** Whether the parameter takes part in a product whose precision can be chosen; norms, alphas and the head stay F32. */
    boolean isCast() {
        return !name.contains("norm") && !name.startsWith("head.") && !name.startsWith("alpha.");
    }

    /** The part of {@code full} that the stage reads, sharing its memory. */
    Tensor view(Tensor full) {
        int width = config.width(stage);
        int embedDim = config.embedDim();
        if (name.endsWith(QKV + "weight")) { // queries, keys and values are three chunks of rows
            return full.view(3, embedDim, embedDim).narrow(1, 0, width).narrow(2, 0, width); // (3, d, d)
        }
        if (name.endsWith(QKV + "bias")) {
            return full.view(3, embedDim).narrow(1, 0, width); // (3, d)
        }
        if (name.equals("head.bias") || name.startsWith("alpha.")) {
            return full;
        }
        if (name.equals("cls_token") || name.equals("pos_embed") || name.equals("head.weight")) {
            return full.narrow(-1, 0, width);
        }
        boolean hidden = name.contains("mlp.fc1.");
        Tensor rows = full.narrow(0, 0, hidden ? ThinkingViTConfig.mlpWidth(width) : width);
        if (name.startsWith("blocks.") && full.dim() == 2) {
            return rows.narrow(1, 0, name.contains("mlp.fc2.") ? ThinkingViTConfig.mlpWidth(width) : width);
        }
        return rows; // vectors, the patch embedding, projections from the stage before
    }

    /** The view in the shape that a layer takes, contiguous; a copy unless it is all of an F32 parameter. */
    Tensor cut(Tensor full, Precision precision) {
        Tensor scaled = scaled(view(full));
        Tensor cast = isCast() ? scaled.to(precision.type()) : scaled;
        return shaped(cast).contiguous();
    }

    private Tensor shaped(Tensor view) {
        if (name.contains(QKV)) {
            return view.flatten(0, 1); // (3d, d) or (3d)
        }
        return name.equals("patch_embed.proj.weight") ? view.flatten(1, -1) : view;
    }

    /** Adds the gradient of a cut weight to that of the parameter. */
    void add(Tensor gradient, Tensor fullGradient) {
        Tensor view = view(fullGradient);
        view.add_(scaled(gradient.view_as(view)));
    }

    private Tensor scaled(Tensor chunks) {
        if (factors == null) {
            return chunks;
        }
        Tensor scale = chunks.dim() == 3 ? Tensors.floats(factors, 0, 3, 1, 1) : Tensors.floats(factors, 0, 3, 1);
        return chunks.mul(scale.to(chunks.device(), ScalarType.Float));
    }
}
