package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class SafetensorsTest {
    private static final Path MODEL = Path.of("src/test/resources/reference/vit-3h-6h/model.safetensors");

    @TempDir
    Path directory;

    @Test
    void theReferenceModelReads() {
        Safetensors.Contents contents = Safetensors.read(MODEL);

        assertThat(contents.tensors()).containsKeys("cls_token", "alpha.0", "proj_layer.weight");
        HostTensor position = contents.tensors().get("pos_embed");
        assertThat(position).hasToString("F32 [1, 17, 48]");
        assertThat(position.data().isReadOnly()).isTrue();
    }

    @Test
    void whatIsWrittenIsReadBack() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("z \"quoted\" \n ü", HostTensor.of(new float[] {1, -2.5f, Float.NaN}, 3));
        tensors.put("a", HostTensor.of(new float[0], 2, 0, 3));
        tensors.put("scalar", HostTensor.of(new float[] {7}));
        Path file = directory.resolve("a.safetensors");

        Safetensors.write(file, tensors, Map.of("format", "pt"));
        Safetensors.Contents contents = Safetensors.read(file);

        assertThat(contents.metadata()).isEqualTo(Map.of("format", "pt"));
        assertThat(contents.tensors().keySet()).containsExactlyElementsOf(tensors.keySet());
        tensors.forEach((name, tensor) -> assertSame(contents.tensors().get(name), tensor));
    }

    @Test
    void theReferenceModelSurvivesBeingRewritten() {
        Safetensors.Contents model = Safetensors.read(MODEL);
        Path file = directory.resolve("copy");

        Safetensors.write(file, model.tensors(), model.metadata());

        Safetensors.Contents copy = Safetensors.read(file);
        assertThat(copy.tensors().keySet())
                .containsExactlyElementsOf(model.tensors().keySet());
        model.tensors().forEach((name, tensor) -> assertSame(copy.tensors().get(name), tensor));
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void everyElementTypeIsKept(DType dtype) {
        HostTensor tensor = new HostTensor(dtype, new long[] {3}, ByteBuffer.allocate(3 * dtype.bytes()));
        Path file = directory.resolve("a");

        Safetensors.write(file, Map.of("t", tensor), Map.of());

        assertSame(Safetensors.read(file).tensors().get("t"), tensor);
    }

    @Test
    void everyTensorIsAlignedAndTheHeaderPadded() throws IOException {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("flag", new HostTensor(DType.BOOL, new long[] {3}, ByteBuffer.allocate(3)));
        tensors.put("count", HostTensor.of(new long[] {5}, 1));
        tensors.put("weight", HostTensor.of(new float[] {5}, 1));
        Path file = directory.resolve("a");

        Safetensors.write(file, tensors, Map.of());

        assertThat(Safetensors.read(file).tensors().keySet()).containsExactly("count", "weight", "flag");
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(bytes.getLong(0) % 8).isZero();
        assertThat(bytes.limit()).isEqualTo(8 + bytes.getLong(0) + 8 + 4 + 3);
    }

    @Test
    void theMetadataKeyCannotNameATensor() {
        Path file = directory.resolve("a");

        assertThatThrownBy(() ->
                        Safetensors.write(file, Map.of("__metadata__", HostTensor.of(new long[] {1}, 1)), Map.of()))
                .isInstanceOf(CheckpointException.class);
        assertThat(file).doesNotExist();
    }

    @Test
    void aFileBeyondTwoGibibytesReads() throws IOException {
        long half = 1_610_612_736L;
        Path file = directory.resolve("large");
        String json = "{\"a\":" + tensor("U8", half, 0, half) + ",\"b\":" + tensor("U8", half, half, 2 * half)
                + ",\"c\":" + tensor("I16", 1, 2 * half, 2 * half + 2) + "}";
        write(file, json, 0);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(8 + json.length() + 2 * half);
            sparse.seek(8 + json.length() + 2 * half - 1);
            sparse.write(new byte[] {42, 1, 2});
        }

        Map<String, HostTensor> tensors = Safetensors.read(file).tensors();

        assertThat(tensors.get("a").data().get((int) half - 1)).isZero();
        assertThat(tensors.get("b").data().get((int) half - 1)).isEqualTo((byte) 42);
        assertThat(tensors.get("c").data().getShort()).isEqualTo((short) 0x0201);
    }

    @Test
    void aTensorBeyondTwoGibibytesIsNamedOnly() throws IOException {
        long size = 1L << 31;
        Path file = directory.resolve("large");
        String json = "{\"big one\":" + tensor("U8", size, 0, size) + "}";
        write(file, json, 0);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(8 + json.length() + size);
        }

        assertThat(Safetensors.read(file).others().get("big one")).contains("2147483648 bytes", "2 GiB");
    }

    @Test
    void aTruncatedFileIsRefusedByName() throws IOException {
        byte[] whole = Files.readAllBytes(MODEL);
        for (int length : new int[] {0, 1, 7, 8, 9, 1000, whole.length / 2, whole.length - 1}) {
            Path file = Files.write(directory.resolve("cut" + length), Arrays.copyOf(whole, length));
            assertRefused(file, "bytes");
        }
    }

    @Test
    void trailingBytesAreRefused() throws IOException {
        assertRefused(written("{\"a\":" + tensor("U8", 4, 0, 4) + "}", 5), "1 left-over bytes");
        assertRefused(written("{}", 3), "3 left-over bytes");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_001, 1000})
    void aHeaderLengthThatLiesIsRefused(long length) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
        assertRefused(Files.write(directory.resolve("a"), bytes.array()), "header");
    }

    static Stream<Arguments> brokenHeaders() {
        return Stream.of(
                        new String[] {"not JSON", "{\"a\":", "no valid JSON"},
                        new String[] {"an array", "[1]", "does not begin with '{'"},
                        new String[] {"a space before", " {}", "does not begin with '{'"},
                        new String[] {"something after", "{} {}", "goes on after"},
                        new String[] {"a name twice", "{\"a\":%1$s,\"a\":%1$s}", "Duplicate"},
                        new String[] {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", "Duplicate"},
                        new String[] {"a key twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", "Duplicate"},
                        new String[] {"metadata of numbers", "{\"__metadata__\":{\"k\":1}}", "entry 'k'"},
                        new String[] {"metadata not an object", "{\"__metadata__\":[]}", "__metadata__"},
                        new String[] {
                            "a tensor not an object",
                            "{\"a\":1}",
                            "tensor 'a' must be an object with keys, came a whole number"
                        },
                        new String[] {"an unknown key", "{\"a\":{\"x\":1}}", "unknown key 'x'"},
                        new String[] {"a missing key", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", "tensor 'a'"},
                        new String[] {
                            "a foreign dtype that does not fit", header("F8_E4M3", "[5]", "[0,4]"), "takes 5 bytes"
                        },
                        new String[] {"a dtype without end", header("X".repeat(99), "[4]", "[0,4]"), "99 characters"},
                        new String[] {"a negative size", header("U8", "[-4,-1]", "[0,4]"), "negative"},
                        new String[] {
                            "a fractional size",
                            header("U8", "[4.0]", "[0,4]"),
                            "must be a whole number, came a number that"
                        },
                        new String[] {"a size beyond 64 bits", header("U8", "[99999999999999999999]", "[0,4]"), "range"
                        },
                        new String[] {
                            "an overflowing shape",
                            header("U8", "[4294967296,4294967297,4294967296]", "[0,4]"),
                            "absurd"
                        },
                        new String[] {
                            "an overflow to the right size", header("F32", "[4611686018427387905]", "[0,4]"), "absurd"
                        },
                        new String[] {"a shape that does not fit", header("F32", "[4]", "[0,4]"), "takes 16 bytes"},
                        new String[] {"one offset", header("U8", "[4]", "[4]"), "data_offsets"},
                        new String[] {"offsets reversed", header("U8", "[4]", "[4,0]"), "data_offsets"},
                        new String[] {"negative offsets", header("U8", "[4]", "[-4,0]"), "negative"},
                        new String[] {
                            "offsets beyond the file", header("U8", "[400]", "[0,400]"), "truncated: tensor 'a'"
                        },
                        new String[] {"a hole before", header("U8", "[3]", "[1,4]"), "after a hole"},
                        new String[] {
                            "an overlap",
                            "{\"a\":" + tensor("U8", 4, 0, 4) + ",\"b\":" + tensor("U8", 2, 2, 4) + "}",
                            "inside another"
                        },
                        new String[] {
                            "a hole between",
                            "{\"a\":" + tensor("U8", 1, 0, 1) + ",\"b\":" + tensor("U8", 2, 2, 4) + "}",
                            "tensor 'b'"
                        },
                        new String[] {
                            "too many dimensions", header("U8", "[1" + ",1".repeat(64) + "]", "[0,4]"), "more than 64"
                        },
                        new String[] {"deep nesting", "{\"a\":" + "[".repeat(10_000), "tensor 'a'"},
                        new String[] {"deep nesting in a shape", "{\"a\":{\"shape\":" + "[".repeat(10_000), "shape"})
                .map(row -> Arguments.of(row[0], row[1].replace("%1$s", tensor("U8", 4, 0, 4)), row[2]));
    }

    @ParameterizedTest
    @CsvSource({"F8_E4M3, 4", "F8_E8M0, 4", "U16, 2", "C64, 0", "F4, 8", "F6_E2M3, 5", "NEWER, 4"})
    void aTensorOfAForeignTypeIsNamedAndHidesNoOther(String type, int size) throws IOException {
        int bytes = type.equals("C64") ? 0 : 4;
        String json = "{\"x\":" + tensor(type, size, 0, bytes) + ",\"a\":" + tensor("U8", 3, bytes, bytes + 3) + "}";

        Safetensors.Contents contents = Safetensors.read(written(json, bytes + 3));

        assertThat(contents.others()).isEqualTo(Map.of("x", type + " tensor"));
        assertThat(contents.tensors()).containsOnlyKeys("a");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("brokenHeaders")
    void aBrokenHeaderIsRefusedWithItsReason(String what, String json, String reason) throws IOException {
        assertRefused(written(json, 4), reason);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4096, Integer.MAX_VALUE})
    void aFileThatIsReadAtOnceReadsTheSameAsOneThatIsNot(int smallFile) throws IOException {
        Safetensors.Contents expected = Safetensors.read(MODEL);
        try (FileBytes bytes = FileBytes.open(MODEL, smallFile)) {
            Map<String, HostTensor> tensors = Safetensors.read(bytes).tensors();
            expected.tensors().forEach((name, tensor) -> assertSame(tensors.get(name), tensor));
        }
    }

    @Test
    void aNameCannotForgeALogLine() throws IOException {
        Path file = written("{\"a\\n\\u001b[31mERROR\":1}", 0);
        assertThatThrownBy(() -> Safetensors.read(file)).hasMessageNotContainingAny("\n", "\u001b");
    }

    private static String tensor(String dtype, long size, long begin, long end) {
        return "{\"dtype\":\"" + dtype + "\",\"shape\":[" + size + "],\"data_offsets\":[" + begin + "," + end + "]}";
    }

    private static String header(String dtype, String shape, String offsets) {
        return "{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
    }

    private Path written(String json, int dataBytes) throws IOException {
        return write(directory.resolve("hostile.safetensors"), json, dataBytes);
    }

    private static Path write(Path file, String json, int dataBytes) throws IOException {
        byte[] header = json.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        return Files.write(file, bytes.putLong(header.length).put(header).array());
    }

    private static void assertRefused(Path file, String... parts) {
        assertThatThrownBy(() -> Safetensors.read(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContainingAll(parts);
    }

    private static void assertSame(HostTensor actual, HostTensor expected) {
        assertThat(actual).hasToString(expected.toString());
        assertThat(actual.data()).isEqualTo(expected.data());
    }
}
