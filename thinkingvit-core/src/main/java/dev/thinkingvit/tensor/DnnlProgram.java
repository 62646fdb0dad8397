package dev.thinkingvit.tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.layer_normalization_forward;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.primitive_desc;
import org.bytedeco.dnnl.reduction;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.softmax_forward;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * A fixed sequence of oneDNN's primitives on fixed memory. It is written once, step by step, and then run as often as
 * wanted: a run allocates nothing, asks for no shapes and calls native code once a step.
 *
 * <pre>{@code
 * DnnlView x = program.external(DType.F32, 197, 384);
 * DnnlView normed = program.buffer(DType.BF16, 197, 384);
 * program.layerNorm(x, weight, bias, 1e-6, normed);
 * ...
 * program.bind(x, array, 0);
 * program.run();
 * }</pre>
 *
 * <p>Threading: for one thread at a time, and only for threads with as many native threads as the one that wrote it had.
 * Owns its memory and primitives, not the weights; close it.
 */
public final class DnnlProgram implements AutoCloseable {
    /** What happens to a linear layer's result while it is still in registers. */
    public enum After {
        /** Nothing. */
        NONE,
        /** GELU with the exact error function. */
        GELU,
        /** It is added to what the output holds. */
        ADD
    }

    private final int threads = Natives.threads();
    private final List<Memory> externals = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private final List<Pointer> owned = new ArrayList<>();
    private final List<memory> scratchpads = new ArrayList<>();
    private final HostSteps host = new HostSteps();
    private final stream queue = Scope.own(new stream(Dnnl.engine()));
    private long scratchBytes;
    private boolean sealed;
    private boolean closed;

    interface Step {
        void run(stream queue);
    }

    private record Primitive(primitive kernel, IntMemoryMap arguments) implements Step {
        @Override
        public void run(stream queue) {
            kernel.execute(queue, arguments);
        }
    }

    /** Where the elements of views lie: in a buffer of the program, or wherever the program was {@linkplain #bind bound}. */
    static final class Memory {
        private long address;
        private final List<Place> places = new ArrayList<>();

        private record Place(memory handle, long offsetBytes) {}

        long address() {
            return address;
        }

        private void move(long to) {
            if (address == to) {
                return;
            }
            address = to;
            for (Place place : places) {
                place.handle.set_data_handle(new NativeArray.Address(to + place.offsetBytes));
            }
        }
    }

    /** Memory of the program's own, row-major. */
    public DnnlView buffer(DType dtype, long... shape) {
        Memory memory = new Memory();
        DnnlView view = DnnlView.of(memory, dtype, shape);
        memory.address = allocate(dtype.bytes() * Arrays.stream(shape).reduce(1, Math::multiplyExact));
        return view;
    }

    /** Memory of the program's own in which views begin where they are told to. */
    public Arena arena(long bytes) {
        Memory memory = new Memory();
        memory.address = allocate(bytes);
        return new Arena(memory, bytes);
    }

    /**
     * Memory of somebody else's in which views begin where they are told to, {@linkplain #bind(Arena, NativeArray) bound} before a
     * run: programs that never run at the same time may have the same.
     */
    public Arena externalArena(long bytes) {
        Memory memory = new Memory();
        if (bytes > 0) {
            externals.add(memory);
        }
        return new Arena(memory, bytes);
    }

    /** Memory in which several views lie, also at the same place where they are not needed at the same time. */
    public static final class Arena {
        private final Memory memory;
        private final long bytes;

        private Arena(Memory memory, long bytes) {
            this.memory = memory;
            this.bytes = bytes;
        }

        /** Its size. */
        public long bytes() {
            return bytes;
        }

        /** A row-major view, {@code offset} bytes from the beginning, a multiple of the type's. */
        public DnnlView view(long offset, DType dtype, long... shape) {
            DnnlView view = DnnlView.of(memory, dtype, offset / dtype.bytes(), shape);
            if (offset < 0 || offset % dtype.bytes() != 0 || offset + view.elements() * dtype.bytes() > bytes) {
                throw new IllegalArgumentException(view + " at " + offset + " is not within " + bytes + " bytes");
            }
            return view;
        }
    }

