package dev.thinkingvit.tensor;

import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.files.ShutdownException;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one thread of the process on which inference's native work happens, its workers and its helpers.
 *
 * <p>Why one: an operation already spreads over all cores, and libtorch keeps a pool of workers for every thread that
 * ever called it, so that many calling threads would oversubscribe the machine; scopes and thread counts
 * are settings of a thread, and here they are set once. Callers on any number of threads queue up in order, and whoever has
 * much to do comes again with the next part of it, behind those who came meanwhile. An entry whose caller has gone leaves
 * the queue.
 *
 * <p>Work that divides into as many parts as there are cores is faster side by side, each part on a {@linkplain #workers
 * worker} that keeps to its core, than one operation after the other on all cores: nobody waits for anybody at the end of
 * each operation. The compute thread waits meanwhile. What is too little for that, one image, it shares with a {@linkplain
 * #team team} of helpers.
 *
 * <p>It starts with the first work and ends, its workers too, with the last {@link ComputeClient}, or soon after work that
 * came from none: a program that is unloaded leaves no thread behind.
 */
public final class ComputeThread {
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long END_MILLIS = 10_000;

    static {
        ProcessExit.whenExiting(ComputeThread::refuseAll);
        ProcessExit.whenStuck(ComputeThread::leaveAlone);
    }

    private static final ReentrantLock lock = new ReentrantLock();
    private static final Condition changed = lock.newCondition();
    private static final ArrayDeque<Entry<?>> queue = new ArrayDeque<>(); // guarded by lock, as all below
    private static @Nullable Entry<?> underWay;
    private static int clients;
    private static boolean clientless = true; // since the last client left, work came from elsewhere
    private static volatile @Nullable Thread thread;
    private static volatile @Nullable Workers workers;
    private static @Nullable Team team; // the thread's own

    /**
     * Work of a caller, who waits for it. It holds neither the work nor its result for longer than somebody waits: the
     * thread keeps its last entry until the next one comes.
     */
    private static final class Entry<T extends @Nullable Object> {
        private @Nullable Callable<T> work;
        final @Nullable ComputeClient client;
        final Condition done = lock.newCondition();
        final long came = System.nanoTime();
        int queued;
        long began;
        long ended;
        boolean isDone;

        @Nullable T result;

        @Nullable Throwable failure;

        Entry(Callable<T> work, @Nullable ComputeClient client) {
            this.work = Objects.requireNonNull(work, "the work is null");
            this.client = client;
        }

        @SuppressWarnings("NullAway") // a result that may be null is of a type that may be
        T result() {
            T taken = result;
            result = null;
            return taken;
        }

        void run() {
            began = System.nanoTime();
            try {
                Callable<T> once = Objects.requireNonNull(work);
                work = null;
                Scope.whileRunning(() -> {
                    result = once.call();
                    return null;
                });
            } catch (Throwable e) {
                failure = e;
            }
            ended = System.nanoTime();
        }
    }

    private ComputeThread() {}

    /** Whether the calling thread is one of the {@link #workers}, who must not wait for each other. */
    public static boolean isWorker() {
        Workers crew = workers;
        return crew != null && crew.isOneOfThem();
    }

    /** One worker a core, for use from the compute thread. */
    public static Workers workers() {
        Workers crew = workers;
        if (crew != null) {
            return crew;
        }
        lock.lock();
        try {
            crew = workers;
            if (crew == null) {
                crew = new Workers(Natives.threadLimit(), "thinkingvit-worker", () -> {});
                workers = crew;
            }
            return crew;
        } finally {
            lock.unlock();
        }
    }

    /** Who helps the compute thread with what is too little for its workers; null on any other thread. */
    public static @Nullable Team team() {
        if (Thread.currentThread() != thread) {
            return null;
        }
        Team own = team;
        if (own == null) {
            own = new Team("thinkingvit-helper");
            team = own;
        }
        return own;
    }

    /**
     * Runs {@code work} with every core at its disposal, and waits for it.
     *
     * @throws CancellationException if the calling thread is interrupted while it waits; its interrupt flag stays set, and
     *     what had not begun is never computed
     * @throws ShutdownException if the process is exiting
     */
    public static <T extends @Nullable Object> T call(Callable<T> work) {
        return call(null, 0, work);
    }

    /** As {@link #call(Callable)}, in the name of a client, who may be refused. */
    static <T extends @Nullable Object> T call(@Nullable ComputeClient client, int images, Callable<T> work) {
        return call(client, images, true, work);
    }

    /**
     * As {@link #call(Callable)}, in a client's name.
     *
     * @param images that the work is about, for the client's listener
     * @param first whether a caller begins with this; what he comes again for is taken however many wait, lest the work be
     *     lost that was done for him
     * @throws QueueFullException if as many calls of the client wait as may
     */
    public static <T extends @Nullable Object> T call(
            @Nullable ComputeClient client, int images, boolean first, Callable<T> work) {
        if (isHere()) { // whom the compute thread waits for
            return here(work);
        }
        Natives.load(); // what is missing fails here, not on a thread that nobody would hear
        Entry<T> entry = new Entry<>(work, client);
        try {
            submit(entry, first);
            awaitOrLeave(entry);
        } catch (QueueFullException | ShutdownException e) {
            tell(client, ComputeClient::tellRefused);
            throw e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            CancellationException cancelled = abandoned(client, "interrupted while waiting for the network");
            cancelled.initCause(e);
            throw cancelled;
        }
        if (entry.failure instanceof ShutdownException) {
            tell(client, ComputeClient::tellRefused);
        } else {
            tell(
                    client,
                    told -> told.tellComputed(
                            images, entry.queued, entry.began - entry.came, entry.ended - entry.began));
        }
        return result(entry);
    }

    /**
     * For what a call does before it queues up, such as reading pictures.
     *
     * @param client whose listener is told of a call that was given up
     * @throws CancellationException if the calling thread is interrupted; its flag stays set
     */
    public static void requireNotInterrupted(@Nullable ComputeClient client) {
        if (Thread.currentThread().isInterrupted()) {
            throw abandoned(client, "interrupted while preparing what the network is to compute");
        }
    }

    private static CancellationException abandoned(@Nullable ComputeClient client, String how) {
        tell(client, ComputeClient::tellAbandoned);
        return new CancellationException(how);
    }

    private static void tell(@Nullable ComputeClient client, Consumer<ComputeClient> news) {
        if (client != null) {
            news.accept(client);
        }
    }

    /** As {@link #call}, but waits on when interrupted, for work whose result somebody must close; the flag stays set. */
    public static <T extends @Nullable Object> T callToTheEnd(Callable<T> work) {
        if (isHere()) {
            return here(work);
        }
        Natives.load();
        Entry<T> entry = new Entry<>(work, null);
        submit(entry, false);
        lock.lock();
        try {
            while (!entry.isDone) {
                entry.done.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
        return result(entry);
    }

    /**
     * Frees something, behind whatever uses it: on the threads here, for whom nobody else may wait, once the work under way
     * has ended. At the process's exit nothing is: the system does.
     */
    public static void free(Runnable work) {
        Callable<@Nullable Void> freeing = () -> {
            work.run();
            return null;
        };
        try {
            if (isHere()) {
                submit(new Entry<>(freeing, null), false);
            } else {
                callToTheEnd(freeing);
            }
        } catch (ShutdownException e) {
            // nothing may be freed any more, nor needs to be
        }
    }

    static void open() {
        lock.lock();
        try {
            clients++;
            changed.signalAll(); // whoever closed the last one waits for nothing any more
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for the threads' end if it was the last client, unless it is called on one of them, or until somebody needs them
     * again.
     */
    static void close() {
        try {
            Thread ending = leaveThread();
            if (ending != null) {
                ending.join(END_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Takes a client away; the compute thread if it is about to end with it. */
    private static @Nullable Thread leaveThread() throws InterruptedException {
        lock.lock();
        try {
            clients--;
            Thread last = thread;
            if (clients > 0) {
                return null;
            }
            clientless = false;
            changed.signalAll();
            if (last == null || isHere()) {
                return null;
            }
            long left = TimeUnit.MILLISECONDS.toNanos(END_MILLIS);
            while (thread == last && clients == 0 && !clientless && left > 0 && !ProcessExit.isExiting()) {
                left = changed.awaitNanos(left);
            }
            return thread == last ? null : last;
        } finally {
            lock.unlock();
        }
    }

    private static boolean isHere() {
        return Thread.currentThread() == thread || isWorker();
    }

    private static <T extends @Nullable Object> T here(Callable<T> work) {
        try {
            return work.call();
        } catch (Exception e) {
            throw unchecked(e);
        }
    }

    private static void submit(Entry<?> entry, boolean mayBeRefused) {
        lock.lock();
        try {
            ProcessExit.requireRunning();
            ComputeClient client = entry.client;
            if (client == null) {
                clientless = true;
            } else if (mayBeRefused && client.waiting >= client.limit()) {
                throw new QueueFullException(client.name(), client.waiting);
            } else {
                entry.queued = ++client.waiting;
            }
            queue.add(entry);
            if (thread == null) {
                start();
            }
            changed.signalAll();
        } catch (OutOfMemoryError e) { // no thread is to be had
            leave(entry);
            throw e;
        } finally {
            lock.unlock();
        }
    }

    private static void start() {
        // neither its creator's context class loader nor its inheritable thread locals
        Thread created = new Thread(null, ComputeThread::work, "thinkingvit-compute", 0, false);
        created.setDaemon(true);
        created.setContextClassLoader(null);
        created.start();
        thread = created;
    }

    private static void awaitOrLeave(Entry<?> entry) throws InterruptedException {
        lock.lock();
        try {
            while (!entry.isDone) {
                entry.done.await();
            }
        } catch (InterruptedException e) {
            leave(entry); // work that has begun runs to its end, and the next in the queue must not overtake it
            throw e;
        } finally {
            lock.unlock();
        }
    }

    private static void leave(Entry<?> entry) {
        if (queue.remove(entry)) {
            left(entry);
        }
    }

    /** It waits no longer, whatever becomes of it. */
    private static void left(Entry<?> entry) {
        if (entry.client != null) {
            entry.client.waiting--;
        }
    }

    /** What the thread does, from its start to its end. */
    private static void work() {
        @Nullable Throwable broken = prepare();
        try {
            Entry<?> entry = next(null);
            while (entry != null) {
                if (broken == null) {
                    entry.run();
                } else {
                    entry.failure = broken;
                }
                entry = next(entry);
            }
        } catch (Throwable e) { // such as memory's end: whoever waits must hear of it, and the next call starts anew
            lock.lock();
            try {
                thread = null;
                refuse(() -> e);
            } finally {
                lock.unlock();
            }
        }
    }

    /** Lets all that waits fail. */
    private static void refuse(Supplier<? extends Throwable> why) {
        queue.forEach(entry -> {
            left(entry);
            fail(entry, why.get());
        });
        queue.clear();
        changed.signalAll();
    }

    private static void fail(Entry<?> entry, Throwable why) {
        entry.failure = why;
        entry.isDone = true;
        entry.done.signalAll();
    }

    /** The process exits: what waits need not do so until the work under way has ended, which may be never. */
    private static void refuseAll() {
        lock.lock();
        try {
            refuse(ShutdownException::new);
        } finally {
            lock.unlock();
        }
    }

    /** The work under way does not end: its caller, who may keep the exit waiting, is let go. */
    private static void leaveAlone() {
        lock.lock();
        try {
            workers = null;
            team = null;
            thread = null;
            Entry<?> stuck = underWay;
            if (stuck != null && !stuck.isDone) {
                fail(stuck, new ShutdownException());
            }
            refuse(ShutdownException::new);
        } finally {
            lock.unlock();
        }
    }

    private static @Nullable Throwable prepare() {
        try {
            Natives.setThreads(Natives.threadLimit(), 1);
            return null;
        } catch (RuntimeException | Error e) {
            return e;
        }
    }

    /** Hands over what is done and waits for more; null at the end, when nothing holds the thread any more. */
    private static @Nullable Entry<?> next(@Nullable Entry<?> done) {
        lock.lock();
        try {
            if (done != null) {
                done.isDone = true;
                done.done.signalAll();
                underWay = null;
            }
            long linger = LINGER_NANOS;
            while (queue.isEmpty()) {
                if (clients > 0) {
                    changed.awaitUninterruptibly();
                    linger = LINGER_NANOS;
                } else if (clientless && linger > 0) {
                    linger = awaitNanos(linger);
                } else {
                    Workers crew = workers;
                    Team helpers = team;
                    workers = null;
                    team = null;
                    thread = null;
                    if (crew != null) {
                        crew.close();
                    }
                    if (helpers != null) {
                        helpers.close();
                    }
                    changed.signalAll();
                    return null;
                }
            }
            Entry<?> next = queue.remove();
            underWay = next;
            left(next);
            return next;
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("WaitNotInLoop") // its caller loops
    private static long awaitNanos(long nanos) {
        try {
            return changed.awaitNanos(nanos);
        } catch (InterruptedException e) {
            return 0; // nobody but a container that ends threads interrupts this one
        }
    }

    private static <T extends @Nullable Object> T result(Entry<T> entry) {
        Throwable failure = entry.failure;
        if (failure == null) {
            return entry.result();
        }
        CallersTrace.addTo(failure);
        if (failure instanceof Error error) {
            throw error;
        }
        throw unchecked((Exception) failure);
    }

    private static RuntimeException unchecked(Exception e) {
        if (e instanceof RuntimeException runtime) {
            return TensorException.translate("libtorch", runtime);
        }
        return new IllegalStateException(e);
    }
}
