package dev.thinkingvit.tensor;

import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** oneDNN, loaded beside libtorch: both share one OpenMP, so that a thread's number of native threads holds for both. */
final class Dnnl {
    private static final Logger log = LoggerFactory.getLogger(Dnnl.class);
    private static final @Nullable engine ENGINE = open();

    private Dnnl() {}

    private static @Nullable engine open() {
        Natives.load(); // brings the OpenMP that both use
        try {
            Natives.load(dnnl.class);
            return Scope.own(new engine(engine.kind.cpu, 0));
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | RuntimeException e) {
            String fault = NativeCache.fault(e);
            log.warn(
                    "oneDNN for {} could not be loaded: {}; inference goes on without it, slower",
                    Loader.getPlatform(),
                    fault != null
                            ? fault
                            : Natives.firstLine(Natives.deepest(e)) + "; " + Natives.onTheClassPath("dnnl and opencl"));
            return null;
        }
    }

    static boolean isThere() {
        return ENGINE != null;
    }

    static engine engine() {
        if (ENGINE == null) {
            throw new TensorException("oneDNN is not there");
        }
        return ENGINE;
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
