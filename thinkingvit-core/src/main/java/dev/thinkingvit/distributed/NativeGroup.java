package dev.thinkingvit.distributed;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.AllreduceOptions;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.BroadcastOptions;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.nccl.ProcessGroupNCCL;

/**
 * libtorch's side of a group: a key-value store in which the processes find each other's addresses, and the collectives,
 * over Gloo or NCCL. Operations are started by one thread at a time; {@link #close} frees everything, {@link #abandon}
 * leaves it to the process's end.
 */
final class NativeGroup implements AutoCloseable {
    // Freeing a group waits for its operations, and one that waits for a dead process would take its whole timeout:
    // what
    // is abandoned stays reachable, lest the collector frees it.
    private static final Set<NativeGroup> abandoned = ConcurrentHashMap.newKeySet();

    private final TCPStore store;
    private final Backend backend;
    private final Milliseconds timeout;

    private NativeGroup(TCPStore store, Backend backend, Milliseconds timeout) {
        this.store = store;
        this.backend = backend;
        this.timeout = timeout;
    }

    /**
     * Process 0's store, on a free port.
     *
     * @throws TensorException if it cannot be opened
     */
    static TCPStore serveStore(int worldSize, Duration timeout) {
        return openStore(InetAddress.getLoopbackAddress(), 0, true, worldSize, timeout);
    }

    /** The port that a store listens on. */
    static int port(TCPStore store) {
        return store.getPort() & 0xFFFF;
    }

    /** Another process's way into {@link #serveStore process 0's store}. */
    static TCPStore reachStore(InetAddress master, int port, int worldSize, Duration timeout) {
        return openStore(master, port, false, worldSize, timeout);
    }

    // No scope here and in connect: an outermost scope holds up the process's end, and these may wait for a process
    // that
    // has died. What they make is closed one by one.
    private static TCPStore openStore(InetAddress master, int port, boolean serve, int worldSize, Duration timeout) {
        try (TCPStoreOptions options = new TCPStoreOptions();
                SizeTPointer workers = new SizeTPointer(1).put(worldSize);
                Milliseconds wait = new Milliseconds(timeout.toMillis())) {
            options.port((short) port)
                    .isServer(serve)
                    .numWorkers(workers)
                    .waitWorkers(false)
                    .timeout(wait);
            return Scope.own(new TCPStore(master.getHostAddress(), options));
        } catch (RuntimeException e) {
            throw TensorException.translate("the processes' common store", e);
        }
    }

    /**
     * Connects this process with all others; blocks until they do the same.
     *
     * @param own the address on which the others reach this process
     */
    static NativeGroup connect(TCPStore store, Rendezvous rendezvous, GroupOptions options, InetAddress own) {
        // operations are given up from Java, which knows why; libtorch's own limit is for what Java has given up on
        Milliseconds timeout = new Milliseconds(
                options.collectiveTimeout().plus(Duration.ofSeconds(30)).toMillis());
        try {
            Backend backend =
                    switch (options.processor()) {
                        case CPU -> gloo(store, rendezvous, own, timeout);
                        case CUDA -> nccl(store, rendezvous, timeout);
                    };
            return new NativeGroup(store, Scope.own(backend), Scope.own(timeout));
        } catch (RuntimeException e) {
            throw TensorException.translate(
                    rendezvous.name() + " could not connect to the others from " + own.getHostAddress(), e);
        }
    }

    /** @throws DistributedException if this libtorch cannot sum tensors of {@code processor} between processes */
    static void requireSupport(GroupOptions.Processor processor) {
        if (processor == GroupOptions.Processor.CPU) {
            return;
        }
        try {
            ProcessGroupNCCL.Options.create().close();
        } catch (LinkageError | RuntimeException e) {
            throw new DistributedException(
                    "processes can sum CUDA tensors only with NCCL, which this libtorch lacks; put org.bytedeco:pytorch"
                            + " with the classifier linux-x86_64-gpu (and no other) and org.bytedeco:cuda on the class"
                            + " path, or train on the CPU",
                    e);
        }
        if (!torch.cuda_is_available()) {
            throw new DistributedException("CUDA was asked for, but there is no usable GPU on this machine");
        }
    }

    private static Backend gloo(TCPStore store, Rendezvous rendezvous, InetAddress own, Milliseconds timeout) {
        String wanted = System.getenv("GLOO_SOCKET_IFNAME");
        try (ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create(timeout);
                org.bytedeco.pytorch.gloo.Device device = wanted == null || wanted.isBlank()
                        ? ProcessGroupGloo.createDeviceForHostname(own.getHostAddress())
                        : ProcessGroupGloo.createDeviceForInterface(networkInterface(wanted))) {
            options.devices().push_back(device);
            return new ProcessGroupGloo(store, rendezvous.rank(), rendezvous.worldSize(), options);
        }
    }

    private static Backend nccl(TCPStore store, Rendezvous rendezvous, Milliseconds timeout) {
        try (ProcessGroupNCCL.Options options = ProcessGroupNCCL.Options.create()) {
            options.timeout(timeout);
            return new ProcessGroupNCCL(store, rendezvous.rank(), rendezvous.worldSize(), options);
        }
    }

    private static String networkInterface(String names) {
        String name = names.split(",", 2)[0].strip();
        try {
            if (NetworkInterface.getByName(name) == null) {
                throw new DistributedException("GLOO_SOCKET_IFNAME names the network interface " + name
                        + ", which this machine does not have");
            }
        } catch (SocketException e) {
            throw new DistributedException("network interface " + name + ": " + Reasons.of(e), e);
        }
        return name;
    }

    /** Starts to sum {@code tensor} over all processes, in place. The caller closes the result. */
    Work allReduce(Tensor tensor) {
        try (Scope scope = new Scope()) {
            return Scope.own(backend.allreduce(new TensorVector(tensor), new AllreduceOptions().timeout(timeout)));
        } catch (RuntimeException e) {
            throw TensorException.translate("sum over processes", e);
        }
    }

    /** Starts to copy {@code tensor} from process {@code root} to all, in place. The caller closes the result. */
    Work broadcast(Tensor tensor, int root) {
        try (Scope scope = new Scope()) {
            return Scope.own(backend.broadcast(
                    new TensorVector(tensor),
                    new BroadcastOptions().rootRank(root).timeout(timeout)));
        } catch (RuntimeException e) {
            throw TensorException.translate("broadcast from process " + root, e);
        }
    }

    /** Leaves everything as it is until the process ends, which is near. */
    void abandon() {
        abandoned.add(this);
    }

    @Override
    public void close() {
        backend.close();
        timeout.close();
        store.close();
    }
}
