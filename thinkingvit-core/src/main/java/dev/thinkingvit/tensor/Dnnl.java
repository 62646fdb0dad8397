package dev.thinkingvit.tensor;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.DoubleSupplier;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** oneDNN. libtorch, if it is loaded too, shares its OpenMP, so that a thread's number of native threads holds for both. */
public final class Dnnl {
    private static final Logger log = LoggerFactory.getLogger(Dnnl.class);
    private static final String REFERENCE = "ref"; // how the names of plain, slow kernels begin
    private static final String TILES = "amx"; // in a kernel's name
    private static final double WORTH_IT = 1.25; // times as fast, or fewer digits cost them for nothing

    /** oneDNN's name for scales that go by the outputs of a linear layer. */
    static final int EACH_OUTPUT = 1 << 1;

    private static final AtomicBoolean WARNED = new AtomicBoolean();
    private static final AtomicBoolean UNMAPPED = new AtomicBoolean(); // its memory could not be mapped

    /** Apart, so that its absence breaks no class. */
    private static final class Loaded {
        static final @Nullable String FAULT; // null if it is loaded

        static {
            TensorException failure = Natives.uninterrupted(Dnnl::open);
            FAULT = failure == null ? null : String.valueOf(failure.getMessage());
        }
    }

    /** Whether it is on the class path and runs here. */
    static boolean isLoaded() {
        return Loaded.FAULT == null;
    }

    /** Apart, since not even its type may be there. */
    private static final class Engine {
        static final engine CPU = Scope.own(new engine(engine.kind.cpu, 0));
    }

    private Dnnl() {}

    private static @Nullable TensorException open() {
        @Nullable String fault = NativeJars.mismatch(NativeJars.ONEDNN);
        if (fault == null) {
            try {
                load();
                if (!Engine.CPU.isNull()) {
                    return null;
                }
                fault = "oneDNN has no engine";
            } catch (LinkageError | RuntimeException | IOException e) {
                if (NativeCache.isUnmapped(e)) {
                    UNMAPPED.set(true);
                    return new TensorException("oneDNN could not be mapped", e);
                }
                fault = Natives.why("oneDNN", NativeJars.ONEDNN, e, "");
            }
        }
        return new TensorException(fault);
    }

    private static void load() throws IOException {
        if (NativeJars.missing(NativeJars.ONEDNN) != null) {
            Natives.load(dnnl.class); // perhaps it is where nobody looks but JavaCPP
            return;
        }
        try (NativeUnpacking unpacking = NativeUnpacking.begin(NativeCache.chosen(), NativeUnpacking.ofInference())) {
            Natives.load(dnnl.class);
            unpacking.done();
        }
    }

    /** Whether it is on the class path and runs here. */
    private static boolean isThere() {
        Natives.load(); // without it, by libtorch
        // of a file system that libtorch was loaded from since: it is memory that was missing, and OpenBLAS, which
        // would do
        // oneDNN's work, ends the process where it finds none
        if (UNMAPPED.get()) {
            throw new TensorException("oneDNN could not be loaded, as memory ended meanwhile: raise the process's limit"
                    + " (ulimit -v, or the container's)");
        }
        String fault = Loaded.FAULT;
        if (fault != null && !WARNED.getAndSet(true)) {
            log.warn("{}; inference goes on without oneDNN, slower", fault);
        }
        return fault == null;
    }

    /**
     * Whether oneDNN is there and has a kernel for products of that type. Of eight bits (U8 rows) only kernels count whose
     * sums are exact, as AVX-512 VNNI, AVX-VNNI and AMX make them.
     */
    public static boolean hasKernel(DType dtype) {
        return hasKernel(kernel(dtype), dtype);
    }

    /**
     * Whether a training of products of that type, of all layouts, is better done by oneDNN than by libtorch. In F32 with AVX2
     * and newer: older kernels take two to three times as long where an operand lies the other way round. In BF16 wherever it
     * has kernels: where AVX-512 emulates them libtorch's operators take 40 times as long, and where there are instructions for
     * it they are oneDNN's too.
     */
    public static boolean isFastInAllLayouts(DType dtype) {
        return dtype == DType.F32 ? kernel(dtype).startsWith("brg") : hasKernel(dtype);
    }

    /** @param kernel as oneDNN names it */
    static boolean hasKernel(String kernel, DType dtype) {
        return !kernel.startsWith(REFERENCE)
                && (dtype != DType.U8
                        || kernel.contains("vnni")
                        || kernel.contains(TILES)
                        || kernel.contains("avx10")); // with which VNNI comes
    }

    /**
     * Whether products of that type are the fast ones on this processor. BF16 and eight bits (U8) are with tiles (AMX), and BF16 is
     * not where it is emulated. With vector instructions alone it depends on the processor: a network in BF16 was measured 1.7 times
     * as fast as in F32 on one, and slower on another, so that a product of either type is timed, once a process.
     */
    public static boolean isFast(DType dtype) {
        return isFast(kernel(dtype), dtype, () -> gain(dtype));
    }

