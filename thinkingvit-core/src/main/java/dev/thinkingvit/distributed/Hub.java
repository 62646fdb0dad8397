package dev.thinkingvit.distributed;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Process 0's end of all connections: lets the others in, listens to them, and passes on who is gone. */
final class Hub extends Channel {
    private static final Logger log = LoggerFactory.getLogger(Hub.class);
    private static final Duration REMARK_AFTER = Duration.ofSeconds(15);

    private final ServerSocket server;
    private final @Nullable Line[] lines; // guarded by this
    private final @Nullable String[] where; // guarded by this
    private final Thread[] listeners; // guarded by this
    private int arrived = 1; // guarded by this
    private boolean complete; // guarded by this

    private Hub(Rendezvous rendezvous, Pulse pulse, ServerSocket server) {
        super(rendezvous, pulse);
        this.server = server;
        this.lines = new Line[rendezvous.worldSize()];
        this.where = new String[rendezvous.worldSize()];
        this.listeners = new Thread[rendezvous.worldSize()];
        where[0] = whereabouts();
    }

    /**
     * Starts to listen at the meeting point.
     *
     * @throws DistributedException if another program has the port
     */
    static Hub open(Rendezvous rendezvous, Pulse pulse) {
        ServerSocket server = null;
        try {
            server = new ServerSocket();
            server.setReuseAddress(true);
            server.bind(bindAddress(rendezvous), 1024);
        } catch (IOException e) {
            closeQuietly(server);
            throw new DistributedException(
                    e instanceof BindException
                            ? "port " + rendezvous.masterPort() + " is in use on this machine, but "
                                    + rendezvous.name() + " must listen there; choose another MASTER_PORT, or end"
                                    + " what has it (another process with RANK=0?)"
                            : rendezvous.name() + " cannot listen at " + rendezvous.meetingPoint() + ": "
                                    + Reasons.of(e),
                    e);
        }
        Hub hub = new Hub(rendezvous, pulse, server);
        start("accept", hub::accept);
        hub.startBeating();
        return hub;
    }

