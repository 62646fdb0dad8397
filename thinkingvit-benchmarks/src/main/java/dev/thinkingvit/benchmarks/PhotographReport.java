package dev.thinkingvit.benchmarks;

import java.io.PrintWriter;
import java.util.List;

/**
 * What a {@link PhotographBenchmark} found.
 *
 * @param origin where the photographs are from
 * @param files how many there are; they come over and over
 * @param preparedPerSecond pictures read, decoded and prepared with no network beside it, median of the turns
 * @param rows in the order measured
 */
record PhotographReport(String origin, int files, double preparedPerSecond, List<Row> rows) {
    PhotographReport {
        rows = List.copyOf(rows);
    }

    void print(PrintWriter out) {
        out.println();
        out.println(line());
        String model = Names.column("model", rows.stream().map(Row::model));
        out.printf(
                model + " %-18s %5s %27s %27s %24s %8s%n",
                "model",
                "runs on",
                "batch",
                "from files, images/s",
                "network alone",
                "of network alone",
                "at most");
        for (Row row : rows) {
            out.printf(
                    model + " %-18s %5d %27s %27s %24s %6.1f %%%n",
                    row.model(),
                    row.way(),
                    row.batch(),
                    row.fromFiles().text("%.1f"),
                    row.networkAlone().text("%.1f"),
                    row.share().percent(),
                    100 * row.atMost());
        }
    }

    String line() {
        return String.format(
                "photographs: %d files (%s), decoded beside the network as 'evaluate' does it; %.0f a second without"
                        + " the network. At most: where cores are never idle, and nobody is in the other's way",
                files, origin, preparedPerSecond);
    }

    /**
     * A way to run a model, all stages for every picture.
     *
     * @param batch pictures together
     * @param fromFiles pictures a second, decoding included
     * @param networkAlone pictures a second of the network, pictures prepared before
     * @param share of the one in the other, turn by turn
     * @param atMost the share that is left if the work of preparing is added to the network's, on the same cores
     */
    record Row(
            String model, String way, int batch, Spread fromFiles, Spread networkAlone, Spread share, double atMost) {}

    /** Median of the turns, and the least and the most. */
    record Spread(double median, double least, double most) {
        static Spread of(List<Double> turns) {
            Measurement values = new Measurement(turns, List.of(), List.of());
            return new Spread(values.rate(), values.slowest(), values.fastest());
        }

        String text(String format) {
            return String.format(format + " (" + format + " – " + format + ")", median, least, most);
        }

        String percent() {
            return String.format("%.1f %% (%.1f – %.1f)", 100 * median, 100 * least, 100 * most);
        }
    }
}
