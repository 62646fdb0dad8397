package dev.thinkingvit.distributed;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import dev.thinkingvit.tensor.Tensors;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.Work;
import org.jspecify.annotations.Nullable;

/**
 * Processes, on one machine or several, that work on one model: each computes on its own part of a batch, and they sum
 * what they found.
 *
 * <p>All processes must call the same operations in the same order with tensors of the same shapes and types. An operation
 * waits for processes that are late. It throws within half a minute once a process is dead, hung or cut off; the message
 * names that process. After such an exception the group is of no more use: close it and end the process.
 *
 * <p>Threading: operations belong to one thread at a time. {@link #check} and {@link #fail} may be called from any thread.
 *
 * <pre>{@code
 * try (ProcessGroup group = ProcessGroup.join(rendezvous, GroupOptions.defaults())) {
 *     group.broadcast(weights, 0);                          // all start alike
 *     Collective sum = group.startSum(gradients);           // while something else is computed
 *     sum.await();
 *     gradients.div_(new Scalar(group.size()));
 * }
 * }</pre>
 */
public final class ProcessGroup implements AutoCloseable {
    private static final long SHORTEST_PAUSE_NANOS = 20_000;
    private static final long LONGEST_PAUSE_NANOS = 500_000;

    private final Rendezvous rendezvous;
    private final GroupOptions options;
    private final @Nullable Channel channel; // null for a process that is alone
    private final @Nullable NativeGroup natives; // likewise
    private int underWay;
    private boolean broken;
    private boolean closed;

    private ProcessGroup(
            Rendezvous rendezvous, GroupOptions options, @Nullable Channel channel, @Nullable NativeGroup natives) {
        this.rendezvous = rendezvous;
        this.options = options;
        this.channel = channel;
        this.natives = natives;
    }

    /**
     * Meets the other processes and connects to them. Process 0 listens at the rendezvous' port; the others may come
     * before it does. A group of one needs no network.
     *
     * @return the group, which the caller closes
     * @throws DistributedException if not all processes come in time, two claim the same rank, their numbers of processes
     *     differ, the port is in use, or one of them dies meanwhile: names what and whom
     */
    public static ProcessGroup join(Rendezvous rendezvous, GroupOptions options) {
        return join(rendezvous, options, Pulse.STANDARD);
    }

    /** As {@link #join(Rendezvous, GroupOptions)}, noticing silence sooner or later. */
    static ProcessGroup join(Rendezvous rendezvous, GroupOptions options, Pulse pulse) {
        Libtorch.load(); // what is missing here is said before anybody waits
        NativeGroup.requireSupport(options.processor());
        if (rendezvous.worldSize() == 1) {
            return new ProcessGroup(rendezvous, options, null, null);
        }
        long begin = OwnTime.nanos();
        Channel channel;
        Connector connector;
        if (rendezvous.rank() == 0) {
            Hub hub = Hub.open(rendezvous, pulse);
            channel = hub;
            connector = left -> {
                TCPStore store = NativeGroup.serveStore(rendezvous.worldSize(), left);
                hub.welcome(NativeGroup.port(store));
                return NativeGroup.connect(store, rendezvous, options, hub.ownAddress());
            };
            try {
                hub.awaitAll(options.joinTimeout());
            } catch (RuntimeException e) {
                hub.leave();
                throw e;
            }
        } else {
            Spoke spoke = Spoke.join(rendezvous, options.joinTimeout(), pulse);
            channel = spoke;
            connector = left -> NativeGroup.connect(
                    NativeGroup.reachStore(spoke.masterAddress(), spoke.storePort(), rendezvous.worldSize(), left),
                    rendezvous,
                    options,
                    spoke.ownAddress());
        }
        try {
            // whoever came last has all the time that connecting needs
            Duration waited = Duration.ofNanos(OwnTime.nanos() - begin);
            Duration left = max(options.joinTimeout().minus(waited), Duration.ofSeconds(30));
            return new ProcessGroup(rendezvous, options, channel, connect(channel, connector, left));
        } catch (RuntimeException e) {
            channel.fail(String.valueOf(e.getMessage()));
            channel.leave();
            throw e;
        }
    }

    /** Which process this is, from 0. */
    public int rank() {
        return rendezvous.rank();
    }

    /** How many processes there are. */
    public int size() {
        return rendezvous.worldSize();
    }

    /** Which process of its own machine this is, from 0. */
    public int localRank() {
        return rendezvous.localRank();
    }

    /**
     * Sums {@code tensor} over all processes, in place: afterwards all have the same values, bit by bit.
     *
     * @param tensor contiguous, of any shape; F32, F64, F16, BF16 (whose sum is rounded at each addition) or an integer
     *     type; on the group's processor
     * @throws DistributedException naming the process that is gone
     * @throws TensorException if the tensor is none that can be summed
     */
    public void sum(Tensor tensor) {
        startSum(tensor).await();
    }

