package dev.thinkingvit.inference;

import dev.thinkingvit.checkpoint.NumpyFile;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.Safetensors.Outline;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes embeddings to a file as they come, so that a million of them need no memory; the file appears as a whole or not at
 * all. {@code B} pictures, {@code N} tokens, {@code D} the width that all rows are padded to.
 *
 * @param format how
 * @param tokens N where all tokens are kept, at least those of every embedding, an array (B, N, D) then; 0 where a picture is one vector, (B, D)
 * @param width D, at least that of every embedding
 * @param facts for who reads the file, where the format has a place for them
 */
public record EmbeddingFile(EmbeddingFormat format, int tokens, int width, Map<String, String> facts) {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    public EmbeddingFile {
        Objects.requireNonNull(format, "the format is null");
        Objects.requireNonNull(facts, "the facts are null");
        facts = Collections.unmodifiableMap(new TreeMap<>(facts)); // so that the same is written each time
    }

    /** Takes embeddings, one after the other. */
    @FunctionalInterface
    public interface Sink {
        void add(Embedding embedding) throws IOException;
    }

    /** Gives embeddings until there are no more. */
    @FunctionalInterface
    public interface Source {
        void to(Sink sink) throws IOException;
    }

    /** The file that says what the rows of a {@code .npy} file are: {@code features.npy.csv}. */
    public static Path rowsOf(Path npy) {
        Objects.requireNonNull(npy, "the file is null");
        return npy.resolveSibling(npy.getFileName() + ".csv");
    }

    /**
     * The files that are written for one that is asked for.
     *
     * @throws IOException if the format needs a file and this is a pipe or a device
     */
    public static List<Path> targets(EmbeddingFormat format, Path file) throws IOException {
        Objects.requireNonNull(format, "the format is null");
        Objects.requireNonNull(file, "the file is null");
        if (!format.isText()) {
            AtomicFiles.requireFile(file);
        }
        return format == EmbeddingFormat.NPY ? List.of(file, rowsOf(file)) : List.of(file);
    }

    /**
     * Writes a file.
     *
     * @param names of all pictures that may come, for which room is kept
     * @throws IOException if the source fails, as it failed, or the disk does, naming the file; nothing is then changed
     */
    public void write(Path file, List<String> names, Source source) throws IOException {
        Objects.requireNonNull(file, "the file is null");
        Objects.requireNonNull(names, "the names are null");
        Objects.requireNonNull(source, "the source is null");
        try {
            switch (format) {
                case NPY -> writeNumpy(file, source);
                case SAFETENSORS -> writeSafetensors(file, names, source);
                case CSV, JSONL ->
                    AtomicFiles.write(file, out -> {
                        EmbeddingText text = new EmbeddingText(format, width);
                        print(out, text.header());
                        copy(source, embedding -> print(out, text.line(embedding)));
                    });
            }
        } catch (Elsewhere e) {
            throw e.failure;
        }
    }

    /** What fails and is not the file that is being written, which must not be blamed. */
    private static final class Elsewhere extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final IOException failure;

        Elsewhere(IOException failure) {
            super(failure);
            this.failure = failure;
        }
    }

    private static void copy(Source source, Sink sink) throws IOException {
        IOException[] own = new IOException[1];
        try {
            source.to(embedding -> {
                try {
                    sink.add(embedding);
                } catch (IOException e) {
                    own[0] = e;
                    throw e;
                }
            });
        } catch (IOException e) {
            if (e == own[0]) {
                throw e;
            }
            throw new Elsewhere(e);
        }
    }

    private void writeNumpy(Path file, Source source) throws IOException {
        AtomicFiles.write(rowsOf(file), rows -> {
            print(rows, EmbeddingText.rowHeader());
            try {
                NumpyFile.write(file, values -> writeNumpy(values, rows, source));
            } catch (IOException e) {
                throw new Elsewhere(e);
            }
        });
    }

    /** @return the array's shape */
    private long[] writeNumpy(OutputStream values, OutputStream rows, Source source) throws IOException {
        long[] count = {0};
        copy(source, embedding -> {
            print(values, embedding);
            print(rows, EmbeddingText.row(embedding) + "\n");
            count[0]++;
        });
        rows.flush(); // a full disk is to be known before the array is there
        return shape(count[0]);
    }

    private void writeSafetensors(Path file, List<String> names, Source source) throws IOException {
        Safetensors.write(file, head(names), values -> {
            List<String> came = new ArrayList<>();
            ByteArrayOutputStream stages = new ByteArrayOutputStream();
            ByteArrayOutputStream labels = new ByteArrayOutputStream();
            copy(source, embedding -> {
                print(values, embedding);
                came.add(embedding.source());
                print(stages, embedding.stage());
                print(labels, embedding.classification().best().index());
            });
            stages.writeTo(values);
            labels.writeTo(values);
            return head(came);
        });
    }

    private Safetensors.Head head(List<String> names) {
        Map<String, Outline> tensors = new LinkedHashMap<>();
        tensors.put("embeddings", new Outline(DType.F32, shape(names.size())));
        tensors.put("stages", new Outline(DType.I32, names.size()));
        tensors.put("labels", new Outline(DType.I32, names.size()));
        Map<String, String> metadata = new LinkedHashMap<>(facts);
        metadata.put("files", MAPPER.writeValueAsString(names));
        return new Safetensors.Head(tensors, metadata);
    }

    private long[] shape(long count) {
        return tokens == 0 ? new long[] {count, width} : new long[] {count, tokens, width};
    }

    private void print(OutputStream out, Embedding embedding) throws IOException {
        float[] values = embedding.padded(width).values();
        int whole = Math.max(1, tokens) * width;
        if (values.length > whole) {
            throw new IllegalArgumentException(embedding.source() + ": " + values.length + " values, "
                    + Math.max(1, tokens) + " x " + width + " are required");
        }
        byte[] bytes = new byte[whole * Float.BYTES]; // zeros where a stage has left tokens out
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
        out.write(bytes);
    }

    private static void print(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
    }

    private static void print(OutputStream out, int number) throws IOException {
        out.write(ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(number)
                .array());
    }
}
