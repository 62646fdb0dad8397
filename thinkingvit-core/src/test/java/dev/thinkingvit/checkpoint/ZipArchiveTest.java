package dev.thinkingvit.checkpoint;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives that are broken or lie, as {@link TorchFile} meets them. */
@NullUnmarked // a null fails the test
class ZipArchiveTest {
    private static final Path TRAINER_FILE = Path.of("src/test/resources/reference/vit-3h-6h/checkpoint.pth.tar");
    private static final byte[] EMPTY_LIST = {']', '.'};

    @TempDir
    Path directory;

    @Test
    void aTruncatedFileIsRefusedByName() throws IOException {
        byte[] whole = Files.readAllBytes(TRAINER_FILE);
        for (int length : new int[] {0, 1, 4, 30, 1000, whole.length / 2, whole.length - 30, whole.length - 1}) {
            assertRefused(Arrays.copyOf(whole, length), "");
        }
        assertRefused(Arrays.copyOf(whole, whole.length / 2), "truncated");
    }

    @Test
    void aFileWithItsBeginningCutOffIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(TRAINER_FILE);
        byte[] cut = Arrays.copyOfRange(whole, 64, whole.length);
        System.arraycopy(whole, 0, cut, 0, 4);
        assertRefused(cut, "");
    }

    @Test
    void whatIsNoArchiveIsRefused() {
        assertRefused("hello, world: no archive at all".getBytes(StandardCharsets.UTF_8), "no zip archive");
        assertRefused(new TestZip().stored("readme", EMPTY_LIST).bytes(), "no data.pkl");
    }

    @Test
    void aBigEndianFileIsRefused() {
        assertRefused(honest().stored("a/byteorder", ascii("big")).bytes(), "byte order is 'big'");
    }

    @Test
    void aTorchScriptProgramIsRefused() {
        assertRefused(honest().stored("a/constants.pkl", EMPTY_LIST).bytes(), "TorchScript");
    }

    @Test
    void ambiguousArchivesAreRefused() {
        assertRefused(honest().stored("a/data.pkl", EMPTY_LIST).bytes(), "two entries", "'a/data.pkl'");
        assertRefused(honest().stored("b/data.pkl", EMPTY_LIST).bytes(), "two pickles", "'b/data.pkl'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "a/../../x", "/etc/passwd", "a\\..\\x", "a/..", "a\0b"})
    void aNameThatLeavesTheArchiveIsRefused(String name) {
        assertRefused(honest().stored(name, EMPTY_LIST).bytes(), "points outside of the archive");
    }

    @Test
    void anEntryThatInflatesBeyondItsDeclaredSizeIsRefused() {
        byte[] packed = TestZip.deflate(new byte[10_000_000]);
        assertRefused(
                new TestZip().deflated("a/data.pkl", packed, 1_000).bytes(), "does not inflate to the 1000 bytes");
        assertRefused(new TestZip().deflated("a/data.pkl", packed, 0).bytes(), "does not inflate to the 0 bytes");
    }

    @Test
    void anEntryThatInflatesToLessIsRefused() {
        byte[] packed = TestZip.deflate(EMPTY_LIST);
        assertRefused(new TestZip().deflated("a/data.pkl", packed, 3).bytes(), "does not inflate to the 3 bytes");
        assertRefused(new TestZip().deflated("a/data.pkl", new byte[0], 0).bytes(), "does not inflate");
        assertRefused(new TestZip().deflated("a/data.pkl", ascii("garbage"), 7).bytes(), "'a/data.pkl' is damaged");
    }

    @Test
    void sizesThatNoCompressionReachesAreRefusedBeforeAllocating() {
        byte[] packed = TestZip.deflate(EMPTY_LIST);
        assertRefused(
                new TestZip().deflated("a/data.pkl", packed, 60_000_000).bytes(),
                "claims to inflate from 4 to 60000000");
        assertRefused(
                new TestZip().deflated("a/data.pkl", packed, 0xF000_0000L).bytes(),
                "claims to inflate from 4 to 4026531840");
    }

    @Test
    void aPickleThatInflatesOutOfProportionIsRefused() {
        byte[] packed = TestZip.deflate(new byte[(64 << 20) + 1]);
        assertRefused(
                new TestZip().deflated("a/data.pkl", packed, (64 << 20) + 1).bytes(), "out of proportion");
    }

    @Test
    void compressedStoragesOutOfProportionAreRefused() {
        int size = 50 << 20;
        byte[] packed = TestZip.deflate(new byte[size]);
        TestPickle pickle = new TestPickle().raw("(");
        TestZip zip = new TestZip();
        for (int i = 0; i < 3; i++) {
            pickle.storage("ByteStorage", "" + i, size);
            zip.deflated("a/data/" + i, packed, size);
        }
        assertRefused(zip.stored("a/data.pkl", pickle.raw("t").stop()).bytes(), "out of proportion");
    }

    @Test
    void entriesThatLieAboutTheirPlaceAreRefused() {
        byte[] junk = new byte[100];
        assertRefused(entry("a/x", "a/x", 0, junk, 100, 100, 0), "differs from what its directory says");
        assertRefused(entry("a/x", "a/y", 0, junk, 100, 100, -1), "differs from what its directory says");
        assertRefused(entry("a/x", "a/x", 0, junk, 100, 100, 1_000_000), "expected");
        assertRefused(entry("a/x", "a/x", 0, junk, 1_000_000, 1_000_000, -1), "truncated");
        assertRefused(entry("a/x", "a/x", 0, junk, 100, 99, -1), "claims 99 bytes stored as 100");
        assertRefused(entry("a/x", "a/x", 12, junk, 100, 100, -1), "method (12)");
        assertRefused(
                honest().entry("a/x", "a/x", 0, junk, 120, 120, honestSize())
                        .stored("a/z", junk)
                        .bytes(),
                "overlaps");
    }

    @Test
    void aDirectoryThatMiscountsIsRefused() {
        assertRefused(honest().count(2).bytes(), "damaged zip archive");
        assertRefused(honest().count(0).bytes(), "more in its directory than it counts");
        assertRefused(honest().zip64().count(Integer.MAX_VALUE).bytes(), "damaged zip archive");
    }

    private static TestZip honest() {
        return new TestZip().stored("a/data.pkl", EMPTY_LIST);
    }

    private static long honestSize() {
        return 30L + "a/data.pkl".length() + EMPTY_LIST.length;
    }

    /** An honest archive with one more entry; a negative offset stands for the true one. */
    private static byte[] entry(
            String name, String localName, int method, byte[] packed, long packedSize, long size, long offset) {
        return honest().entry(name, localName, method, packed, packedSize, size, offset < 0 ? honestSize() : offset)
                .bytes();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private void assertRefused(byte[] bytes, String... parts) {
        Path file = directory.resolve("hostile.pth");
        assertThatThrownBy(() -> TorchFile.load(Files.write(file, bytes)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts);
    }
}
