package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.eval.PixelCalibrator;
import dev.thinkingvit.eval.PixelCsv;
import dev.thinkingvit.eval.PixelRecording;
import dev.thinkingvit.eval.PixelRow;
import dev.thinkingvit.eval.PixelSweep;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.report.EvaluationReport;
import dev.thinkingvit.report.SegmentationReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Scores a model that names pixels at many thresholds. */
final class PixelEvaluation {
    private static final int ROWS = 20;

    private final DataOptions input;
    private final PixelOptions pixels;
    private final PrintWriter out;
    private final PrintWriter err;

    PixelEvaluation(DataOptions input, PixelOptions pixels, PrintWriter out, PrintWriter err) {
        this.input = input;
        this.pixels = pixels;
        this.out = out;
        this.err = err;
    }

    /**
     * @param asked the thresholds; null for some that spread over the cost
     * @param csv where the table goes; null for nowhere
     * @param report where a report goes; null for nowhere
     */
    void run(
            ElasticSegmenter segmenter,
            @Nullable List<List<Double>> asked,
            @Nullable Path csv,
            @Nullable Path report,
            boolean json)
            throws IOException {
        SegmentationSet set = pixels.set(segmenter.config(), input);
        List<Double> own = input.ownThresholds(segmenter.model());
        List<List<Double>> all = new ArrayList<>(asked == null ? List.of() : asked);
        all.add(own);
        PixelRecording recording = pixels.record(segmenter, set, input, all, err);
        PixelSweep sweep = new PixelSweep(recording);
        List<PixelRow> rows = sweep.at(asked == null ? usual(recording) : asked);
        List<String> names = PixelOptions.names(segmenter.config(), set);
        if (json) {
            out.println(json(segmenter, set, recording, rows, own, names));
        } else {
            out.print(table(rows, own));
            out.println();
            out.print(classes(recording, own, names));
        }
        if (csv != null) {
            out.flush(); // the same stream may be meant
            PixelCsv.write(csv, rows);
        }
        if (report != null) {
            out.flush();
            SegmentationReport page =
                    new SegmentationReport(about(segmenter), recording, shown(rows, sweep, own), own, names);
            err.println("wrote " + page.write(report, segmenter, pixels.looks(segmenter, input), set));
        }
        out.flush();
    }

    /** A single entry without any for a model of one stage, since none would change what it says. */
    private static List<List<Double>> usual(PixelRecording recording) {
        return recording.stages() == 1
                ? List.of(List.of())
                : new PixelCalibrator(recording)
                        .thresholds(ROWS).stream().map(List::of).toList();
    }

    private EvaluationReport.About about(ElasticSegmenter segmenter) {
        return new EvaluationReport.About(
                Models.name(input.modelDirectory()),
                input.data.toString(),
                segmenter.model().precision().name().toLowerCase(Locale.ROOT),
                LocalDate.now(ZoneId.systemDefault()).toString(),
                Version.text());
    }

    /** The page marks the model's own threshold in the table, so that it has to be there. */
    private static List<PixelRow> shown(List<PixelRow> rows, PixelSweep sweep, List<Double> own) {
        List<PixelRow> shown = new ArrayList<>(rows);
        if (!own.isEmpty() && rows.stream().noneMatch(row -> row.thresholds().equals(own))) {
            int at = 0;
            while (at < shown.size()
                    && !shown.get(at).thresholds().isEmpty()
                    && shown.get(at).thresholds().get(0) < own.get(0)) {
                at++;
            }
            shown.add(at, sweep.at(own));
        }
        return shown;
    }

    private static String table(List<PixelRow> rows, List<Double> own) {
        List<List<String>> lines = new ArrayList<>();
        List<String> head = new ArrayList<>(
                List.of("threshold", "mIoU %", "pixels right %", "mean of classes %", "GMACs", "a window"));
        int stages = rows.get(0).ended().size();
        for (int k = 1; k <= stages; k++) {
            head.add("ended at " + k);
            head.add("%");
        }
        lines.add(head);
        double picture = rows.stream().mapToDouble(PixelRow::gmacs).max().orElse(0);
        double window =
                rows.stream().mapToDouble(PixelRow::gmacsPerWindow).max().orElse(0);
        boolean starred = false;
        for (PixelRow row : rows) {
            boolean isOwn = !own.isEmpty() && row.thresholds().equals(own);
            starred |= isOwn;
            List<String> line = new ArrayList<>();
            line.add((isOwn ? "* " : "") + SweepTable.thresholds(row.thresholds()));
            line.add(SweepTable.format("%.2f", row.meanIou()));
            line.add(SweepTable.format("%.2f", row.pixelAccuracy()));
            line.add(SweepTable.format("%.2f", row.meanAccuracy()));
            line.add(SweepTable.format(picture < 1 ? "%.4f" : "%.3f", row.gmacs()));
            line.add(SweepTable.format(window < 1 ? "%.4f" : "%.3f", row.gmacsPerWindow()));
            for (int ended : row.ended()) {
                line.add(SweepTable.format("%,d", ended));
                line.add(SweepTable.format("%.1f", 100.0 * ended / row.windows()));
            }
            lines.add(line);
        }
        return SweepTable.aligned(lines) + (starred ? "* the model's own threshold\n" : "");
    }

