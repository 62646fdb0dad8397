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
 * @param epochs columns by name; see {@link TrainingCharts}
 */
public record TrainingPage(String title, String progress, String recipe, Map<String, List<Double>> epochs) {
    /** Writes the page as a whole or not at all. */
    public void write(Path file) throws IOException {
        AtomicFiles.writeString(file, html());
    }

    String html() {
        TrainingCharts drawn = new TrainingCharts(epochs);
        List<Map<String, Object>> charts = new ArrayList<>();
        add(charts, "Top-1 accuracy", drawn.accuracy());
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
