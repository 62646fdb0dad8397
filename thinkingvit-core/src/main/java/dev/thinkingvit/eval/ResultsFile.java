package dev.thinkingvit.eval;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * What models scored, a row a model and threshold, best first. The first columns are those of timm's results files:
 * {@code model, top1, top1_err, top5, top5_err, param_count, img_size, crop_pct, interpolation}, with accuracies and
 * errors in percent and millions of parameters. Then come {@code threshold} (as {@link Thresholds#parse} reads it),
 * {@code gmacs} an image, {@code images}, {@code skipped}, {@code network}, {@code router}, {@code precision}; for each
 * stage k {@code stagek_images}, which ended there, their {@code stagek_accuracy}, {@code stagek_top1} of all images if
 * all ended there, and {@code stagek_gmacs}; and {@code error} for a model that could not be scored. Not thread-safe.
 */
public final class ResultsFile {
    private static final String MODEL = "model";
    private static final String TOP1 = "top1";
    private static final String ERROR = "error";

    private final List<Map<String, Object>> rows = new ArrayList<>();

    /** Adds what a model scored at each threshold. */
    public void add(String model, ModelConfig config, Precision precision, Recording recording, List<SweepRow> sweep) {
        for (SweepRow row : sweep) {
            rows.add(columns(model, config, precision, recording, row));
        }
    }

    /** Adds a model that could not be scored, with the reason. */
    public void addFailed(String model, String reason) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put(MODEL, model);
        row.put(ERROR, reason);
        rows.add(row);
    }

    private static Map<String, Object> columns(
            String model, ModelConfig config, Precision precision, Recording recording, SweepRow row) {
        Preprocessing preprocessing = config.preprocessing();
        Map<String, Object> columns = new LinkedHashMap<>();
        columns.put(MODEL, model);
        columns.put(TOP1, rounded(row.top1(), 4));
        columns.put("top1_err", rounded(100 - row.top1(), 4));
        columns.put("top5", rounded(row.top5(), 4));
        columns.put("top5_err", rounded(100 - row.top5(), 4));
        columns.put("param_count", rounded(config.network().parameterCount() / 1e6, 2));
        columns.put("img_size", imageSize(preprocessing.size()));
        columns.put("crop_pct", preprocessing.cropPct());
        columns.put("interpolation", preprocessing.interpolation().name().toLowerCase(Locale.ROOT));
        columns.put("threshold", SweepCsv.name(row.thresholds()));
        columns.put("gmacs", row.gmacs());
        columns.put("images", row.images());
        columns.put("skipped", recording.skipped().size());
        columns.put("network", config.network().shorthand());
        columns.put("router", recording.router().id());
        columns.put("precision", precision.name().toLowerCase(Locale.ROOT));
        for (int k = 1; k <= row.stages().size(); k++) {
            SweepRow.Stage stage = row.stages().get(k - 1);
            Double accuracy = stage.accuracy();
            int at = k;
            double score = recording.images().stream()
                    .mapToDouble(image -> image.stage(at).score())
                    .sum();
            columns.put("stage" + k + "_images", stage.dispatched());
            columns.put("stage" + k + "_accuracy", accuracy == null ? "" : rounded(accuracy, 4));
            columns.put(
                    "stage" + k + "_top1",
                    rounded(100 * score / recording.images().size(), 4));
            columns.put("stage" + k + "_gmacs", recording.cumulativeGmacs().get(k - 1));
        }
        if (row.imagesPerSecond() != null) {
            columns.put("images_per_second", row.imagesPerSecond());
        }
        return columns;
    }

    private static double rounded(double value, int digits) {
        double scale = Math.pow(10, digits);
        return Math.round(value * scale) / scale;
    }

    /** How many rows there are. */
    public int size() {
        return rows.size();
    }

    /** Writes all rows as a whole or not at all: JSON if the name ends in {@code .json}, else comma-separated values. */
    public void write(Path file) throws IOException {
        boolean json = file.toString().toLowerCase(Locale.ROOT).endsWith(".json");
        AtomicFiles.writeString(file, json ? json() + "\n" : csv());
    }

    /** The rows as a JSON array, best first. */
    public String json() {
        List<Map<String, Object>> values = new ArrayList<>();
        for (Map<String, Object> row : sorted()) {
            Map<String, Object> known = new LinkedHashMap<>(row);
            known.values().removeIf(""::equals);
            values.add(known);
        }
        return JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsString(values);
    }

    private String csv() {
        Set<String> names = new LinkedHashSet<>();
        sorted().forEach(row -> names.addAll(row.keySet()));
        if (names.remove(ERROR)) {
            names.add(ERROR);
        }
        StringBuilder csv = new StringBuilder(String.join(",", names)).append('\n');
        for (Map<String, Object> row : sorted()) {
            List<String> cells = new ArrayList<>();
            names.forEach(name -> cells.add(cell(String.valueOf(row.getOrDefault(name, "")))));
            csv.append(String.join(",", cells)).append('\n');
        }
        return csv.toString();
    }

    private static String cell(String text) {
        boolean plain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return plain ? text : '"' + text.replace("\"", "\"\"") + '"';
    }

    /** A table for people, best first; models that failed are left out. */
    public List<List<String>> summary() {
        List<List<String>> lines = new ArrayList<>();
        lines.add(List.of(MODEL, "threshold", "top-1 %", "top-5 %", "GMACs", "params M", "input"));
        for (Map<String, Object> row : sorted()) {
            if (!row.containsKey(ERROR)) {
                lines.add(List.of(
                        String.valueOf(row.get(MODEL)),
                        String.valueOf(row.get("threshold")),
                        fixed("%.2f", row.get(TOP1)),
                        fixed("%.2f", row.get("top5")),
                        fixed("%.4f", row.get("gmacs")),
                        fixed("%.2f", row.get("param_count")),
                        String.valueOf(row.get("img_size"))));
            }
        }
        return lines;
    }

    private static String fixed(String form, @Nullable Object number) {
        return number instanceof Number value ? String.format(Locale.ROOT, form, value.doubleValue()) : "-";
    }

    private List<Map<String, Object>> sorted() {
        return rows.stream()
                .sorted(Comparator.comparingDouble(row -> row.get(TOP1) instanceof Double top1 ? -top1 : 1))
                .toList();
    }

    /** A number, the side of a square, as timm's results have it; else height and width. */
    private static Object imageSize(ImageSize size) {
        return size.isSquare() ? size.side() : size.plain();
    }
}
