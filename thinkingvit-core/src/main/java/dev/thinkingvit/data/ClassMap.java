package dev.thinkingvit.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Which label a class folder stands for. Lets a dataset whose folders are named or ordered otherwise than a model's
 * labels, or are fewer, be scored against that model.
 *
 * <p>Files: timm's {@code class_map.txt} (one folder name per line, its label is the line counted from 0), the same
 * with the label behind each name ({@code n01440764 0}), or JSON ({@code {"n01440764": 0}}). Several folders may stand
 * for one label. Unicode's forms of a name do not matter. Immutable.
 */
public final class ClassMap {

    private final String source;
    private final Map<String, Integer> indices;

    private ClassMap(String source, Map<String, Integer> indices) {
        this.source = source;
        this.indices = indices;
    }

    /**
     * A map that comes from no file.
     *
     * @param source what to call it in messages
     * @param indices by folder name, in Unicode's form C; each from 0
     */
    static ClassMap of(String source, Map<String, Integer> indices) {
        return new ClassMap(source, Map.copyOf(indices));
    }

    /**
     * Reads a file.
     *
     * @throws DatasetException if it is missing or empty, a name comes twice, or an index is not a whole number from 0
     */
    public static ClassMap read(Path file) throws IOException {
        String text = LabelFile.read(file);
        Map<String, Integer> indices = new LinkedHashMap<>();
        if (LabelFile.isJson(text)) {
            JsonNode json = LabelFile.json(file, text);
            if (!json.isObject()) {
                throw new DatasetException(file + ": a JSON object {\"name\": index} is needed");
            }
            for (Map.Entry<String, JsonNode> entry : json.properties()) {
                int index = LabelFile.index(file, "'" + entry.getKey() + "'", entry.getValue(), Integer.MAX_VALUE);
                indices.put(entry.getKey(), index);
            }
        } else {
            readLines(file, LabelFile.lines(file, text), indices);
        }
        Map<String, Integer> composed = new LinkedHashMap<>();
        for (Map.Entry<String, Integer> entry : indices.entrySet()) {
            Integer other = composed.put(PictureWalk.composed(entry.getKey()), entry.getValue());
            if (other != null && !other.equals(entry.getValue())) {
                throw new DatasetException(file + ": '" + entry.getKey() + "' has two indices, in two Unicode forms");
            }
        }
        return new ClassMap(file.toString(), composed);
    }

    private static void readLines(Path file, List<String> lines, Map<String, Integer> indices) throws IOException {
        // Names may hold blanks and end in numbers; only a number behind every one of them can be an index.
        boolean indexed = lines.stream().allMatch(line -> line.matches(".*\\S\\s+\\d{1,9}"));
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            int split = indexed ? line.replaceFirst("\\s+\\d+$", "").length() : line.length();
            String name = line.substring(0, split);
            int index = indexed ? Integer.parseInt(line.substring(split).strip()) : i;
            if (indices.put(name, index) != null) {
                throw new DatasetException(file + ", line " + (i + 1) + ": '" + name + "' was there before");
            }
        }
    }

    /** Whether there is a label for a folder. */
    public boolean has(String folder) {
        return indices.containsKey(PictureWalk.composed(folder));
    }

    /** The label of a folder. */
    public int indexOf(String folder) throws DatasetException {
        Integer index = indices.get(PictureWalk.composed(folder));
        if (index == null) {
            throw new DatasetException(source + ": no entry for the folder '" + folder + "'");
        }
        return index;
    }

    /** How many names it knows. */
    public int size() {
        return indices.size();
    }

    /** The file it came from. */
    @Override
    public String toString() {
        return source;
    }
}
