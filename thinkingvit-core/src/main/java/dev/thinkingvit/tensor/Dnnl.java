package dev.thinkingvit.tensor;

import java.util.concurrent.atomic.AtomicBoolean;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** oneDNN, loaded beside libtorch: both share one OpenMP, so that a thread's number of native threads holds for both. */
public final class Dnnl {
    private static final Logger log = LoggerFactory.getLogger(Dnnl.class);
    private static final String REFERENCE = "ref"; // how the names of plain, slow kernels begin

    private static final AtomicBoolean MEMORY_ENDED = new AtomicBoolean(); // while it was loaded

    /** Apart, so that libtorch's absence is said by each call and breaks no class. */
    private static final class Loaded {
        static final boolean IS_LOADED = open();
    }

    /** Apart, since not even its type may be there. */
    private static final class Engine {
        static final engine CPU = Scope.own(new engine(engine.kind.cpu, 0));
    }

    private Dnnl() {}

    private static boolean open() {
        @Nullable String fault = NativeJars.mismatch(NativeJars.ONEDNN);
        if (fault == null) {
            try {
                Natives.load(dnnl.class);
                return !Engine.CPU.isNull();
            } catch (LinkageError | RuntimeException e) {
                if (NativeCache.isUnmapped(e)) { // of the file system that libtorch was just loaded from
                    MEMORY_ENDED.set(true);
                    return false;
                }
                fault = Natives.why("oneDNN", NativeJars.ONEDNN, e, "");
            }
        }
        log.warn("{}; inference goes on without oneDNN, slower", fault);
        return false;
    }

    /** Whether it is on the class path and runs here. */
    private static boolean isThere() {
        Natives.load(); // brings the OpenMP that both use
        boolean isLoaded = Loaded.IS_LOADED;
        if (MEMORY_ENDED.get()) { // OpenBLAS, which would do its work, ends the process where it finds no memory
            throw new TensorException("oneDNN could not be loaded, as memory ended meanwhile: raise the process's limit"
                    + " (ulimit -v, or the container's)");
        }
        return isLoaded;
    }

    /** Whether oneDNN is there and has a kernel for products of that type. */
    public static boolean hasKernel(DType dtype) {
        return !kernel(dtype).startsWith(REFERENCE);
    }

    /**
     * Whether products of that type are the fast ones on this processor. In BF16 that takes tiles (AMX): with vector
     * instructions for BF16 alone, a network was measured slower than in F32, and emulated without any, several times.
     */
    public static boolean isFast(DType dtype) {
        return isFast(kernel(dtype), dtype);
    }

    /** @param kernel as oneDNN names it, such as {@code brg_matmul:avx10_1_512_amx} */
    static boolean isFast(String kernel, DType dtype) {
        return dtype == DType.F32 ? !kernel.startsWith(REFERENCE) : kernel.contains("amx");
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
            default -> throw new IllegalArgumentException("oneDNN's steps compute in F32 and BF16, not in " + dtype);
        };
    }

    /** A place in memory. Owns nothing. */
    static final class Address extends Pointer {
        Address(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }
}
