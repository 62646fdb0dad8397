package dev.thinkingvit.app.cli;

import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBarRenderer;
import me.tongfei.progressbar.ProgressState;

/** A bar in the columns that there are. What matters most is kept the longest: how long it will take still. */
final class ProgressLine implements ProgressBarRenderer {
    private static final int SHORTEST_BAR = 8;
    private static final int LONGEST_BAR = 40;

    @Override
    public String render(ProgressState state, int columns) {
        long done = state.getCurrent() - state.getStart();
        Duration passed = state.getElapsedAfterStart();
        long left = state.getMax() - state.getCurrent();
        String remaining = done <= 0 || left < 0 ? "?" : time(passed.toMillis() * left / done);
        String share = String.format(
                Locale.ROOT, "%3d%%", Math.round(100.0 * state.getCurrent() / Math.max(1, state.getMax())));
        String times = " (" + time(state.getTotalElapsed().toMillis()) + " / " + remaining + ")";
        String line = share + times;
        if (line.length() > columns) {
            line = share.strip() + " " + remaining;
            return line.length() <= columns ? line : remaining.length() <= columns ? remaining : "";
        }
        int room = columns - line.length();
        String name = state.getTaskName();
        if (name.length() + 1 > room) {
            return room < 3 ? line : name.substring(0, room - 2) + "… " + line;
        }
        room -= name.length() + 1;
        String counted = " " + state.getCurrent() + "/" + state.getMax();
        counted = counted.length() <= room ? counted : "";
        room -= counted.length();
        String message = state.getExtraMessage().stripTrailing();
        message = message.length() <= room ? message : "";
        room -= message.length();
        int cells = Math.min(LONGEST_BAR, room - 3);
        String bar = "";
        if (cells >= SHORTEST_BAR) {
            int full = (int) (cells * Math.min(1, state.getNormalizedProgress()));
            bar = " [" + "=".repeat(full) + " ".repeat(cells - full) + "]";
        }
        return name + " " + share + bar + counted + times + message;
    }

    private static String time(long millis) {
        long seconds = millis / 1000;
        return String.format(Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
}