    /**
     * As {@link #sum}, without waiting, so that this process can go on computing. Several may be under way; they are
     * awaited in any order.
     */
    public Collective startSum(Tensor tensor) {
        requireUsable(tensor);
        NativeGroup group = ready();
        return group == null
                ? new Collective(this, "sum", null)
                : new Collective(this, "sum", started(group.allReduce(tensor)));
    }

    /**
     * Gives all processes {@code root}'s values of {@code tensor}, in place.
     *
     * @param tensor as for {@link #sum}, of the same shape and type in all processes
     * @throws DistributedException naming the process that is gone
     */
    public void broadcast(Tensor tensor, int root) {
        if (root < 0 || root >= size()) {
            throw new IllegalArgumentException("a root must be a rank from 0 to " + (size() - 1) + "; it is " + root);
        }
        requireUsable(tensor);
        NativeGroup group = ready();
        if (group != null) {
            finish(started(group.broadcast(tensor, root)), "broadcast");
        }
    }

    /**
     * Waits until all processes have come here.
     *
     * @throws DistributedException naming the process that is gone
     */
    public void barrier() {
        try (Scope scope = new Scope()) {
            sumSmall(Tensors.longs(1), "barrier");
        }
    }

    /**
     * A few numbers of every process, such as metrics, in every process.
     *
     * @param mine as many in every process
     * @return size × {@code mine.length}
     * @throws DistributedException naming the process that is gone
     */
    public double[][] gather(double... mine) {
        ByteBuffer bytes = littleEndian(size() * mine.length * Double.BYTES);
        bytes.position(rank() * mine.length * Double.BYTES);
        for (double value : mine) {
            bytes.putDouble(value);
        }
        ByteBuffer all = sumRows(DType.F64, mine.length, bytes.rewind());
        double[][] rows = new double[size()][mine.length];
        for (double[] row : rows) {
            all.asDoubleBuffer().get(row);
            all.position(all.position() + row.length * Double.BYTES);
        }
        return rows;
    }

    /**
     * A few bytes of every process, in every process.
     *
     * @param mine of any length, which may differ between processes
     * @return one array a rank
     * @throws DistributedException naming the process that is gone
     */
    public byte[][] gather(byte[] mine) {
        double[][] lengths = gather((double) mine.length);
        int longest = 0;
        for (double[] length : lengths) {
            longest = Math.max(longest, (int) length[0]);
        }
        ByteBuffer bytes = littleEndian(Math.multiplyExact(size(), longest));
        bytes.position(rank() * longest);
        bytes.put(mine);
        ByteBuffer all = sumRows(DType.U8, longest, bytes.rewind());
        byte[][] rows = new byte[size()][];
        for (int rank = 0; rank < rows.length; rank++) {
            rows[rank] = new byte[(int) lengths[rank][0]];
            all.get(rank * longest, rows[rank]);
        }
        return rows;
    }

    /**
     * Throws if a process was lost; costs nothing. For long work between two operations.
     *
     * @throws DistributedException naming the process that is gone
     */
    public void check() {
        String loss = channel == null ? null : channel.watch.loss();
        if (loss != null) {
            throw new DistributedException(loss);
        }
    }

    /**
     * Whether this process saw another one's connection end without a goodbye. Whoever waits for that process knows more of
     * its end, such as the signal.
     */
    public boolean sawDeath() {
        return channel != null && channel.watch.sawDeath();
    }

    /**
     * Tells the other processes that this one cannot go on: their operations throw at once and say {@code why}. The caller
     * closes the group afterwards.
     *
     * @param why one line
     */
    public void fail(String why) {
        if (channel != null) {
            channel.fail(why.lines().findFirst().orElse(""));
        }
    }

