package dev.thinkingvit.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Moves values between Java and native tensors. What it creates belongs to the calling thread's innermost scope. */
public final class Tensors {
    private Tensors() {}

    /** A native F32 tensor of {@code shape} with a copy of {@code values} from {@code offset} on. */
    public static Tensor floats(float[] values, int offset, long... shape) {
        Tensor tensor = emptyFloats(shape);
        int count = Math.toIntExact(tensor.numel());
        if (offset < 0 || offset + count > values.length) {
            throw new IllegalArgumentException("a tensor of shape " + Arrays.toString(shape) + " takes " + count
                    + " values, " + (values.length - offset) + " were given");
        }
        new FloatPointer(tensor.data_ptr()).put(values, offset, count);
        return tensor;
    }

    /** A native F32 tensor of {@code shape} whose values are still to be written. */
    public static Tensor emptyFloats(long... shape) {
        Libtorch.load();
        return torch.empty(shape, new TensorOptions(ScalarType.Float), new org.bytedeco.pytorch.MemoryFormatOptional());
    }

    /**
     * What flows between stages as libtorch sees it, sharing its memory: good as long as {@code tensor} is, whoever keeps
     * the result. To outlive it, clone it.
     */
    public static Tensor shared(NativeTensor tensor) {
        if (tensor instanceof TorchTensor own) {
            return own.tensor();
        }
        NativeArray array = tensor.array();
        return torch.from_blob(
                new NativeArray.Address(array.address()), array.shape(), new TensorOptions(scalarType(array.dtype())));
    }

    /** A native I64 vector. */
    public static Tensor longs(long... values) {
        Libtorch.load();
        Tensor tensor = torch.empty(
                new long[] {values.length},
                new TensorOptions(ScalarType.Long),
                new org.bytedeco.pytorch.MemoryFormatOptional());
        new LongPointer(tensor.data_ptr()).put(values);
        return tensor;
    }

    /** A native tensor with a copy of {@code host}'s values, of the same element type. */
    public static Tensor toNative(HostTensor host) {
        Libtorch.load();
        Tensor tensor = torch.empty(
                host.shape(),
                new TensorOptions(scalarType(host.dtype())),
                new org.bytedeco.pytorch.MemoryFormatOptional());
        if (host.bytes() > 0) {
            host.read(0, target(tensor, host.bytes()));
        }
        return tensor;
    }

    /**
     * Replaces the values of {@code tensor}, whatever its device.
     *
     * @throws IllegalArgumentException if the shapes differ
     */
    public static void assign(Tensor tensor, HostTensor values) {
        if (!Arrays.equals(shape(tensor), values.shape())) {
            throw new IllegalArgumentException(
                    "a tensor of shape " + Arrays.toString(shape(tensor)) + " cannot take " + values);
        }
        try (Scope scope = new Scope()) {
            tensor.copy_(toNative(values));
        }
    }

    /** A Java copy of {@code tensor}, whatever its device, layout or element type. */
    public static HostTensor toHost(Tensor tensor) {
        try (Scope scope = new Scope()) {
            Tensor flat = tensor.detach().cpu().contiguous();
            DType dtype = dtype(flat);
            int bytes = Math.toIntExact(flat.numel() * dtype.bytes());
            ByteBuffer copy = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
            if (bytes > 0) {
                copy.put(target(flat, bytes));
            }
            return new HostTensor(dtype, shape(tensor), copy.flip());
        }
    }

    /** A Java copy of the values as floats, row-major. */
    public static float[] toFloats(Tensor tensor) {
        try (Scope scope = new Scope()) {
            Tensor flat = tensor.detach().cpu().to(ScalarType.Float).contiguous();
            float[] values = new float[Math.toIntExact(flat.numel())];
            new FloatPointer(flat.data_ptr()).get(values);
            return values;
        }
    }

    /** The sizes of {@code tensor}. */
    public static long[] shape(Tensor tensor) {
        long[] shape = new long[Math.toIntExact(tensor.dim())];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = tensor.size(i);
        }
        return shape;
    }

    /** The element type of {@code tensor}. */
    public static DType dtype(Tensor tensor) {
        return dtype(tensor.scalar_type().intern()); // the binding returns a fresh object, not the constant
    }

    /** The element type that the native world calls {@code type}. */
    public static DType dtype(ScalarType type) {
        for (DType dtype : DType.values()) {
            if (scalarType(dtype) == type) {
                return dtype;
            }
        }
        throw new TensorException("element type " + type + " has no counterpart in files");
    }

    /** The native world's name of an element type. */
    public static ScalarType scalarType(DType dtype) {
        return switch (dtype) {
            case F64 -> ScalarType.Double;
            case F32 -> ScalarType.Float;
            case F16 -> ScalarType.Half;
            case BF16 -> ScalarType.BFloat16;
            case I64 -> ScalarType.Long;
            case I32 -> ScalarType.Int;
            case I16 -> ScalarType.Short;
            case I8 -> ScalarType.Char;
            case U8 -> ScalarType.Byte;
            case BOOL -> ScalarType.Bool;
        };
    }

    private static ByteBuffer target(Tensor tensor, int bytes) {
        Pointer start = tensor.data_ptr();
        return new BytePointer(start).capacity(bytes).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
}
