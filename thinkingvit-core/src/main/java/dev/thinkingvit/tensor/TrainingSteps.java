package dev.thinkingvit.tensor;

import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.layer_normalization_backward;
import org.bytedeco.dnnl.layer_normalization_forward;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.softmax_backward;
import org.bytedeco.dnnl.softmax_forward;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a {@link DnnlProgram} that only a training needs: forward passes that keep what the way back wants, and the
 * way back. F32 or BF16, statistics and parameters of norms F32. Weights lie as libtorch has them, and are read where they
 * lie: measured, packing them once an update is worth 3 % of a product of 2,000 rows.
 *
 * <p>{@code G} images, {@code N} tokens, {@code d} features.
 */
public final class TrainingSteps {
    private static final int NORM_FLAGS =
            dnnl.normalization_flags.use_scale.value | dnnl.normalization_flags.use_shift.value;

    private final DnnlProgram program;

    /** @param program to which steps are added */
    public TrainingSteps(DnnlProgram program) {
        this.program = program;
    }

    /** {@link DnnlProgram#constant}. */
    public DnnlView constant(NativeArray array) {
        return program.constant(array);
    }

    /** {@link DnnlProgram#copy}. */
    public void copy(DnnlView from, DnnlView to) {
        program.copy(from, to);
    }

    /** {@link DnnlProgram#add}. */
    public void add(DnnlView x, DnnlView y) {
        program.add(x, y);
    }

    /** {@link DnnlProgram#product(DnnlView, DnnlView, DnnlView)}. */
    public void product(DnnlView a, DnnlView b, DnnlView out) {
        program.product(a, b, out);
    }

    /** {@link DnnlProgram#softmax}. */
    public void softmax(DnnlView x, DnnlView out) {
        program.softmax(x, out);
    }

    /** Sets all values of a view without gaps to zero. */
    public void zero(DnnlView view) {
        if (!view.isRowMajor()) {
            throw new IllegalArgumentException("a view without gaps is required, " + view + " came");
        }
        long bytes = view.elements() * view.dtype().bytes();
        NativeArray.Place place = new NativeArray.Place();
        program.write(queue -> Pointer.memset(place.at(view.address()), 0, bytes));
    }

