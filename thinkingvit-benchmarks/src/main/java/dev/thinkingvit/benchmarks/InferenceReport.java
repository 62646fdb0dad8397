package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.Precision;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an inference benchmark found.
 *
 * @param machine measured on
 * @param turns of each row
 * @param seconds timed at least for each row
 * @param limits best turn of a large product, GFLOP/s by precision
 * @param rows in the order measured
 * @param photographs what photographs in files took; null if that was not measured
 * @param processes what whole processes took; empty if none were started
 * @param skipped what was not measured, and why
 */
record InferenceReport(
        Machine machine,
        int turns,
        double seconds,
        Map<Precision, Double> limits,
        List<Row> rows,
        @Nullable PhotographReport photographs,
        List<Processes.Row> processes,
        List<String> skipped) {
    InferenceReport {
        limits = Map.copyOf(limits);
        rows = List.copyOf(rows);
        processes = List.copyOf(processes);
        skipped = List.copyOf(skipped);
    }

    /**
     * A way to run a model.
     *
     * @param model its name
     * @param way who runs it
     * @param batch images together
     * @param goOn share of the images that need more than the first stage
     * @param imagesPerSecond median of the turns
     * @param slowest turn, images/s
     * @param fastest turn, images/s
     * @param p50Millis half of the batches took at most this long
     * @param p95Millis 95 of 100
     * @param p99Millis 99 of 100
     * @param gmacs of an image, on average
     * @param gflopsPerSecond 2 floating point operations a multiply-accumulate
     * @param shareOfLimit of the machine's largest product rate in this precision
     * @param timesPredicted time an image over what the cost model makes of the all-stages time; null where that was
     *     not measured
     * @param timesOnnx images/s over those of ONNX Runtime with all stages; null where that was not measured
     * @param timesNaive images/s over those of the naive port; null where that was not measured
     */
    record Row(
            String model,
            String way,
            Precision precision,
            int batch,
            double goOn,
            double imagesPerSecond,
            double slowest,
            double fastest,
            double p50Millis,
            double p95Millis,
            double p99Millis,
            double gmacs,
            double gflopsPerSecond,
            double shareOfLimit,
            @Nullable Double timesPredicted,
            @Nullable Double timesOnnx,
            @Nullable Double timesNaive) {}

    /** The same with what photographs took. */
    InferenceReport with(PhotographReport measured) {
        return new InferenceReport(machine, turns, seconds, limits, rows, measured, processes, skipped);
    }

    /** The same with what whole processes took. */
    InferenceReport with(List<Processes.Row> measured, List<String> notMeasured) {
        List<String> all = new ArrayList<>(skipped);
        all.addAll(notMeasured);
        return new InferenceReport(machine, turns, seconds, limits, rows, photographs, measured, all);
    }

    void print(PrintWriter out) {
        machine.print(limits, turns, out);
        String model = Names.column("model", rows.stream().map(Row::model));
        out.printf(
                model + " %-18s %5s %5s %27s %26s %8s %7s %8s %9s %9s%n",
                "model",
                "runs on",
                "batch",
                "go on",
                "images/s",
                "batch ms p50/p95/p99",
                "GFLOP/s",
                "of GEMM",
                "of cost",
                "of ONNX",
                "of naive");
        for (Row row : rows) {
            out.printf(
                    model + " %-18s %5d %3.0f %% %27s %26s %,8.0f %5.0f %% %8s %9s %9s%n",
                    row.model(),
                    row.way(),
                    row.batch(),
                    100 * row.goOn(),
                    String.format("%.1f (%.1f – %.1f)", row.imagesPerSecond(), row.slowest(), row.fastest()),
                    String.format("%.1f / %.1f / %.1f", row.p50Millis(), row.p95Millis(), row.p99Millis()),
                    row.gflopsPerSecond(),
                    100 * row.shareOfLimit(),
                    times(row.timesPredicted()),
                    times(row.timesOnnx()),
                    times(row.timesNaive()));
        }
        out.println();
        out.println("of cost: time an image over the cost model's share of the all-stages time;"
                + " of ONNX, of naive: images/s over theirs with all stages");
    }

    /** What whole processes took, and what was left out. */
    void printProcesses(PrintWriter out) {
        if (!processes.isEmpty()) {
            out.println();
            processes.forEach(row -> out.println(row.line()));
        }
        if (!skipped.isEmpty()) {
            out.println();
            skipped.forEach(what -> out.println("skipped: " + what));
        }
    }

    private static String times(@Nullable Double ratio) {
        return ratio == null ? "–" : String.format("× %.2f", ratio);
    }
}