    /**
     * Says goodbye to the others and frees the native side. Others that still wait for this process in an operation get an
     * exception that says that it has left.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (channel != null && natives != null) {
            channel.leave();
            if (broken || underWay > 0) {
                natives.abandon();
            } else {
                natives.close();
            }
        }
    }

    /** Waits for {@code work} as long as that makes sense, and frees it. */
    void finish(Work work, String what) {
        Channel others = channel;
        if (others == null) {
            return;
        }
        boolean interrupted = false;
        long begin = OwnTime.nanos();
        long pause = SHORTEST_PAUSE_NANOS;
        broken = true; // until it went well
        try {
            // libtorch's own wait knows nothing of a loss, and one wait cannot be ended from another thread
            while (!work.isCompleted()) {
                check();
                String leaver = others.watch.leaver(others.pulse.farewell());
                if (leaver != null) {
                    throw new DistributedException(hasLeft(leaver, what));
                }
                if (OwnTime.nanos() - begin > options.collectiveTimeout().toNanos()) {
                    throw new DistributedException(rendezvous.name() + " has waited "
                            + Channel.seconds(options.collectiveTimeout()) + " in " + what
                            + " for others, which are alive; all processes must call the same operations in the same"
                            + " order, or be given more time");
                }
                interrupted |= Thread.interrupted(); // would make the pause return at once
                LockSupport.parkNanos(pause);
                pause = Math.min(LONGEST_PAUSE_NANOS, pause + pause / 4);
            }
            try {
                work._wait();
            } catch (RuntimeException e) {
                throw blame(others, TensorException.translate(what + " over processes", e), what);
            }
            broken = false;
            underWay--;
            work.close();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** The network's error comes first and names nobody; who is gone is known a moment later. */
    private RuntimeException blame(Channel others, RuntimeException error, String what) {
        others.watch.await(others.pulse.silence().plus(others.pulse.beat()));
        String loss = others.watch.loss();
        if (loss != null) {
            return new DistributedException(loss, error);
        }
        String leaver = others.watch.leaver(Duration.ZERO);
        return leaver != null ? new DistributedException(hasLeft(leaver, what), error) : error;
    }

    private String hasLeft(String leaver, String what) {
        return leaver + " has left the group, while " + rendezvous.name() + " still waits for it in " + what;
    }

    private Work started(Work work) {
        underWay++;
        return work;
    }

    private @Nullable NativeGroup ready() {
        if (closed) {
            throw new IllegalStateException("the process group is closed");
        }
        check();
        return natives;
    }

    private void requireUsable(Tensor tensor) {
        DType dtype = Tensors.dtype(tensor);
        boolean cuda = options.processor() == GroupOptions.Processor.CUDA;
        if (dtype == DType.BOOL || dtype == DType.I16) {
            throw new TensorException("processes cannot exchange " + dtype + " tensors; convert it to I32 first");
        }
        if (tensor.is_cuda() != cuda) {
            throw new TensorException("the process group exchanges tensors on " + options.processor() + ", this one is "
                    + (tensor.is_cuda() ? "on CUDA" : "not on CUDA"));
        }
        if (!tensor.is_contiguous()) {
            throw new TensorException("processes exchange contiguous tensors; this one is a view with gaps or a"
                    + " transposition: exchange what it views, or a contiguous copy");
        }
    }

    /** @return rows of all processes, from those that each filled in only its own */
    private ByteBuffer sumRows(DType dtype, int columns, ByteBuffer rows) {
        if (columns == 0) {
            return rows;
        }
        try (Scope scope = new Scope()) {
            HostTensor mine = new HostTensor(dtype, new long[] {size(), columns}, rows);
            return Tensors.toHost(sumSmall(Tensors.toNative(mine), "gather")).data();
        }
    }

    private Tensor sumSmall(Tensor tensor, String what) {
        NativeGroup group = ready();
        if (group == null) {
            return tensor;
        }
        Tensor here = options.processor() == GroupOptions.Processor.CPU
                ? tensor
                : tensor.to(new Device("cuda:" + localRank()), tensor.scalar_type());
        finish(started(group.allReduce(here)), what);
        return here;
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Makes the native connections, which blocks. */
    private interface Connector {
        NativeGroup connect(Duration atMost);
    }

    /** Runs {@code connector} on a thread that can be left behind, since a process may die while others connect to it. */
    private static NativeGroup connect(Channel channel, Connector connector, Duration atMost) {
        CompletableFuture<NativeGroup> connected = new CompletableFuture<>();
        Channel.start("connect", () -> {
            try {
                connected.complete(connector.connect(atMost));
            } catch (RuntimeException | LinkageError e) {
                connected.completeExceptionally(e);
            }
        });
        long deadline = OwnTime.nanos() + atMost.toNanos();
        while (true) {
            try {
                return connected.get(20, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                requireConnecting(channel, deadline, atMost);
            } catch (ExecutionException e) {
                channel.watch.await(channel.pulse.beat());
                requireConnecting(channel, deadline, atMost);
                throw e.getCause() instanceof RuntimeException failure
                        ? failure
                        : new DistributedException(Reasons.line(e), e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new DistributedException(channel.rendezvous.name() + " was interrupted while it connected", e);
            }
        }
    }

    private static void requireConnecting(Channel channel, long deadline, Duration atMost) {
        String loss = channel.watch.loss();
        if (loss != null) {
            throw new DistributedException(loss);
        }
        if (OwnTime.nanos() > deadline) {
            throw new DistributedException(channel.rendezvous.name() + " could not connect to all others within "
                    + Channel.seconds(atMost) + "; do firewalls let the machines reach each other on all ports?");
        }
    }

    private static Duration max(Duration a, Duration b) {
        return a.compareTo(b) >= 0 ? a : b;
    }
}