    /** {@code out} = {@code out} + {@code a} {@code b}, matrix by matrix; shapes as in {@link #product}. */
    public void addProduct(DnnlView a, DnnlView b, DnnlView out) {
        DnnlProgram.requireProduct(a, b, out);
        DnnlView right = program.rows(b);
        program.write(() -> {
            primitive_attr attributes = DnnlProgram.attributes();
            post_ops fused = new post_ops();
            fused.append_sum();
            attributes.set_post_ops(fused);
            matmul.primitive_desc described = new matmul.primitive_desc(
                    Dnnl.engine(), Dnnl.describe(a), Dnnl.describe(right), Dnnl.describe(out), attributes, false);
            return program.new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, a)
                    .with(dnnl.DNNL_ARG_WEIGHTS, right)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /**
     * {@code out} = {@code x} W + b + {@code addend}.
     *
     * @param x (rows, in)
     * @param weight (in, out), of any strides
     * @param bias (out); null for none
     * @param addend (rows, out); null for none
     * @param out (rows, out)
     */
    public void linear(DnnlView x, DnnlView weight, @Nullable DnnlView bias, @Nullable DnnlView addend, DnnlView out) {
        DnnlProgram.requireProduct(x, weight, out);
        long outputs = out.size(1);
        if (bias != null) {
            DnnlProgram.requireShape("bias", bias, outputs);
        }
        if (addend != null) {
            DnnlProgram.requireShape("addend", addend, out.shape());
        }
        program.write(() -> {
            primitive_attr attributes = plus(addend);
            memory.desc in = Dnnl.describe(x);
            memory.desc by = Dnnl.describe(weight);
            memory.desc to = Dnnl.describe(out);
            DnnlView row = bias == null ? null : bias.reshape(1, outputs);
            matmul.primitive_desc described = row == null
                    ? new matmul.primitive_desc(Dnnl.engine(), in, by, to, attributes, false)
                    : new matmul.primitive_desc(Dnnl.engine(), in, by, Dnnl.describe(row), to, attributes, false);
            DnnlProgram.Arguments arguments = program.new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_WEIGHTS, weight)
                    .with(dnnl.DNNL_ARG_DST, out);
            if (row != null) {
                arguments.with(dnnl.DNNL_ARG_BIAS, row);
            }
            return with(arguments, addend);
        });
    }

    /**
     * {@code out} = {@code x} · {@code factor} + {@code addend}. Fast where {@code out} is of {@code x}'s type.
     *
     * @param x of up to three dimensions
     * @param factor of as many dimensions, each as {@code x}'s or 1
     * @param addend as {@code x}; null for none
     * @param out as {@code x}, or {@code x} itself
     */
    public void scale(DnnlView x, DnnlView factor, @Nullable DnnlView addend, DnnlView out) {
        binary(dnnl.algorithm.binary_mul, x, factor, addend, out);
    }

    /**
     * {@code out} = {@code x} + {@code y}. Fast where {@code out} is of {@code x}'s type.
     *
     * @param y each dimension as {@code x}'s or 1
     * @param out as {@code x}, or {@code x} itself
     */
    public void sum(DnnlView x, DnnlView y, DnnlView out) {
        binary(dnnl.algorithm.binary_add, x, y, null, out);
    }

    private void binary(dnnl.algorithm kind, DnnlView x, DnnlView y, @Nullable DnnlView addend, DnnlView out) {
        DnnlProgram.requireShape("out", out, x.shape());
        long[] common = x.shape();
        for (int i = 0; i < common.length; i++) {
            common[i] = y.size(i) == 1 ? 1 : common[i];
        }
        DnnlProgram.requireShape("the second operand", y, common);
        if (addend != null) {
            DnnlProgram.requireShape("addend", addend, x.shape());
        }
        program.write(() -> {
            primitive_attr attributes = plus(addend);
            binary.primitive_desc described = new binary.primitive_desc(
                    Dnnl.engine(), kind, Dnnl.describe(x), Dnnl.describe(y), Dnnl.describe(out), attributes, false);
            DnnlProgram.Arguments arguments = program.new Arguments(described, new binary(described))
                    .with(dnnl.DNNL_ARG_SRC_0, x)
                    .with(dnnl.DNNL_ARG_SRC_1, y)
                    .with(dnnl.DNNL_ARG_DST, out);
            return with(arguments, addend);
        });
    }

    /** Attributes of a step whose result is added to; none but the usual where nothing is. */
    private static primitive_attr plus(@Nullable DnnlView addend) {
        primitive_attr attributes = DnnlProgram.attributes();
        if (addend != null) {
            post_ops fused = new post_ops();
            fused.append_binary(dnnl.algorithm.binary_add, Dnnl.describe(addend));
            attributes.set_post_ops(fused);
        }
        return attributes;
    }

    /** The arguments, and what {@link #plus} adds. */
    private static DnnlProgram.Arguments with(DnnlProgram.Arguments arguments, @Nullable DnnlView addend) {
        return addend == null ? arguments : arguments.with(DnnlProgram.operand(0), addend);
    }

    /** GELU with the exact error function. */
    public void gelu(DnnlView x, DnnlView out) {
        DnnlProgram.requireShape("out", out, x.shape());
        program.write(() -> {
            eltwise_forward.primitive_desc described = gelu(Dnnl.describe(x), Dnnl.describe(out));
            return program.new Arguments(described, new eltwise_forward(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    private static eltwise_forward.primitive_desc gelu(memory.desc x, memory.desc out) {
        return new eltwise_forward.primitive_desc(
                Dnnl.engine(),
                dnnl.prop_kind.forward_training,
                dnnl.algorithm.eltwise_gelu_erf,
                x,
                out,
                DnnlProgram.attributes(),
                false);
    }

    /**
     * The gradient of what went into {@link #gelu}.
     *
     * @param x what went in
     * @param gradient of what came out
     * @param out may be {@code gradient}
     */
    public void geluGradient(DnnlView x, DnnlView gradient, DnnlView out) {
        DnnlProgram.requireShape("gradient", gradient, x.shape());
        DnnlProgram.requireShape("out", out, x.shape());
        program.write(() -> {
            memory.desc shape = Dnnl.describe(x);
            eltwise_backward.primitive_desc described = new eltwise_backward.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.eltwise_gelu_erf,
                    Dnnl.describe(out),
                    Dnnl.describe(gradient),
                    shape,
                    gelu(shape, shape),
                    DnnlProgram.attributes(),
                    false);
            return program.new Arguments(described, new eltwise_backward(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_DIFF_DST, gradient)
                    .with(dnnl.DNNL_ARG_DIFF_SRC, out);
        });
    }

    /**
     * The gradient of what went into a softmax over the last dimension.
     *
     * @param y what came out
     * @param gradient of what came out
     * @param out may be {@code gradient}
     */
    public void softmaxGradient(DnnlView y, DnnlView gradient, DnnlView out) {
        DnnlProgram.requireShape("gradient", gradient, y.shape());
        DnnlProgram.requireShape("out", out, y.shape());
        program.write(() -> {
            memory.desc shape = Dnnl.describe(y);
            int axis = y.shape().length - 1;
            softmax_forward.primitive_desc forward = new softmax_forward.primitive_desc(
                    Dnnl.engine(),
                    dnnl.prop_kind.forward_training,
                    dnnl.algorithm.softmax_accurate,
                    shape,
                    shape,
                    axis,
                    DnnlProgram.attributes(),
                    false);
            softmax_backward.primitive_desc described = new softmax_backward.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.softmax_accurate,
                    Dnnl.describe(out),
                    Dnnl.describe(gradient),
                    shape,
                    axis,
                    forward,
                    DnnlProgram.attributes(),
                    false);
            return program.new Arguments(described, new softmax_backward(described))
                    .with(dnnl.DNNL_ARG_DST, y)
                    .with(dnnl.DNNL_ARG_DIFF_DST, gradient)
                    .with(dnnl.DNNL_ARG_DIFF_SRC, out);
        });
    }

    /**
     * LayerNorm over the last dimension.
     *
     * @param x (rows, d)
     * @param weight (d)
     * @param bias (d)
     * @param statistics (2, rows), which are written: means and variances
     * @param out (rows, d)
     */
    public void layerNorm(DnnlView x, DnnlView weight, DnnlView bias, double eps, DnnlView statistics, DnnlView out) {
        requireNorm(x, weight, statistics);
        DnnlProgram.requireShape("bias", bias, weight.shape());
        DnnlProgram.requireType("bias", bias, DType.F32);
        DnnlProgram.requireShape("out", out, x.shape());
        program.write(() -> {
            layer_normalization_forward.primitive_desc described = norm(x, statistics, eps, out);
            return program.new Arguments(described, new layer_normalization_forward(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_SCALE, weight)
                    .with(dnnl.DNNL_ARG_SHIFT, bias)
                    .with(dnnl.DNNL_ARG_MEAN, statistics.select(0, 0))
                    .with(dnnl.DNNL_ARG_VARIANCE, statistics.select(0, 1))
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    private static void requireNorm(DnnlView x, DnnlView weight, DnnlView statistics) {
        DnnlProgram.requireShape("weight", weight, x.size(1));
        DnnlProgram.requireType("weight", weight, DType.F32);
        DnnlProgram.requireShape("statistics", statistics, 2, x.size(0));
        DnnlProgram.requireType("statistics", statistics, DType.F32);
    }

    private static layer_normalization_forward.primitive_desc norm(
            DnnlView x, DnnlView statistics, double eps, DnnlView out) {
        return new layer_normalization_forward.primitive_desc(
                Dnnl.engine(),
                dnnl.prop_kind.forward_training.value,
                Dnnl.describe(x),
                Dnnl.describe(out),
                Dnnl.describe(statistics.select(0, 0)),
                (float) eps,
                NORM_FLAGS,
                DnnlProgram.attributes(),
                false);
    }

    /**
     * The gradients of what went into {@link #layerNorm}.
     *
     * @param x (rows, d), what went in
     * @param statistics (2, rows), as they were written
     * @param gradient (rows, d), of what came out
     * @param out (rows, d), of what went in
     * @param ofWeight (d), which is written, as is {@code ofBias}
     */
    public void layerNormGradient(
            DnnlView x,
            DnnlView weight,
            double eps,
            DnnlView statistics,
            DnnlView gradient,
            DnnlView out,
            DnnlView ofWeight,
            DnnlView ofBias) {
        requireNorm(x, weight, statistics);
        DnnlProgram.requireShape("gradient", gradient, x.shape());
        DnnlProgram.requireShape("out", out, x.shape());
        DnnlProgram.requireShape("the weight's gradient", ofWeight, weight.shape());
        DnnlProgram.requireShape("the bias's gradient", ofBias, weight.shape());
        program.write(() -> {
            layer_normalization_backward.primitive_desc described = new layer_normalization_backward.primitive_desc(
                    Dnnl.engine(),
                    dnnl.prop_kind.backward.value,
                    Dnnl.describe(out),
                    Dnnl.describe(gradient),
                    Dnnl.describe(x),
                    Dnnl.describe(statistics.select(0, 0)),
                    (float) eps,
                    NORM_FLAGS,
                    norm(x, statistics, eps, gradient),
                    DnnlProgram.attributes(),
                    false);
            return program.new Arguments(described, new layer_normalization_backward(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_SCALE, weight)
                    .with(dnnl.DNNL_ARG_MEAN, statistics.select(0, 0))
                    .with(dnnl.DNNL_ARG_VARIANCE, statistics.select(0, 1))
                    .with(dnnl.DNNL_ARG_DIFF_DST, gradient)
                    .with(dnnl.DNNL_ARG_DIFF_SRC, out)
                    .with(dnnl.DNNL_ARG_DIFF_SCALE, ofWeight)
                    .with(dnnl.DNNL_ARG_DIFF_SHIFT, ofBias);
        });
    }
}
