package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.store.Checkpoints;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The format of {@code torch.save} before PyTorch 1.6, honest and hostile. */
@NullUnmarked // a null fails the test
class LegacyTorchFileTest {
    private static final float[] SIX = {0, 1, 2, 3, 4, 5};

    @TempDir
    Path directory;

    @Test
    void twoTensorsShareAStorage() {
        Map<?, ?> dict = (Map<?, ?>) load(honest().bytes());

        assertThat(((HostTensor) dict.get("a")).toFloats()).containsExactly(SIX);
        assertThat(((HostTensor) dict.get("b")).toFloats()).containsExactly(0, 3, 1, 4, 2, 5);
        assertThat(((HostTensor) dict.get("n")).toFloats()).containsExactly(7);
    }

    @Test
    void checkpointsReadItLikeAnyOther() {
        assertThat(Checkpoints.read(write(honest().bytes()), Weights.AUTO).tensors())
                .containsOnlyKeys("a", "b", "n");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5})
    void anyPickleProtocolReads(int protocol) {
        TestLegacyFile file = new TestLegacyFile(protocol, new TestPickle().number(3));

        assertThat(load(file.keys().bytes())).isEqualTo(3);
    }

    @Test
    void aStorageMayBeAPartOfAnother() {
        TestPickle pickle = new TestPickle()
                .global("torch._utils", "_rebuild_tensor")
                .raw("((")
                .text("storage")
                .global("torch.cuda", "FloatStorage")
                .text("0")
                .text("cuda:0")
                .number(6)
                .raw("(")
                .text("part")
                .number(2)
                .number(3)
                .raw("ttQ")
                .number(1)
                .tuple(2)
                .tuple(1)
                .raw("tR");

        Object part = load(new TestLegacyFile(2, pickle)
                .keys("0")
                .storage(6, TestLegacyFile.floats(SIX))
                .bytes());

        assertThat(((HostTensor) part).toFloats()).containsExactly(3, 4);
    }

    @Test
    void storagesOfForeignTypesAreSteppedOver() {
        TestPickle pickle = new TestPickle()
                .raw("(")
                .storage("ComplexFloatStorage", "0", 2)
                .storage("FloatStorage", "1", 6)
                .raw("t");

        List<?> storages = (List<?>) load(new TestLegacyFile(2, pickle)
                .keys("0", "1")
                .storage(2, new byte[16])
                .storage(6, TestLegacyFile.floats(SIX))
                .bytes());

        assertThat(storages.get(0)).hasToString("<torch.ComplexFloatStorage>");
        assertThat(((HostTensor) storages.get(1)).toFloats()).containsExactly(SIX);
    }

    @Test
    void aModulesSourceIsSteppedOver() {
        TestPickle pickle = new TestPickle()
                .raw("(")
                .text("module")
                .global("my", "Net")
                .text("/home/me/net.py")
                .text("class Net: …")
                .raw("tQ)R");

        assertThat(load(new TestLegacyFile(2, pickle).keys().bytes())).hasToString("<my.Net>");
    }

    @Test
    void everyTruncationIsRefusedInOneLine() {
        byte[] whole = honest().bytes();
        for (int length = 0; length < whole.length; length++) {
            assertRefused(Arrays.copyOf(whole, length), "");
        }
    }

    @Test
    void aTruncatedStorageIsNamedWithItsSize() {
        byte[] whole = honest().bytes();
        assertRefused(
                Arrays.copyOf(whole, whole.length - 30), "truncated: storage '0' of 6 elements of torch.FloatStorage");
        assertRefused(Arrays.copyOf(whole, whole.length - 10), "truncated: storage '1' of 1 elements");
    }

    @Test
    void countsThatLieAreRefused() {
        TestPickle one = new TestPickle().storage("FloatStorage", "0", 6);
        assertRefused(file(one).keys("0").storage(5, TestLegacyFile.floats(SIX)).bytes(), "has 5 by its own count");
        assertRefused(file(one).keys("0").storage(-1, new byte[0]).bytes(), "has -1 by its own count");
        TestPickle huge = new TestPickle().storage("DoubleStorage", "0", Long.MAX_VALUE / 2);
        assertRefused(
                file(huge).keys("0").storage(Long.MAX_VALUE / 2, new byte[8]).bytes(), "truncated");
        TestPickle negative = new TestPickle().storage("FloatStorage", "0", -6);
        assertRefused(file(negative).keys("0").storage(-6, new byte[24]).bytes(), "storage '0'");
    }

    @Test
    void storagesThatAreNotThereAreRefused() {
        TestPickle one = new TestPickle().storage("FloatStorage", "0", 6);
        assertRefused(file(one).keys().bytes(), "lacks the storage '0'");
        assertRefused(file(one).keys("1").storage(6, new byte[24]).bytes(), "'1' that its content does not name");
        assertRefused(file(one).keys("0", "0").storage(6, new byte[24]).bytes(), "lists storage '0' twice");
        assertRefused(
                file(new TestPickle().storage("NewStorage", "0", 6)).keys("0").bytes(), "torch.NewStorage");
    }

    @Test
    void aBigEndianFileIsRefused() {
        assertRefused(
                new TestLegacyFile(2, new TestPickle().raw("N"), 1001, false)
                        .keys()
                        .bytes(),
                "byte order is 'big'");
    }

    @Test
    void anotherVersionIsRefused() {
        assertRefused(
                new TestLegacyFile(2, new TestPickle().raw("N"), 1002, true)
                        .keys()
                        .bytes(),
                "1002");
    }

    @Test
    void aListOfStoragesThatIsNoneIsRefused() {
        assertRefused(
                file(new TestPickle().raw("N"))
                        .pickle(new TestPickle().raw("}"))
                        .bytes(),
                "no list of storages");
    }

    /** A dict of a, its transpose b, and n, a whole number. */
    static TestLegacyFile honest() {
        TestPickle pickle = new TestPickle()
                .op(0x80, 2)
                .raw("}(")
                .text("a")
                .tensor("FloatStorage", 6, 0, new long[] {6}, new long[] {1})
                .text("b")
                .tensor("FloatStorage", 6, 0, new long[] {3, 2}, new long[] {1, 3})
                .text("n")
                .global("torch._utils", "_rebuild_tensor_v2")
                .raw("(")
                .storage("LongStorage", "1", 1)
                .raw("K\0))\u0089N")
                .raw("tRu");
        return file(pickle)
                .keys("0", "1")
                .storage(6, TestLegacyFile.floats(SIX))
                .storage(1, new byte[] {7, 0, 0, 0, 0, 0, 0, 0});
    }

    private static TestLegacyFile file(TestPickle content) {
        return new TestLegacyFile(2, content);
    }

    private Path write(byte[] bytes) {
        try {
            return Files.write(directory.resolve("old.pth"), bytes);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Object load(byte[] bytes) {
        return TorchFile.load(write(bytes));
    }

    private void assertRefused(byte[] bytes, String... parts) {
        Path file = write(bytes);
        assertThatThrownBy(() -> Checkpoints.read(file, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts)
                .hasMessageNotContainingAny("Exception", "java");
    }
}
