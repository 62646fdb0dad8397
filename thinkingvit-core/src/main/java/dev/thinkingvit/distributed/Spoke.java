package dev.thinkingvit.distributed;

import dev.thinkingvit.files.Reasons;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every other process's end of its connection to process 0. */
final class Spoke extends Channel {
    private static final Logger log = LoggerFactory.getLogger(Spoke.class);
    private static final Duration REMARK_AFTER = Duration.ofSeconds(15);
    private static final int CONNECT_MILLIS = 5000;
    private static final long LEAST_CONNECT_MILLIS = 100;
    private static final int RETRY_MILLIS = 200;

    private final Line line;
    private final @Nullable String[] where;
    private final CountDownLatch ended = new CountDownLatch(1);
    private int storePort;
    private InetAddress ownAddress;

    private Spoke(Rendezvous rendezvous, Pulse pulse, Line line) {
        super(rendezvous, pulse);
        this.line = line;
        this.where = new String[rendezvous.worldSize()];
        this.ownAddress = line.here();
    }

    /**
     * Connects to process 0 and waits until all processes are there.
     *
     * @throws DistributedException if process 0 cannot be reached in time, or says why the group cannot be formed
     */
    static Spoke join(Rendezvous rendezvous, Duration timeout, Pulse pulse) {
        Line line = connect(rendezvous, timeout);
        Spoke spoke = new Spoke(rendezvous, pulse, line);
        try {
            line.send(new Frame(Frame.Kind.HELLO, rendezvous.rank(), rendezvous.worldSize(), whereabouts()));
            line.patience(pulse.silence());
            spoke.startBeating();
            spoke.awaitWelcome();
        } catch (IOException e) {
            spoke.close();
            throw new DistributedException(
                    "process 0 of " + rendezvous.worldSize() + " (at " + rendezvous.meetingPoint()
                            + ") is gone before the group was complete: " + spoke.reason(e),
                    e);
        } catch (RuntimeException e) {
            spoke.close();
            throw e;
        }
        start("listen", spoke::listen);
        return spoke;
    }

    /** Process 0's machine, by the address that worked. */
    InetAddress masterAddress() {
        return line.there();
    }

    int storePort() {
        return storePort;
    }

    /** This process's address as the others reach it. */
    InetAddress ownAddress() {
        return ownAddress;
    }

    @Override
    void beat() {
        line.trySend(Frame.of(Frame.Kind.BEAT));
    }

    @Override
    void fail(String why) {
        line.trySend(Frame.of(Frame.Kind.FAILED, why));
        watch.lost(describe(rendezvous.rank(), whereabouts()) + " cannot go on: " + why);
    }

    @Override
    void leave() {
        line.trySend(Frame.of(Frame.Kind.LEFT));
        line.shutdownOutput();
        try {
            // process 0 closes in answer; see Hub.leave for why not this end
            ended.await(pulse.beat().toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        close();
    }

    @Override
    void close() {
        super.close();
        line.close();
    }

    private void awaitWelcome() throws IOException {
        while (true) {
            Frame frame = line.receive();
            switch (frame.kind()) {
                case MEMBER -> where[frame.number()] = frame.text();
                case REFUSED, LOST -> throw new DistributedException(frame.text());
                case WELCOME -> {
                    storePort = frame.number();
                    InetAddress seen = InetAddress.getByName(frame.text());
                    if (NetworkInterface.getByInetAddress(seen) != null) { // else an address translator's
                        ownAddress = seen;
                    }
                    return;
                }
                default -> {
                    // signs of life
                }
            }
        }
    }

    private void listen() {
        try (line) {
            while (true) {
                Frame frame = line.receive();
                if (frame.kind() == Frame.Kind.LOST) {
                    watch.lost(frame.text());
                } else if (frame.kind() == Frame.Kind.LEFT) {
                    watch.left(describe(frame.number(), where[frame.number()]));
                    if (frame.number() == 0) {
                        return; // no more news; and no operation can succeed without it
                    }
                }
            }
        } catch (IOException e) {
            if (!isClosed()) {
                watch.lost(describe(0, where[0]) + " is gone: " + reason(e), isDeath(e));
            }
        } finally {
            ended.countDown();
        }
    }

    private static Line connect(Rendezvous rendezvous, Duration timeout) {
        long begin = System.nanoTime();
        long deadline = begin + timeout.toNanos();
        boolean remarked = false;
        while (true) {
            IOException failure;
            try {
                return connect(rendezvous, deadline);
            } catch (IOException e) {
                failure = e;
            }
            long now = System.nanoTime();
            if (now >= deadline) {
                throw new DistributedException(
                        rendezvous.name() + " did not reach process 0 at " + rendezvous.meetingPoint() + " within "
                                + seconds(timeout) + " (" + words(failure)
                                + "); start it there, or correct MASTER_ADDR and MASTER_PORT",
                        failure);
            }
            if (!remarked && now - begin > REMARK_AFTER.toNanos()) {
                remarked = true;
                log.warn("{} waits for process 0 at {}", rendezvous.name(), rendezvous.meetingPoint());
            }
            try {
                Thread.sleep(RETRY_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new DistributedException(rendezvous.name() + " was interrupted while it waited to join", e);
            }
        }
    }

    private static Line connect(Rendezvous rendezvous, long deadline) throws IOException {
        IOException failure = new SocketException("no address");
        for (InetAddress address : InetAddress.getAllByName(rendezvous.masterAddress())) {
            // the last try, too, gets the time to be refused: with a millisecond it would seem that nobody answers
            long left = Math.max(LEAST_CONNECT_MILLIS, (deadline - System.nanoTime()) / 1_000_000);
            Socket socket = new Socket();
            try {
                socket.connect(
                        new InetSocketAddress(address, rendezvous.masterPort()),
                        Math.toIntExact(Math.min(CONNECT_MILLIS, left)));
                if (socket.getLocalSocketAddress().equals(socket.getRemoteSocketAddress())) {
                    // Trying again and again on one machine, TCP may pick the wanted port as its own and meet itself.
                    throw new SocketException("nobody listens there");
                }
                Line line = new Line(socket);
                line.greet();
                return line;
            } catch (IOException e) {
                failure = e;
                socket.close();
            }
        }
        throw failure;
    }

    private static String words(IOException e) {
        if (e instanceof UnknownHostException) {
            return "the name cannot be resolved";
        }
        if (e instanceof EOFException || e instanceof SocketTimeoutException) {
            return "what listens there does not answer as process 0 would";
        }
        return Reasons.of(e);
    }
}
