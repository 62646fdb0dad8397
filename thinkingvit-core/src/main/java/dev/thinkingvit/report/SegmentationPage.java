package dev.thinkingvit.report;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A page of segmented pictures: each with its classes over it, the classes alone, and the windows by stage; a legend of
 * what was found, and what it cost.
 *
 * @param model its name
 * @param summary a sentence of all pictures
 * @param legend the classes that were found, the most frequent first
 * @param stages of the model
 * @param pictures in order
 */
public record SegmentationPage(String model, String summary, List<Legend> legend, int stages, List<Shown> pictures) {
    /**
     * A class.
     *
     * @param name of it
     * @param colour {@code 0xRRGGBB}
     * @param share of all pixels, 0–1
     */
    public record Legend(String name, int colour, double share) {}

    /**
     * A picture.
     *
     * @param name of its file
     * @param overlay file name beside the page; so are the others
     * @param classes its classes alone
     * @param windows its windows by stage
     * @param words what was found and spent, in a sentence
     */
    public record Shown(String name, String overlay, String classes, String windows, String words) {}

    /** Writes the page as a whole or not at all. */
    public void write(Path file) throws IOException {
        AtomicFiles.writeString(file, html());
    }

    String html() {
        List<Map<String, Object>> classes = new ArrayList<>();
        for (Legend each : legend) {
            classes.add(Map.of(
                    "name",
                    each.name,
                    "colour",
                    colour(each.colour),
                    "share",
                    String.format(Locale.ROOT, "%.1f %%", 100 * each.share)));
        }
        List<Map<String, Object>> byStage = new ArrayList<>();
        for (int stage = 1; stage <= stages; stage++) {
            byStage.add(Map.of("stage", stage, "colour", colour(MaskPictures.stageColour(stage))));
        }
        List<Map<String, Object>> shown = new ArrayList<>();
        for (Shown each : pictures) {
            shown.add(Map.of(
                    "name", each.name,
                    "overlay", link(each.overlay),
                    "classes", link(each.classes),
                    "windows", link(each.windows),
                    "words", each.words));
        }
        Map<String, Object> values = new HashMap<>();
        values.put("chartStyle", TrainingCharts.style());
        values.put("model", model);
        values.put("summary", summary);
        values.put("legend", classes);
        values.put("stages", byStage);
        values.put("pictures", shown);
        return HtmlTemplate.resource("segmentation.html").render(values);
    }

    /** A file beside the page, as an address has it. */
    private static String link(String fileName) {
        return URLEncoder.encode(fileName, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** As a style sheet has it. */
    static String colour(int rgb) {
        return String.format(Locale.ROOT, "#%06x", rgb);
    }
}