    /** Of each class what each stage makes of it, and what the model's own threshold does. */
    private static String classes(PixelRecording recording, List<Double> own, List<String> names) {
        PixelSweep sweep = new PixelSweep(recording);
        List<PixelRow> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("class", "pixels %"));
        for (int k = 1; k <= recording.stages(); k++) {
            rows.add(sweep.always(k));
            head.add(k == 1 ? "IoU % at stage 1" : "stage " + k);
        }
        if (!own.isEmpty()) {
            rows.add(sweep.at(own));
            head.add("at " + SweepTable.thresholds(own));
        }
        List<List<String>> lines = new ArrayList<>();
        lines.add(head);
        for (int c = 0; c < names.size(); c++) {
            List<String> line = new ArrayList<>();
            line.add(Printable.of(names.get(c)));
            line.add(SweepTable.format(
                    "%.2f",
                    100.0
                            * rows.get(0).classes().get(c).labelled()
                            / rows.get(0).pixels()));
            for (PixelRow row : rows) {
                double iou = row.classes().get(c).iou();
                line.add(Double.isNaN(iou) ? "-" : SweepTable.format("%.2f", iou));
            }
            lines.add(line);
        }
        return SweepTable.aligned(lines);
    }

    private ObjectNode json(
            ElasticSegmenter segmenter,
            SegmentationSet set,
            PixelRecording recording,
            List<PixelRow> rows,
            List<Double> own,
            List<String> names)
            throws IOException {
        Path directory = input.modelDirectory();
        ObjectNode root = JsonOutput.root();
        root.put("model", Models.given(directory));
        root.put("network", segmenter.config().network().shorthand());
        root.put("data", input.data.toString());
        root.put("part", set.part());
        root.put("images", recording.pictures().size());
        DataOptions.putSkipped(root, recording.skipped());
        root.put("unlabelled", recording.unlabelled());
        root.put("windows", recording.windows());
        root.put("pixels", rows.get(0).pixels());
        ArrayNode classes = root.putArray("classes");
        for (int c = 0; c < names.size(); c++) {
            classes.addObject()
                    .put("name", names.get(c))
                    .put("pixels", rows.get(0).classes().get(c).labelled());
        }
        root.put("router", recording.router().id());
        root.put("backend", input.backend.name(directory));
        root.put("precision", segmenter.model().precision().name().toLowerCase(Locale.ROOT));
        own.forEach(root.putArray("model_thresholds")::add);
        PixelSweep sweep = new PixelSweep(recording);
        ArrayNode stages = root.putArray("stages");
        for (int k = 1; k <= recording.stages(); k++) {
            putAll(stages.addObject(), sweep.always(k));
        }
        ArrayNode list = root.putArray("thresholds");
        for (PixelRow row : rows) {
            ObjectNode node = list.addObject();
            if (row.thresholds().size() == 1) {
                node.put("threshold", row.thresholds().get(0));
            } else {
                row.thresholds().forEach(node.putArray("threshold")::add);
            }
            putAll(node, row);
            row.ended().forEach(node.putArray("windows_by_stage")::add);
        }
        return root;
    }

    /** What a row says of all classes together. */
    static void put(ObjectNode node, PixelRow row) {
        node.put("miou", row.meanIou());
        node.put("pixel_accuracy", row.pixelAccuracy());
        node.put("mean_accuracy", row.meanAccuracy());
        node.put("gmacs", row.gmacs());
        node.put("gmacs_per_window", row.gmacsPerWindow());
    }

    private static void putAll(ObjectNode node, PixelRow row) {
        put(node, row);
        ArrayNode ious = node.putArray("iou");
        ArrayNode accuracies = node.putArray("accuracy");
        for (PixelRow.OfClass each : row.classes()) {
            add(ious, each.iou());
            add(accuracies, each.accuracy());
        }
    }

    private static void add(ArrayNode list, double value) {
        if (Double.isNaN(value)) {
            list.addNull();
        } else {
            list.add(value);
        }
    }
}
