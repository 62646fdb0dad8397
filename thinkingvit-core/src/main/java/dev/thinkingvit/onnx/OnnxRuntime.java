package dev.thinkingvit.onnx;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.TensorException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Filter;
import java.util.logging.Logger;

/** The way to ONNX Runtime, which is loaded when it is first asked for, and need not be there before. */
public final class OnnxRuntime {
    private OnnxRuntime() {}

    /**
     * Opens an exported model.
     *
     * @return the caller's, who closes it
     * @throws TensorException if ONNX Runtime is not on the class path or has no natives for this platform
     * @throws dev.thinkingvit.checkpoint.CheckpointException if it refuses a graph, or a graph is not that of its stage
     */
    public static Backbone open(ExportedModel model) {
        return open(model, Natives.threadLimit());
    }

    /**
     * As {@link #open(ExportedModel)}, with so many threads for an operation.
     *
     * @param threads with 1, threads may run it side by side
     */
    public static Backbone open(ExportedModel model, int threads) {
        AtomicReference<Throwable> told = new AtomicReference<>();
        Logger logger = Logger.getLogger("ai.onnxruntime.OnnxRuntime");
        Filter before = logger.getFilter();
        // why its libraries cannot be unpacked it only logs, with a stack trace, and fails of something else then
        logger.setFilter(told(told));
        try {
            Class.forName("ai.onnxruntime.OrtEnvironment", true, OnnxRuntime.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new TensorException(
                    "exported models are run by ONNX Runtime, which is not on the class path: add"
                            + " com.microsoft.onnxruntime:onnxruntime",
                    e);
        } catch (LinkageError e) {
            throw new TensorException(
                    "ONNX Runtime could not be loaded: "
                            + Reasons.of(deepest(told.get() == null ? e : told.get()))
                            + "; com.microsoft.onnxruntime:onnxruntime has natives for Linux, Windows and macOS only,"
                            + " and unpacks them in " + System.getProperty("java.io.tmpdir")
                            + ", which must have room and run code (-Djava.io.tmpdir=FOLDER says where else)",
                    e);
        } finally {
            logger.setFilter(before);
        }
        return OnnxBackbone.open(model, threads);
    }

    private static Filter told(AtomicReference<Throwable> told) {
        return entry -> {
            if (entry.getThrown() != null) {
                told.set(entry.getThrown());
            }
            return entry.getThrown() == null;
        };
    }

    private static Throwable deepest(Throwable e) {
        return e.getCause() == null ? e : deepest(e.getCause());
    }
}
