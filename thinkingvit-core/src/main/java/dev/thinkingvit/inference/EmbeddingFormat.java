package dev.thinkingvit.inference;

import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How embeddings are written. */
public enum EmbeddingFormat {
    /** An array of F32, a row a picture, for {@code numpy.load}; a {@code .csv} beside it says which row is what. */
    NPY,
    /** Tensors {@code embeddings}, {@code stages} and {@code labels}, with the names of the files as metadata. */
    SAFETENSORS,
    /** A line a picture, comma-separated, under a line of names. */
    CSV,
    /** A JSON object a picture and line. */
    JSONL;

    /** As commands spell it, which is how a file's name ends. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it is text that may go to a pipe, since nothing in it is known only at the end. */
    public boolean isText() {
        return this == CSV || this == JSONL;
    }

    /**
     * The format that a file's name ends in.
     *
     * @throws IllegalArgumentException if it ends otherwise
     */
    public static EmbeddingFormat of(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        return Stream.of(values())
                .filter(format -> name.endsWith("." + format.id()))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(file + ": its ending names none of the formats "
                        + Stream.of(values()).map(EmbeddingFormat::id).collect(Collectors.joining(", "))));
    }
}
