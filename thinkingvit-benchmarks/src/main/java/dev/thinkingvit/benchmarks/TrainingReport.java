package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.Precision;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a training benchmark found.
 *
 * @param machine measured on
 * @param turns of each row
 * @param seconds timed at least for each row
 * @param limits best turn of a large product, GFLOP/s by precision
 * @param rows in the order measured
 * @param skipped what was not measured, and why
 */
record TrainingReport(
        Machine machine,
        int turns,
        double seconds,
        Map<Precision, Double> limits,
        List<Row> rows,
        List<String> skipped) {
    TrainingReport {
        limits = Map.copyOf(limits);
        rows = List.copyOf(rows);
        skipped = List.copyOf(skipped);
    }

    /**
     * A way to train a model.
     *
     * @param model its name
     * @param how who trains, from what
     * @param batch images of an update
     * @param imagesPerSecond median of the turns
     * @param slowest turn, images/s
     * @param fastest turn, images/s
     * @param cpuMillisPerImage processor time of all threads
     * @param gflopsPerSecond products and their two gradients: 6 floating point operations a multiply-accumulate
     * @param shareOfLimit of the machine's largest product rate in this precision
     * @param timesBaseline images/s over those of the model's baseline; null where that was not measured
     */
    record Row(
            String model,
            String how,
            Precision precision,
            int batch,
            double imagesPerSecond,
            double slowest,
            double fastest,
            double cpuMillisPerImage,
            double gflopsPerSecond,
            double shareOfLimit,
            @Nullable Double timesBaseline) {}

    void print(PrintWriter out) {
        machine.print(limits, turns, out);
        String model = Names.column("model", rows.stream().map(Row::model));
        out.printf(
                model + " %-26s %-5s %5s %28s %9s %9s %8s %9s%n",
                "model",
                "training",
                "type",
                "batch",
                "images/s",
                "CPU ms",
                "GFLOP/s",
                "of GEMM",
                "baseline");
        for (Row row : rows) {
            out.printf(
                    model + " %-26s %-5s %5d %28s %9.2f %,9.0f %6.0f %% %9s%n",
                    row.model(),
                    row.how(),
                    row.precision().name().toLowerCase(Locale.ROOT),
                    row.batch(),
                    String.format("%.2f (%.2f – %.2f)", row.imagesPerSecond(), row.slowest(), row.fastest()),
                    row.cpuMillisPerImage(),
                    row.gflopsPerSecond(),
                    100 * row.shareOfLimit(),
                    row.timesBaseline() == null ? "–" : String.format("× %.2f", row.timesBaseline()));
        }
        if (!skipped.isEmpty()) {
            out.println();
            skipped.forEach(what -> out.println("skipped: " + what));
        }
    }
}
