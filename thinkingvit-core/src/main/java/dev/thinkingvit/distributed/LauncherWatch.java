package dev.thinkingvit.distributed;

import org.jspecify.annotations.Nullable;

/**
 * Whether the launcher that started this process is still there. Without it nobody would end its processes: whoever wants
 * them ended tells the launcher.
 */
final class LauncherWatch {
    /** The environment variable in which a launcher leaves its process id. */
    static final String VARIABLE = "THINKINGVIT_LAUNCHER_PID";

    private final long pid;
    private final boolean parent;

    private LauncherWatch(long pid) {
        this.pid = pid;
        this.parent = parentPid() == pid;
    }

    /** @return null if no launcher started this process */
    static @Nullable LauncherWatch fromEnvironment() {
        String pid = System.getenv(VARIABLE);
        return pid == null || !pid.matches("[0-9]{1,18}") ? null : new LauncherWatch(Long.parseLong(pid));
    }

    long pid() {
        return pid;
    }

    boolean isGone() {
        // A child gets another parent at once, while the dead launcher may still be listed until its own parent looks.
        return parent
                ? parentPid() != pid
                : ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty();
    }

    private static long parentPid() {
        return ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(-1L);
    }
}
