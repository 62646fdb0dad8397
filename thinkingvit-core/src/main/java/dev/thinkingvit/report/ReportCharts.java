package dev.thinkingvit.report;

import dev.thinkingvit.eval.Calibrator;
import dev.thinkingvit.eval.ImageRecord;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.StageRecord;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.TokenDepths;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.store.Routing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The report's pictures of a sweep, after those of the paper. */
final class ReportCharts {
    private static final int BINS = 30;

    private final Recording recording;
    private final List<SweepRow> rows;
    private final List<Double> own;

    /** @param own the model's own thresholds; empty where it always thinks */
    ReportCharts(Recording recording, List<SweepRow> rows, List<Double> own) {
        this.recording = recording;
        this.rows = rows;
        this.own = own;
    }

    /** Accuracy over cost; each stage alone is marked. */
    String accuracyOverGmacs() {
        ThresholdSweep sweep = new ThresholdSweep(recording);
        List<double[]> curve = new ArrayList<>();
        if (recording.stages() > 1) {
            List<Routing.Point> points = new ArrayList<>(new Calibrator(recording).curve());
            points.sort(Comparator.comparingDouble(Routing.Point::gmacs));
            points.forEach(point -> curve.add(new double[] {point.gmacs(), point.top1()}));
        }
        List<Double> accuracies = new ArrayList<>();
        List<Double> costs = new ArrayList<>();
        for (int stage = 1; stage <= recording.stages(); stage++) {
            SweepRow row = sweep.always(stage);
            accuracies.add(row.top1());
            costs.add(recording.cumulativeGmacs().get(stage - 1));
        }
        List<Double> heights = new ArrayList<>(accuracies);
        rows.forEach(row -> heights.add(row.top1()));
        curve.forEach(point -> heights.add(point[1]));
        SvgChart chart = new SvgChart(
                        "Top-1 accuracy over GMACs an image",
                        SvgChart.Axis.around("GMACs an image", costs),
                        SvgChart.Axis.around("top-1, %", heights))
                .grid();
        chart.path(curve, "sweep");
        for (SweepRow row : rows) {
            chart.dot(row.gmacs(), row.top1(), 3.5, "point", remark(row));
        }
        SweepRow chosen = sweep.at(own);
        if (!own.isEmpty()) {
            chart.dot(chosen.gmacs(), chosen.top1(), 7, "own", "the model's threshold, " + remark(chosen));
            chart.label(chosen.gmacs(), chosen.top1(), "τ = " + Numbers.thresholds(own));
        }
        for (int k = 0; k < costs.size(); k++) {
            String name = k == 0 ? "stage 1 alone" : "always to stage " + (k + 1);
            chart.dot(
                    costs.get(k),
                    accuracies.get(k),
                    6,
                    "stage s" + style(k + 1),
                    name + ": " + score(accuracies.get(k)));
            chart.label(costs.get(k), accuracies.get(k), name);
        }
        return chart.svg();
    }

    /** Accuracy over measured images a second; only where something was measured. */
    String accuracyOverThroughput() {
        List<SweepRow> measured = new ArrayList<>();
        List<Double> rates = new ArrayList<>();
        for (SweepRow row : rows) {
            if (row.imagesPerSecond() != null) {
                measured.add(row);
                rates.add(row.imagesPerSecond());
            }
        }
        SvgChart chart = new SvgChart(
                        "Top-1 accuracy over images a second",
                        SvgChart.Axis.around("images a second", rates),
                        SvgChart.Axis.around(
                                "top-1, %",
                                measured.stream().map(SweepRow::top1).toList()))
                .grid();
        List<double[]> line = new ArrayList<>();
        for (int i = 0; i < measured.size(); i++) {
            line.add(new double[] {rates.get(i), measured.get(i).top1()});
        }
        chart.path(line, "sweep");
        for (int i = 0; i < measured.size(); i++) {
            SweepRow row = measured.get(i);
            boolean isOwn = row.thresholds().equals(own);
            chart.dot(rates.get(i), row.top1(), isOwn ? 7 : 3.5, isOwn ? "own" : "point", remark(row));
        }
        return chart.svg();
    }

    /** Where images end, and how they fare there, for each threshold. */
    String load() {
        SvgChart chart = new SvgChart(
                        "Images that end at each stage by threshold",
                        new SvgChart.Axis("threshold τ", 0, rows.size()),
                        new SvgChart.Axis("images, %", 0, 100))
                .slots(rows.stream()
                        .map(row -> Numbers.thresholds(row.thresholds()))
                        .toList());
        for (int i = 0; i < rows.size(); i++) {
            SweepRow row = rows.get(i);
            double bottom = 0;
            for (int k = 1; k <= row.stages().size(); k++) {
                SweepRow.Stage stage = row.stages().get(k - 1);
                int wrong = stage.dispatched() - stage.right();
                String where = "τ = " + Numbers.thresholds(row.thresholds()) + ", stage " + k;
                bottom = slice(chart, i, bottom, stage.right(), row, "s" + style(k), where + ", right");
                bottom = slice(chart, i, bottom, wrong, row, "wrong s" + style(k), where + ", wrong");
            }
        }
        return chart.svg();
    }

