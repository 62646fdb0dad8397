package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.store.Checkpoints;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class NumpyArchiveTest {
    private static final float[] SIX = {0, 1, 2, 3, 4, 5};

    @TempDir
    Path directory;

    @Test
    void arraysReadRowByRowWhateverTheirOrder() {
        NumpyArchive.Contents contents = read(new TestZip()
                .stored("a/b.npy", array(1, header("<f4", "False", "(2, 3)"), floats()))
                .deflated("t.npy", array(1, header("<f4", "True", "(2, 3)"), floats()))
                .stored("s.npy", array(1, header("<f8", "False", "()"), new byte[8]))
                .stored("e.npy", array(1, header("<f4", "False", "(0, 3)"), new byte[0]))
                .stored("old.npy", array(1, header("<f4", "False", "(6L,)"), floats())));

        assertThat(contents.tensors()).containsOnlyKeys("a/b", "t", "s", "e", "old");
        assertThat(contents.tensors().get("a/b").toFloats()).containsExactly(SIX);
        assertThat(contents.tensors().get("a/b")).hasToString("F32 [2, 3]");
        assertThat(contents.tensors().get("t").toFloats()).containsExactly(0, 2, 4, 1, 3, 5);
        assertThat(contents.tensors().get("s")).hasToString("F64 []");
        assertThat(contents.tensors().get("e")).hasToString("F32 [0, 3]");
        assertThat(contents.tensors().get("old").toFloats()).containsExactly(SIX);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void everyVersionOfTheHeaderReads(int version) {
        HostTensor tensor = read(new TestZip()
                        .stored("a.npy", array(version, header("<f4", "False", "(6,)"), floats())))
                .tensors()
                .get("a");

        assertThat(tensor.toFloats()).containsExactly(SIX);
    }

    @ParameterizedTest
    @CsvSource({"|O, numpy type '|O'", "<c8, numpy type '<c8'", ">f4, numpy type '>f4'", "|V2, numpy type '|V2'"})
    void anArrayOfAForeignTypeIsNamed(String type, String named) {
        NumpyArchive.Contents contents = read(new TestZip()
                .stored("x.npy", array(1, header(type, "False", "(3,)"), new byte[7]))
                .stored("a.npy", array(1, header("<f4", "False", "(6,)"), floats())));

        assertThat(contents.others()).containsEntry("x", named);
        assertThat(contents.tensors()).containsOnlyKeys("a");
    }

    @Test
    void structuresAndOtherEntriesAreNamed() {
        String structure = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }";
        NumpyArchive.Contents contents = read(
                new TestZip().stored("x.npy", array(1, structure, new byte[8])).stored("readme", new byte[3]));

        assertThat(contents.others()).containsEntry("x", "numpy type structure").containsEntry("readme", "no array");
    }

    @Test
    void checkpointsTellTheKindByItsFirstEntry() throws IOException {
        Path file = write(new TestZip().stored("w.npy", array(1, header("<f4", "False", "(6,)"), floats())));

        assertThat(Checkpoints.read(file, Weights.AUTO).tensors()).containsOnlyKeys("w");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "(2, 3)        | 20 | truncated or damaged: 20 bytes follow",
                "(2, 3)        | 28 | truncated or damaged: 28 bytes follow",
                "(2, 3)        | 25 | truncated or damaged: 25 bytes follow",
                "(2, 3         | 24 | has no shape",
                "(-2, -3)      | 24 | has no shape",
                "(99999999999999999999,) | 24 | absurd shape",
                "(4294967296, 4294967296, 6) | 24 | truncated or damaged"
            })
    void anArrayThatLiesIsRefused(String shape, int bytes, String reason) {
        assertRefused(array(1, header("<f4", "False", shape), new byte[bytes]), "'a'", reason);
    }

    @Test
    void aDamagedHeaderIsRefused() {
        byte[] good = array(1, header("<f4", "False", "(6,)"), floats());
        assertRefused(Arrays.copyOf(good, 5), "no numpy array");
        assertRefused(Arrays.copyOf(good, 20), "its header is of version 1");
        byte[] version = good.clone();
        version[6] = 9;
        assertRefused(version, "version 9");
        assertRefused(array(2, "x".repeat(70_000), new byte[0]), "at most 65536 bytes");
        assertRefused(array(1, "{'shape': (6,)}", floats()), "has no type");
        assertRefused(array(1, header("<f4", "False", "(" + "1,".repeat(65) + ")"), new byte[4]), "64 dimensions");
    }

    private static String header(String type, String columnMajor, String shape) {
        return "{'descr': '" + type + "', 'fortran_order': " + columnMajor + ", 'shape': " + shape + ", }";
    }

    /** A {@code .npy} file. */
    static byte[] array(int version, String header, byte[] data) {
        int start = version == 1 ? 10 : 12;
        byte[] text = header.getBytes(StandardCharsets.US_ASCII);
        ByteBuffer bytes =
                ByteBuffer.allocate(start + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII)).put((byte) version);
        bytes.putInt(8, text.length).position(start);
        return bytes.put(text).put(data).array();
    }

    private static byte[] floats() {
        return TestLegacyFile.floats(SIX);
    }

    private Path write(TestZip zip) {
        return zip.write(directory.resolve("file.npz"));
    }

    private NumpyArchive.Contents read(TestZip zip) {
        try (FileBytes bytes = FileBytes.open(write(zip))) {
            return NumpyArchive.read(bytes);
        }
    }

    private void assertRefused(byte[] array, String... parts) {
        Path file = write(new TestZip().stored("a.npy", array));
        assertThat(Files.exists(file)).isTrue();
        assertThatThrownBy(() -> Checkpoints.read(file, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts)
                .hasMessageNotContainingAny("Exception", "java");
    }
}
