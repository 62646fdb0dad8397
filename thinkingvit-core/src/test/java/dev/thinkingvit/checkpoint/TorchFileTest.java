package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.store.Checkpoints;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What honest files hold; hostile ones are in {@link TorchPickleTest} and {@link ZipArchiveTest}. */
@NullUnmarked // a null fails the test
class TorchFileTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final Path TRAINER_FILE = REFERENCE.resolve("vit-3h-6h/checkpoint.pth.tar");
    private static final float[] SIX = {0, 1, 2, 3, 4, 5};

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"AUTO, ema3., state_dict_ema", "EMA, ema3., state_dict_ema", "MODEL, after3., state_dict"})
    void theTrainerFileHoldsTheRecordedWeightsBitForBit(Weights weights, String prefix, String entry) {
        StateDict dict = Checkpoints.read(TRAINER_FILE, weights);

        Map<String, HostTensor> recorded = Safetensors.read(REFERENCE.resolve("vit-3h-6h/checkpoint.safetensors"))
                .tensors();
        assertThat(dict.entry()).isEqualTo(entry);
        long expected = recorded.keySet().stream()
                .filter(name -> name.startsWith(prefix))
                .count();
        assertThat(dict.tensors()).hasSize((int) expected).isNotEmpty();
        dict.tensors().forEach((name, tensor) -> {
            assertThat(tensor).hasToString(recorded.get(prefix + name).toString());
            assertThat(tensor.data()).isEqualTo(recorded.get(prefix + name).data());
        });
    }

    @Test
    void theTrainerFileTellsItsFacts() {
        StateDict dict = Checkpoints.read(TRAINER_FILE, Weights.AUTO);

        assertThat(dict.facts())
                .containsEntry("epoch", 3)
                .containsEntry("arch", "thinkingvit")
                .containsEntry("metric", 12.5);
        assertThat(dict.facts().get("args")).isInstanceOf(Map.class);
        assertThat(dict.facts()).doesNotContainKeys("state_dict", "state_dict_ema", "optimizer");
        assertThat(dict.tensors().keySet()).startsWith("cls_token", "pos_embed");
    }

    @Test
    void aFileWithItsWeightsUnderModelReads() {
        StateDict dict = Checkpoints.read(REFERENCE.resolve("dynamicvit/checkpoint.pth"), Weights.AUTO);

        assertThat(dict.entry()).isEqualTo("model");
        assertThat(dict.get("score_predictor.2.out_conv.4.weight").shape()).hasSize(2);
        assertThat(dict.facts()).containsEntry("epoch", 3);
    }

    @Test
    void aMovingAverageThatIsNotThereIsAnError() {
        assertThatThrownBy(() -> Checkpoints.read(REFERENCE.resolve("dynamicvit/checkpoint.pth"), Weights.EMA))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("checkpoint.pth", "no moving average", "state_dict_ema", "epoch");
    }

    @Test
    void aMissingTensorIsNamed() {
        assertThatThrownBy(() -> Checkpoints.read(TRAINER_FILE, Weights.AUTO).get("head.wait"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("checkpoint.pth.tar", "'head.wait'");
    }

    @Test
    void viewsAreBroughtIntoRowMajorOrder() {
        assertThat(floats(0, l(3, 2), l(1, 3))).containsExactly(0, 3, 1, 4, 2, 5);
        assertThat(floats(1, l(2, 2), l(3, 1))).containsExactly(1, 2, 4, 5);
        assertThat(floats(2, l(3), l(0))).containsExactly(2, 2, 2);
        assertThat(floats(4, l(1, 2), l(99, 1))).containsExactly(4, 5);
        assertThat(floats(5, l(), l())).containsExactly(5);
        assertThat(floats(0, l(2, 1, 3), l(1, 7, 2))).containsExactly(0, 2, 4, 1, 3, 5);
        assertThat(floats(0, l(0, 3), l(3, 1))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "DoubleStorage, 3",
        "LongStorage, 3",
        "HalfStorage, 12",
        "BFloat16Storage, 12",
        "ByteStorage, 24",
        "IntStorage, 6",
        "ShortStorage, 12",
        "CharStorage, 24",
        "BoolStorage, 24"
    })
    void everyStorageTypeReadsAndTransposes(String type, int elements) {
        long half = elements / 3;
        HostTensor tensor =
                (HostTensor) TorchFile.load(file(new TestPickle().tensor(type, elements, 0, l(half, 3), l(1, half))));

        ByteBuffer expected = ByteBuffer.wrap(storage());
        int width = tensor.dtype().bytes();
        for (int i = 0; i < elements; i++) {
            long source = i % 3 * half + i / 3;
            assertThat(tensor.data().slice(i * width, width)).isEqualTo(expected.slice((int) source * width, width));
        }
    }

    @Test
    void pythonObjectsBecomePlainValues() {
        Object tree = TorchFile.load(file(new TestPickle()
                .op(0x80, 2)
                .raw("(")
                .global("collections", "OrderedDict")
                .raw(")R(")
                .text("z")
                .number(1)
                .text("a")
                .raw("Nu}")
                .text("_metadata")
                .raw("}sb")
                .global("argparse", "Namespace")
                .raw(")\u0081}")
                .text("lr")
                .raw("F0.5\nsb")
                .global("torch", "Size")
                .raw("(")
                .tuple(2, 3)
                .raw("tR")
                .global("torch", "float32")
                .global("torch", "device")
                .raw("(")
                .text("cuda")
                .number(1)
                .raw("tR")
                .global("pathlib", "PosixPath")
                .raw("(")
                .text("/")
                .text("data")
                .text("x")
                .raw("tR")
                .global("__builtin__", "set")
                .raw("(]")
                .number(1)
                .raw("a")
                .number(1)
                .raw("atR")
                .global("numpy.core.multiarray", "scalar")
                .raw("(")
                .global("numpy", "dtype")
                .raw("(")
                .text("f8")
                .raw("\u0089\u0088tR(")
                .number(3)
                .text("<")
                .raw("NNNJ\u00ff\u00ff\u00ff\u00ffJ\u00ff\u00ff\u00ff\u00ffK\0tb")
                .global("_codecs", "encode")
                .raw("(")
                .text("\0\0\0\0\0\0\u00f0?")
                .text("latin1")
                .raw("tRtR")
                .global("torch._utils", "_rebuild_parameter")
                .raw("(")
                .tensor("FloatStorage", 6, 0, l(6), l(1))
                .raw("\u0088NtR")
                .raw("t")));

        List<?> values = (List<?>) tree;
        assertThat((Map<?, ?>) values.get(0)).hasToString("{z=1, a=null}");
        assertThat(values.subList(1, 8))
                .isEqualTo(List.of(
                        Map.of("lr", 0.5),
                        List.of(2L, 3L),
                        "torch.float32",
                        "cuda:1",
                        "/data/x",
                        new LinkedHashSet<>(List.of(1)),
                        1.0));
        assertThat(((HostTensor) values.get(8)).toFloats()).containsExactly(SIX);
    }

    @Test
    void newerPicklesAndCompressedOrZip64ArchivesReadTheSame() {
        byte[] pickle = new TestPickle()
                .op(0x80, 4, 0x95)
                .bytes(new byte[8])
                .op(0x8c, 5)
                .raw("torch")
                .op(0x8c, 4)
                .raw("Size")
                .op(0x93, 0x94)
                .tuple(1)
                .op(0x85)
                .raw("R")
                .stop();

        Path deflated = new TestZip().deflated("data.pkl", pickle).write(directory.resolve("deflated"));
        Path zip64 = new TestZip().zip64().stored("a/data.pkl", pickle).write(directory.resolve("zip64"));

        assertThat(TorchFile.load(deflated)).isEqualTo(List.of(1L));
        assertThat(TorchFile.load(zip64)).isEqualTo(List.of(1L));
    }

    @Test
    void compressedStoragesReadToo() {
        Path file = new TestZip()
                .deflated(
                        "a/data.pkl",
                        new TestPickle()
                                .tensor("FloatStorage", 6, 0, l(6), l(1))
                                .stop())
                .deflated("a/data/0", storage())
                .write(directory.resolve("deflated"));

        assertThat(((HostTensor) TorchFile.load(file)).toFloats()).containsExactly(SIX);
    }

    private float[] floats(long offset, long[] sizes, long[] strides) {
        return ((HostTensor) TorchFile.load(file(new TestPickle().tensor("FloatStorage", 6, offset, sizes, strides))))
                .toFloats();
    }

    private Path file(TestPickle pickle) {
        return new TestZip()
                .stored("archive/data.pkl", pickle.stop())
                .stored("archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII))
                .stored("archive/data/0", storage())
                .write(directory.resolve("file.pth"));
    }

    private static byte[] storage() {
        ByteBuffer bytes = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(SIX);
        return bytes.array();
    }

    private static long[] l(long... numbers) {
        return Arrays.copyOf(numbers, numbers.length);
    }
}
