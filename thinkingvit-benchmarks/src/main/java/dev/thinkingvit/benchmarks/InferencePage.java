package dev.thinkingvit.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An {@link InferenceReport} to look at: bars of images a second, for each model and batch. */
final class InferencePage {
    private static final String STYLE = """
            :root { color-scheme: light dark; --bar: #2a78d6; --other: #8a94a3; --line: #d5dae1; --dim: #5b6573 }
            @media (prefers-color-scheme: dark) { :root { --bar: #5fa2f0; --other: #6d7886; --line: #39414c; --dim: #9aa5b3 } }
            body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
            h2 { margin: 2rem 0 .5rem; font-size: 1.1rem }
            p, caption, .dim { color: var(--dim) }
            table { border-collapse: collapse; width: 100% }
            th { text-align: left; font-weight: 500; color: var(--dim) }
            td, th { padding: .2rem .5rem .2rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
            td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
            td.wide { width: 100% }
            .bar { height: .8rem; border-radius: 2px; background: var(--other) }
            .ours { background: var(--bar) }
            """;

    private InferencePage() {}

    static String of(InferenceReport report) {
        StringBuilder page = new StringBuilder();
        page.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
                .append("<title>Inference</title><style>\n")
                .append(STYLE)
                .append("</style></head><body>\n<h1>Inference</h1>\n<p>")
                .append(escaped(report.machine().line()))
                .append("; median of ")
                .append(report.turns())
                .append(
                        " turns. Blue is this library. <em>Of cost</em> is the time an image over the cost model's share of")
                .append(" the all-stages time.</p>\n");
        groups(report.rows()).forEach((title, rows) -> table(page, title, rows));
        if (report.photographs() != null) {
            photographs(page, report.photographs());
        }
        if (!report.processes().isEmpty()) {
            page.append("<h2>Processes</h2>\n<ul>");
            report.processes().forEach(row -> page.append("<li>").append(escaped(row.line())));
            page.append("</ul>\n");
        }
        report.skipped().forEach(what -> page.append("<p>skipped: ").append(escaped(what)));
        return page.append("</body></html>\n").toString();
    }

    private static Map<String, List<InferenceReport.Row>> groups(List<InferenceReport.Row> rows) {
        Map<String, List<InferenceReport.Row>> groups = new LinkedHashMap<>();
        for (InferenceReport.Row row : rows) {
            groups.computeIfAbsent(row.model() + ", batch " + row.batch(), key -> new ArrayList<>())
                    .add(row);
        }
        return groups;
    }

    private static void table(StringBuilder page, String title, List<InferenceReport.Row> rows) {
        double most = rows.stream()
                .mapToDouble(InferenceReport.Row::imagesPerSecond)
                .max()
                .orElse(1);
        page.append("<h2>")
                .append(escaped(title))
                .append("</h2>\n<table><tr><th>runs on<th class=\"number\">go on<th class=\"number\">images/s<th>")
                .append("<th class=\"number\">p50 / p95 ms<th class=\"number\">of GEMM<th class=\"number\">of cost")
                .append("<th class=\"number\">of ONNX</tr>\n");
        for (InferenceReport.Row row : rows) {
            page.append("<tr><td>")
                    .append(escaped(row.way()))
                    .append(String.format("<td class=\"number\">%.0f %%", 100 * row.goOn()))
                    .append(String.format("<td class=\"number\">%.1f", row.imagesPerSecond()))
                    .append(String.format(
                            "<td class=\"wide\"><div class=\"bar%s\" style=\"width:%.1f%%\" title=\"%.1f – %.1f\"></div>",
                            row.way().startsWith("ours") ? " ours" : "",
                            100 * row.imagesPerSecond() / most,
                            row.slowest(),
                            row.fastest()))
                    .append(String.format("<td class=\"number\">%.1f / %.1f", row.p50Millis(), row.p95Millis()))
                    .append(String.format("<td class=\"number\">%.0f %%", 100 * row.shareOfLimit()))
                    .append("<td class=\"number\">")
                    .append(times(row.timesPredicted()))
                    .append("<td class=\"number\">")
                    .append(times(row.timesOnnx()))
                    .append("</tr>\n");
        }
        page.append("</table>\n");
    }

    private static void photographs(StringBuilder page, PhotographReport report) {
        page.append("<h2>Photographs from files</h2>\n<p>")
                .append(escaped(report.line()))
                .append(".</p>\n<table><tr><th>runs on<th class=\"number\">from files, images/s")
                .append("<th class=\"number\">network alone<th><th class=\"number\">of network alone")
                .append("<th class=\"number\">at most</tr>\n");
        for (PhotographReport.Row row : report.rows()) {
            page.append("<tr><td>")
                    .append(escaped(row.model() + " " + row.way()))
                    .append("<td class=\"number\">")
                    .append(row.fromFiles().text("%.1f"))
                    .append("<td class=\"number\">")
                    .append(row.networkAlone().text("%.1f"))
                    .append(String.format(
                            "<td class=\"wide\"><div class=\"bar ours\" style=\"width:%.1f%%\"></div>",
                            100 * Math.min(1, row.share().median())))
                    .append("<td class=\"number\">")
                    .append(row.share().percent())
                    .append(String.format("<td class=\"number\">%.1f %%</tr>\n", 100 * row.atMost()));
        }
        page.append("</table>\n");
    }

    private static String times(@Nullable Double ratio) {
        return ratio == null ? "–" : String.format("× %.2f", ratio);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;");
    }
}