    /** Memory of somebody else's, row-major, {@linkplain #bind bound} before a run. */
    public DnnlView external(DType dtype, long... shape) {
        Memory memory = new Memory();
        externals.add(memory);
        return DnnlView.of(memory, dtype, shape);
    }

    /**
     * An array as it lies in memory.
     *
     * @param array F32 or BF16; must outlive the program
     */
    public DnnlView constant(NativeArray array) {
        Memory memory = new Memory();
        memory.address = array.address();
        return DnnlView.of(memory, array.dtype(), array.shape());
    }

    private long allocate(long bytes) {
        NativeArray memory = Scope.own(NativeArray.allocate(DType.U8, bytes));
        owned.add(memory.owner());
        return memory.address();
    }

    /**
     * Says where the next runs find an external view's memory.
     *
     * @param view as {@link #external} returned it
     * @param array of the view's element type; must outlive the runs
     * @param row the first that the view covers, along the array's first dimension
     */
    public void bind(DnnlView view, NativeArray array, long row) {
        long elements = array.elements();
        long rowElements = elements / array.size(0);
        if (array.dtype() != view.dtype() || row < 0 || row * rowElements + view.elements() > elements) {
            throw new IllegalArgumentException(view + " is required from row " + row + " on, " + array + " came");
        }
        view.memory().move(array.address() + row * rowElements * view.dtype().bytes());
    }

    /**
     * Says where the next runs find an arena's memory.
     *
     * @param arena as {@link #externalArena} returned it
     * @param memory of at least its size; must outlive the runs
     */
    public void bind(Arena arena, NativeArray memory) {
        if (memory.bytes() < arena.bytes) {
            throw new IllegalArgumentException(arena.bytes + " bytes are required, " + memory.bytes() + " came");
        }
        arena.memory.move(memory.address());
    }

    /**
     * {@code out} = {@code x} Wᵀ + b, or what {@code after} makes of it.
     *
     * @param x (rows, in) of the matrix's type
     * @param out (rows, out) F32, BF16 or of the matrix's type
     */
    public void linear(DnnlView x, DnnlMatrix matrix, DnnlView out, After after) {
        if (out.dtype() == DType.U8) {
            throw new IllegalArgumentException("out: how values become " + out + " must be said");
        }
        linear(x, matrix, out, after, null);
    }

    /**
     * As {@link #linear(DnnlView, DnnlMatrix, DnnlView, After)}, rounded to eight bits while it is still in registers.
     *
     * @param x (rows, in) U8
     * @param after not a sum, which eight bits cannot hold
     * @param how of the matrix's outputs; must outlive the program
     * @param out (rows, out) U8
     */
    public void linear(DnnlView x, DnnlMatrix matrix, After after, Quantizer how, DnnlView out) {
        requireType("x", x, DType.U8);
        requireType("out", out, DType.U8);
        if (after == After.ADD) {
            throw new IllegalArgumentException("a sum is not rounded to " + out);
        }
        linear(x, matrix, out, after, how);
    }

