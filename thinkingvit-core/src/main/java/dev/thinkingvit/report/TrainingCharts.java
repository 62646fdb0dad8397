package dev.thinkingvit.report;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Pictures of a training, as SVG markup to put into a page that has {@link #style}. Drawn are the columns
 *
 * <ul>
 *   <li>{@code stage1_loss}, {@code stage2_loss}, …: cross entropy in nats;
 *   <li>{@code stage1_val_loss}, {@code stage2_val_loss}, …: the same of the validation;
 *   <li>{@code stage1_top1}, {@code stage2_top1}, …: accuracy in percent;
 *   <li>{@code learning_rate};
 *   <li>{@code images_per_second}.
 * </ul>
 *
 * <p>Others are passed over. Each method gives the empty string where nothing of its kind was measured. Immutable.
 */
public final class TrainingCharts {
    /** More dots than this run into one another. */
    private static final int MOST_DOTS = 60;

    private final String counted;
    private final List<Double> counts;
    private final Map<String, List<Double>> table;

    /**
     * @param table columns by name, all equally long: first the one that counts epochs or steps, which grows, then
     *     whatever was measured, in any order; NaN where nothing was. A training's log gives it:
     *     {@code TrainingLog.read(file)}.
     * @throws IllegalArgumentException if there is no column, or one is longer or shorter than the first
     */
    public TrainingCharts(Map<String, List<Double>> table) {
        if (table.isEmpty()) {
            throw new IllegalArgumentException("a training's charts need a column that counts epochs, got none");
        }
        Entry<String, List<Double>> first = table.entrySet().iterator().next();
        this.counted = first.getKey();
        this.counts = List.copyOf(first.getValue());
        this.table = new HashMap<>();
        table.forEach((name, values) -> {
            if (values.size() != counts.size()) {
                throw new IllegalArgumentException("column '" + name + "' has " + values.size() + " values, '" + counted
                        + "' has " + counts.size());
            }
            this.table.put(name, List.copyOf(values));
        });
    }

    /** The style sheet of the charts, to be put into the page's {@code <style>}; follows light and dark screens. */
    public static String style() {
        return HtmlTemplate.resource("charts.css").render(Map.of());
    }

    /** Loss of each stage. */
    public String loss() {
        return stages("Loss of each stage", "_loss", "cross entropy, nats", 4, "nats");
    }

    /** Validation loss of each stage. */
    public String validationLoss() {
        return stages("Validation loss of each stage", "_val_loss", "cross entropy, nats", 4, "nats");
    }

    /** Accuracy of each stage. */
    public String accuracy() {
        return accuracy("Top-1 accuracy", "top-1");
    }

    /**
     * The same where the columns hold another score in percent, such as mean intersection over union.
     *
     * @param title of the score
     * @param shorter the same, beside the axis
     */
    public String accuracy(String title, String shorter) {
        return stages(title + " of each stage", "_top1", shorter + ", %", 2, "%");
    }

    /** Learning rate. */
    public String learningRate() {
        List<double[]> points = points("learning_rate");
        // Rates of 0.00002 would not fit beside the axis: the power of ten goes into the title.
        double most = most(points);
        int power = most > 0 ? (int) Math.floor(Math.log10(most) + 1e-9) : 0;
        if (power > -3) {
            return single("Learning rate", "learning rate", points, 1, "");
        }
        return single("Learning rate", "learning rate, 10" + superscript(power), points, Math.pow(10, power), "");
    }

    /** Training speed. */
    public String imagesPerSecond() {
        return single("Training speed", "images a second", points("images_per_second"), 1, " images a second");
    }

    private String stages(String label, String suffix, String title, int decimals, String unit) {
        Map<Integer, List<double[]>> byStage = new TreeMap<>();
        Pattern name = Pattern.compile("stage([1-9]\\d{0,3})" + suffix);
        for (String column : table.keySet()) {
            Matcher matcher = name.matcher(column);
            if (matcher.matches() && !points(column).isEmpty()) {
                byStage.put(Integer.valueOf(matcher.group(1)), points(column));
            }
        }
        if (byStage.isEmpty()) {
            return "";
        }
        List<Double> heights = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<String> styles = new ArrayList<>();
        byStage.forEach((stage, points) -> {
            points.forEach(point -> heights.add(point[1]));
            names.add("stage " + stage);
            styles.add("s" + ReportCharts.style(stage));
        });
        SvgChart chart = new SvgChart(label, xAxis(), SvgChart.Axis.around(title, heights))
                .grid()
                .legend(names, styles);
        byStage.forEach((stage, points) -> {
            String style = "s" + ReportCharts.style(stage);
            chart.path(points, style);
            for (double[] point : dotted(points)) {
                String remark = at(point) + ", stage " + stage + ": " + Numbers.fixed(point[1], decimals) + " " + unit;
                chart.dot(point[0], point[1], 3, "point " + style, remark);
            }
        });
        return chart.svg();
    }

    /** One line over an axis that begins at 0, so that a change looks as large as it is. */
    private String single(String label, String title, List<double[]> points, double scale, String unit) {
        if (points.isEmpty()) {
            return "";
        }
        double most = most(points) / scale;
        SvgChart chart = new SvgChart(label, xAxis(), new SvgChart.Axis(title, 0, most > 0 ? most * 1.08 : 1)).grid();
        chart.path(
                points.stream()
                        .map(point -> new double[] {point[0], point[1] / scale})
                        .toList(),
                "sweep");
        for (double[] point : dotted(points)) {
            String value = unit.isEmpty() ? Double.toString(point[1]) : Numbers.fixed(point[1], 0);
            chart.dot(point[0], point[1] / scale, 3, "point", at(point) + ": " + value + unit);
        }
        return chart.svg();
    }

    /** What was measured of a column; a gap is bridged. */
    private List<double[]> points(String column) {
        List<Double> values = table.getOrDefault(column, List.of());
        List<double[]> points = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            if (Double.isFinite(values.get(i))) {
                points.add(new double[] {counts.get(i), values.get(i)});
            }
        }
        return points;
    }

    /** From the first row to the last, and at least so long that no tick stands between two epochs. */
    private SvgChart.Axis xAxis() {
        double from = counts.get(0);
        return new SvgChart.Axis(counted, from, Math.max(counts.get(counts.size() - 1), from + 4));
    }

    /** All points of a short training; the last of a long one. */
    private static List<double[]> dotted(List<double[]> points) {
        return points.size() <= MOST_DOTS ? points : points.subList(points.size() - 1, points.size());
    }

    private String at(double[] point) {
        return counted + " " + Numbers.fixed(point[0], 0);
    }

    private static double most(List<double[]> points) {
        return points.stream().mapToDouble(point -> point[1]).max().orElse(0);
    }

    /** A negative whole number in small raised digits. */
    private static String superscript(int negative) {
        StringBuilder raised = new StringBuilder("⁻");
        String.valueOf(-negative).chars().forEach(digit -> raised.append("⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(digit - '0')));
        return raised.toString();
    }
}
