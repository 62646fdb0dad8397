package dev.thinkingvit.report;

import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.SweepCsv;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.TokenDepths;
import dev.thinkingvit.eval.Transitions;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.model.AdaptiveViT;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * An evaluation to look at: {@code index.html}, one page that needs nothing else, and {@code sweep.csv} with the same
 * numbers. Shows accuracy over cost, load and accuracy of each stage by threshold, certainty, what thinking on changes,
 * how deep tokens went where they halt, and the easiest and hardest pictures, after the figures of the paper (arXiv 2507.10800).
 *
 * @param about where the numbers come from
 * @param config the model's
 * @param recording what all stages thought
 * @param rows the sweep, in the order to show
 * @param ownThresholds the model's own, of the recording's router; empty where it always thinks
 */
public record EvaluationReport(
        About about, ModelConfig config, Recording recording, List<SweepRow> rows, List<Double> ownThresholds) {
    private static final int GALLERY = 48;
    private static final int NAMED_SKIPPED = 20;

    /**
     * Where the numbers come from, as the page's head shows it.
     *
     * @param model name of the model
     * @param data name of the data set
     * @param precision number format of the matrix products
     * @param date when it was evaluated
     * @param version of this program
     */
    public record About(String model, String data, String precision, String date, String version) {}

    public EvaluationReport {
        rows = List.copyOf(rows);
        ownThresholds = List.copyOf(ownThresholds);
    }

    /**
     * Writes both files, each as a whole or not at all, and makes the folder if it is not there.
     *
     * @return the page
     */
    public Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Path page = folder.resolve("index.html");
        SweepCsv.write(folder.resolve("sweep.csv"), rows);
        AtomicFiles.writeString(page, html());
        return page;
    }

    String html() {
        ReportCharts charts = new ReportCharts(recording, rows, ownThresholds);
        Gallery gallery = new Gallery(recording, ownThresholds, config::shortLabel, config.preprocessing());
        boolean measured = rows.stream().anyMatch(row -> row.imagesPerSecond() != null);
        Map<String, Object> values = new HashMap<>();
        values.put("model", about.model());
        values.put("kind", config.network().title());
        values.put("network", config.network().shorthand());
        values.put(
                "parameters", String.format(Locale.ROOT, "%,d", config.network().parameterCount()));
        values.put("data", about.data());
        values.put("images", Numbers.count(recording.images().size()));
        values.put("precision", about.precision());
        values.put("router", recording.router().id());
        values.put("threshold", Numbers.thresholds(ownThresholds));
        values.put("date", about.date());
        values.put("version", about.version());
        values.put("uncounted", recording.uncounted() > 0);
        values.put("uncountedImages", Numbers.count(recording.uncounted()));
        values.put("tiles", tiles());
        values.put("chartStyle", TrainingCharts.style());
        values.put("pageStyle", HtmlTemplate.resource("report.css").render(Map.of()));
        values.put("accuracyChart", charts.accuracyOverGmacs());
        values.put("measured", measured);
        values.put("throughputChart", measured ? charts.accuracyOverThroughput() : "");
        values.put("loadChart", charts.load());
        values.put("entropyChart", charts.entropies());
        values.put("stages", stages());
        values.put("transitions", transitions());
        values.put("rows", table());
        values.put("easiest", gallery.easiest(GALLERY));
        values.put("hardest", gallery.hardest(GALLERY));
        values.put("lastStage", recording.stages());
        values.put("tokenDepths", tokenDepths(gallery));
        values.put("anySkipped", !recording.skipped().isEmpty());
        values.put("skippedImages", Numbers.count(recording.skipped().size()));
        values.put(
                "skipped",
                recording.skipped().stream()
                        .limit(NAMED_SKIPPED)
                        .map(failure -> Map.of("message", failure.message()))
                        .toList());
        values.put("moreSkipped", recording.skipped().size() > NAMED_SKIPPED);
        return HtmlTemplate.resource("report.html").render(values);
    }

    /** One, or none where no tokens halt. */
    private List<Map<String, Object>> tokenDepths(Gallery gallery) {
        TokenDepths depths = recording.tokenDepths();
        if (depths == null || !(config.network() instanceof AdaptiveViT network)) {
            return List.of();
        }
        int blocks = network.vit().depth();
        TokenDepthPictures drawn = new TokenDepthPictures(network.vit().grid(), blocks);
        Map<String, Object> values = new HashMap<>();
        values.put("mean", Numbers.fixed(depths.mean(), 2));
        values.put("blocks", blocks);
        values.put("least", Numbers.fixed(depths.least(), 0));
        values.put("largest", Numbers.fixed(depths.largest(), 0));
        values.put("difference", Numbers.fixed(depths.difference(), 2));
        values.put("ponder", Numbers.fixed(depths.ponder(), 2));
        values.put("depthChart", ReportCharts.tokenDepths(depths, blocks));
        values.put("mostUneven", gallery.depths(depths.mostUneven(), drawn));
        values.put("leastUneven", gallery.depths(depths.leastUneven(), drawn));
        return List.of(values);
    }

    private List<Map<String, Object>> tiles() {
        ThresholdSweep sweep = new ThresholdSweep(recording);
        SweepRow always = sweep.alwaysThink();
        List<Map<String, Object>> tiles = new ArrayList<>();
        if (recording.stages() > 1) {
            tiles.add(tile("Stage 1 alone", sweep.always(1), always));
        }
        if (!ownThresholds.isEmpty()) {
            tiles.add(tile("At the model's threshold", sweep.at(ownThresholds), always));
        }
        tiles.add(tile("Always thinking", always, always));
        return tiles;
    }

    private Map<String, Object> tile(String name, SweepRow row, SweepRow always) {
        double saved = 100 * (1 - row.gmacs() / always.gmacs());
        return Map.of(
                "name", name,
                "top1", Numbers.fixed(row.top1(), 2),
                "gmacs", gmacs(row),
                "saves", saved > 0.05,
                "saved", Numbers.fixed(saved, 0));
    }

    private String gmacs(SweepRow row) {
        return Numbers.gmacs(row.gmacs(), recording.cumulativeGmacs().get(recording.stages() - 1));
    }

    private List<Map<String, Object>> stages() {
        List<Map<String, Object>> stages = new ArrayList<>();
        for (int k = 1; k <= recording.stages(); k++) {
            stages.add(Map.of("number", k, "style", ReportCharts.style(k)));
        }
        return stages;
    }

    private List<Map<String, Object>> transitions() {
        List<Map<String, Object>> boundaries = new ArrayList<>();
        for (Transitions counts : Transitions.of(recording)) {
            boundaries.add(Map.of(
                    "from", counts.fromStage(),
                    "to", counts.fromStage() + 1,
                    "changes",
                            List.of(
                                    change("right, then right", "rr", counts.stayRight(), counts.images()),
                                    change("wrong, then right", "wr", counts.mended(), counts.images()),
                                    change("right, then wrong", "rw", counts.spoiled(), counts.images()),
                                    change("wrong, then wrong", "ww", counts.stayWrong(), counts.images()))));
        }
        return boundaries;
    }

    private static Map<String, Object> change(String name, String style, int count, int images) {
        return Map.of(
                "name", name,
                "style", style,
                "count", Numbers.count(count),
                "width", Numbers.fixed(100.0 * count / images, 3),
                "percent", Numbers.percent(count, images));
    }

    private List<Map<String, Object>> table() {
        List<Map<String, Object>> table = new ArrayList<>();
        for (SweepRow row : rows) {
            List<Map<String, Object>> cells = new ArrayList<>();
            for (SweepRow.Stage stage : row.stages()) {
                Double accuracy = stage.accuracy();
                cells.add(Map.of(
                        "dispatched", Numbers.count(stage.dispatched()),
                        "share", Numbers.percent(stage.dispatched(), row.images()),
                        "accuracy", accuracy == null ? "–" : Numbers.fixed(accuracy, 2)));
            }
            Double rate = row.imagesPerSecond();
            table.add(Map.of(
                    "own", row.thresholds().equals(ownThresholds),
                    "tau", Numbers.thresholds(row.thresholds()),
                    "top1", Numbers.fixed(row.top1(), 2),
                    "top5", Numbers.fixed(row.top5(), 2),
                    "gmacs", gmacs(row),
                    "cells", cells,
                    "rate", rate == null ? "–" : Numbers.fixed(rate, 0)));
        }
        return table;
    }
}
