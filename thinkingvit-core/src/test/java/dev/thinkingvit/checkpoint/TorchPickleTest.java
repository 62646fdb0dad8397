package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.map;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Pickles that want to run something, to fill the memory or never to end, and those of classes unknown here. */
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
        "builtins, complex",
        "my.config, Thing"
    })
    void anObjectOfAnyOtherNameIsSteppedOver(String module, String name) {
        String full = module + "." + name;
        assertOpaque(new TestPickle().global(module, name).raw("(").text("id").raw("tR"), full);
        assertOpaque(new TestPickle().text(module).text(name).op(0x93).raw(")R"), full);
        assertOpaque(new TestPickle().global(module, name).raw(")").op(0x81), full);
        assertOpaque(
                new TestPickle()
                        .global(module, name)
                        .raw(")}")
                        .text("a")
                        .raw("Ns")
                        .op(0x92),
                full);
        assertOpaque(new TestPickle().raw("(").text("id").raw("i" + module + "\n" + name + "\n"), full);
        assertOpaque(new TestPickle().raw("(").global(module, name).text("id").raw("o"), full);
        assertOpaque(
                new TestPickle()
                        .global("copy_reg", "_reconstructor")
                        .raw("(")
                        .global(module, name)
                        .global("__builtin__", "object")
                        .raw("NtR"),
                full);
    }

    @Test
    void aTextIsNotCalled() {
        assertRefused(new TestPickle().text("os.system").raw(")R"), "damaged", "is no class or function but str");
    }

    @Test
    void whatAnObjectHoldsMakesItAMapOrAList() {
        TestPickle object = new TestPickle().global("my", "Thing").raw(")R");
        assertThat(load(object.raw("(").text("k").number(1).raw("u"))).isEqualTo(Map.of("k", 1));
        object = new TestPickle().global("my", "Thing").raw(")R");
        assertThat(load(object.raw("(").number(1).number(2).raw("e"))).isEqualTo(List.of(1, 2));
        object = new TestPickle().global("my", "Frozen").raw("(}").text("k").number(1);
        assertThat(load(object.raw("stR"))).isEqualTo(Map.of("k", 1));
    }

    @Test
    void anObjectKeepsItsAttributes() {
        TestPickle state =
                new TestPickle().global("my", "Thing").raw(")R}").text("lr").number(1);
        assertThat(((Opaque) load(state.raw("sb"))).attributes()).isEqualTo(Map.of("lr", 1));
        TestPickle slots =
                new TestPickle().global("my", "Slots").raw(")RN}").text("lr").number(1);
        assertThat(((Opaque) load(slots.raw("s").op(0x86).raw("b"))).attributes())
                .isEqualTo(Map.of("lr", 1));
    }

    @Test
    void objectsMayReferToEachOtherInCircles() {
        Opaque object = (Opaque) load(
                new TestPickle().global("my", "Node").raw(")Rq\0}").text("me").raw("h\0sb"));

        assertThat(object.attributes().get("me")).isSameAs(object);
    }

    @Test
    void aWholeModuleIsItsStateDict() {
        Object inner = load(module("my.Net", module("torch.nn.Linear", null)));

        assertThat(inner).asInstanceOf(map(Object.class, Object.class)).containsOnlyKeys("weight", "part.weight");
    }

    /** A module with a weight, a parameter that is None, a buffer that is not kept, and perhaps an inner module. */
    private static TestPickle module(String type, TestPickle inner) {
        int dot = type.lastIndexOf('.');
        TestPickle pickle = new TestPickle()
                .global(type.substring(0, dot), type.substring(dot + 1))
                .raw(")\u0081}(")
                .text("_parameters")
                .raw("}(")
                .text("weight")
                .tensor("FloatStorage", 6, 0, new long[] {6}, new long[] {1})
                .text("bias")
                .raw("Nu")
                .text("_buffers")
                .raw("}(")
                .text("mask")
                .tensor("FloatStorage", 6, 0, new long[] {6}, new long[] {1})
                .raw("u")
                .text("_non_persistent_buffers_set")
                .op(0x8f)
                .raw("(")
                .text("mask")
                .op(0x90)
                .text("_modules")
                .raw("}");
        if (inner != null) {
            pickle.raw("(").text("part").bytes(inner.open()).raw("u");
        }
        return pickle.raw("ub");
    }

    static Stream<Arguments> oddPickles() {
        return Stream.of(
                Arguments.of("an extension code", new TestPickle().op(0x82, 1).raw(")R"), "copyreg extension 1"),
                Arguments.of("a reference in text", new TestPickle().raw("Ppid\n"), "persistent object pid"),
                Arguments.of("a reference that is none", new TestPickle().raw("]Q"), "persistent object"),
                Arguments.of("a buffer elsewhere", new TestPickle().op(0x97, 0x98), "a buffer outside of the pickle"),
                Arguments.of(
                        "a huge number", new TestPickle().op(0x8b).int32(9_000).bytes(new byte[9_000]), "int"),
                Arguments.of("a huge decimal number", new TestPickle().raw("L" + "9".repeat(9_000) + "L\n"), "int"),
                Arguments.of("a long text", new TestPickle().text("x".repeat(70_000)), "str"),
                Arguments.of(
                        "an array",
                        new TestPickle()
                                .global("numpy._core.multiarray", "_reconstruct")
                                .raw("(")
                                .global("numpy", "ndarray")
                                .raw("tR(NNtb"),
                        "numpy.ndarray"),
                Arguments.of(
                        "a sparse tensor",
                        new TestPickle()
                                .global("torch._utils", "_rebuild_sparse_tensor")
                                .raw(")R"),
                        "torch sparse tensor"),
                Arguments.of(
                        "a tensor without arguments",
                        new TestPickle()
                                .global("torch._utils", "_rebuild_tensor_v2")
                                .raw(")R"),
                        "torch tensor v2"),
                Arguments.of(
                        "a set of something",
                        new TestPickle().global("builtins", "set").raw("(K\1tR"),
                        "builtins.set"),
                Arguments.of(
                        "a bare class called",
                        new TestPickle().global("torch", "float32").raw(")R"),
                        "torch.float32"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("oddPickles")
    void anOddThingIsSteppedOver(String what, TestPickle pickle, String type) {
        assertOpaque(pickle, type);
    }

    @Test
    void anOddKeyHidesItsEntryOnly() {
        Map<?, ?> dict = (Map<?, ?>) load(new TestPickle()
                .raw("}(K\1K\2\u0086K\3")
                .text("k")
                .number(4)
                .global("torch", "float32")
                .number(5)
                .raw("u"));

        assertThat(dict.keySet()).map(Object::toString).containsExactly("<list>", "k", "torch.float32");
        assertThat(dict.get("k")).isEqualTo(4);
    }

    @Test
    void numpyScalarsOfEitherByteOrderAreNumbers() {
        assertThat(load(numpyScalar("f8", "<", "\0\0\0\0\0\0\u00f0?"))).isEqualTo(1.0);
        assertThat(load(numpyScalar("i4", ">", "\0\0\0\1"))).isEqualTo(1);
        assertThat(load(numpyScalar("f2", "<", "\0<"))).isEqualTo(1.0);
        assertThat(load(numpyScalar("u8", "<", "\u00ff".repeat(8)))).isEqualTo(new BigInteger("18446744073709551615"));
        assertThat(load(numpyScalar("M8", "<", "\0".repeat(8)))).isInstanceOf(Opaque.class);
        assertThat(load(numpyScalar("f8", "<", "\0"))).isInstanceOf(Opaque.class);
    }

    private static TestPickle numpyScalar(String type, String order, String latin1) {
        return new TestPickle()
                .global("numpy._core.multiarray", "scalar")
                .raw("(")
                .global("numpy", "dtype")
                .raw("(")
                .text(type)
                .raw("tR(K\3")
                .text(order)
                .raw("tb")
                .op('C', latin1.length())
                .raw(latin1)
                .raw("tR");
    }

    @Test
    void whatIsNoInstructionIsDamage() {
        assertRefused(new TestPickle().op(0xff), "damaged", "0xff");
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
                Arguments.of("a dict that is none", bytes("]NNs.")),
                Arguments.of("a call of a number", bytes("K\1)R.")),
                Arguments.of("a call without a tuple", bytes("ctorch\nSize\nK\1R.")),
                Arguments.of("no number", bytes("Iabc\n.")),
                Arguments.of("a bad escape", bytes("S'\\'\n.")),
                Arguments.of("a string longer than the file", bytes("X\u00ff\u00ff\u00ff\u007fabc.")),
                Arguments.of("a string of negative length", bytes("X\0\0\0\u0080abc.")),
                Arguments.of("bytes longer than the file", bytes("\u008e\u00ff\u00ff\u00ff\u007f\0\0\0\0abc.")),
                Arguments.of("a name without end", bytes("c" + "a".repeat(100_000))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damagedPickles")
    void aDamagedPickleIsRefused(String what, byte[] pickle) {
        Path file = new TestZip().stored("a/data.pkl", pickle).write(directory.resolve("f.pth"));

        assertThatThrownBy(() -> TorchFile.load(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining("its pickle ")
                .hasMessageNotContainingAny("Exception", "java", "cast", "null");
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
    void aContainerThatHoldsItselfEndsThere() {
        assertThat(load(new TestPickle().raw("]q\0h\0a"))).hasToString("[<a container within itself>]");
        assertThat(load(new TestPickle().raw("}q\0").text("k").raw("h\0s")))
                .hasToString("{k=<a container within itself>}");
    }

    @Test
    void objectsThatShareAModuleExponentiallyAreRefused() {
        TestPickle pickle = module("my.Net", null).op('q', 0).raw("0");
        for (int i = 1; i < 60; i++) {
            pickle.global("my", "Net").raw(")\u0081}(");
            pickle.text("_parameters").raw("}").text("_buffers").raw("}");
            pickle.text("_modules").raw("}(").text("a").op('h', i - 1).text("b").op('h', i - 1);
            pickle.raw("uub").op('q', i).raw("0");
        }
        assertRefused(pickle.op('h', 59), "unfolds to more than");
    }

    @Test
    void aLongChainOfObjectsIsNoDepth() {
        TestPickle pickle = new TestPickle().raw("N");
        for (int i = 0; i < 10_000; i++) {
            pickle.raw("q\0000")
                    .global("my", "Node")
                    .raw(")\u0081}")
                    .text("next")
                    .raw("h\0sb");
        }
        Path file = file(pickle);

        Assertions.assertTimeoutPreemptively(
                SOON, () -> assertThat(TorchFile.load(file)).isInstanceOf(Opaque.class));
    }

    @Test
    void objectsThatShareOneStateAreReadInOneGo() {
        TestPickle pickle = new TestPickle().raw("}(");
        for (int i = 0; i < 50_000; i++) {
            pickle.number(i).raw("N");
        }
        pickle.raw("uq\0000(");
        for (int i = 0; i < 50_000; i++) {
            pickle.global("my", i % 2 == 0 ? "Thing" : "Frozen").raw(i % 2 == 0 ? ")Rh\0b" : "h\0\u0085R");
        }
        Path file = file(pickle.raw("t"));

        Assertions.assertTimeoutPreemptively(SOON, () -> assertThatThrownBy(() -> TorchFile.load(file))
                .hasMessageContaining("unfolds to more than"));
    }

    @Test
    void moreTextThanAnyoneWritesIsRefused() {
        TestPickle pickle = new TestPickle();
        for (int i = 0; i < 1_100; i++) {
            pickle.text("x".repeat(64_000)).raw("0");
        }
        assertRefused(pickle.raw("N"), "bytes of text");
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
    void tuplesThatUnfoldExponentiallyAreNotHashedAsKeys() {
        TestPickle pickle = new TestPickle().raw("}").raw(")");
        for (int i = 1; i < 60; i++) {
            pickle.raw("2").op(0x86);
        }
        Path file = file(pickle.raw("Ns"));
        Assertions.assertTimeoutPreemptively(
                SOON, () -> assertThat((Map<?, ?>) TorchFile.load(file)).hasSize(1));
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
                "lacks the storage '../../etc/passwd'");
    }

    @Test
    void reorderedViewsTakeNoMoreMemoryThanIsInProportion() {
        TestPickle pickle = new TestPickle().raw("(");
        byte[] storage = new byte[1 << 20];
        for (int i = 0; i < 1_000; i++) {
            pickle.tensor("ByteStorage", storage.length, 0, new long[] {1024, 1024}, new long[] {1, 1024});
        }
        Path file = new TestZip()
                .stored("a/data.pkl", pickle.raw("t").stop())
                .stored("a/data/0", storage)
                .write(directory.resolve("f.pth"));

        assertThat((List<?>) TorchFile.load(file)).last().asString().contains("out of proportion");
        assertOpaque(
                new TestPickle().tensor("FloatStorage", 6, 0, new long[] {1L << 40}, new long[] {0}),
                "a tensor that would take memory out of proportion to the file");
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

    private Object load(TestPickle pickle) {
        return TorchFile.load(file(pickle));
    }

    private void assertOpaque(TestPickle pickle, String type) {
        assertThat(load(pickle)).isInstanceOfSatisfying(Opaque.class, opaque -> assertThat(opaque.type())
                .isEqualTo(type));
    }

    private void assertRefused(TestPickle pickle, String... parts) {
        Path file = file(pickle);
        Assertions.assertTimeoutPreemptively(SOON, () -> assertThatThrownBy(() -> TorchFile.load(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts));
    }
}
