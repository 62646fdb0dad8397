package dev.thinkingvit.network;

import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * What a stage reads of a parameter: a strided view of the full tensor. One rule for both ways: weights are cut out
 * through the view, gradients are added back through it.
 *
 * @param stage from 1
 */
public record Slice(Parameter parameter, int stage) {
    /** The part of {@code full} that the stage reads, sharing its memory; an axis in chunks becomes two. */
    Tensor view(Tensor full) {
        Tensor view = full.view(split());
        int dimension = 0;
        for (Axis axis : parameter.axes()) {
            dimension += axis.chunks() > 1 ? 1 : 0;
            if (axis.read(stage) < axis.chunk()) {
                view = view.narrow(dimension, 0, axis.read(stage));
            }
            dimension++;
        }
        return view;
    }

    private long[] split() {
        List<Long> sizes = new ArrayList<>();
        for (Axis axis : parameter.axes()) {
            if (axis.chunks() > 1) {
                sizes.add((long) axis.chunks());
            }
            sizes.add((long) axis.chunk());
        }
        return sizes.stream().mapToLong(Long::longValue).toArray();
    }

    /**
     * The slice with its chunks' scales, of the shape {@link Parameter#shape(int)}, contiguous; a copy unless it is all of
     * a parameter of that type.
     *
     * @param type of the products; F32 where the parameter is not cast
     */
    public Tensor cut(Tensor full, ScalarType type) {
        Tensor scaled = scaled(view(full));
        Tensor cast = parameter.cast() ? scaled.to(type) : scaled;
        return cast.reshape(parameter.shape(stage)).contiguous();
    }

    /** Adds the gradient of a cut weight to that of the parameter. */
    public void add(Tensor gradient, Tensor fullGradient) {
        Tensor view = view(fullGradient);
        view.add_(scaled(gradient.view_as(view)));
    }

    private Tensor scaled(Tensor chunks) {
        float @Nullable [] scales = scales();
        if (scales == null) {
            return chunks;
        }
        long[] shape = new long[Math.toIntExact(chunks.dim())];
        java.util.Arrays.fill(shape, 1);
        shape[0] = scales.length;
        return chunks.mul(TorchDevice.of(chunks).place(Tensors.floats(scales, 0, shape)));
    }

    private float @Nullable [] scales() {
        List<Float> scales = parameter.scales().orElse(null);
        if (scales == null) {
            return null;
        }
        float[] values = new float[scales.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = scales.get(i);
        }
        return values;
    }
}
