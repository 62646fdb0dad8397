package dev.thinkingvit.eval;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A sweep of labelled pixels as comma-separated values with full precision: accuracies in percent, costs in GMACs. What does
 * not exist is left empty.
 */
public final class PixelCsv {
    private PixelCsv() {}

    /** Writes a file, as a whole or not at all. */
    public static void write(Path file, List<PixelRow> rows) throws IOException {
        AtomicFiles.writeString(file, text(rows));
    }

    static String text(List<PixelRow> rows) {
        StringBuilder csv = new StringBuilder("threshold,miou,pixel_accuracy,mean_accuracy,gmacs,gmacs_per_window");
        int stages = rows.isEmpty() ? 0 : rows.get(0).ended().size();
        for (int k = 1; k <= stages; k++) {
            csv.append(",stage").append(k).append("_windows");
        }
        csv.append('\n');
        for (PixelRow row : rows) {
            csv.append(SweepCsv.name(row.thresholds()));
            csv.append(',').append(row.meanIou()).append(',').append(row.pixelAccuracy());
            csv.append(',').append(row.meanAccuracy()).append(',').append(row.gmacs());
            csv.append(',').append(row.gmacsPerWindow());
            row.ended().forEach(ended -> csv.append(',').append(ended));
            csv.append('\n');
        }
        return csv.toString();
    }
}
