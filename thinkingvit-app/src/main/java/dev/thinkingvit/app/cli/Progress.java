package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.StandardOutput;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Progress of long work, on standard error: a bar on a terminal, a line a minute in a log. */
final class Progress {
    private static final int LINE_WIDTH = 110;
    private static final int MINUTE_MILLIS = 60_000;
    private static final long LEAST_NANOS = 55_000_000_000L;

    private static @Nullable TerminalLine terminal;

    private Progress() {}

    /** Standard error for everything that is printed beside bars. The launcher knows whether it is a terminal; Java does not. */
    static PrintWriter beside(PrintWriter err) {
        if (!Boolean.getBoolean("thinkingvit.terminal")) {
            return err;
        }
        TerminalLine line = new TerminalLine(err);
        terminal = line;
        return new PrintWriter(line, true);
    }

    /** Standard error for who is not told which, such as a converter of arguments; a bar gives way to it. */
    static PrintWriter err() {
        TerminalLine line = terminal;
        return line == null ? StandardOutput.err() : new PrintWriter(line, true);
    }

    static ProgressBar of(String task, long steps, PrintWriter err) {
        return of(task, 0, steps, err);
    }

    /** Of work that goes on after {@code done} of its steps, which say nothing of how long the rest will take. */
    static ProgressBar of(String task, long done, long steps, PrintWriter err) {
        ProgressBarBuilder builder = new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(steps)
                .startsFrom(done, Duration.ZERO)
                .setStyle(ProgressBarStyle.ASCII)
                .clearDisplayOnFinish();
        TerminalLine shown = terminal;
        if (shown != null) {
            return builder.setUpdateIntervalMillis(250)
                    .setRenderer(new ProgressLine())
                    .setConsumer(shown.bar())
                    .build();
        }
        AtomicLong told = new AtomicLong(System.nanoTime());
        return builder.setUpdateIntervalMillis(MINUTE_MILLIS)
                .setConsumer(new DelegatingProgressBarConsumer(
                        line -> {
                            // the beginning and the end say nothing that the command does not
                            long now = System.nanoTime();
                            if (now - told.get() > LEAST_NANOS && !line.isBlank()) {
                                told.set(now);
                                err.println(line.strip());
                            }
                        },
                        LINE_WIDTH))
                .build();
    }
}
