package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Pickles that want to run something, to fill the memory or never to end. */
@NullUnmarked // a null fails the test
class TorchPickleTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "os, system",
        "posix, system",
        "builtins, eval",
        "__builtin__, eval",
        "builtins, getattr",
        "builtins, ValueError",
        "decimal, Decimal",
        "operator, attrgetter",
        "copy_reg, _reconstructor",
        "datetime, datetime",
        "array, array",
        "java.lang, Runtime",
        "java.lang.Runtime, exec",
        "net.razorvine.pickle.objects, ClassDict",
        "exceptions, Exception",
        "torch, load",
        "torch.storage, _load_from_bytes",
        "subprocess, Popen",
        "collections, Counter",
        "builtins, complex"
    })
    void aNameOutsideOfTheWhiteListIsRefused(String module, String name) {
        String full = module + "." + name + ",";
        assertRefused(new TestPickle().global(module, name).raw("(").text("id").raw("tR"), full, "nothing was run");
        assertRefused(new TestPickle().text(module).text(name).op(0x93).raw(")R"), full, "nothing was run");
        assertRefused(new TestPickle().text(module + "." + name).raw(")R"), full, "nothing was run");
        assertRefused(new TestPickle().text(module + "." + name).raw(")").op(0x81), full, "nothing was run");
        assertRefused(new TestPickle().text(module + "." + name).raw(")}").op(0x92), full, "nothing was run");
    }

    @Test
    void opcodesThatTorchNeverWritesAreRefused() {
        assertRefused(new TestPickle().raw("(ios\nsystem\n"), "opcode 0x69", "nothing was run");
        assertRefused(
                new TestPickle().raw("(").global("collections", "OrderedDict").raw("o"), "opcode 0x6f");
        assertRefused(new TestPickle().op(0x82, 1), "opcode 0x82");
        assertRefused(new TestPickle().raw("Ppid\n"), "opcode 0x50");
        assertRefused(new TestPickle().op(0x97), "opcode 0x97");
        assertRefused(new TestPickle().op(0xff), "opcode 0xff");
    }

    static Stream<Arguments> damagedPickles() {
        return Stream.of(
                Arguments.of("nothing", new byte[0]),
                Arguments.of("no stop", new byte[] {'}'}),
                Arguments.of("empty stack", new byte[] {'.'}),
                Arguments.of("a mark as the result", new byte[] {'(', '.'}),
                Arguments.of("no mark", bytes("}t.")),
                Arguments.of("a mark in a list", bytes("](a.")),
                Arguments.of("a key without a value", bytes("}(Nu.")),
                Arguments.of("a memo entry that is not there", bytes("h\1.")),
                Arguments.of("a list as a key", bytes("}]Ns.")),
                Arguments.of("a dict that is none", bytes("]NNs.")),
                Arguments.of("a call of a number", bytes("K\1)R.")),
                Arguments.of("a call without a tuple", bytes("ctorch\nSize\nK\1R.")),
                Arguments.of("a call of a constant", bytes("ctorch\nfloat32\n)R.")),
                Arguments.of("too few arguments", bytes("ctorch._utils\n_rebuild_tensor_v2\n)R.")),
                Arguments.of("a state on a number", bytes("K\1}b.")),
                Arguments.of("no number", bytes("Iabc\n.")),
                Arguments.of("a bad escape", bytes("S'\\'\n.")),
                Arguments.of("a foreign reference", bytes("]Q.")),
                Arguments.of(
                        "an odd reference",
                        new TestPickle().raw("(").text("module").raw("NNNNtQ").stop()),
                Arguments.of("a string longer than the file", bytes("X\u00ff\u00ff\u00ff\u007fabc.")),
                Arguments.of("a string of negative length", bytes("X\0\0\0\u0080abc.")),
                Arguments.of("bytes longer than the file", bytes("\u008e\u00ff\u00ff\u00ff\u007f\0\0\0\0abc.")),
                Arguments.of(
                        "a huge number",
                        new TestPickle()
                                .op(0x8b)
                                .int32(100_000)
                                .bytes(new byte[100_000])
                                .stop()),
                Arguments.of("a huge decimal number", bytes("L" + "9".repeat(100_000) + "L\n.")),
                Arguments.of("a name without end", bytes("c" + "a".repeat(100_000))),
                Arguments.of(
                        "big-endian numpy",
                        new TestPickle()
                                .text("f8")
                                .raw("(K\3")
                                .text(">")
                                .raw("tb")
                                .stop()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damagedPickles")
    void aDamagedPickleIsRefused(String what, byte[] pickle) {
        Path file = new TestZip().stored("a/data.pkl", pickle).write(directory.resolve("f.pth"));

        assertThatThrownBy(() -> TorchFile.load(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining("pickle");
    }

    @ParameterizedTest
    @CsvSource({"(, t", "], a"})
    void deepNestingIsRefused(String open, String close) {
        assertRefused(new TestPickle().raw(open.repeat(100_000) + "N" + close.repeat(100_000)), "nests more than");
    }

    @Test
    void depthCannotHideBehindSharedContainers() {
        // [x1, x2, x3, …] where each x contains the one before: every one is met at depth two.
        TestPickle pickle = new TestPickle().raw("(]q\0");
        for (int i = 1; i < 200; i++) {
            pickle.raw("]").op('h', i - 1).raw("a").op('q', i);
        }
        assertRefused(pickle.raw("t"), "nests more than");
    }

    @Test
    void aContainerThatHoldsItselfIsRefused() {
        assertRefused(new TestPickle().raw("]q\0h\0a"), "contains itself");
        assertRefused(new TestPickle().raw("}q\0").text("k").raw("h\0s"), "contains itself");
    }

    @Test
    void listsThatUnfoldExponentiallyAreRefused() {
        TestPickle pickle = new TestPickle().raw("]q\0");
        for (int i = 1; i < 60; i++) {
            pickle.raw("](").op('h', i - 1).op('h', i - 1).raw("e").op('q', i);
        }
        assertRefused(pickle, "unfolds to more than");
    }

    @Test
    void tuplesThatUnfoldExponentiallyCannotBeKeys() {
        TestPickle pickle = new TestPickle().raw("}").raw(")");
        for (int i = 1; i < 60; i++) {
            pickle.raw("2").op(0x86);
        }
        assertRefused(pickle.raw("Ns"), "key of a kind that is not read");
    }

    @Test
    void endlessPicklesAreRefused() {
        assertRefused(new TestPickle().raw("N0".repeat(3_000_000)), "steps");
        assertRefused(new TestPickle().raw("(".repeat(5_000_000)), "steps");
    }

    @Test
    void copyingOneListOverAndOverIsRefused() {
        TestPickle pickle = new TestPickle().raw("](" + "N".repeat(100_000) + "eq\0");
        for (int i = 0; i < 100_000; i++) {
            pickle.global("builtins", "list").raw("(h\0tR");
        }
        assertRefused(pickle, "steps");
    }

    @Test
    void copyingOneStringOverAndOverIsRefused() {
        TestPickle pickle = new TestPickle().text("x".repeat(65_000)).raw("q\0");
        for (int i = 0; i < 100_000; i++) {
            pickle.global("_codecs", "encode").raw("(h\0tR");
        }
        assertRefused(pickle, "steps");
    }

    @Test
    void aDeepStackOfSmallTuplesTakesNoQuadraticTime() {
        TestPickle pickle = new TestPickle().raw("(" + "N".repeat(1_000_000));
        pickle.raw("(NtN(t".repeat(400_000)).raw("t");
        Path file = file(pickle);

        Assertions.assertTimeoutPreemptively(
                SOON, () -> assertThat(TorchFile.load(file)).isNotNull());
    }

    @ParameterizedTest
    @CsvSource({
        "6, 1, '6', '1', reaches beyond",
        "6, 0, '7', '1', reaches beyond",
        "6, 0, '2,2', '5,1', reaches beyond",
        "6, 6, '1', '1', reaches beyond",
        "6, -1, '1', '1', makes no sense",
        "6, 0, '-1', '1', makes no sense",
        "6, 0, '2', '-1', makes no sense",
        "6, 0, '2', '1,1', makes no sense",
        "6, 0, '4611686018427387904,4', '0,0', absurdly large",
        "6, 0, '2', '9223372036854775807', reaches beyond",
        "6, 9223372036854775807, '3', '1', absurdly large",
        "6, 0, '1099511627776', '0', out of proportion",
        "5, 0, '5', '1', its entry has 24 bytes",
        "7, 0, '6', '1', its entry has 24 bytes",
        "-6, 0, '6', '1', its entry has",
        "4611686018427387910, 0, '6', '1', its entry has"
    })
    void aTensorThatDoesNotFitItsStorageIsRefused(
            long elements, long offset, String sizes, String strides, String reason) {
        assertRefused(
                new TestPickle().tensor("FloatStorage", elements, offset, numbers(sizes), numbers(strides)), reason);
    }

    @Test
    void aMissingStorageIsNamed() {
        assertRefused(
                new TestPickle().storage("FloatStorage", "../../etc/passwd", 6),
                "lacks 'archive/data/../../etc/passwd'");
    }

    @Test
    void manyReorderedViewsOfOneStorageAreRefused() {
        TestPickle pickle = new TestPickle().raw("(");
        byte[] storage = new byte[1 << 20];
        for (int i = 0; i < 1_000; i++) {
            pickle.tensor("ByteStorage", storage.length, 0, new long[] {1024, 1024}, new long[] {1, 1024});
        }
        Path file = new TestZip()
                .stored("a/data.pkl", pickle.raw("t").stop())
                .stored("a/data/0", storage)
                .write(directory.resolve("f.pth"));

        assertThatThrownBy(() -> TorchFile.load(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("out of proportion");
    }

    private static long[] numbers(String list) {
        return Arrays.stream(list.split(",")).mapToLong(Long::parseLong).toArray();
    }

    private static byte[] bytes(String latin1) {
        return latin1.getBytes(StandardCharsets.ISO_8859_1);
    }

    private Path file(TestPickle pickle) {
        return new TestZip()
                .stored("archive/data.pkl", pickle.stop())
                .stored("archive/data/0", new byte[24])
                .write(directory.resolve("f.pth"));
    }

    private void assertRefused(TestPickle pickle, String... parts) {
        Path file = file(pickle);
        Assertions.assertTimeoutPreemptively(SOON, () -> assertThatThrownBy(() -> TorchFile.load(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts));
    }
}
