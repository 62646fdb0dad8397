package dev.thinkingvit.inference;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Embeddings as lines of text, each with its line break; numbers as short as they can be read back exactly. */
public final class EmbeddingText {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final String ROW = "file,stage,label,label_index,probability";

    private final EmbeddingFormat format;
    private final int width;

    /**
     * @param format one that {@linkplain EmbeddingFormat#isText is text}
     * @param width to which rows of CSV are padded; JSON has as many values as the stage gave
     */
    public EmbeddingText(EmbeddingFormat format, int width) {
        if (!format.isText()) {
            throw new IllegalArgumentException(format.id() + " is no text");
        }
        this.format = format;
        this.width = width;
    }

    /** What stands before all lines. */
    public String header() {
        return format == EmbeddingFormat.JSONL
                ? ""
                : ROW + IntStream.range(0, width).mapToObj(i -> ",e" + i).collect(Collectors.joining()) + "\n";
    }

    /**
     * One picture's line.
     *
     * @throws IllegalArgumentException if all tokens of a picture are to stand in a line of CSV
     */
    public String line(Embedding embedding) {
        return (format == EmbeddingFormat.JSONL ? json(embedding) : csv(embedding)) + "\n";
    }

    private String csv(Embedding embedding) {
        Embedding padded = embedding.padded(width);
        if (padded.values().length != width) {
            throw new IllegalArgumentException("csv has one vector a picture, not all tokens");
        }
        StringBuilder line = new StringBuilder(row(embedding));
        for (float value : padded.values()) {
            line.append(',').append(value);
        }
        return line.toString();
    }

    private static String json(Embedding embedding) {
        Classification seen = embedding.classification();
        ObjectNode line = MAPPER.createObjectNode();
        line.put("file", seen.source());
        line.put("label", seen.best().name());
        line.put("label_index", seen.best().index());
        line.put("probability", seen.best().probability());
        line.put("stage", seen.stage());
        line.put("gmacs", seen.gmacs());
        ArrayNode entropies = line.putArray("entropies");
        seen.outcome().stages().forEach(stage -> entropies.add(stage.entropyNats()));
        ArrayNode all = line.putArray("embedding");
        int vectors = embedding.values().length / embedding.width();
        for (int i = 0; i < vectors; i++) {
            ArrayNode vector = vectors == 1 ? all : all.addArray();
            for (int k = 0; k < embedding.width(); k++) {
                vector.add(embedding.values()[i * embedding.width() + k]);
            }
        }
        return line.toString();
    }

    /** The names of {@link #row}'s columns, as a line of CSV. */
    static String rowHeader() {
        return ROW + "\n";
    }

    /** All but the values, as CSV, without a line break. */
    static String row(Embedding embedding) {
        Classification seen = embedding.classification();
        return quoted(seen.source()) + "," + seen.stage() + ","
                + quoted(seen.best().name()) + "," + seen.best().index() + ","
                + seen.best().probability();
    }

    /** RFC 4180. */
    private static String quoted(String text) {
        boolean plain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
                && text.equals(text.strip());
        return plain ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}
