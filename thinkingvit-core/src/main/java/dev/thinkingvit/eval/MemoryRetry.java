package dev.thinkingvit.eval;

import java.io.IOException;
import java.util.Locale;
import java.util.function.IntConsumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Does work again in smaller batches when memory ends. */
public final class MemoryRetry {
    /** What libtorch, CUDA, oneDNN, ONNX Runtime, C++ and this library's decoder say when memory ends, in lower case. */
    private static final Pattern WORDS = Pattern.compile(
            "out of memory|out_of_memory|allocate memory|failed to allocate|bad_alloc|bad allocation|not enough memory|more"
                    + " memory than there is|memory allocation fail");

    private MemoryRetry() {}

    /** Work of which each batch is held in memory at once. */
    @FunctionalInterface
    public interface Work<T> {
        T run(int batchSize) throws IOException;
    }

    /**
     * Runs work, and runs it anew with half of the batch, down to 1, as long as it fails for want of memory.
     *
     * @param smaller told each new batch size before it is tried
     * @throws IOException or whatever else ends the work, memory at a batch of 1 included
     */
    public static <T> T halving(int batchSize, Work<T> work, IntConsumer smaller) throws IOException {
        for (int size = batchSize; ; ) {
            try {
                return work.run(size);
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                if (size == 1 || !isOutOfMemory(e)) {
                    throw e;
                }
            }
            size /= 2; // outside of the handler, which would keep what filled the memory
            smaller.accept(size);
        }
    }

    /** Whether a failure, or one that caused it, is that Java's, the machine's or the device's memory ended. */
    public static boolean isOutOfMemory(Throwable failure) {
        int depth = 0;
        for (@Nullable Throwable e = failure; e != null && depth < 20; e = e.getCause(), depth++) {
            String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
            if (e instanceof OutOfMemoryError || WORDS.matcher(message).find()) {
                return true;
            }
        }
        return false;
    }
}
