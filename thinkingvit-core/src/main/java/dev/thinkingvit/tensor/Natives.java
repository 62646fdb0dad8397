package dev.thinkingvit.tensor;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Loads the native libraries of inference once: oneDNN, or where it is missing or its OpenMP cannot be asked, {@link Libtorch}
 * too. It sets the policy that they need, so that no environment variable is needed. Calling {@link #load()} again costs
 * nothing.
 */
public final class Natives {
    /**
     * System property: at most how many threads inference uses, at least 1. Read when a model is opened while no other is
     * open.
     */
    public static final String THREADS = "thinkingvit.threads";

    private static final @Nullable TensorException FAILURE; // thrown by each call, not by a class that is then broken

    private static @Nullable CountDownLatch begun; // guarded by the class

    /** What a thread was told while OpenMP alone was there; libtorch begins in each thread with a number of its own. */
    private static final ThreadLocal<Integer> TOLD = new ThreadLocal<>();

    static {
        // JavaCPP would otherwise compare the process's whole memory with the Java heap's size and collect garbage on a
        // guess. Memory here is freed by scopes, never by the collector.
        setDefault("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        setDefault("org.bytedeco.javacpp.maxBytes", "0");
        FAILURE = uninterrupted(Natives::chooseCache);
    }

    private Natives() {}

    private static @Nullable TensorException chooseCache() {
        try {
            NativeCache.choose();
            return null;
        } catch (TensorException e) {
            return e;
        } catch (LinkageError e) { // JavaCPP's classes are missing
            return new TensorException(why("libtorch", NativeJars.LIBTORCH, e, ""), e);
        }
    }

    /**
     * What fails since the thread is interrupted is tried again: it would have failed for the whole process.
     *
     * @param opening says how it failed; null if it did not
     */
    static @Nullable TensorException uninterrupted(Supplier<@Nullable TensorException> opening) {
        boolean interrupted = false;
        try {
            while (true) {
                interrupted |= Thread.interrupted();
                TensorException failure = opening.get();
                if (failure == null || !Thread.currentThread().isInterrupted()) {
                    return failure;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Loads what inference needs, at most once a process.
     *
     * @throws TensorException if there is nothing for this platform on the class path, or it cannot be unpacked
     */
    public static void load() {
        requirePolicy();
        if (!OpenMp.isThere()) {
            Libtorch.load();
        }
    }

    /**
     * Begins to {@link #load} on a thread of its own, for who has something else to read meanwhile. What fails, {@link #load}
     * says. Who does not go on {@linkplain #settleBegun waits} all the same, lest the process end while libraries begin.
     */
    public static synchronized void begin() {
        if (begun != null) {
            return;
        }
        LoggerFactory.getILoggerFactory(); // here, lest loggers of two threads find it half made
        CountDownLatch ended = new CountDownLatch(1);
        Thread thread = new Thread(null, () -> tryToLoad(ended), "natives", 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null); // the application's would be held while it loads
        try {
            thread.start();
            begun = ended;
        } catch (OutOfMemoryError e) { // no thread is to be had: then load() does it all
            ended.countDown();
        }
    }

    private static void tryToLoad(CountDownLatch ended) {
        try {
            load();
        } catch (RuntimeException | LinkageError e) {
            // whoever needs them asks again
        } finally {
            ended.countDown();
        }
    }

    /** Waits until what {@link #begin} began has ended, well or not. */
    public static void settleBegun() {
        CountDownLatch ended;
        synchronized (Natives.class) {
            ended = begun;
        }
        boolean interrupted = false;
        while (ended != null) {
            try {
                ended.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** @throws TensorException if there is no folder to unpack to */
    static void requirePolicy() {
        fail(FAILURE);
    }

    static void fail(@Nullable TensorException failure) {
        if (failure != null) {
            throw new TensorException(String.valueOf(failure.getMessage()), failure); // with this caller's trace
        }
    }

    /**
     * Why a library did not load, in one line.
     *
     * @param hint what else it may need
     */
    static String why(String library, List<NativeJars.Library> jars, Throwable e, String hint) {
        if (isForbidden(e)) {
            return library + " may not be loaded: this virtual machine forbids native code; add the option"
                    + " --enable-native-access=ALL-UNNAMED, or the names of the modules that have these jars, or leave out"
                    + " --illegal-native-access=deny";
        }
        String missing = NativeJars.missing(jars);
        String platform = NativeJars.platform();
        String name = platform == null ? library : library + " for " + platform;
        if (missing != null) {
            return name + " " + missing;
        }
        String fault = NativeCache.fault(e);
        return name + " could not be loaded: " + (fault != null ? fault : firstLine(deepest(e)) + hint);
    }

    /** What Java 24 and later throw; older ones have no such exception's cause. */
    private static boolean isForbidden(@Nullable Throwable e) {
        return e != null && (e instanceof IllegalCallerException || isForbidden(e.getCause()));
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
     * How many threads inference uses: {@code -D}{@value #THREADS}, else the environment's {@code OMP_NUM_THREADS}, else
     * {@link #availableCores()}. Never more than there are cores. An environment that is no number says nothing: it is
     * OpenMP's, which warns of it.
     *
     * @throws IllegalArgumentException if the property is no number, or less than 1
     */
    public static int threadLimit() {
        int cores = availableCores();
        String property = System.getProperty(THREADS);
        Integer asked = positive(property);
        if (asked == null && property != null) {
            throw new IllegalArgumentException(
                    "the system property " + THREADS + " must be a whole number of at least 1, got '" + property + "'");
        }
        if (asked == null) {
            // OpenMP's may be a list, one number a level
            asked = positive(String.valueOf(System.getenv("OMP_NUM_THREADS")).split(",", -1)[0]);
        }
        return asked == null ? cores : Math.min(asked, cores);
    }

    private static @Nullable Integer positive(@Nullable String number) {
        if (number == null || !number.strip().matches("[1-9]\\d{0,8}")) {
            return null;
        }
        return Integer.valueOf(number.strip());
    }

    /**
     * Lets native operations of the calling thread use {@code threads} threads. The setting is per thread.
     *
     * @param threads at least 1
     * @param blas threads of OpenBLAS, which only fp32 training reaches; process-wide
     */
    public static void setThreads(int threads, int blas) {
        load();
        tell(threads);
        if (Libtorch.isLoaded()) {
            openblas_nolapack.blas_set_num_threads(blas);
        }
    }

    private static void tell(int threads) {
        if (Libtorch.isLoaded()) {
            TOLD.remove();
            // a thread's first call takes over what any thread set last: not after this one's own
            torch.get_num_threads();
            torch.set_num_threads(threads);
        } else {
            OpenMp.setThreads(threads);
            TOLD.set(threads);
        }
    }

    /** Has libtorch keep to what the calling thread was told before it came. */
    static void settle() {
        Integer told = TOLD.get();
        if (told != null && Libtorch.isLoaded()) {
            tell(told);
        }
    }

    /** How many threads native operations of the calling thread use. */
    public static int threads() {
        load();
        settle();
        Integer told = TOLD.get();
        if (told != null) {
            return told;
        }
        return Libtorch.isLoaded() ? torch.get_num_threads() : OpenMp.threads();
    }

    static Throwable deepest(Throwable e) {
        return e.getCause() == null ? e : deepest(e.getCause());
    }

    /**
     * Does work whose native operations keep to the calling thread. For work before which or after which other threads
     * are busy: those of libtorch's pool spin for milliseconds when they have to wait and after they are done.
     */
    public static <T> T onThisThreadOnly(Supplier<T> work) {
        return onThreads(1, work);
    }

    /** Does work whose native operations use so many threads, the calling one included. */
    public static <T extends @Nullable Object> T onThreads(int threads, Supplier<T> work) {
        int before = threads();
        if (threads == before) {
            return work.get();
        }
        tell(threads);
        try {
            return work.get();
        } finally {
            tell(before);
        }
    }

    /** As {@link #onThreads(int, Supplier)}, of work without a result. */
    public static void onThreads(int threads, Runnable work) {
        onThreads(threads, () -> {
            work.run();
            return null;
        });
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
