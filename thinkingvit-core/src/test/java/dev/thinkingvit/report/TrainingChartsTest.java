package dev.thinkingvit.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.run.TrainingLog;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class TrainingChartsTest {
    /** A training of three stages that was judged every second epoch. */
    private static Map<String, List<Double>> training(int epochs) {
        Map<String, List<Double>> table = new LinkedHashMap<>();
        for (String column : List.of("epoch", "learning_rate", "images_per_second", "seconds")) {
            table.put(column, new ArrayList<>());
        }
        for (int epoch = 0; epoch < epochs; epoch++) {
            column(table, "epoch").add((double) epoch);
            column(table, "learning_rate").add(5e-4 * (epochs - epoch) / epochs);
            column(table, "images_per_second").add(12_000.0 + epoch);
            column(table, "seconds").add(1.0);
            for (int stage = 1; stage <= 3; stage++) {
                column(table, "stage" + stage + "_loss").add(2.3 / (1 + epoch) + 0.1 * (4 - stage));
                column(table, "stage" + stage + "_top1").add(epoch % 2 == 0 ? Double.NaN : 70 + 3.0 * stage);
            }
        }
        return table;
    }

    private static List<Double> column(Map<String, List<Double>> table, String name) {
        return table.computeIfAbsent(name, key -> new ArrayList<>());
    }

    @Test
    void eachStageHasALineOfItsColour() throws Exception {
        Element svg = parse(new TrainingCharts(training(10)).loss());

        assertThat(classes(svg, "path")).containsExactly("line s1", "line s2", "line s3");
        assertThat(classes(svg, "circle")).hasSize(30).contains("point s1", "point s2", "point s3");
        assertThat(texts(svg, "text")).contains("stage 1", "stage 2", "stage 3", "epoch", "cross entropy, nats");
        assertThat(texts(svg, "title")).contains("epoch 0, stage 1: 2.6000 nats", "epoch 9, stage 3: 0.3300 nats");
    }

    @Test
    void epochsThatWereNotJudgedAreBridged() throws Exception {
        Element svg = parse(new TrainingCharts(training(10)).accuracy());

        assertThat(classes(svg, "path")).hasSize(3);
        assertThat(texts(svg, "title")).hasSize(15).contains("epoch 1, stage 1: 73.00 %");
    }

    @Test
    void aSmallLearningRateHasItsPowerOfTenInTheTitle() throws Exception {
        Element svg = parse(new TrainingCharts(training(10)).learningRate());

        assertThat(texts(svg, "text")).contains("learning rate, 10⁻⁴", "0", "1", "5");
        assertThat(texts(svg, "title")).contains("epoch 0: 5.0E-4");
    }

    @Test
    void aLargeLearningRateIsShownAsItIs() throws Exception {
        Map<String, List<Double>> table = training(1);
        table.put("learning_rate", List.of(0.1));
        Element svg = parse(new TrainingCharts(table).learningRate());

        assertThat(texts(svg, "text")).contains("learning rate");
    }

    @Test
    void speedBeginsAtZero() throws Exception {
        Element svg = parse(new TrainingCharts(training(10)).imagesPerSecond());

        assertThat(texts(svg, "text")).contains("images a second", "0", "10,000");
        assertThat(texts(svg, "title")).contains("epoch 3: 12,003 images a second");
    }

    @Test
    void aLongTrainingHasOnlyItsLastDot() throws Exception {
        Element svg = parse(new TrainingCharts(training(300)).loss());

        assertThat(texts(svg, "title")).hasSize(3).allMatch(remark -> remark.startsWith("epoch 299, "));
    }

    @Test
    void aTrainingOfOneEpochHasChartsToo() throws Exception {
        TrainingCharts charts = new TrainingCharts(training(1));

        assertThat(texts(parse(charts.loss()), "text")).contains("0", "1", "4").doesNotContain("0.5");
        assertThat(charts.loss() + charts.learningRate() + charts.imagesPerSecond())
                .doesNotContain("NaN", "Infinity");
    }

    @Test
    void whatWasNotMeasuredHasNoChart() {
        assertThat(new TrainingCharts(training(1)).accuracy()).isEmpty();
        TrainingCharts empty = new TrainingCharts(training(0));
        assertThat(empty.loss() + empty.accuracy() + empty.learningRate() + empty.imagesPerSecond())
                .isEmpty();
    }

    @Test
    void chartsCarryNoColoursOfTheirOwn() {
        TrainingCharts charts = new TrainingCharts(training(10));

        assertThat(charts.loss() + charts.accuracy() + charts.learningRate() + charts.imagesPerSecond())
                .doesNotContain("style=", "fill=", "stroke=", "#");
        assertThat(TrainingCharts.style()).contains("prefers-color-scheme: dark", "svg .line.s6");
    }

    @Test
    void aTrainingsLogCanBeDrawn(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("epochs.csv");
        try (TrainingLog log = TrainingLog.open(file, List.of("epoch", "stage1_loss", "stage1_top1"), 0)) {
            log.append(0, 2.25, Double.NaN);
            log.append(1, 1.75, 40);
        }

        TrainingCharts charts = new TrainingCharts(TrainingLog.read(file));

        assertThat(texts(parse(charts.loss()), "title")).contains("epoch 1, stage 1: 1.7500 nats");
        assertThat(texts(parse(charts.accuracy()), "title")).containsExactly("epoch 1, stage 1: 40.00 %");
    }

    @Test
    void columnsMustBeEquallyLong() {
        Map<String, List<Double>> table = training(3);
        column(table, "stage1_loss").add(1.0);

        assertThatThrownBy(() -> new TrainingCharts(table))
                .hasMessage("column 'stage1_loss' has 4 values, 'epoch' has 3");
        assertThatThrownBy(() -> new TrainingCharts(Map.of())).isInstanceOf(IllegalArgumentException.class);
    }

    private static Element parse(String svg) throws Exception {
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(svg)))
                .getDocumentElement();
    }

    private static List<String> classes(Element svg, String element) {
        return elements(svg, element).stream()
                .map(found -> found.getAttribute("class"))
                .toList();
    }

    private static List<String> texts(Element svg, String element) {
        return elements(svg, element).stream().map(Element::getTextContent).toList();
    }

    private static List<Element> elements(Element svg, String name) {
        List<Element> found = new ArrayList<>();
        for (int i = 0; i < svg.getElementsByTagName(name).getLength(); i++) {
            found.add((Element) svg.getElementsByTagName(name).item(i));
        }
        return found;
    }
}