    /**
     * Waits for all others.
     *
     * @throws DistributedException naming the ranks that did not come in time, or why the group cannot be formed
     */
    void awaitAll(Duration timeout) {
        long begin = OwnTime.nanos();
        long deadline = begin + timeout.toNanos();
        boolean remarked = false;
        try {
            synchronized (this) {
                while (arrived < rendezvous.worldSize() && watch.loss() == null) {
                    long left = deadline - OwnTime.nanos();
                    if (left <= 0) {
                        break;
                    }
                    if (!remarked && OwnTime.nanos() - begin > REMARK_AFTER.toNanos()) {
                        remarked = true;
                        log.warn("{} waits at {} for {}", rendezvous.name(), rendezvous.meetingPoint(), missing());
                    }
                    wait(Math.min(1000, left / 1_000_000 + 1));
                }
                complete = watch.loss() == null && arrived == rendezvous.worldSize();
                if (!complete) {
                    lost(missing() + " of " + rendezvous.worldSize() + " did not come to "
                            + rendezvous.meetingPoint() + " within " + seconds(timeout)
                            + "; start them with that MASTER_ADDR and MASTER_PORT, or allow more time to join");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DistributedException(rendezvous.name() + " was interrupted while it waited for the others", e);
        }
        String loss = watch.loss();
        if (loss != null) {
            throw new DistributedException(loss);
        }
    }

    /** Tells all others that everybody is there, where the store is, and under which address each is seen. */
    synchronized void welcome(int storePort) {
        for (int rank = 1; rank < lines.length; rank++) {
            Line line = lines[rank];
            if (line != null) {
                for (int other = 0; other < where.length; other++) {
                    line.trySend(Frame.of(Frame.Kind.MEMBER, other, String.valueOf(where[other])));
                }
                InetAddress seen = line.there().isLoopbackAddress() ? ownAddress() : line.there();
                line.trySend(Frame.of(Frame.Kind.WELCOME, storePort, seen.getHostAddress()));
            }
        }
    }

    /** This machine's address as other machines reach it, or the loopback address if all processes are on this one. */
    synchronized InetAddress ownAddress() {
        InetAddress address = InetAddress.getLoopbackAddress();
        for (Line line : lines) {
            if (line != null) {
                address = line.here();
                if (!address.isLoopbackAddress()) {
                    return address;
                }
            }
        }
        return address;
    }

    @Override
    void beat() {
        for (Line line : connected()) {
            line.trySend(Frame.of(Frame.Kind.BEAT));
        }
    }

    @Override
    void fail(String why) {
        lost(describe(0, whereabouts()) + " cannot go on: " + why);
    }

    @Override
    void leave() {
        for (Line line : connected()) {
            line.trySend(Frame.of(Frame.Kind.LEFT));
        }
        List<Thread> threads;
        synchronized (this) {
            threads = IntStream.range(0, lines.length)
                    .filter(rank -> lines[rank] != null)
                    .mapToObj(rank -> listeners[rank])
                    .toList();
        }
        // They answer by closing. Had this end closed first, with a beat of theirs unread, the goodbye could be lost.
        joinAll(threads, pulse.beat());
        close();
    }

    @Override
    void close() {
        super.close();
        closeQuietly(server);
        connected().forEach(Line::close);
    }

    private void accept() {
        while (!isClosed()) {
            try {
                Socket socket = server.accept();
                start("listen", () -> serve(socket));
            } catch (IOException e) {
                if (!isClosed()) {
                    log.debug("a connection could not be accepted: {}", e.getMessage());
                    pause();
                }
            }
        }
    }

    private void serve(Socket socket) {
        try (socket;
                Line line = new Line(socket)) {
            line.greet();
            Frame hello = line.receive();
            if (hello.kind() != Frame.Kind.HELLO) {
                return;
            }
            String refusal = admit(hello, line);
            if (refusal != null) {
                line.send(Frame.of(Frame.Kind.REFUSED, refusal));
                drain(line);
                return;
            }
            line.patience(pulse.silence());
            listen(hello.number(), line);
        } catch (IOException e) {
            // a stranger at the door, or one that went away again: no business of the group
            log.debug("a connection from {} ended: {}", socket.getRemoteSocketAddress(), e.getMessage());
        }
    }

    /** @return why not, or null if the process is in */
    private synchronized @Nullable String admit(Frame hello, Line line) {
        int rank = hello.number();
        int size = rendezvous.worldSize();
        String newcomer = "process " + rank + " (" + hello.text() + ")";
        String problem = null;
        if (hello.size() != size) {
            problem = newcomer + " was started as one of " + hello.size() + " processes, process 0 (" + where[0]
                    + ") as one of " + size + "; WORLD_SIZE must be the same for all";
        } else if (rank < 0 || rank >= size) {
            problem = newcomer + " claims a rank that a group of " + size + " does not have";
        } else if (where[rank] != null) {
            problem = "two processes say that they are " + Rendezvous.name(rank, size) + ": " + where[rank] + " and "
                    + hello.text() + "; each needs a RANK of its own";
        }
        String loss = watch.loss();
        if (problem == null && loss == null) {
            lines[rank] = line;
            where[rank] = hello.text();
            listeners[rank] = Thread.currentThread();
            arrived++;
            notifyAll();
            return null;
        }
        if (problem != null && !complete) {
            lost(problem); // whoever is right: as it stands this group can never be complete
        }
        return problem != null ? problem : loss;
    }

    private void listen(int rank, Line line) {
        try {
            while (true) {
                Frame frame = line.receive();
                if (frame.kind() == Frame.Kind.FAILED) {
                    lost(describe(rank) + " cannot go on: " + frame.text());
                } else if (frame.kind() == Frame.Kind.LEFT) {
                    left(rank);
                    return;
                }
            }
        } catch (IOException e) {
            if (!isClosed()) {
                lost(describe(rank) + " is gone: " + reason(e), isDeath(e));
            }
        } finally {
            synchronized (this) {
                lines[rank] = null;
                notifyAll();
            }
        }
    }

    private void lost(String message) {
        lost(message, false);
    }

    // The others are told before this process is: it says goodbye as soon as it knows, and a goodbye must come second.
    private synchronized void lost(String message, boolean died) {
        if (watch.loss() == null) {
            for (Line line : connected()) {
                line.trySend(Frame.of(Frame.Kind.LOST, message));
            }
            watch.lost(message, died);
            notifyAll();
        }
    }

    private void left(int rank) {
        watch.left(describe(rank));
        synchronized (this) {
            lines[rank] = null;
        }
        for (Line line : connected()) {
            line.trySend(Frame.of(Frame.Kind.LEFT, rank, ""));
        }
    }

    private synchronized String describe(int rank) {
        return describe(rank, where[rank]);
    }

    private synchronized List<Line> connected() {
        List<Line> connected = new ArrayList<>();
        for (Line line : lines) {
            if (line != null) {
                connected.add(line);
            }
        }
        return connected;
    }

    private synchronized String missing() {
        List<String> ranks = IntStream.range(0, where.length)
                .filter(rank -> where[rank] == null)
                .mapToObj(String::valueOf)
                .toList();
        return (ranks.size() == 1 ? "process " : "processes ") + ranks.stream().collect(Collectors.joining(", "));
    }

    /** Reads until the other end closes, so that it gets to read a refusal. */
    private static void drain(Line line) {
        line.shutdownOutput();
        try {
            while (true) {
                line.receive();
            }
        } catch (IOException e) {
            // closed, or silent
        }
    }

    /** Only this machine may come where only this machine is meant; else any of its addresses may be the one meant. */
    private static InetSocketAddress bindAddress(Rendezvous rendezvous) throws IOException {
        InetAddress master;
        try {
            master = InetAddress.getByName(rendezvous.masterAddress());
        } catch (UnknownHostException e) {
            log.warn("MASTER_ADDR {} cannot be resolved here; listening on all addresses", rendezvous.masterAddress());
            return new InetSocketAddress(rendezvous.masterPort());
        }
        // a machine's own name often stands for its loopback address there, and for a real one elsewhere
        boolean here = List.of("localhost", master.getHostAddress()).contains(rendezvous.masterAddress());
        if (here && master.isLoopbackAddress()) {
            return new InetSocketAddress(master, rendezvous.masterPort());
        }
        if (!master.isLoopbackAddress() && NetworkInterface.getByInetAddress(master) == null) {
            log.warn(
                    "MASTER_ADDR {} is no address of this machine, but this is process 0, for which the others look"
                            + " there",
                    rendezvous.masterAddress());
        }
        return new InetSocketAddress(rendezvous.masterPort());
    }

    private static void joinAll(List<Thread> threads, Duration atMost) {
        long deadline = OwnTime.nanos() + atMost.toNanos();
        try {
            for (Thread thread : threads) {
                thread.join(Math.max(1, (deadline - OwnTime.nanos()) / 1_000_000));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void closeQuietly(@Nullable ServerSocket server) {
        try {
            if (server != null) {
                server.close();
            }
        } catch (IOException e) {
            // closed enough
        }
    }
}
