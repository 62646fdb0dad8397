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
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A fixed sequence of oneDNN's primitives on fixed memory. It is written once, step by step, and then run as often as
 * wanted: a run allocates nothing, asks for no shapes and calls native code once a step.
 *
 * <pre>{@code
 * DnnlView x = program.external(DType.F32, 197, 384);
 * DnnlView normed = program.buffer(DType.BF16, 197, 384);
 * program.layerNorm(x, weight, bias, 1e-6, normed);
 * ...
 * program.bind(x, tensor, 0);
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
    private final stream queue = Scope.own(new stream(Dnnl.engine()));
    private long scratchBytes;
    private boolean sealed;
    private boolean closed;

    private record Step(primitive kernel, IntMemoryMap arguments) {}

    /** Where the elements of views lie: in a buffer of the program, or wherever the program was {@linkplain #bind bound}. */
    static final class Memory {
        private long address;
        private final List<Place> places = new ArrayList<>();

        private record Place(memory handle, long offsetBytes) {}

        private void move(long to) {
            address = to;
            for (Place place : places) {
                place.handle.set_data_handle(new Dnnl.Address(to + place.offsetBytes));
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

    /** Memory in which several views lie, also at the same place where they are not needed at the same time. */
    public static final class Arena {
        private final Memory memory;
        private final long bytes;

        private Arena(Memory memory, long bytes) {
            this.memory = memory;
            this.bytes = bytes;
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
     * A tensor as it lies in memory.
     *
     * @param tensor row-major, F32 or BF16, in the processor's memory; must outlive the program
     */
    public DnnlView constant(Tensor tensor) {
        requireRowMajor(tensor);
        Memory memory = new Memory();
        memory.address = tensor.data_ptr().address();
        return DnnlView.of(memory, Tensors.dtype(tensor), Tensors.shape(tensor));
    }

    private long allocate(long bytes) {
        Tensor memory = Scope.own(
                torch.empty(new long[] {bytes}, new TensorOptions(ScalarType.Byte), new MemoryFormatOptional()));
        owned.add(memory);
        return memory.data_ptr().address();
    }

    /**
     * Says where the next runs find an external view's memory.
     *
     * @param view as {@link #external} returned it
     * @param tensor row-major, of the view's element type; must outlive the runs
     * @param row the first that the view covers, along the tensor's first dimension
     */
    public void bind(DnnlView view, Tensor tensor, long row) {
        requireRowMajor(tensor);
        long rowElements = tensor.numel() / tensor.size(0);
        if (Tensors.dtype(tensor) != view.dtype() || row < 0 || row * rowElements + view.elements() > tensor.numel()) {
            throw new IllegalArgumentException(view + " is required from row " + row + " on, " + Tensors.dtype(tensor)
                    + Arrays.toString(Tensors.shape(tensor)) + " came");
        }
        view.memory()
                .move(tensor.data_ptr().address()
                        + row * rowElements * view.dtype().bytes());
    }

    private static void requireRowMajor(Tensor tensor) {
        if (!tensor.is_contiguous() || !tensor.is_cpu()) {
            throw new IllegalArgumentException("a row-major tensor in the processor's memory is required");
        }
    }

    /**
     * {@code out} = {@code x} Wᵀ + b, or what {@code after} makes of it.
     *
     * @param x (rows, in) of the matrix's type
     * @param out (rows, out) F32 or of the matrix's type
     */
    public void linear(DnnlView x, DnnlMatrix matrix, DnnlView out, After after) {
        long rows = x.size(0);
        requireShape("x", x, rows, matrix.in());
        requireShape("out", out, rows, matrix.out());
        requireType("x", x, matrix.dtype());
        write(() -> {
            primitive_attr attributes = attributes();
            post_ops fused = new post_ops();
            if (after == After.GELU) {
                fused.append_eltwise(dnnl.algorithm.eltwise_gelu_erf, 0, 0);
            } else if (after == After.ADD) {
                fused.append_sum();
            }
            attributes.set_post_ops(fused);
            matmul.primitive_desc described = new matmul.primitive_desc(
                    Dnnl.engine(),
                    Dnnl.describe(x),
                    matrix.layout(),
                    matrix.bias().get_desc(),
                    Dnnl.describe(out),
                    attributes,
                    false);
            return new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, x)
                    .with(dnnl.DNNL_ARG_WEIGHTS, matrix.weight())
                    .with(dnnl.DNNL_ARG_BIAS, matrix.bias())
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /** A linear layer with a layout of oneDNN's choice, to ask it which. */
    static matmul.primitive_desc product(long rows, long in, long out, DType dtype) {
        memory.data_type type = Dnnl.type(dtype);
        return new matmul.primitive_desc(
                Dnnl.engine(),
                new memory.desc(new long[] {rows, in}, type, new long[] {in, 1}),
                new memory.desc(new long[] {in, out}, type, memory.format_tag.any),
                new memory.desc(new long[] {1, out}, memory.data_type.f32, new long[] {out, 1}),
                new memory.desc(new long[] {rows, out}, type, new long[] {out, 1}));
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
        write(() -> {
            matmul.primitive_desc described = new matmul.primitive_desc(
                    Dnnl.engine(), Dnnl.describe(a), Dnnl.describe(b), Dnnl.describe(out), attributes(), false);
            return new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, a)
                    .with(dnnl.DNNL_ARG_WEIGHTS, b)
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
        write(() -> {
            primitive_attr attributes = attributes();
            post_ops fused = new post_ops();
            fused.append_eltwise(dnnl.algorithm.eltwise_linear, (float) scale, 0);
            fused.append_binary(dnnl.algorithm.binary_add, Dnnl.describe(addend));
            attributes.set_post_ops(fused);
            matmul.primitive_desc described = new matmul.primitive_desc(
                    Dnnl.engine(), Dnnl.describe(a), Dnnl.describe(b), Dnnl.describe(out), attributes, false);
            return new Arguments(described, new matmul(described))
                    .with(dnnl.DNNL_ARG_SRC, a)
                    .with(dnnl.DNNL_ARG_WEIGHTS, b)
                    .with(2 * dnnl.DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | dnnl.DNNL_ARG_SRC_1, addend) // of the second
                    .with(dnnl.DNNL_ARG_DST, out);
        });
    }

    /** {@code x} = {@code x} + {@code y}, whatever their strides. */
    public void add(DnnlView x, DnnlView y) {
        requireShape("y", y, x.shape());
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

    /** Softmax over the last dimension; {@code out} may be {@code x}. */
    public void softmax(DnnlView x, DnnlView out) {
        requireShape("out", out, x.shape());
        write(() -> {
            softmax_forward.primitive_desc described = new softmax_forward.primitive_desc(
                    Dnnl.engine(),
                    dnnl.prop_kind.forward_inference,
                    dnnl.algorithm.softmax_accurate,
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
     * @param out (rows, d)
     */
    public void layerNorm(DnnlView x, Tensor weight, Tensor bias, double eps, DnnlView out) {
        requireShape("x", x, x.size(0), weight.numel());
        requireShape("out", out, x.shape());
        DnnlView scale = constant(weight);
        DnnlView shift = constant(bias);
        requireShape("bias", shift, weight.numel());
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

    /** oneDNN does not compare all shapes, and would read and write beside the memory. */
    private static void requireShape(String what, DnnlView view, long... required) {
        if (!Arrays.equals(view.shape(), required)) {
            throw new IllegalArgumentException(
                    what + ": shape " + Arrays.toString(required) + " is required, " + view + " came");
        }
    }

    private static void requireProduct(DnnlView a, DnnlView b, DnnlView out) {
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

    private static void requireType(String what, DnnlView view, DType required) {
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
                step.kernel.execute(queue, step.arguments);
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
            Dnnl.Address scratch = new Dnnl.Address(allocate(scratchBytes));
            scratchpads.forEach(scratchpad -> scratchpad.set_data_handle(scratch));
        }
    }

    private static primitive_attr attributes() {
        primitive_attr attributes = new primitive_attr();
        attributes.set_scratchpad_mode(dnnl.scratchpad_mode.user); // oneDNN's own is shared by all programs of a thread
        return attributes;
    }

    private interface Writing {
        Arguments write();
    }

    private void write(Writing writing) {
        if (sealed || closed) {
            throw new IllegalStateException(closed ? "the program is closed" : "the program has run already");
        }
        try (Scope scope = new Scope()) {
            Arguments arguments = writing.write();
            steps.add(new Step(own(arguments.kernel), own(arguments.map)));
        } catch (RuntimeException e) {
            throw TensorException.translate("oneDNN", e);
        }
    }

    private <T extends Pointer> T own(T pointer) {
        owned.add(Scope.own(pointer));
        return pointer;
    }

    /** What a primitive is called with. */
    private final class Arguments {
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
                    Dnnl.describe(view), Dnnl.engine(), new Dnnl.Address(place.address + view.offsetBytes())));
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
