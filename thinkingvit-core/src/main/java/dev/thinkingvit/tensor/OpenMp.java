package dev.thinkingvit.tensor;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many threads oneDNN's OpenMP gives to operations of the calling thread. oneDNN has no function of its own for it, and
 * libtorch, which has, takes a second and 120 MB to load: so OpenMP itself is asked, through JNA, in whatever library oneDNN
 * was bound to. libtorch is bound to the same one when it comes.
 *
 * <p>Where JNA is not on the class path or may not load, libtorch does it.
 */
final class OpenMp {
    private static final Logger log = LoggerFactory.getLogger(OpenMp.class);
    private static final String TEMPORARY = "jna.tmpdir";

    private OpenMp() {}

    /** Found once; null if they cannot be. Apart, so that no other class is broken where JNA is missing. */
    private static final class Found {
        static final @Nullable Functions FUNCTIONS = find();
    }

    /** OpenMP's, by address alone: nothing of JNA's is held that would have to be closed. */
    private static final class Functions {
        private final Function set;
        private final Function get;

        Functions(String library) {
            NativeLibrary bound = NativeLibrary.getInstance(library);
            try {
                this.set = function(bound, "omp_set_num_threads");
                this.get = function(bound, "omp_get_max_threads");
            } finally {
                bound.close(); // the library stays, since JavaCPP has loaded it
            }
        }

        private static Function function(NativeLibrary library, String name) {
            return Function.getFunction(new Pointer(Pointer.nativeValue(library.getFunction(name))));
        }
    }

    private static @Nullable Functions find() {
        if (!Dnnl.isLoaded()) {
            return null;
        }
        String before = System.getProperty(TEMPORARY);
        try {
            if (before == null) { // where libraries may be loaded from, as oneDNN was
                System.setProperty(TEMPORARY, NativeCache.chosen().toString());
            }
            return new Functions(Loader.load(dnnl.class)); // is loaded: says where it lies
        } catch (LinkageError | RuntimeException | IOException e) {
            log.debug("OpenMP cannot be asked, libtorch does it: {}", Natives.firstLine(Natives.deepest(e)));
            return null;
        } finally {
            if (before == null) {
                System.clearProperty(TEMPORARY);
            }
        }
    }

    /** Whether oneDNN is loaded and its OpenMP can be asked. */
    static boolean isThere() {
        return Found.FUNCTIONS != null;
    }

    /** See {@link Natives#setThreads}. */
    static void setThreads(int threads) {
        functions().set.invokeVoid(new Object[] {threads});
    }

    /** See {@link Natives#threads}. */
    static int threads() {
        return functions().get.invokeInt(new Object[0]);
    }

    private static Functions functions() {
        Functions found = Found.FUNCTIONS;
        if (found == null) {
            throw new IllegalStateException("OpenMP is not there");
        }
        return found;
    }
}
