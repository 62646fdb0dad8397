package dev.thinkingvit.report;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A page that shows how a training goes: losses, accuracies, learning rate and speed over its epochs, and its recipe.
 *
 * @param title what is trained
 * @param progress how far it is, in a sentence
 * @param recipe as YAML
 * @param score in which validations are told
 * @param epochs columns by name; see {@link TrainingCharts}
 */
public record TrainingPage(
        String title, String progress, String recipe, Score score, Map<String, List<Double>> epochs) {
    /** What the columns {@code stage1_top1} and so on hold. */
    public enum Score {
        /** Share of pictures whose class is right. */
        TOP1("Top-1 accuracy", "top-1"),
        /** Mean intersection over union of pixels' classes. */
        MIOU("Mean intersection over union", "mIoU");

        private final String title;
        private final String shorter;

        Score(String title, String shorter) {
            this.title = title;
            this.shorter = shorter;
        }
    }

    /** Writes the page as a whole or not at all. */
    public void write(Path file) throws IOException {
        AtomicFiles.writeString(file, html());
    }

    String html() {
        TrainingCharts drawn = new TrainingCharts(epochs);
        List<Map<String, Object>> charts = new ArrayList<>();
        add(charts, score.title, drawn.accuracy(score.title, score.shorter));
        add(charts, "Loss", drawn.loss());
        add(charts, "Validation loss", drawn.validationLoss());
        add(charts, "Learning rate", drawn.learningRate());
        add(charts, "Speed", drawn.imagesPerSecond());
        Map<String, Object> values = new HashMap<>();
        values.put("chartStyle", TrainingCharts.style());
        values.put("title", title);
        values.put("progress", progress);
        values.put("recipe", recipe);
        values.put("charts", charts);
        return HtmlTemplate.resource("training.html").render(values);
    }

    private static void add(List<Map<String, Object>> charts, String name, String svg) {
        if (!svg.isEmpty()) {
            charts.add(Map.of("name", name, "svg", svg));
        }
    }
}
