package dev.thinkingvit.app.cli;

import java.io.PrintWriter;
import java.time.Duration;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Progress of long work, on standard error: a bar on a terminal, a line a minute in a log. */
final class Progress {
    private static final int LINE_WIDTH = 110;

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
        return builder.setUpdateIntervalMillis(60_000)
                .setConsumer(new DelegatingProgressBarConsumer(
                        line -> {
                            // the beginning and the end say nothing that the command does not
                            if (!line.contains("(0:00:00 /") && !line.contains("100%") && !line.isBlank()) {
                                err.println(line.strip());
                            }
                        },
                        LINE_WIDTH))
                .build();
    }
}
