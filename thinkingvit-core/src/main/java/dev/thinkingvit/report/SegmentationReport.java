package dev.thinkingvit.report;

import dev.thinkingvit.data.SegmentationColours;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.eval.PixelCsv;
import dev.thinkingvit.eval.PixelRecord;
import dev.thinkingvit.eval.PixelRecording;
import dev.thinkingvit.eval.PixelRow;
import dev.thinkingvit.eval.PixelSweep;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.Segmentation;
import dev.thinkingvit.inference.SegmentationOptions;
import dev.thinkingvit.inference.SlidingWindow;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PixelLabels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An evaluation of a Segmenter to look at: {@code index.html}, one page that needs nothing else, and {@code sweep.csv} with the
 * same numbers. Shows mean intersection over union over cost, load of each stage by threshold, certainty, each class, and the most
 * uncertain pictures with their overlays.
 *
 * @param about where the numbers come from
 * @param recording what all stages thought
 * @param rows the sweep, in the order to show
 * @param ownThresholds the model's own, of the recording's router; empty where it always thinks
 * @param classNames in order
 */
public record SegmentationReport(
        EvaluationReport.About about,
        PixelRecording recording,
        List<PixelRow> rows,
        List<Double> ownThresholds,
        List<String> classNames) {
    private static final int UNCERTAIN = 12;
    private static final int NAMED_SKIPPED = 20;

    public SegmentationReport {
        rows = List.copyOf(rows);
        ownThresholds = List.copyOf(ownThresholds);
        classNames = List.copyOf(classNames);
    }

    /**
     * Writes both files, each as a whole or not at all, and makes the folder if it is not there. The uncertain pictures are
     * segmented once more.
     *
     * @param segmenter that was evaluated; stays the caller's
     * @param looks how it looked at pictures
     * @param set that was recorded
     * @return the page
     */
    public Path write(Path folder, ElasticSegmenter segmenter, SegmentationOptions looks, SegmentationSet set)
            throws IOException {
        Files.createDirectories(folder);
        Path page = folder.resolve("index.html");
        PixelCsv.write(folder.resolve("sweep.csv"), rows);
        AtomicFiles.writeString(page, html(segmenter, looks, set));
        return page;
    }

    private String html(ElasticSegmenter segmenter, SegmentationOptions looks, SegmentationSet set) throws IOException {
        NetworkConfig network = segmenter.config().network();
        List<Integer> colours = set.palette().orElseGet(() -> SegmentationColours.of(classNames));
        PixelCharts charts = new PixelCharts(recording, rows, ownThresholds);
        Map<String, Object> values = new HashMap<>();
        values.put("chartStyle", TrainingCharts.style());
        values.put("pageStyle", HtmlTemplate.resource("report.css").render(Map.of()));
        values.put("model", about.model());
        values.put("kind", network.title());
        values.put("network", network.shorthand());
        values.put("parameters", String.format(Locale.ROOT, "%,d", network.parameterCount()));
        values.put("data", about.data());
        values.put("divided", !set.part().isEmpty());
        values.put("part", set.part());
        values.put("images", Numbers.count(recording.pictures().size()));
        values.put("windows", Numbers.count(recording.windows()));
        values.put("pixels", String.format(Locale.ROOT, "%,d", rows.get(0).pixels()));
        values.put("looks", words(looks));
        values.put("precision", about.precision());
        values.put("router", recording.router().id());
        values.put("threshold", Numbers.thresholds(ownThresholds));
        values.put("owned", !ownThresholds.isEmpty());
        values.put("date", about.date());
        values.put("version", about.version());
        values.put("tiles", tiles());
        values.put("miouChart", charts.miouOverGmacs());
        values.put("loadChart", charts.load());
        values.put("entropyChart", charts.entropies());
        values.put(
                "stages",
                IntStream.rangeClosed(1, recording.stages())
                        .mapToObj(stage -> Map.of("number", stage, "style", ReportCharts.style(stage)))
                        .toList());
        classes(values, colours);
        values.put("rows", table());
        values.put("legend", legend(colours));
        values.put(
                "stageColours",
                IntStream.rangeClosed(1, recording.stages())
                        .mapToObj(stage -> Map.of(
                                "stage", stage, "colour", SegmentationPage.colour(MaskPictures.stageColour(stage))))
                        .toList());
        values.put("uncertain", uncertain(segmenter, looks, set, colours));
        values.put("anySkipped", !recording.skipped().isEmpty());
        values.put("skippedImages", Numbers.count(recording.skipped().size()));
        values.put(
                "skipped",
                recording.skipped().stream()
                        .limit(NAMED_SKIPPED)
                        .map(failure -> Map.of("message", failure.message()))
                        .toList());
        values.put("moreSkipped", recording.skipped().size() > NAMED_SKIPPED);
        return HtmlTemplate.resource("segmentation-report.html").render(values);
    }

    private static String words(SegmentationOptions looks) {
        SlidingWindow window = looks.window();
        StringBuilder words = new StringBuilder();
        words.append(window == null ? "whole" : "windows of " + window.size() + " pixels, every " + window.stride());
        if (looks.shorterSide() > 0) {
            words.append("; shorter side of ").append(looks.shorterSide());
        }
        if (looks.scales().size() > 1 || looks.scales().get(0) != 1) {
            words.append("; at scales ")
                    .append(looks.scales().stream().map(String::valueOf).collect(Collectors.joining(", ")));
        }
        return words + (looks.flip() ? "; mirrored too" : "");
    }

    private List<Map<String, Object>> tiles() {
        PixelSweep sweep = new PixelSweep(recording);
        PixelRow always = sweep.alwaysThink();
        List<Map<String, Object>> tiles = new ArrayList<>();
        if (recording.stages() > 1) {
            tiles.add(tile("Stage 1 alone", sweep.always(1), always));
        }
        if (!ownThresholds.isEmpty()) {
            tiles.add(tile("At the model’s threshold", sweep.at(ownThresholds), always));
        }
        tiles.add(tile("Always thinking", always, always));
        return tiles;
    }

    private static Map<String, Object> tile(String name, PixelRow row, PixelRow always) {
        double saved = 100 * (1 - row.gmacs() / always.gmacs());
        return Map.of(
                "name", name,
                "miou", percent(row.meanIou()),
                "accuracy", percent(row.pixelAccuracy()),
                "gmacs", Numbers.gmacs(row.gmacs(), always.gmacs()),
                "saves", saved > 0.05,
                "saved", Numbers.fixed(saved, 0));
    }

    private void classes(Map<String, Object> values, List<Integer> colours) {
        PixelSweep sweep = new PixelSweep(recording);
        List<Map<String, Object>> columns = new ArrayList<>();
        List<PixelRow> scored = new ArrayList<>();
        for (int stage = 1; stage <= recording.stages(); stage++) {
            columns.add(Map.of("name", "stage " + stage));
            scored.add(sweep.always(stage));
        }
        if (!ownThresholds.isEmpty()) {
            columns.add(Map.of("name", "τ = " + Numbers.thresholds(ownThresholds)));
            scored.add(sweep.at(ownThresholds));
        }
        PixelRow shown = scored.get(scored.size() - 1);
        List<Map<String, Object>> classes = new ArrayList<>();
        for (int c = 0; c < classNames.size(); c++) {
            int index = c;
            PixelRow.OfClass own = shown.classes().get(c);
            classes.add(Map.of(
                    "name", classNames.get(c),
                    "colour", SegmentationPage.colour(colours.get(c)),
                    "share", Numbers.percent((double) own.labelled(), (double) shown.pixels()),
                    "cells",
                            scored.stream()
                                    .map(row -> Map.of(
                                            "iou",
                                            percent(row.classes().get(index).iou())))
                                    .toList(),
                    "accuracy", percent(own.accuracy()),
                    "width", Numbers.fixed(Double.isNaN(own.iou()) ? 0 : own.iou(), 1)));
        }
        values.put("columns", columns);
        values.put("classes", classes);
    }

    private List<Map<String, Object>> table() {
        PixelRow always = new PixelSweep(recording).alwaysThink();
        double most = always.gmacs();
        double window = always.gmacsPerWindow();
        List<Map<String, Object>> table = new ArrayList<>();
        for (PixelRow row : rows) {
            List<Map<String, Object>> cells = new ArrayList<>();
            for (int ended : row.ended()) {
                cells.add(Map.of("ended", Numbers.count(ended), "share", Numbers.percent(ended, row.windows())));
            }
            table.add(Map.of(
                    "own", !ownThresholds.isEmpty() && row.thresholds().equals(ownThresholds),
                    "tau", Numbers.thresholds(row.thresholds()),
                    "miou", percent(row.meanIou()),
                    "accuracy", percent(row.pixelAccuracy()),
                    "mean", percent(row.meanAccuracy()),
                    "gmacs", Numbers.gmacs(row.gmacs(), most),
                    "window", Numbers.gmacs(row.gmacsPerWindow(), window),
                    "cells", cells));
        }
        return table;
    }

    private List<Map<String, Object>> legend(List<Integer> colours) {
        return IntStream.range(0, classNames.size())
                .<Map<String, Object>>mapToObj(
                        c -> Map.of("name", classNames.get(c), "colour", SegmentationPage.colour(colours.get(c))))
                .toList();
    }

    private List<Map<String, Object>> uncertain(
            ElasticSegmenter segmenter, SegmentationOptions looks, SegmentationSet set, List<Integer> colours)
            throws IOException {
        List<PixelRecord> chosen = recording.pictures().stream()
                .sorted(Comparator.comparingDouble((PixelRecord picture) -> picture.entropyNats(1))
                        .reversed())
                .limit(UNCERTAIN)
                .toList();
        StopPolicy policy = new StopPolicy(recording.router(), ownThresholds);
        List<Map<String, Object>> shown = new ArrayList<>();
        for (PixelRecord each : chosen) {
            Picture picture = PictureDecoder.decode(each.path());
            PixelLabels labels = set.labels(each.path());
            Segmentation seen =
                    segmenter.segment(List.of(picture), looks, policy).get(0);
            shown.add(Map.of(
                    "name", String.valueOf(each.path().getFileName()),
                    "entropy", Numbers.fixed(each.entropyNats(1), 3),
                    "accuracy", percent(right(seen, labels)),
                    "gmacs", Numbers.gmacs(seen.gmacs(), seen.gmacs()),
                    "picture", Gallery.dataUri(MaskPictures.small(MaskPictures.picture(picture))),
                    "labels", Gallery.dataUri(MaskPictures.small(MaskPictures.over(picture, labels.toInts(), colours))),
                    "predicted",
                            Gallery.dataUri(MaskPictures.small(MaskPictures.over(picture, seen.labels(), colours))),
                    "ended", Gallery.dataUri(MaskPictures.small(MaskPictures.ended(picture, seen)))));
        }
        return shown;
    }

    private static double right(Segmentation seen, PixelLabels labels) {
        long labelled = 0;
        long right = 0;
        for (int i = 0; i < seen.labels().length; i++) {
            int label = labels.classes()[i] & 0xff;
            labelled += label == PixelLabels.IGNORED ? 0 : 1;
            right += label == seen.labels()[i] ? 1 : 0;
        }
        return 100.0 * right / labelled;
    }

    private static String percent(double value) {
        return Double.isNaN(value) ? "–" : Numbers.fixed(value, 2);
    }
}
