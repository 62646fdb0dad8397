package dev.thinkingvit.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * The labels that may be predicted when a dataset covers only some of a model's classes (ImageNet-A, ImageNet-R).
 * Immutable.
 *
 * <p>Files: one label per line or a JSON array; each an index, or a name as the model spells it.
 */
public final class ValidLabels {

    private final boolean[] mask;
    private final int count;

    private ValidLabels(boolean[] mask) {
        this.mask = mask;
        int set = 0;
        for (boolean valid : mask) {
            set += valid ? 1 : 0;
        }
        this.count = set;
    }

    /** Those of {@code labels} labels. */
    public static ValidLabels of(int labels, int[] valid) {
        boolean[] mask = new boolean[labels];
        for (int label : valid) {
            mask[label] = true;
        }
        return new ValidLabels(mask);
    }

    /** The labels that have a folder. */
    public static ValidLabels of(ImageFolder folder) {
        return new ValidLabels(folder.labelsPresent());
    }

    /**
     * Reads a file; entries that are whole numbers are indices, all others names.
     *
     * @param labelNames the model's labels
     * @throws DatasetException if an entry is no label of the model or comes twice, or the file is missing or empty
     */
    public static ValidLabels read(Path file, List<String> labelNames) throws IOException {
        String text = LabelFile.read(file);
        List<String> entries = LabelFile.isJson(text) ? array(file, text) : LabelFile.lines(file, text);
        List<String> names = labelNames.stream().map(PictureWalk::composed).toList();
        boolean[] mask = new boolean[labelNames.size()];
        for (int i = 0; i < entries.size(); i++) {
            String entry = entries.get(i);
            int index = LabelFile.isIndex(entry) ? Integer.parseInt(entry) : names.indexOf(PictureWalk.composed(entry));
            if (index < 0 || index >= mask.length) {
                throw new DatasetException(file + ", entry " + (i + 1) + ": '" + entry
                        + "' is neither a name nor an index of the model's " + mask.length + " labels");
            }
            if (mask[index]) {
                throw new DatasetException(file + ", entry " + (i + 1) + ": label " + entry + " was there before");
            }
            mask[index] = true;
        }
        return new ValidLabels(mask);
    }

    private static List<String> array(Path file, String text) throws IOException {
        JsonNode json = LabelFile.json(file, text);
        if (!json.isArray() || json.isEmpty()) {
            throw new DatasetException(file + ": a JSON array of labels is needed");
        }
        List<String> entries = new ArrayList<>();
        for (JsonNode entry : json) {
            if (!entry.isString() && !entry.isIntegralNumber()) {
                throw new DatasetException(
                        file + ", entry " + (entries.size() + 1) + ": an index or a name is needed, not " + entry);
            }
            entries.add(entry.asString());
        }
        return entries;
    }

    /** By label: whether it may be predicted. A copy. */
    public boolean[] mask() {
        return mask.clone();
    }

    /** Whether a label may be predicted. */
    public boolean contains(int label) {
        return mask[label];
    }

    /** How many labels may be predicted. */
    public int count() {
        return count;
    }
}
