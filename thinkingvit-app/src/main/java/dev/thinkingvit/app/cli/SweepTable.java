package dev.thinkingvit.app.cli;

import dev.thinkingvit.eval.SweepRow;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A sweep for a terminal: plain characters, numbers to the right. */
final class SweepTable {
    private SweepTable() {}

    /** @param own the model's own thresholds, whose row gets a star; empty for none */
    static String text(List<SweepRow> rows, List<Double> own) {
        List<List<String>> lines = new ArrayList<>();
        boolean measured = rows.stream().anyMatch(row -> row.imagesPerSecond() != null);
        boolean starred =
                rows.stream().anyMatch(row -> !own.isEmpty() && row.thresholds().equals(own));
        List<String> head = new ArrayList<>(List.of("threshold", "top-1 %", "top-5 %", "GMACs"));
        int stages = rows.get(0).stages().size();
        for (int k = 1; k <= stages; k++) {
            head.add("ended at " + k);
            head.add("right %");
        }
        if (measured) {
            head.add("images/s");
        }
        lines.add(head);
        for (SweepRow row : rows) {
            List<String> line = new ArrayList<>();
            boolean isOwn = starred && row.thresholds().equals(own);
            line.add((isOwn ? "* " : "") + thresholds(row.thresholds()));
            line.add(format("%.2f", row.top1()));
            line.add(format("%.2f", row.top5()));
            line.add(format(row.gmacs() < 1 ? "%.4f" : "%.3f", row.gmacs()));
            for (SweepRow.Stage stage : row.stages()) {
                Double accuracy = stage.accuracy();
                line.add(format("%,d", stage.dispatched()));
                line.add(accuracy == null ? "-" : format("%.2f", accuracy));
            }
            if (row.imagesPerSecond() != null) {
                line.add(format("%,.0f", row.imagesPerSecond()));
            }
            lines.add(line);
        }
        return aligned(lines) + (starred ? "* the model's own threshold\n" : "");
    }

    /** Thresholds as a cell shows them. */
    static String thresholds(List<Double> thresholds) {
        return thresholds.isEmpty()
                ? "-"
                : thresholds.stream().map(String::valueOf).collect(Collectors.joining("/"));
    }

    /** A number as a cell shows it, whatever the locale. */
    static String format(String form, Object value) {
        return String.format(Locale.ROOT, form, value);
    }

    /** Lines of cells as columns, aligned to the right. */
    static String aligned(List<List<String>> lines) {
        int[] widths = new int[lines.get(0).size()];
        for (List<String> line : lines) {
            for (int i = 0; i < line.size(); i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> line : lines) {
            for (int i = 0; i < line.size(); i++) {
                text.append(i == 0 ? "" : "  ")
                        .append(" ".repeat(widths[i] - line.get(i).length()));
                text.append(line.get(i));
            }
            text.append('\n');
        }
        return text.toString();
    }
}
