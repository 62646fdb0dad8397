package dev.thinkingvit.tensor;

import java.io.IOException;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * libtorch, which trains, computes on CUDA devices, and infers where oneDNN has no kernels. Inference on a processor does
 * without: it is loaded by who needs it, once, and sets the process-wide policy it needs to be fast and predictable. Every
 * class that touches one of its tensors calls {@link #load()} first; calling it again costs nothing.
 */
public final class Libtorch {
    private static final Logger log = LoggerFactory.getLogger(Libtorch.class);
    private static volatile boolean loaded;

    private Libtorch() {}

    /** Thrown by each call, not by a class that is then broken. */
    private static final class Loading {
        static final @Nullable TensorException FAILURE;

        static {
            FAILURE = Natives.uninterrupted(Libtorch::open);
        }
    }

    private static @Nullable TensorException open() {
        try {
            String mismatch = NativeJars.mismatch(NativeJars.LIBTORCH);
            if (mismatch != null) {
                return new TensorException(mismatch);
            }
            if (NativeJars.missing(NativeJars.LIBTORCH) == null) {
                try (NativeUnpacking unpacking = NativeUnpacking.begin(NativeCache.chosen(), NativeUnpacking.all())) {
                    Natives.load(openblas_nolapack.class, torch.class);
                    unpacking.done();
                }
            } else {
                Natives.load(openblas_nolapack.class, torch.class); // perhaps they are where nobody looks but JavaCPP
            }
        } catch (TensorException e) {
            return e;
        } catch (LinkageError | RuntimeException | IOException e) { // natives are missing, or classes, or not allowed
            return new TensorException(
                    Natives.why(
                            "libtorch",
                            NativeJars.LIBTORCH,
                            e,
                            "; its CUDA build also needs CUDA's libraries on the library path"),
                    e);
        }
        // OpenBLAS and libtorch each bring a pool whose spinning threads would fight over the cores.
        openblas_nolapack.blas_set_num_threads(1);
        log.debug("libtorch loaded for {}, {} threads", Loader.getPlatform(), torch.get_num_threads());
        loaded = true;
        return null;
    }

    /**
     * Loads it, at most once a process.
     *
     * @throws TensorException if there is none for this platform on the class path, or it cannot be unpacked
     */
    public static void load() {
        Natives.requirePolicy();
        Natives.fail(Loading.FAILURE);
        Natives.settle();
    }

    /** Whether somebody needed it. */
    static boolean isLoaded() {
        return loaded;
    }
}