    /**
     * @param kernel as oneDNN names it, such as {@code brg_matmul:avx10_1_512_amx}
     * @param gain how many times as fast as in F32 a product is, asked where the name does not tell
     */
    static boolean isFast(String kernel, DType dtype, DoubleSupplier gain) {
        if (!hasKernel(kernel, dtype) || dtype == DType.F32) {
            return hasKernel(kernel, dtype);
        }
        return kernel.contains(TILES)
                || ((dtype == DType.U8 || kernel.contains("avx512_core_bf16")) && gain.getAsDouble() >= WORTH_IT);
    }

    /**
     * How many times as fast as in F32 a linear layer's product is on one thread; 0 where it could not be timed. Timed once a
     * process, which takes some 20 ms.
     *
     * @param dtype of the rows that are multiplied: F32, BF16, or U8 for eight bits
     */
    public static double gain(DType dtype) {
        return switch (dtype) {
            case F32 -> 1;
            case BF16 -> OfBf16.GAIN;
            default -> OfEightBits.GAIN;
        };
    }

    private static final class OfBf16 {
        static final double GAIN = Timed.gain(DType.BF16);
    }

    private static final class OfEightBits {
        static final double GAIN = Timed.gain(DType.U8);
    }

    /** A product, against one in F32. */
    private static final class Timed {
        private static final int ROWS = 197;
        private static final int IN = 384;
        private static final int OUT = 1536;
        private static final int TURNS = 9;

        private Timed() {}

        /** Shortest times count: others were disturbed. */
        static double gain(DType type) {
            return Natives.onThisThreadOnly(() -> {
                try (Scope scope = new Scope();
                        Product exact = new Product(DType.F32);
                        Product other = new Product(type)) {
                    long exactNanos = Long.MAX_VALUE;
                    long nanos = Long.MAX_VALUE;
                    for (int i = 0; i < TURNS; i++) {
                        exactNanos = Math.min(exactNanos, exact.nanos());
                        nanos = Math.min(nanos, other.nanos());
                    }
                    log.debug("{} takes {} ns where F32 takes {}", type, nanos, exactNanos);
                    return (double) exactNanos / nanos;
                } catch (RuntimeException e) { // else this class would be broken for the rest of the process
                    log.warn("{} could not be timed, and counts as slow: {}", type, Natives.firstLine(e));
                    return 0.0;
                }
            });
        }

        /** A linear layer of an MLP, of zeros. */
        private static final class Product implements AutoCloseable {
            private final DnnlMatrix matrix;
            private final DnnlProgram program = new DnnlProgram();

            Product(DType type) {
                NativeArray bias = NativeArray.zeros(DType.F32, OUT);
                this.matrix = type == DType.U8
                        ? DnnlMatrix.inEightBits(NativeArray.zeros(DType.I8, OUT, IN), bias, bias, ROWS)
                        : new DnnlMatrix(NativeArray.zeros(DType.F32, OUT, IN), bias, type, ROWS);
                program.linear(
                        program.constant(NativeArray.zeros(type, ROWS, IN)),
                        matrix,
                        program.buffer(type == DType.U8 ? DType.F32 : type, ROWS, OUT),
                        DnnlProgram.After.NONE);
            }

            long nanos() {
                long start = System.nanoTime();
                program.run();
                return System.nanoTime() - start;
            }

            @Override
            public void close() {
                program.close();
                matrix.close();
            }
        }
    }

    /** Whether this processor multiplies tiles (AMX). */
    public static boolean hasTiles() {
        return kernel(DType.BF16).contains(TILES);
    }

    private static String kernel(DType dtype) {
        if (!isThere()) {
            return REFERENCE;
        }
        try (Scope scope = new Scope()) {
            return DnnlProgram.product(64, 64, 64, dtype).impl_info_str().getString();
        } catch (RuntimeException e) { // there is none at all
            return REFERENCE;
        }
    }

    static engine engine() {
        if (!isThere()) {
            throw new TensorException("oneDNN is not there");
        }
        return Engine.CPU;
    }

    static memory.desc describe(DnnlView view) {
        return new memory.desc(view.shape(), type(view.dtype()), view.strides());
    }

    static memory.data_type type(DType dtype) {
        return switch (dtype) {
            case F32 -> memory.data_type.f32;
            case BF16 -> memory.data_type.bf16;
            case U8 -> memory.data_type.u8;
            case I8 -> memory.data_type.s8;
            default ->
                throw new IllegalArgumentException(
                        "oneDNN's steps compute in F32, BF16 and eight bits, not in " + dtype);
        };
    }
}
