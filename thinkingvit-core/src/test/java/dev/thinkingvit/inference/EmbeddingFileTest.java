package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.OutsidePython;
import dev.thinkingvit.checkpoint.Safetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@NullUnmarked // JUnit sets the folder
class EmbeddingFileTest {
    private static final String ODD = "b, \"c\"\né.jpg";
    private static final List<String> NAMES = List.of("a.jpg", "broken.jpg", ODD);

    @TempDir
    private Path folder;

    /** One of stage 1, two wide, and one of stage 2, three wide; the second of three names never comes. */
    private static void two(EmbeddingFile.Sink sink) throws IOException {
        sink.add(new Embedding(EmbeddingTest.seen("a.jpg", 1), 2, new float[] {1, -0.1f}));
        sink.add(new Embedding(EmbeddingTest.seen(ODD, 2), 3, new float[] {1e-8f, 2, 3}));
    }

    private Path written(EmbeddingFormat format) throws IOException {
        Path file = folder.resolve("all." + format.id());
        new EmbeddingFile(format, 0, 3, Map.of("stage", "decided")).write(file, NAMES, EmbeddingFileTest::two);
        return file;
    }

    @Test
    void numpysHeaderAndTheValuesAreWhereTheFormatHasThem() throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(written(EmbeddingFormat.NPY)))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(new String(bytes.array(), 0, 6, StandardCharsets.ISO_8859_1)).isEqualTo("\u0093NUMPY");
        assertThat(bytes.getShort(6)).as("version 1.0").isEqualTo((short) 1);
        int start = 10 + bytes.getShort(8);
        assertThat(start % 64).isZero();
        assertThat(new String(bytes.array(), 10, start - 10, StandardCharsets.US_ASCII))
                .startsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), }")
                .endsWith(" \n");
        assertThat(bytes.limit()).isEqualTo(start + 6 * Float.BYTES);
        assertThat(bytes.getFloat(start)).isEqualTo(1);
        assertThat(bytes.getFloat(start + 8)).isZero();
        assertThat(bytes.getFloat(start + 12)).isEqualTo(1e-8f);
        assertThat(folder.resolve("all.npy.csv")).hasContent("""
                        file,stage,label,label_index,probability
                        a.jpg,1,dog,1,0.75
                        "b, ""c""
                        é.jpg",2,dog,1,0.75
                        """);
    }

    @Test
    void safetensorsHoldWhatCameAndNotWhatCouldHaveCome() throws IOException {
        Safetensors.Contents contents = Safetensors.read(written(EmbeddingFormat.SAFETENSORS));
        assertThat(contents.tensors()).containsOnlyKeys("embeddings", "stages", "labels");
        assertThat(contents.tensors().get("embeddings").shape()).containsExactly(2, 3);
        assertThat(contents.tensors().get("embeddings").toFloats()).containsExactly(1, -0.1f, 0, 1e-8f, 2, 3);
        assertThat(contents.tensors().get("stages").toFloats()).containsExactly(1, 2);
        assertThat(contents.tensors().get("labels").toFloats()).containsExactly(1, 1);
        assertThat(contents.metadata())
                .containsEntry("stage", "decided")
                .containsEntry("files", "[\"a.jpg\",\"b, \\\"c\\\"\\né.jpg\"]");
    }

    @Test
    void linesOfJsonAreAsWideAsTheirStage() throws IOException {
        assertThat(written(EmbeddingFormat.JSONL))
                .hasContent("{\"file\":\"a.jpg\",\"label\":\"dog\",\"label_index\":1,\"probability\":0.75,\"stage\":1,"
                        + "\"gmacs\":0.5,\"entropies\":[0.5],\"embedding\":[1.0,-0.1]}\n"
                        + "{\"file\":\"b, \\\"c\\\"\\né.jpg\",\"label\":\"dog\",\"label_index\":1,\"probability\":0.75,"
                        + "\"stage\":2,\"gmacs\":0.5,\"entropies\":[0.5],\"embedding\":[1.0E-8,2.0,3.0]}\n");
    }

    @Test
    void linesOfCsvAreAllOneWidth() throws IOException {
        assertThat(written(EmbeddingFormat.CSV)).hasContent("""
                        file,stage,label,label_index,probability,e0,e1,e2
                        a.jpg,1,dog,1,0.75,1.0,-0.1,0.0
                        "b, ""c""
                        é.jpg",2,dog,1,0.75,1.0E-8,2.0,3.0
                        """);
    }

    /** As many as a stage has left that leaves tokens out. */
    @Test
    void tokensThatAStageHasNotAreZeros() throws IOException {
        Path file = folder.resolve("all.npy");
        Embedding embedding = new Embedding(EmbeddingTest.seen(1), 2, new float[] {1, 2, 3, 4, 5, 6});
        new EmbeddingFile(EmbeddingFormat.NPY, 4, 2, Map.of()).write(file, NAMES, sink -> sink.add(embedding));
        byte[] bytes = Files.readAllBytes(file);
        FloatBuffer values = ByteBuffer.wrap(bytes, bytes.length - 8 * Float.BYTES, 8 * Float.BYTES)
                .slice()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
        float[] all = new float[8];
        values.get(all);
        assertThat(all).containsExactly(1, 2, 3, 4, 5, 6, 0, 0);
    }

    @Test
    void allTokensOfAPictureMakeAThirdAxis() throws IOException {
        Path file = folder.resolve("all.npy");
        Embedding embedding = new Embedding(EmbeddingTest.seen(1), 2, new float[] {1, 2, 3, 4, 5, 6});
        new EmbeddingFile(EmbeddingFormat.NPY, 3, 2, Map.of()).write(file, NAMES, sink -> sink.add(embedding));
        assertThat(Files.readString(file, StandardCharsets.ISO_8859_1)).contains("'shape': (1, 3, 2,)");
        assertThatThrownBy(() -> new EmbeddingFile(EmbeddingFormat.NPY, 2, 2, Map.of())
                        .write(file, NAMES, sink -> sink.add(embedding)))
                .hasMessage("a.jpg: 6 values, 2 x 2 are required");
        assertThat(new EmbeddingText(EmbeddingFormat.JSONL, 2).line(embedding))
                .contains("\"embedding\":[[1.0,2.0],[3.0,4.0],[5.0,6.0]]");
    }

    @ParameterizedTest
    @EnumSource
    void whereTheSourceFailsNothingIsWrittenOrLost(EmbeddingFormat format) throws IOException {
        Path file = written(format);
        byte[] before = Files.readAllBytes(file);
        List<Path> there = listing();
        assertThatThrownBy(() -> new EmbeddingFile(format, 0, 3, Map.of()).write(file, NAMES, sink -> {
                    two(sink);
                    throw new IOException("in the middle");
                }))
                .isInstanceOf(IOException.class)
                .as("the source's own failure, which is not the file's")
                .hasMessage("in the middle");
        assertThat(file).hasBinaryContent(before);
        assertThat(listing()).isEqualTo(there);
    }

    @Test
    void pythonReadsWhatIsWritten() throws Exception {
        Path npy = written(EmbeddingFormat.NPY);
        Path safetensors = written(EmbeddingFormat.SAFETENSORS);
        assertThat(OutsidePython.lines("numpy, safetensors.numpy", """
                        import csv, json, sys, numpy, safetensors, safetensors.numpy
                        array = numpy.load(sys.argv[1], mmap_mode='r')
                        print(array.dtype, array.shape, array.tolist() == numpy.float32(
                            [[1, -0.1, 0], [1e-8, 2, 3]]).tolist())
                        with open(sys.argv[1] + '.csv', newline='', encoding='utf-8') as rows:
                            print([row['file'] for row in csv.DictReader(rows)])
                        tensors = safetensors.numpy.load_file(sys.argv[2])
                        print((tensors['embeddings'] == array).all(), tensors['stages'].tolist())
                        with safetensors.safe_open(sys.argv[2], 'numpy') as file:
                            print(json.loads(file.metadata()['files']))
                        """, npy.toString(), safetensors.toString()))
                .containsExactly(
                        "float32 (2, 3) True",
                        "['a.jpg', 'b, \"c\"\\né.jpg']",
                        "True [1, 2]",
                        "['a.jpg', 'b, \"c\"\\né.jpg']");
    }

    private List<Path> listing() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }
}
