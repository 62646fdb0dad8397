package dev.thinkingvit.report;

import dev.thinkingvit.eval.PixelCalibrator;
import dev.thinkingvit.eval.PixelRecord;
import dev.thinkingvit.eval.PixelRecording;
import dev.thinkingvit.eval.PixelRow;
import dev.thinkingvit.eval.PixelSweep;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.WindowThought;
import dev.thinkingvit.store.Routing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The report's pictures of a sweep over labelled pixels. */
final class PixelCharts {
    private static final int BINS = 30;

    private final PixelRecording recording;
    private final List<PixelRow> rows;
    private final List<Double> own;

    /** @param own the model's own thresholds; empty where it always thinks */
    PixelCharts(PixelRecording recording, List<PixelRow> rows, List<Double> own) {
        this.recording = recording;
        this.rows = rows;
        this.own = own;
    }

    /** Mean intersection over union over cost; each stage alone is marked. */
    String miouOverGmacs() {
        PixelSweep sweep = new PixelSweep(recording);
        List<double[]> curve = new ArrayList<>();
        if (recording.stages() > 1) {
            List<Routing.Point> points = new ArrayList<>(new PixelCalibrator(recording).curve());
            points.sort(Comparator.comparingDouble(Routing.Point::gmacs));
            points.forEach(point -> curve.add(new double[] {point.gmacs(), point.top1()}));
        }
        List<PixelRow> ends = new ArrayList<>();
        for (int stage = 1; stage <= recording.stages(); stage++) {
            ends.add(sweep.always(stage));
        }
        List<Double> heights = new ArrayList<>();
        ends.forEach(row -> heights.add(row.meanIou()));
        rows.forEach(row -> heights.add(row.meanIou()));
        curve.forEach(point -> heights.add(point[1]));
        SvgChart chart = new SvgChart(
                        "mIoU over GMACs a picture",
                        SvgChart.Axis.around(
                                "GMACs a picture",
                                ends.stream().map(PixelRow::gmacs).toList()),
                        SvgChart.Axis.around("mIoU, %", heights))
                .grid();
        chart.path(curve, "sweep");
        for (PixelRow row : rows) {
            chart.dot(row.gmacs(), row.meanIou(), 3.5, "point", remark(row));
        }
        if (!own.isEmpty()) {
            PixelRow chosen = sweep.at(own);
            chart.dot(chosen.gmacs(), chosen.meanIou(), 7, "own", "the model's threshold, " + remark(chosen));
            chart.label(chosen.gmacs(), chosen.meanIou(), "τ = " + Numbers.thresholds(own));
        }
        for (int k = 1; k <= ends.size(); k++) {
            PixelRow row = ends.get(k - 1);
            String name = k == 1 ? "stage 1 alone" : "always to stage " + k;
            chart.dot(
                    row.gmacs(),
                    row.meanIou(),
                    6,
                    "stage s" + ReportCharts.style(k),
                    name + ": " + Numbers.fixed(row.meanIou(), 2) + " %");
            chart.label(row.gmacs(), row.meanIou(), name);
        }
        return chart.svg();
    }

    /** Where windows end, for each threshold. */
    String load() {
        SvgChart chart = new SvgChart(
                        "Windows that end at each stage by threshold",
                        new SvgChart.Axis("threshold τ", 0, rows.size()),
                        new SvgChart.Axis("windows, %", 0, 100))
                .slots(rows.stream().map(row -> shortly(row.thresholds())).toList());
        for (int i = 0; i < rows.size(); i++) {
            PixelRow row = rows.get(i);
            double bottom = 0;
            for (int k = 1; k <= row.ended().size(); k++) {
                int ended = row.ended().get(k - 1);
                double top = bottom + 100.0 * ended / row.windows();
                String remark = "τ = " + Numbers.thresholds(row.thresholds()) + ", stage " + k + ": "
                        + Numbers.count(ended) + " windows, " + Numbers.percent(ended, row.windows());
                chart.bar(i + 0.1, i + 0.9, bottom, top, "s" + ReportCharts.style(k), remark);
                bottom = top;
            }
        }
        return chart.svg();
    }

    /** Two digits, for which there is room below a bar. */
    private static String shortly(List<Double> thresholds) {
        return thresholds.size() == 1 ? Numbers.fixed(thresholds.get(0), 2) : Numbers.thresholds(thresholds);
    }

    /** How sure stage 1 was of windows. */
    String entropies() {
        List<Double> entropies = new ArrayList<>();
        for (PixelRecord picture : recording.pictures()) {
            for (WindowThought window : picture.windows()) {
                entropies.add(window.entropiesNats().get(0));
            }
        }
        double most = entropies.stream().mapToDouble(Double::doubleValue).max().orElse(0);
        double width = Math.max(most, 1e-3) / BINS;
        int[] counts = new int[BINS];
        entropies.forEach(entropy -> counts[Math.min(BINS - 1, (int) (entropy / width))]++);
        double share = 100.0 / entropies.size();
        double highest = 1;
        for (int count : counts) {
            highest = Math.max(highest, share * count);
        }
        SvgChart chart = new SvgChart(
                        "Entropy of stage 1 for windows",
                        new SvgChart.Axis("entropy of stage 1, nats", 0, width * BINS),
                        new SvgChart.Axis("windows, %", 0, highest * 1.08))
                .grid();
        for (int bin = 0; bin < BINS; bin++) {
            String range = Numbers.fixed(bin * width, 2) + "–" + Numbers.fixed((bin + 1) * width, 2) + " nats: ";
            chart.bar(
                    (bin + 0.06) * width,
                    (bin + 0.94) * width,
                    0,
                    counts[bin] * share,
                    "s1",
                    range + Numbers.count(counts[bin]) + " windows");
        }
        boolean drawn = !own.isEmpty()
                && own.get(0) <= width * BINS
                && (recording.router().id().equals(Routers.ENTROPY.id())
                        || recording.router().id().equals(Routers.ENTROPY_INCLUSIVE.id()));
        if (drawn) {
            chart.mark(own.get(0), "τ = " + Numbers.thresholds(own.subList(0, 1)));
        }
        return chart.svg();
    }

    private String remark(PixelRow row) {
        return "τ = " + Numbers.thresholds(row.thresholds()) + ": " + Numbers.fixed(row.meanIou(), 2) + " % at "
                + Numbers.gmacs(row.gmacs(), row.gmacs()) + " GMACs";
    }
}
