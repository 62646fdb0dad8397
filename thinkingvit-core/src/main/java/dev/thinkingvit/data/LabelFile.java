package dev.thinkingvit.data;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the label files share: text of one entry per line, or JSON; errors that name the file. */
final class LabelFile {

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private LabelFile() {}

    static String read(Path file) throws IOException {
        try {
            String text = TextFile.read(file);
            if (text.isBlank()) {
                throw new DatasetException(file + ": labels are needed, the file is empty");
            }
            return text;
        } catch (FileSystemException e) {
            throw new DatasetException(Reasons.line(e), e);
        }
    }

    static boolean isJson(String text) {
        String start = text.stripLeading();
        return start.startsWith("{") || start.startsWith("[");
    }

    static JsonNode json(Path file, String text) throws IOException {
        try {
            return JSON.readTree(text);
        } catch (JacksonException e) {
            throw new DatasetException(file + ": not valid JSON: " + Reasons.of(e), e);
        }
    }

    /** The lines without surrounding blanks; empty ones are allowed only at the end. */
    static List<String> lines(Path file, String text) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String line : text.stripTrailing().split("\n", -1)) {
            if (line.isBlank()) {
                throw new DatasetException(
                        file + ", line " + (lines.size() + 1) + ": an entry is needed, the line is empty");
            }
            lines.add(line.strip());
        }
        return lines;
    }

    static boolean isIndex(String text) {
        return text.matches("\\d{1,9}");
    }

    /** A JSON whole number from 0 up to but without {@code classes}. */
    static int index(Path file, String where, JsonNode node, int classes) throws IOException {
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 0 || node.intValue() >= classes) {
            throw new DatasetException(
                    file + ", " + where + ": an index from 0 to " + (classes - 1) + " is needed, not " + node);
        }
        return node.intValue();
    }
}