    private static double slice(
            SvgChart chart, int slot, double bottom, int images, SweepRow row, String style, String what) {
        double top = bottom + 100.0 * images / row.images();
        String remark = what + ": " + Numbers.count(images) + " images, " + Numbers.percent(images, row.images());
        chart.bar(slot + 0.1, slot + 0.9, bottom, top, style, remark);
        return top;
    }

    /**
     * After which block tokens halt.
     *
     * @param blocks of the network
     */
    static String tokenDepths(TokenDepths depths, int blocks) {
        double all = depths.halted().stream().mapToLong(Long::longValue).sum();
        double most = depths.halted().stream()
                .mapToDouble(count -> 100 * count / all)
                .max()
                .orElse(1);
        SvgChart chart = new SvgChart(
                        "Tokens that halt after each block",
                        new SvgChart.Axis("block", 0, blocks),
                        new SvgChart.Axis("tokens, %", 0, most * 1.05))
                .slots(IntStream.rangeClosed(1, blocks)
                        .mapToObj(String::valueOf)
                        .toList());
        for (int i = 0; i < depths.halted().size(); i++) {
            double share = 100 * depths.halted().get(i) / all;
            chart.bar(
                    i + 0.1,
                    i + 0.9,
                    0,
                    share,
                    "s1",
                    "block " + (i + 1) + ": " + Numbers.fixed(share, 1) + " % of the tokens halt after it");
        }
        return chart.svg();
    }

    /** How sure stage 1 was of images it got right, and of those it got wrong. */
    String entropies() {
        int last = BINS - 1;
        double most = recording.images().stream()
                .mapToDouble(image -> image.stage(1).entropyNats())
                .max()
                .orElse(0);
        double width = Math.max(most, 1e-3) / BINS;
        int[] right = new int[BINS];
        int[] wrong = new int[BINS];
        for (ImageRecord image : recording.images()) {
            StageRecord thought = image.stage(1);
            int bin = Math.min(last, (int) (thought.entropyNats() / width));
            (thought.inTop1() ? right : wrong)[bin]++;
        }
        double highest = 1;
        for (int bin = 0; bin < BINS; bin++) {
            highest = Math.max(
                    highest,
                    100.0 * (right[bin] + wrong[bin]) / recording.images().size());
        }
        SvgChart chart = new SvgChart(
                        "Entropy of stage 1 for right and wrong predictions",
                        new SvgChart.Axis("entropy of stage 1, nats", 0, width * BINS),
                        new SvgChart.Axis("images, %", 0, highest * 1.08))
                .grid();
        double share = 100.0 / recording.images().size();
        for (int bin = 0; bin < BINS; bin++) {
            double from = (bin + 0.06) * width;
            double to = (bin + 0.94) * width;
            String range = Numbers.fixed(bin * width, 2) + "–" + Numbers.fixed((bin + 1) * width, 2) + " nats: ";
            double middle = right[bin] * share;
            chart.bar(from, to, 0, middle, "right", range + Numbers.count(right[bin]) + " right");
            double top = middle + wrong[bin] * share;
            chart.bar(from, to, middle, top, "wrong-answer", range + Numbers.count(wrong[bin]) + " wrong");
        }
        if (!own.isEmpty() && own.get(0) <= width * BINS && measuresThisEntropy()) {
            chart.mark(own.get(0), "τ = " + Numbers.thresholds(own.subList(0, 1)));
        }
        return chart.svg();
    }

    /** Whether a threshold can be drawn into a picture of full entropies. */
    private boolean measuresThisEntropy() {
        String id = recording.router().id();
        return Routers.isEntropy(id) && (!id.equals(Routers.ENTROPY_TOP10.id()) || recording.classes() <= 10);
    }

    /** Style sheets know six stages; more begin again. */
    static int style(int stage) {
        return (stage - 1) % 6 + 1;
    }

    private String remark(SweepRow row) {
        Double rate = row.imagesPerSecond();
        return "τ = " + Numbers.thresholds(row.thresholds()) + ": " + score(row.top1()) + " at "
                + Numbers.gmacs(row.gmacs(), recording.cumulativeGmacs().get(recording.stages() - 1)) + " GMACs"
                + (rate == null ? "" : ", " + Numbers.fixed(rate, 0) + " images a second");
    }

    private static String score(double percent) {
        return Numbers.fixed(percent, 2) + " %";
    }
}
