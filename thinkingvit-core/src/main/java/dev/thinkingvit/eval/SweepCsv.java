package dev.thinkingvit.eval;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A sweep as comma-separated values with full precision: accuracies in percent, costs in GMACs an image. What does not
 * exist, such as the accuracy of no images, is left empty.
 */
public final class SweepCsv {
    private SweepCsv() {}

    /** Writes a file, as a whole or not at all. */
    public static void write(Path file, List<SweepRow> rows) throws IOException {
        AtomicFiles.writeString(file, text(rows));
    }

    static String text(List<SweepRow> rows) {
        StringBuilder csv = new StringBuilder("threshold,top1,top5,gmacs");
        int stages = rows.isEmpty() ? 0 : rows.get(0).stages().size();
        for (int k = 1; k <= stages; k++) {
            csv.append(",stage").append(k).append("_images,stage").append(k).append("_accuracy");
        }
        csv.append(",images_per_second\n");
        for (SweepRow row : rows) {
            csv.append(name(row.thresholds())).append(',').append(row.top1()).append(',');
            csv.append(row.top5()).append(',').append(row.gmacs());
            for (SweepRow.Stage stage : row.stages()) {
                Double accuracy = stage.accuracy();
                csv.append(',').append(stage.dispatched());
                csv.append(',').append(accuracy == null ? "" : accuracy.toString());
            }
            Double rate = row.imagesPerSecond();
            csv.append(',').append(rate == null ? "" : rate.toString()).append('\n');
        }
        return csv.toString();
    }

    /** Thresholds as {@link Thresholds#parse} reads them; {@code always} where there are none. */
    static String name(List<Double> thresholds) {
        return thresholds.isEmpty()
                ? "always"
                : thresholds.stream().map(String::valueOf).collect(Collectors.joining("/"));
    }
}
