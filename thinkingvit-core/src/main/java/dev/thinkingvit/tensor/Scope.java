package dev.thinkingvit.tensor;

import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.files.ShutdownException;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;

/**
 * The lifetime of native objects: everything native that a thread creates while its innermost scope is open is freed
 * when that scope closes. One scope spans a training step, a request or a batch; inner scopes free what a block of the
 * network needed.
 *
 * <p>Threading: a scope belongs to the thread that opened it and closes there. An outermost one delays the process's exit
 * until it is closed, for half a minute at most, and for a second where all threads that have one open wait for something. None
 * can be opened once the process is exiting: {@link ShutdownException}.
 *
 * <pre>{@code
 * try (Scope scope = new Scope()) {
 *     Tensor hidden = layer1(x);
 *     return scope.keep(layer2(hidden)); // survives, hidden does not
 * }
 * }</pre>
 */
public final class Scope implements AutoCloseable {
    // libtorch's globals are destroyed when the process exits, and an operation that still runs then crashes it: an
    // outermost scope delays the exit, and none begins after it. Workers' scopes still do: somebody with an open one
    // waits
    // for them.
    private final @Nullable PointerScope outer;
    private final PointerScope inner;

    public Scope() {
        Natives.load();
        this.outer = PointerScope.getInnerScope();
        if (outer == null) {
            ProcessExit.begin(Workers.isWorker());
        }
        this.inner = new PointerScope();
    }

    /**
     * Hands {@code pointer} to the enclosing scope, or, where there is none, to the caller, who then closes it.
     *
     * @return {@code pointer}
     */
    public <T extends Pointer> T keep(T pointer) {
        if (outer == null) {
            pointer.retainReference();
        } else {
            outer.attach(pointer);
        }
        return pointer;
    }

    /** As {@link #keep(Pointer)}, of a tensor's memory. */
    public <T extends NativeTensor> T keep(T tensor) {
        keep(tensor.owner());
        return tensor;
    }

    /** As {@link #own(Pointer)}, of a tensor's memory. */
    public static <T extends NativeTensor> T own(T tensor) {
        own(tensor.owner());
        return tensor;
    }

    /**
     * Takes {@code pointer} out of all scopes: its owner closes it.
     *
     * @return {@code pointer}
     */
    public static <T extends Pointer> T own(T pointer) {
        pointer.retainReference();
        return pointer;
    }

    @Override
    public void close() {
        try {
            inner.close();
        } finally {
            if (outer == null) {
                ProcessExit.end();
            }
        }
    }

    /**
     * Does native work that the process's exit waits for, as for an open scope.
     *
     * @throws ShutdownException if the process is exiting
     */
    static <T extends @Nullable Object> T whileRunning(Callable<T> work) throws Exception {
        ProcessExit.begin(Workers.isWorker());
        try {
            return work.call();
        } finally {
            ProcessExit.end();
        }
    }
}