    private void linear(DnnlView x, DnnlMatrix matrix, DnnlView out, After after, @Nullable Quantizer how) {
        long rows = x.size(0);
        requireShape("x", x, rows, matrix.in());
        requireShape("out", out, rows, matrix.out());
        requireType("x", x, matrix.dtype());
        DnnlView scale = how == null ? null : row(how.scale(), matrix.out());
        DnnlView shift = how == null ? null : row(how.shift(), matrix.out());
        boolean uneven = how != null && !how.isEven();
        write(() -> {
            primitive_attr attributes = attributes();
            post_ops fused = new post_ops();
            if (after == After.GELU) {
                fused.append_eltwise(dnnl.algorithm.eltwise_gelu_erf, 0, 0);
            } else if (after == After.ADD) {
                fused.append_sum();
            }
            int steps = after == After.NONE ? 0 : 1;
            if (how != null && how.isEven()) {
                fused.append_eltwise(dnnl.algorithm.eltwise_linear, how.evenScale(), how.evenShift());
            } else if (scale != null && shift != null) {
                fused.append_binary(dnnl.algorithm.binary_mul, Dnnl.describe(scale));
                fused.append_binary(dnnl.algorithm.binary_add, Dnnl.describe(shift));
            }
            attributes.set_post_ops(fused);
            if (matrix.scales() != null) {
                attributes.set_scales_mask(dnnl.DNNL_ARG_WEIGHTS, Dnnl.EACH_OUTPUT);
            }
            matmul.primitive_desc described = new matmul.primitive_desc(
                    Dnnl.engine(),
                    Dnnl.describe(x),
                    matrix.layout(),
                    matrix.bias().get_desc(),
                    Dnnl.describe(out),
                    attributes,
                    false);
            Arguments arguments = new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_WEIGHTS, matrix.weight())
                    .with(dnnl.DNNL_ARG_BIAS, matrix.bias())
                    .with(dnnl.DNNL_ARG_DST, out);
            if (matrix.scales() != null) {
                arguments.with(dnnl.DNNL_ARG_ATTR_SCALES | dnnl.DNNL_ARG_WEIGHTS, matrix.scales());
            }
            if (uneven && scale != null && shift != null) {
                arguments.with(operand(steps), scale).with(operand(steps + 1), shift);
            }
            return arguments;
        });
    }

    /** Where the operand of what is done afterwards comes from, counted from 0. */
    static int operand(int step) {
        return (step + 1) * dnnl.DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | dnnl.DNNL_ARG_SRC_1;
    }

    /** A constant (1, d). */
    private DnnlView row(NativeArray values, long required) {
        DnnlView view = constant(values);
        requireShape("values of features", view, required);
        return view.reshape(1, required);
    }

    /**
     * Rounds rows to eight bits.
     *
     * @param x (rows, d) F32 or BF16
     * @param how of d features; must outlive the program
     * @param out (rows, d) U8
     */
    public void quantize(DnnlView x, Quantizer how, DnnlView out) {
        requireShape("out", out, x.shape());
        requireType("out", out, DType.U8);
        DnnlView scale = row(how.scale(), x.size(1));
        DnnlView shift = row(how.shift(), x.size(1));
        if (how.isEven()) {
            quantizeEvenly(x, how, out);
            return;
        }
        write(() -> {
            primitive_attr attributes = attributes();
            post_ops fused = new post_ops();
            fused.append_binary(dnnl.algorithm.binary_add, Dnnl.describe(shift));
            attributes.set_post_ops(fused);
            binary.primitive_desc described = new binary.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.binary_mul,
                    Dnnl.describe(x),
                    Dnnl.describe(scale),
                    Dnnl.describe(out),
                    attributes,
                    false);
            return new Arguments(described, new binary(described))
                    .with(dnnl.DNNL_ARG_SRC_0, x)
                    .with(dnnl.DNNL_ARG_SRC_1, scale)
                    .with(operand(0), shift)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /** Half the time of a sum of products. */
    private void quantizeEvenly(DnnlView x, Quantizer how, DnnlView out) {
        memory scale = single(memory.data_type.f32);
        memory shift = single(memory.data_type.s32);
        try (FloatPointer one = new FloatPointer(new float[] {how.evenScale()});
                IntPointer middle = new IntPointer(new int[] {how.evenShift()})) {
            Pointer.memcpy(scale.get_data_handle(), one, Float.BYTES);
            Pointer.memcpy(shift.get_data_handle(), middle, Integer.BYTES);
        }
        write(() -> {
            primitive_attr attributes = attributes();
            attributes.set_scales_mask(dnnl.DNNL_ARG_SRC, 0);
            attributes.set_zero_points_mask(dnnl.DNNL_ARG_DST, 0);
            reorder.primitive_desc described = new reorder.primitive_desc(
                    Dnnl.engine(), Dnnl.describe(x), Dnnl.engine(), Dnnl.describe(out), attributes, false);
            return new Arguments(described.scratchpad_desc(), new reorder(described))
                    .with(dnnl.DNNL_ARG_FROM, x)
                    .with(dnnl.DNNL_ARG_TO, out)
                    .with(dnnl.DNNL_ARG_ATTR_SCALES | dnnl.DNNL_ARG_SRC, scale)
                    .with(dnnl.DNNL_ARG_ATTR_ZERO_POINTS | dnnl.DNNL_ARG_DST, shift);
        });
    }

    /** Memory of one value. */
    private memory single(memory.data_type type) {
        try (Scope scope = new Scope()) {
            return own(new memory(new memory.desc(new long[] {1}, type, new long[] {1}), Dnnl.engine()));
        }
    }

    /**
     * Shows rows to somebody at each run.
     *
     * @param x (rows, d) F32 without gaps
     * @param watcher is given a copy
     */
    public void watch(DnnlView x, Watcher watcher) {
        requireRowMajor("x", x, DType.F32);
        write(queue -> watcher.see(host.floats(x)));
    }

    /** Who looks at values that pass by, on the thread that runs the program. */
    @FunctionalInterface
    public interface Watcher {
        /** @param rows (rows, d) */
        void see(float[] rows);
    }

    /** A linear layer with a layout of oneDNN's choice, to ask it which. */
    static matmul.primitive_desc product(long rows, long in, long out, DType dtype) {
        boolean bits = dtype == DType.U8;
        memory.data_type type = Dnnl.type(dtype);
        primitive_attr attributes = new primitive_attr();
        if (bits) {
            attributes.set_scales_mask(dnnl.DNNL_ARG_WEIGHTS, Dnnl.EACH_OUTPUT);
        }
        return new matmul.primitive_desc(
                Dnnl.engine(),
                new memory.desc(new long[] {rows, in}, type, new long[] {in, 1}),
                new memory.desc(new long[] {in, out}, bits ? Dnnl.type(DType.I8) : type, memory.format_tag.any),
                new memory.desc(new long[] {1, out}, memory.data_type.f32, new long[] {out, 1}),
                new memory.desc(new long[] {rows, out}, bits ? Dnnl.type(DType.F32) : type, new long[] {out, 1}),
                attributes,
                false);
    }

    /**
     * {@code out} = {@code a} {@code b}, matrix by matrix.
     *
     * @param a (..., n, k)
     * @param b (..., k, m) of the same type
     * @param out (..., n, m)
     */
    public void product(DnnlView a, DnnlView b, DnnlView out) {
        requireProduct(a, b, out);
        requireType("b", b, a.dtype());
        DnnlView right = rows(b);
        write(() -> {
            matmul.primitive_desc described = new matmul.primitive_desc(
                    Dnnl.engine(), Dnnl.describe(a), Dnnl.describe(right), Dnnl.describe(out), attributes(), false);
            return new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, a)
                    .with(dnnl.DNNL_ARG_WEIGHTS, right)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /**
     * {@code out} = {@code scale} · {@code a} {@code b} + {@code addend}, matrix by matrix.
     *
     * @param a (..., n, k)
     * @param b (..., k, m) of the same type
     * @param addend of the shape of {@code out}, F32
     * @param out (..., n, m)
     */
    public void product(DnnlView a, DnnlView b, double scale, DnnlView addend, DnnlView out) {
        requireProduct(a, b, out);
        requireShape("addend", addend, out.shape());
        requireType("addend", addend, DType.F32);
        requireType("b", b, a.dtype());
        DnnlView right = rows(b);
        write(() -> {
            primitive_attr attributes = attributes();
            post_ops fused = new post_ops();
            fused.append_eltwise(dnnl.algorithm.eltwise_linear, (float) scale, 0);
            fused.append_binary(dnnl.algorithm.binary_add, Dnnl.describe(addend));
            attributes.set_post_ops(fused);
            matmul.primitive_desc described = new matmul.primitive_desc(
                    Dnnl.engine(), Dnnl.describe(a), Dnnl.describe(right), Dnnl.describe(out), attributes, false);
            return new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, a)
                    .with(dnnl.DNNL_ARG_WEIGHTS, right)
                    .with(operand(1), addend)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /**
     * The right side of a product. oneDNN takes matrices of a single row that lie apart for others and reads beside them, so
     * that those are put one after the other first.
     */
    DnnlView rows(DnnlView b) {
        int dims = b.shape().length;
        if (dims < 3 || b.size(dims - 2) > 1 || b.isRowMajor()) {
            return b;
        }
        DnnlView together = buffer(b.dtype(), b.shape());
        copy(b, together);
        return together;
    }

    /** {@code x} = {@code x} + {@code y}, whatever their strides. */
    public void add(DnnlView x, DnnlView y) {
        requireShape("y", y, x.shape());
        sum(x, y);
    }

    private void sum(DnnlView x, DnnlView y) {
        write(() -> {
            binary.primitive_desc described = new binary.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.binary_add,
                    Dnnl.describe(x),
                    Dnnl.describe(y),
                    Dnnl.describe(x),
                    attributes(),
                    false);
            return new Arguments(described, new binary(described))
                    .with(dnnl.DNNL_ARG_SRC_0, x)
                    .with(dnnl.DNNL_ARG_SRC_1, y)
                    .with(dnnl.DNNL_ARG_DST, x);
        });
    }

    /** The mean over the middle dimension: (B, N, d) to (B, 1, d). */
    public void mean(DnnlView x, DnnlView out) {
        requireShape("out", out, x.size(0), 1, x.size(2));
        write(() -> {
            reduction.primitive_desc described = new reduction.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.reduction_mean,
                    Dnnl.describe(x),
                    Dnnl.describe(out),
                    0,
                    0,
                    attributes(),
                    false);
            return new Arguments(described, new reduction(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /**
     * 0 for each row of numbers; no number for each row that holds one that is none, or is infinite.
     *
     * @param x (rows, d) F32
     * @param out (rows, 1) F32
     */
    public void spoilt(DnnlView x, DnnlView out) {
        requireShape("out", out, x.size(0), 1);
        write(() -> {
            primitive_attr attributes = attributes();
            post_ops fused = new post_ops();
            fused.append_eltwise(dnnl.algorithm.eltwise_linear, 0, 0);
            attributes.set_post_ops(fused);
            reduction.primitive_desc described = new reduction.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.reduction_sum,
                    Dnnl.describe(x),
                    Dnnl.describe(out),
                    0,
                    0,
                    attributes,
                    false);
            return new Arguments(described, new reduction(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /** {@code x} = {@code x} + {@code y}, row by row: (rows, d) and (rows, 1). */
    public void addToRows(DnnlView x, DnnlView y) {
        requireShape("y", y, x.size(0), 1);
        sum(x, y);
    }

    /** The Euclidean length of each token: (B, N, d) to (B, N, 1). */
    public void lengths(DnnlView x, DnnlView out) {
        requireShape("out", out, x.size(0), x.size(1), 1);
        write(() -> {
            reduction.primitive_desc described = new reduction.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.reduction_norm_lp_sum,
                    Dnnl.describe(x),
                    Dnnl.describe(out),
                    2,
                    0,
                    attributes(),
                    false);
            return new Arguments(described, new reduction(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /** {@code out} = {@code x} / {@code by}: (B, N, d) by (B, N, 1). */
    public void divide(DnnlView x, DnnlView by, DnnlView out) {
        requireShape("by", by, x.size(0), x.size(1), 1);
        requireShape("out", out, x.shape());
        write(() -> {
            binary.primitive_desc described = new binary.primitive_desc(
                    Dnnl.engine(),
                    dnnl.algorithm.binary_div,
                    Dnnl.describe(x),
                    Dnnl.describe(by),
                    Dnnl.describe(out),
                    attributes(),
                    false);
            return new Arguments(described, new binary(described))
                    .with(dnnl.DNNL_ARG_SRC_0, x)
                    .with(dnnl.DNNL_ARG_SRC_1, by)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /** Softmax over the last dimension; {@code out} may be {@code x}. */
    public void softmax(DnnlView x, DnnlView out) {
        softmax(dnnl.algorithm.softmax_accurate, x, out);
    }

    /** The logarithm of the softmax over the last dimension; {@code out} may be {@code x}. */
    public void logSoftmax(DnnlView x, DnnlView out) {
        softmax(dnnl.algorithm.softmax_log, x, out);
    }

    private void softmax(dnnl.algorithm kind, DnnlView x, DnnlView out) {
        requireShape("out", out, x.shape());
        write(() -> {
            softmax_forward.primitive_desc described = new softmax_forward.primitive_desc(
                    Dnnl.engine(),
                    dnnl.prop_kind.forward_inference,
                    kind,
                    Dnnl.describe(x),
                    Dnnl.describe(out),
                    x.shape().length - 1,
                    attributes(),
                    false);
            return new Arguments(described, new softmax_forward(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /**
     * LayerNorm over the last dimension.
     *
     * @param x (rows, d)
     * @param weight (d) F32; must outlive the program, as must {@code bias}
     * @param bias (d) F32
     * @param out (rows, d); in U8 what comes out is rounded, and held within 0 and 255
     */
    public void layerNorm(DnnlView x, NativeArray weight, NativeArray bias, double eps, DnnlView out) {
        requireShape("x", x, x.size(0), weight.elements());
        requireShape("out", out, x.shape());
        DnnlView scale = constant(weight);
        DnnlView shift = constant(bias);
        requireShape("bias", shift, weight.elements());
        requireType("weight", scale, DType.F32);
        requireType("bias", shift, DType.F32);
        write(() -> {
            layer_normalization_forward.primitive_desc described = new layer_normalization_forward.primitive_desc(
                    Dnnl.engine(),
                    dnnl.prop_kind.forward_inference.value,
                    Dnnl.describe(x),
                    Dnnl.describe(out),
                    (float) eps,
                    dnnl.normalization_flags.use_scale.value | dnnl.normalization_flags.use_shift.value,
                    attributes(),
                    false);
            return new Arguments(described, new layer_normalization_forward(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_SCALE, scale)
                    .with(dnnl.DNNL_ARG_SHIFT, shift)
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /** {@code to} = {@code from}, whatever their strides and element types. */
    public void copy(DnnlView from, DnnlView to) {
        requireShape("to", to, from.shape());
        write(() -> {
            reorder.primitive_desc described = new reorder.primitive_desc(
                    Dnnl.engine(), Dnnl.describe(from), Dnnl.engine(), Dnnl.describe(to), attributes(), false);
            return new Arguments(described.scratchpad_desc(), new reorder(described))
                    .with(dnnl.DNNL_ARG_FROM, from)
                    .with(dnnl.DNNL_ARG_TO, to);
        });
    }

    /**
     * Chooses the rows of each image whose first entries are largest, the largest first, and of equal ones the earlier.
     *
     * @param scores (G, n, c) F32
     * @param order (G, count) F32: their places from 0
     */
    public void choose(DnnlView scores, DnnlView order) {
        requireShape("order", order, scores.size(0), order.size(1));
        requireRowMajor("scores", scores, DType.F32);
        requireRowMajor("order", order, DType.F32);
        if (order.size(1) > scores.size(1)) {
            throw new IllegalArgumentException(order + " are more rows than " + scores + " has");
        }
        write(queue -> host.choose(scores, order));
    }

    /**
     * The first row of each image, and of those after it the chosen ones in their order.
     *
     * @param x (G, 1 + n, d)
     * @param order (G, count) of n rows, of {@link #choose}
     * @param out (G, 1 + count, d) of the same type
     */
    public void gather(DnnlView x, DnnlView order, DnnlView out) {
        requireRows(x, order, out);
        write(queue -> host.gather(x, order, out));
    }

    /**
     * Puts rows back where {@link #gather} took them from.
     *
     * @param x (G, 1 + n, d), of which the first row and the chosen ones are replaced
     * @param order (G, count) of n rows, of {@link #choose}
     * @param changed (G, 1 + count, d) of the same type
     */
    public void scatter(DnnlView x, DnnlView order, DnnlView changed) {
        requireRows(x, order, changed);
        write(queue -> host.scatter(x, order, changed));
    }

    /** Something of Java's between the steps before and those after it, on the thread that runs the program. */
    public void call(Runnable work) {
        write(queue -> work.run());
    }

    private static void requireRows(DnnlView x, DnnlView order, DnnlView chosen) {
        requireShape("order", order, x.size(0), order.size(1));
        requireShape("the chosen", chosen, x.size(0), 1 + order.size(1), x.size(2));
        requireRowMajor("x", x, x.dtype());
        requireRowMajor("order", order, DType.F32);
        requireRowMajor("the chosen", chosen, x.dtype());
    }

    private static void requireRowMajor(String what, DnnlView view, DType required) {
        requireType(what, view, required);
        if (!view.isRowMajor()) {
            throw new IllegalArgumentException(what + ": rows without gaps are required, " + view + " came");
        }
    }

    void write(Step step) {
        requireWriting();
        steps.add(step);
    }

    private void requireWriting() {
        if (sealed || closed) {
            throw new IllegalStateException(closed ? "the program is closed" : "the program has run already");
        }
    }

    /** oneDNN does not compare all shapes, and would read and write beside the memory. */
    static void requireShape(String what, DnnlView view, long... required) {
        if (!Arrays.equals(view.shape(), required)) {
            throw new IllegalArgumentException(
                    what + ": shape " + Arrays.toString(required) + " is required, " + view + " came");
        }
    }

    static void requireProduct(DnnlView a, DnnlView b, DnnlView out) {
        long[] of = a.shape();
        int last = of.length - 1;
        long[] right = of.clone();
        right[last - 1] = of[last];
        right[last] = b.size(last);
        requireShape("b", b, right);
        long[] result = of.clone();
        result[last] = b.size(last);
        requireShape("out", out, result);
    }

    static void requireType(String what, DnnlView view, DType required) {
        if (view.dtype() != required) {
            throw new IllegalArgumentException(what + ": " + required + " is required, " + view + " came");
        }
    }

    /** Runs all steps on the calling thread and its native threads. */
    public void run() {
        if (closed) {
            throw new IllegalStateException("the program is closed");
        }
        if (Natives.threads() != threads) {
            throw new IllegalStateException(
                    "the program was written for " + threads + " native threads, not for " + Natives.threads());
        }
        for (Memory memory : externals) {
            if (memory.address == 0) {
                throw new IllegalStateException("an external view is not bound");
            }
        }
        seal();
        try {
            for (Step step : steps) {
                step.run(queue);
            }
        } catch (RuntimeException e) {
            throw TensorException.translate("oneDNN", e);
        }
    }

    /** Steps run one after the other: one scratch memory serves all. */
    private void seal() {
        if (sealed) {
            return;
        }
        sealed = true;
        if (scratchBytes > 0) {
            NativeArray.Address scratch = new NativeArray.Address(allocate(scratchBytes));
            scratchpads.forEach(scratchpad -> scratchpad.set_data_handle(scratch));
        }
    }

    static primitive_attr attributes() {
        primitive_attr attributes = new primitive_attr();
        attributes.set_scratchpad_mode(dnnl.scratchpad_mode.user); // oneDNN's own is shared by all programs of a thread
        return attributes;
    }

    interface Writing {
        Arguments write();
    }

    void write(Writing writing) {
        requireWriting();
        try (Scope scope = new Scope()) {
            Arguments arguments = writing.write();
            steps.add(new Primitive(own(arguments.kernel), own(arguments.map)));
        } catch (RuntimeException e) {
            throw TensorException.translate("oneDNN", e);
        }
    }

    private <T extends Pointer> T own(T pointer) {
        owned.add(Scope.own(pointer));
        return pointer;
    }

    /** What a primitive is called with. */
    final class Arguments {
        private final primitive kernel;
        private final IntMemoryMap map = new IntMemoryMap();

        Arguments(primitive_desc described, primitive kernel) {
            this(described.scratchpad_desc(), kernel);
        }

        Arguments(memory.desc scratch, primitive kernel) {
            this.kernel = kernel;
            scratchBytes = Math.max(scratchBytes, scratch.get_size());
            memory scratchpad = own(new memory(scratch, Dnnl.engine(), new Pointer()));
            scratchpads.add(scratchpad);
            with(dnnl.DNNL_ARG_SCRATCHPAD, scratchpad);
        }

        Arguments with(int argument, DnnlView view) {
            Memory place = view.memory();
            memory handle = own(new memory(
                    Dnnl.describe(view), Dnnl.engine(), new NativeArray.Address(place.address + view.offsetBytes())));
            place.places.add(new Memory.Place(handle, view.offsetBytes()));
            return with(argument, handle);
        }

        Arguments with(int argument, memory handle) {
            map.put(argument, handle);
            return this;
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (int i = owned.size() - 1; i >= 0; i--) {
            owned.get(i).close();
        }
        owned.clear();
        queue.close();
    }
}
