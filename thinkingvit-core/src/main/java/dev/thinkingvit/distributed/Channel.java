package dev.thinkingvit.distributed;

import dev.thinkingvit.files.Reasons;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a process hears of the others' ends: every process keeps a connection to process 0, which passes on what it learns.
 * A closed connection is noticed at once, a process that hangs or is cut off by its silence. Collectives cannot tell:
 * their errors do not name a rank, and they wait for a hung process as for a slow one.
 *
 * <p>Threading: all methods may be called from any thread. All threads are daemons.
 */
abstract class Channel {
    final Rendezvous rendezvous;
    final Pulse pulse;
    final Watch watch = new Watch();
    private final @Nullable LauncherWatch launcher = LauncherWatch.fromEnvironment();
    private volatile boolean closed;

    Channel(Rendezvous rendezvous, Pulse pulse) {
        this.rendezvous = rendezvous;
        this.pulse = pulse;
    }

    /** Signs of life to whoever is connected. */
    abstract void beat();

    /** Tells the others that this process cannot go on. */
    abstract void fail(String why);

    /** Says goodbye and ends. */
    abstract void leave();

    /** Ends without a goodbye, where there was none to say or it has been said. */
    void close() {
        closed = true;
    }

    final boolean isClosed() {
        return closed;
    }

    final void startBeating() {
        start("beat", () -> {
            while (!closed) {
                OwnTime.nanos(); // looks, so that a pause shows
                beat();
                if (launcher != null && launcher.isGone()) {
                    // its end is asked for from outside, so nobody would stop these processes any more
                    fail("the process that started it (pid " + launcher.pid() + ") is gone");
                    return;
                }
                try {
                    Thread.sleep(pulse.beat().toMillis());
                } catch (InterruptedException e) {
                    return;
                }
            }
        });
    }

    static Thread start(String what, Runnable work) {
        Thread thread = new Thread(work, "thinkingvit-group-" + what);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** {@code process 1 of 2 (host a, pid 7)}. */
    final String describe(int rank, @Nullable String where) {
        return Rendezvous.name(rank, rendezvous.worldSize()) + (where == null ? "" : " (" + where + ")");
    }

    /** Whether a line ended because the process at its other end did. */
    static boolean isDeath(IOException e) {
        return !(e instanceof SocketTimeoutException);
    }

    /** Why a line ended that should not have: {@code silence} or a close. */
    final String reason(IOException e) {
        if (e instanceof SocketTimeoutException) {
            return "nothing was heard from it for " + seconds(pulse.silence())
                    + " (hung, stopped or cut off from the network?)";
        }
        if (e instanceof EOFException) {
            return "its connection closed without a goodbye (killed or crashed?)";
        }
        return "its connection broke: " + Reasons.of(e) + " (killed or crashed?)";
    }

    static String seconds(Duration duration) {
        return duration.toMillis() % 1000 == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }

    /** {@code host a, pid 7}: where this process is to be found. */
    static String whereabouts() {
        String host;
        try {
            host = InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            // a host whose name does not resolve; the message is "name: name or service not known"
            host = String.valueOf(e.getMessage()).split(":", 2)[0];
        }
        return "host " + host + ", pid " + ProcessHandle.current().pid();
    }
}
