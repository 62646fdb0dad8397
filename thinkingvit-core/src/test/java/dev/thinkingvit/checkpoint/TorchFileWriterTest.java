package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.OutsidePython;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@NullUnmarked // a null fails the test
class TorchFileWriterTest {
    /** Every value of a file, with type, shape and bytes of tensors, as a line each. */
    private static final String SHOW = """
            import sys, torch
            def show(path, value):
                if isinstance(value, dict):
                    for key in value: show(path + '/' + str(key), value[key])
                elif isinstance(value, torch.Tensor):
                    raw = value.contiguous().view(-1).view(torch.uint8) if value.numel() else torch.zeros(0)
                    print(path, value.dtype, list(value.shape), value.is_contiguous(), bytes(raw.tolist()).hex())
                else:
                    print(path, repr(value))
            show('', torch.load(sys.argv[1], mmap=sys.argv[2] == 'mmap'))
            """;

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("last.pth.tar");
    }

    @Test
    void theReaderGivesBackWhatWasWritten() {
        TorchFileWriter.write(file, content());

        Map<?, ?> read = (Map<?, ?>) TorchFile.load(file);

        assertThat(List.copyOf(read.keySet())).isEqualTo(List.copyOf(content().keySet()));
        assertThat(read.get("epoch")).isEqualTo(7);
        assertThat(read.get("args")).isEqualTo(content().get("args"));
        assertThat(read.get("metric")).isEqualTo(81.444);
        assertSame(((Map<?, ?>) read.get("state_dict")).get("w"), weights());
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void everyElementTypeComesBackBitForBit(DType type) {
        byte[] bytes = new byte[6 * type.bytes()];
        new Random(3).nextBytes(bytes);
        if (type == DType.BOOL) {
            bytes = new byte[] {1, 0, 0, 1, 1, 0};
        }
        HostTensor tensor = new HostTensor(type, new long[] {2, 3}, ByteBuffer.wrap(bytes));

        TorchFileWriter.write(file, Map.of("t", tensor));

        assertSame(((Map<?, ?>) TorchFile.load(file)).get("t"), tensor);
    }

    @Test
    void storagesBeginAtMultiplesOf64BytesAndAreNotCompressed() throws Exception {
        float[] marked = new float[100];
        Arrays.fill(marked, Float.intBitsToFloat(0x5AC35AC3));
        Map<String, Object> content = new LinkedHashMap<>(content());
        content.put("marked", HostTensor.of(marked, 100));
        TorchFileWriter.write(file, content);

        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int start = 0;
        while (bytes.getInt(start) != 0x5AC35AC3) {
            start++;
        }
        assertThat(start % 64).isZero();
        for (int i = 0; i < 100; i++) {
            assertThat(bytes.getInt(start + 4 * i)).isEqualTo(0x5AC35AC3);
        }
    }

    @Test
    void theSameContentGivesTheSameBytes() throws Exception {
        TorchFileWriter.write(file, content());
        byte[] first = Files.readAllBytes(file);

        TorchFileWriter.write(file, content());

        assertThat(Files.readAllBytes(file)).isEqualTo(first);
    }

    @Test
    void aTensorThatComesTwiceIsStoredOnce() throws Exception {
        HostTensor big = HostTensor.of(new float[100_000], 100_000);

        TorchFileWriter.write(file, Map.of("a", big, "b", big));

        assertThat(Files.size(file)).isLessThan(500_000);
        assertThat((Map<?, ?>) TorchFile.load(file)).hasSize(2);
    }

    @Test
    void whatIsNoPlainValueIsRefusedAndNothingWritten() {
        assertThatThrownBy(() -> TorchFileWriter.write(file, Map.of("path", folder)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has no place in a checkpoint; tensors, strings, numbers");
        assertThatThrownBy(() -> TorchFileWriter.write(file, Map.of("map", Map.of(true, 1))))
                .hasMessage("the key true is neither a string nor a number");
        assertThat(file).doesNotExist();
    }

    @Test
    void aFolderThatIsMissingIsNamed() {
        Path lost = folder.resolve("lost/last.pth.tar");

        assertThatThrownBy(() -> TorchFileWriter.write(lost, content()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(lost.toString());
    }

    @Test
    void torchReadsItUnderItsStrictDefaultAndMapsIt() throws Exception {
        TorchFileWriter.write(file, content());

        for (String how : List.of("read", "mmap")) {
            assertThat(OutsidePython.lines("torch", SHOW, file.toString(), how))
                    .containsExactly(
                            "/epoch 7",
                            "/state_dict/w torch.float32 [2, 3] True 0000803f000000c0000080bf000000000000c0ffdb0f4940",
                            "/state_dict/alpha torch.bfloat16 [] True 803f",
                            "/state_dict/count torch.int64 [1] True 0500000000000000",
                            "/state_dict/none torch.float32 [0, 4] True ",
                            "/args/model 'thinkingvit'",
                            "/args/thinking_stages [3, 6]",
                            "/args/name '猫 \"x\"'",
                            "/args/lr None",
                            "/args/model_ema True",
                            "/args/mean [0.485, -1e-300, inf]",
                            "/args/numbers [0, 255, 256, -1, 2147483648, -9223372036854775808]",
                            "/args/5 False",
                            "/metric 81.444");
        }
    }

    private static HostTensor weights() {
        return HostTensor.of(new float[] {1, -2, -1, 0, Float.intBitsToFloat(0xFFC00000), (float) Math.PI}, 2, 3);
    }

    private static Map<String, Object> content() {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("w", weights());
        state.put("alpha", new HostTensor(DType.BF16, new long[0], ByteBuffer.wrap(new byte[] {(byte) 0x80, 0x3f})));
        state.put("count", HostTensor.of(new long[] {5}, 1));
        state.put("none", HostTensor.of(new float[0], 0, 4));
        Map<Object, Object> args = new LinkedHashMap<>();
        args.put("model", "thinkingvit");
        args.put("thinking_stages", List.of(3, 6));
        args.put("name", "猫 \"x\"");
        args.put("lr", null);
        args.put("model_ema", true);
        args.put("mean", List.of(0.485, -1e-300, Double.POSITIVE_INFINITY));
        args.put("numbers", List.of(0, 255, 256, -1, 1L << 31, Long.MIN_VALUE));
        args.put(5, false);
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("epoch", 7);
        content.put("state_dict", state);
        content.put("args", args);
        content.put("metric", 81.444);
        return content;
    }

    private static void assertSame(Object read, HostTensor expected) {
        assertThat(read).isInstanceOf(HostTensor.class).hasToString(expected.toString());
        assertThat(((HostTensor) read).data()).isEqualTo(expected.data());
    }
}
