package dev.thinkingvit.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reassessed labels ("ReaL", Beyer et al. 2020): each picture has any number of right answers, and one without any is
 * not counted. Immutable.
 *
 * <p>Files: the published {@code real.json}, a JSON array whose entry {@code i} belongs to
 * {@code ILSVRC2012_val_{i+1}} in eight digits, or a JSON object {@code {"file name": [labels]}}.
 */
public final class RealLabels {

    private static final Pattern VALIDATION = Pattern.compile("ILSVRC2012_val_(\\d{8})(\\..*)?");

    private final Path source;
    private final Map<String, int[]> labels; // by file name; of the published form, by number

    private final boolean numbered;

    private RealLabels(Path source, Map<String, int[]> labels, boolean numbered) {
        this.source = source;
        this.labels = labels;
        this.numbered = numbered;
    }

    /**
     * Reads a file.
     *
     * @param classes how many classes there are: labels must be below
     * @throws DatasetException if it is missing, of another form, or holds a label that is not an index below classes
     */
    public static RealLabels read(Path file, int classes) throws IOException {
        return parse(file, LabelFile.read(file), classes);
    }

    /** The published labels of ImageNet-1k's validation pictures. */
    public static RealLabels ofImageNet() throws IOException {
        return parse(Path.of("ImageNet's ReaL labels"), ImageNet.realLabels(), ImageNet.CLASSES);
    }

    private static RealLabels parse(Path file, String text, int classes) throws IOException {
        JsonNode json = LabelFile.json(file, text);
        Map<String, int[]> labels = new HashMap<>();
        if (json.isArray()) {
            for (int i = 0; i < json.size(); i++) {
                labels.put(Integer.toString(i + 1), labels(file, "entry " + (i + 1), json.get(i), classes));
            }
        } else if (json.isObject()) {
            for (Map.Entry<String, JsonNode> entry : json.properties()) {
                labels.put(entry.getKey(), labels(file, "'" + entry.getKey() + "'", entry.getValue(), classes));
            }
        } else {
            throw new DatasetException(file + ": a JSON array or object of label lists is needed");
        }
        return new RealLabels(file, labels, json.isArray());
    }

    private static int[] labels(Path file, String where, JsonNode node, int classes) throws IOException {
        if (!node.isArray()) {
            throw new DatasetException(file + ", " + where + ": a list of labels is needed, not " + node);
        }
        int[] labels = new int[node.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = LabelFile.index(file, where, node.get(i), classes);
        }
        return labels;
    }

    /**
     * The right answers for a picture, by its file name; empty if it is not to be counted. A copy.
     *
     * @throws DatasetException if there is no entry for it
     */
    public int[] labelsOf(Path picture) throws DatasetException {
        return find(picture).clone();
    }

    /** As {@link #labelsOf}, with none where there is no entry. */
    int[] known(Path picture) {
        int[] found = lookUp(picture);
        return found == null ? new int[0] : found.clone();
    }

    /** Whether a file is named as ImageNet's validation pictures are. */
    static boolean isValidation(Path picture) {
        return VALIDATION.matcher(String.valueOf(picture.getFileName())).matches();
    }

    /** Whether a prediction is among the right answers for a picture. */
    public boolean isRight(Path picture, int prediction) throws DatasetException {
        for (int label : find(picture)) {
            if (label == prediction) {
                return true;
            }
        }
        return false;
    }

    /**
     * Tells labels of another data set from labels that lack a few entries.
     *
     * @throws DatasetException if there are pictures, but no entry for any of them
     */
    public void requireEntries(List<Path> pictures) throws DatasetException {
        if (!pictures.isEmpty() && pictures.stream().allMatch(picture -> lookUp(picture) == null)) {
            throw new DatasetException(source + " has no entry for any of the " + pictures.size()
                    + " pictures, the first of which is " + pictures.get(0).getFileName() + form());
        }
    }

    private int[] find(Path picture) throws DatasetException {
        int[] found = lookUp(picture);
        if (found == null) {
            throw new DatasetException(picture + ": " + source + " has no entry for it" + form());
        }
        return found;
    }

    private int @Nullable [] lookUp(Path picture) {
        String name = String.valueOf(picture.getFileName());
        return labels.get(numbered ? number(name) : name);
    }

    private String form() {
        return numbered
                ? "; its entries belong to ILSVRC2012_val_00000001 and so on"
                : "; its entries are file names without folders";
    }

    private static @Nullable String number(String name) {
        Matcher matcher = VALIDATION.matcher(name);
        return matcher.matches() ? Integer.toString(Integer.parseInt(matcher.group(1))) : null;
    }
}
