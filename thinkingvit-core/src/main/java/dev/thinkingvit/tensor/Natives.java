package dev.thinkingvit.tensor;

import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads libtorch once and sets the process-wide policy it needs to be fast and predictable, so that no environment
 * variable is needed. Every class of this library that touches a native tensor calls {@link #load()} first; calling it
 * again costs nothing.
 */
public final class Natives {
    private static final Logger log = LoggerFactory.getLogger(Natives.class);
    private static final @Nullable TensorException FAILURE; // thrown by each call, not by a class that is then broken

    static {
        // JavaCPP would otherwise compare the process's whole memory with the Java heap's size and collect garbage on a
        // guess. Memory here is freed by scopes, never by the collector.
        setDefault("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        setDefault("org.bytedeco.javacpp.maxBytes", "0");
        FAILURE = open();
    }

    private Natives() {}

    private static @Nullable TensorException open() {
        try {
            NativeCache.choose();
            String mismatch = NativeJars.mismatch(NativeJars.LIBTORCH);
            if (mismatch != null) {
                return new TensorException(mismatch);
            }
            load(openblas_nolapack.class, torch.class);
        } catch (TensorException e) {
            return e;
        } catch (LinkageError e) { // natives are missing, or classes
            return new TensorException(
                    why(
                            "libtorch",
                            NativeJars.LIBTORCH,
                            e,
                            "; its CUDA build also needs CUDA's libraries on the library path"),
                    e);
        }
        // OpenBLAS and libtorch each bring a pool whose spinning threads would fight over the cores.
        openblas_nolapack.blas_set_num_threads(1);
        log.debug("libtorch loaded for {}, {} threads", Loader.getPlatform(), torch.get_num_threads());
        return null;
    }

    /**
     * Loads the native libraries, at most once a process.
     *
     * @throws TensorException if there are none for this platform on the class path, or they cannot be unpacked
     */
    public static void load() {
        if (FAILURE != null) {
            throw new TensorException(String.valueOf(FAILURE.getMessage()), FAILURE); // with this caller's trace
        }
    }

    /**
     * Why a library did not load, in one line.
     *
     * @param hint what else it may need
     */
    static String why(String library, List<NativeJars.Library> jars, Throwable e, String hint) {
        String missing = NativeJars.missing(jars);
        String platform = NativeJars.platform();
        String name = platform == null ? library : library + " for " + platform;
        if (missing != null) {
            return name + " " + missing;
        }
        String fault = NativeCache.fault(e);
        return name + " could not be loaded: " + (fault != null ? fault : firstLine(deepest(e)) + hint);
    }

    /**
     * Loads the libraries behind these classes of a binding, from the jars only: JavaCPP also looks on the library path,
     * and a library of another version that it finds there (Debian ships a libtorch) crashes the process.
     */
    static void load(Class<?>... bindings) {
        String libraryPath = System.getProperty("java.library.path", "");
        System.setProperty("java.library.path", "");
        try {
            for (Class<?> binding : bindings) {
                Loader.load(binding);
            }
        } finally {
            System.setProperty("java.library.path", libraryPath);
        }
    }

    /** How many cores this process may use, container limits included. */
    public static int availableCores() {
        return Runtime.getRuntime().availableProcessors();
    }

    /**
     * Lets native operations of the calling thread use {@code threads} threads. The setting is per thread.
     *
     * @param threads at least 1
     * @param blas threads of OpenBLAS, which only fp32 training reaches; process-wide
     */
    public static void setThreads(int threads, int blas) {
        load();
        torch.set_num_threads(threads);
        openblas_nolapack.blas_set_num_threads(blas);
    }

    /** How many threads native operations of the calling thread use. */
    public static int threads() {
        load();
        return torch.get_num_threads();
    }

    static Throwable deepest(Throwable e) {
        return e.getCause() == null ? e : deepest(e.getCause());
    }

    /**
     * Does work whose native operations keep to the calling thread. For work before which or after which other threads
     * are busy: those of libtorch's pool spin for milliseconds when they have to wait and after they are done.
     */
    public static <T> T onThisThreadOnly(Supplier<T> work) {
        load();
        int before = torch.get_num_threads();
        torch.set_num_threads(1);
        try {
            return work.get();
        } finally {
            torch.set_num_threads(before);
        }
    }

    static String firstLine(Throwable e) {
        String message = String.valueOf(e.getMessage());
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }
}
