package dev.thinkingvit.distributed;

import org.bytedeco.pytorch.Work;
import org.jspecify.annotations.Nullable;

/**
 * An operation over all processes that is under way. Its tensor must be neither read nor written until {@link #await}
 * has returned; its native memory is kept alive meanwhile, even if the tensor's scope closes.
 *
 * <p>Threading: used by the thread that started it.
 */
public final class Collective {
    private final ProcessGroup group;
    private final String what;
    private @Nullable Work work;

    Collective(ProcessGroup group, String what, @Nullable Work work) {
        this.group = group;
        this.what = what;
        this.work = work;
    }

    /** Whether {@link #await} would return, or throw, at once. */
    public boolean isDone() {
        return work == null || work.isCompleted();
    }

    /**
     * Waits for the operation's end and frees what it needed; calling it again does nothing.
     *
     * @throws DistributedException naming the process that is gone, if the operation cannot end any more
     */
    public void await() {
        Work pending = work;
        if (pending != null) {
            work = null;
            group.finish(pending, what);
        }
    }
}
