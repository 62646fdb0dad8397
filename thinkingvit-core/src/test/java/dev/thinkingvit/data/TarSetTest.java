package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PictureException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.archivers.zip.ZipEncodingHelper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TarSetTest {
    private final Path root;
    private final Path tar;

    TarSetTest(@TempDir Path root) {
        this.root = root;
        this.tar = root.resolve("set.tar");
    }

    @Test
    void aTarWithClassFoldersIsTheFolderThatUnpackingItMakes() throws IOException {
        Path unpacked = root.resolve("unpacked");
        String[] names = {"dog/b.jpg", "dog/a.PNG", "cat/deep/c.webp", "cat/é.jpg", "cat/notes.txt", "beside.jpg"};
        for (String name : names) {
            Files.createDirectories(unpacked.resolve(name).getParent());
            Files.writeString(unpacked.resolve(name), name);
        }
        TestTars.tar().files(names).write(tar);

        ImageFolder folder = ImageFolder.open(tar);
        ImageFolder same = ImageFolder.open(unpacked);

        assertThat(folder.classNames()).isEqualTo(same.classNames());
        assertThat(folder.pictures()).isEqualTo(same.pictures());
        assertThat(folder.samples().stream().map(folder::nameOf).toList())
                .isEqualTo(same.samples().stream().map(same::nameOf).toList());
        assertThat(folder.passedOver().lines())
                .isEqualTo(same.passedOver().lines().stream()
                        .map(line -> line.replace(unpacked + "/", tar + "!/"))
                        .toList());
        for (Sample sample : folder.samples()) {
            assertThat(Files.readString(sample.path())).isEqualTo(folder.nameOf(sample));
            assertThat(sample.path()).hasToString(tar + "!/" + folder.nameOf(sample));
        }
    }

    @Test
    void aLeadingFolderIsNoClass() throws IOException {
        TestTars.tar()
                .files("./val/README", "./val/n01/a.jpg", "./val/n02/b.jpg", "__MACOSX/val/._x", "._val")
                .write(tar);

        ImageFolder folder = ImageFolder.open(tar);

        assertThat(folder.folderNames()).containsExactly("n01", "n02");
        assertThat(texts(folder)).containsExactly(tar + "!/val/n01/a.jpg", tar + "!/val/n02/b.jpg");
    }

    @Test
    void classTarsAreClassesByTheirNames() throws IOException {
        Path folder = Files.createDirectories(root.resolve("train"));
        TestTars.tar().files("x.JPEG", "sub/y.JPEG").write(folder.resolve("n01440764.tar"));
        TestTars.tar().files("n01443537/z.JPEG").write(folder.resolve("n01443537.tar"));
        Files.writeString(folder.resolve("list.txt"), "a");
        Files.writeString(folder.resolve("beside.jpg"), "a");

        ImageFolder set = ImageFolder.open(folder);

        assertThat(set.folderNames()).containsExactly("n01440764", "n01443537");
        assertThat(texts(set))
                .containsExactly(
                        folder + "/n01440764.tar!/sub/y.JPEG",
                        folder + "/n01440764.tar!/x.JPEG",
                        folder + "/n01443537.tar!/n01443537/z.JPEG");
        assertThat(set.remarks())
                .anyMatch(line -> line.contains("read as 2 class tars"))
                .anyMatch(line -> line.contains("pictures beside the tars (1): " + folder + "/beside.jpg"))
                .anyMatch(line -> line.contains(".txt files (1)"));
    }

    @Test
    void aTarOfClassTarsIsReadWithoutUnpackingAny() throws IOException {
        TestTars all = TestTars.tar();
        for (String name : List.of("n01", "n02")) {
            Path inner =
                    TestTars.tar().files(name + "_1.JPEG", name + "_2.JPEG").write(root.resolve(name));
            all.file(name + ".tar", Files.readAllBytes(inner));
        }
        all.write(tar);

        ImageFolder set = ImageFolder.open(tar);

        assertThat(set.folderNames()).containsExactly("n01", "n02");
        assertThat(texts(set)).first().isEqualTo(tar + "!/n01.tar!/n01_1.JPEG");
        for (Sample sample : set.samples()) {
            assertThat(sample.path().getFileName()).hasToString(Files.readString(sample.path()));
        }
    }

    @Test
    void shardsWithClassFoldersAreOneSet() throws IOException {
        TestTars.tar().files("set/cat/1.jpg", "set/dog/2.jpg").write(root.resolve("s-0.tar"));
        TestTars.tar().files("set/cat/1.jpg", "set/owl/3.jpg").write(root.resolve("s-1.tar"));

        ImageFolder set = ImageFolder.open(root);

        assertThat(set.folderNames()).containsExactly("cat", "dog", "owl");
        assertThat(set.samples()).hasSize(4);
        assertThat(texts(set)).contains(root + "/s-0.tar!/set/cat/1.jpg", root + "/s-1.tar!/set/cat/1.jpg");
    }

    @Test
    void webDatasetsLabelsAreClasses() throws IOException {
        TestTars.tar()
                .files("0001.jpg", "0002.png")
                .file("0001.cls", "2\n")
                .file("0002.cls", "10")
                .files("0003.jpg", "0001.txt")
                .write(root.resolve("s-000.tar"));
        TestTars.tar().file("0001.cls", "2").files("0001.jpg").write(root.resolve("s-001.tar"));

        ImageFolder set = ImageFolder.open(Path.of(root + "/s-{000..001}.tar"));

        assertThat(set.folderNames()).containsExactly("10", "2");
        assertThat(set.samples()).hasSize(3);
        assertThat(texts(set)).contains(root + "/s-000.tar!/0001.jpg", root + "/s-001.tar!/0001.jpg");
        assertThat(set.remarks())
                .anyMatch(line -> line.contains("pictures without a label (1): " + root + "/s-000.tar!/0003.jpg"))
                .anyMatch(line -> line.contains(".txt files (1)"))
                .noneMatch(line -> line.contains(".cls"));
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < 11; i++) {
            labels.add("class " + i);
        }
        assertThat(set.withLabels(labels).samples().stream().map(Sample::label)).containsExactlyInAnyOrder(2, 2, 10);
        assertThatThrownBy(() -> set.withLabels(labels.subList(0, 5))).hasMessageContaining("no label '10'");
    }

    @Test
    void webDatasetsLabelsMayBeInJson() throws IOException {
        TestTars.tar()
                .files("a.jpg", "b.webp", "c.jpg", "d.jpg")
                .file("a.json", "{\"caption\": \"x\", \"label\": \"tench\"}")
                .file("b.json", "{\"cls\": \"cock\"}")
                .file("c.json", "{broken")
                .file("d.json", "{\"label\": \"../up\"}")
                .write(tar);

        ImageFolder set = ImageFolder.open(tar);

        assertThat(set.folderNames()).containsExactly("cock", "tench");
        assertThat(set.remarks())
                .anyMatch(line -> line.contains("2 labels cannot be used: " + tar + "!/c.json"))
                .anyMatch(line -> line.contains("pictures without a label (2)"));
    }

    @Test
    void notesBesidePicturesInClassFoldersAreNoLabels() throws IOException {
        TestTars.tar()
                .files("cat/1.jpg", "dog/1.jpg")
                .file("cat/1.json", "{\"label\": \"wrong\"}")
                .write(tar);

        assertThat(ImageFolder.open(tar).folderNames()).containsExactly("cat", "dog");
    }

    @ParameterizedTest
    @ValueSource(ints = {TarArchiveOutputStream.LONGFILE_GNU, TarArchiveOutputStream.LONGFILE_POSIX})
    void longNamesAreWhole(int form) throws IOException {
        String name = "klasse ü " + "x".repeat(120) + "/" + "y".repeat(110) + ".jpg";
        TestTars.tar().files(name, "cat/1.jpg").write(tar, form);

        ImageFolder set = ImageFolder.open(tar);

        assertThat(set.samples().stream().map(set::nameOf)).containsExactly("cat/1.jpg", name);
        assertThat(Files.readString(set.samples().get(1).path())).isEqualTo(name);
    }

    @Test
    void noNameLeadsOutOfATar() throws IOException {
        TestTars.tar()
                .files("/cat/1.jpg", "../../dog/2.jpg", "./owl/./3.jpg", "owl/../emu//4.jpg")
                .write(tar);

        ImageFolder set = ImageFolder.open(tar);

        assertThat(set.samples().stream().map(set::nameOf))
                .containsExactly("cat/1.jpg", "dog/2.jpg", "emu/4.jpg", "owl/3.jpg");
    }

    @Test
    void linksAreFollowedWithinTheTarAlone() throws IOException {
        TestTars.tar()
                .files("cat/1.jpg", "dog/2.jpg")
                .symbolic("cat/soft.jpg", "deep/../1.jpg")
                .symbolic("cat/chain.jpg", "soft.jpg")
                .symbolic("cat/out.jpg", "/etc/hostname")
                .symbolic("cat/back", "..")
                .symbolic("puppy", "dog")
                .link(TarConstants.LF_LINK, "dog/hard.jpg", "dog/2.jpg")
                .link(TarConstants.LF_FIFO, "dog/pipe.jpg", "")
                .write(tar);

        ImageFolder set = ImageFolder.open(tar);

        assertThat(set.samples().stream().map(set::nameOf))
                .containsExactly(
                        "cat/1.jpg",
                        "cat/chain.jpg",
                        "cat/soft.jpg",
                        "dog/2.jpg",
                        "dog/hard.jpg",
                        "puppy/2.jpg",
                        "puppy/hard.jpg");
        assertThat(set.passedOver().lines())
                .anyMatch(line -> line.contains("links to nothing (1)") && line.contains("out.jpg"))
                .anyMatch(line -> line.contains("links that lead back (1)"))
                .anyMatch(line -> line.contains("pipes and devices (2)"));
    }

    @Test
    void aLinkedPictureIsNamedAsTheLinkIs() throws IOException {
        TestTars.tar()
                .files("cat/1.jpg", "dog/2.jpg")
                .symbolic("dog/soft.jpg", "../cat/1.jpg")
                .link(TarConstants.LF_LINK, "dog/hard.jpg", "cat/1.jpg")
                .write(tar);

        List<Path> pictures = PictureFiles.find(List.of(tar)).pictures();

        assertThat(pictures.stream().map(Path::toString))
                .containsExactly(
                        tar + "!/cat/1.jpg", tar + "!/dog/2.jpg", tar + "!/dog/hard.jpg", tar + "!/dog/soft.jpg");
        assertThat(Files.isSameFile(pictures.get(0), pictures.get(2))).isTrue();
        assertThat(Files.isSameFile(pictures.get(0), pictures.get(3))).isTrue();
        assertThat(Files.isSameFile(pictures.get(0), pictures.get(1))).isFalse();
    }

    @Test
    void ofMembersOfOneNameTheLastCounts() throws IOException {
        TestTars.tar()
                .file("cat/1.jpg", "old")
                .files("dog/1.jpg")
                .file("./cat/1.jpg", "new")
                .write(tar);

        ImageFolder set = ImageFolder.open(tar);

        assertThat(Files.readString(set.samples().get(0).path())).isEqualTo("new");
        assertThat(set.remarks()).anyMatch(line -> line.contains("1 member comes again") && line.contains("cat/1.jpg"));
    }

    @Test
    void aTarThatIsCutShortIsRefusedWithTheMember() throws IOException {
        TestTars.tar()
                .files("cat/1.jpg")
                .file("dog/2.jpg", "x".repeat(3000))
                .files("owl/3.jpg")
                .write(tar);
        byte[] whole = Files.readAllBytes(tar);

        Files.write(tar, Arrays.copyOf(whole, 3 * 512 + 1000));
        assertThatThrownBy(() -> ImageFolder.open(tar))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(tar + ": cut short within member 'dog/2.jpg'");
        Files.write(tar, Arrays.copyOf(whole, 3 * 512 + 3072 + 100));
        assertThatThrownBy(() -> ImageFolder.open(tar)).hasMessageContaining("cut short within the header after 'dog");
        Files.write(tar, Arrays.copyOf(whole, 3 * 512 + 3072));
        assertThat(ImageFolder.open(tar).remarks())
                .anyMatch(line -> line.contains("no mark at its end") && line.contains("dog/2.jpg"));
    }

    @Test
    @Timeout(60) // reading on to the next header takes minutes
    void aMemberOfATerabyteIsPassedOverUnread() throws IOException {
        long terabyte = 1L << 40;
        TarArchiveEntry large = new TarArchiveEntry("cat/large.jpg", true);
        large.setSize(terabyte);
        TarArchiveEntry small = new TarArchiveEntry("dog/small.jpg", true);
        try (FileChannel channel =
                FileChannel.open(tar, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE))) {
            channel.write(header(large), 0);
            channel.write(header(small), 512 + terabyte);
            channel.write(ByteBuffer.allocate(1024), 1024 + terabyte); // the file has a hole
        }

        assertThat(ImageFolder.open(tar).folderNames()).containsExactly("cat", "dog");
    }

    private static ByteBuffer header(TarArchiveEntry entry) throws IOException {
        byte[] header = new byte[512];
        entry.writeEntryHeader(header, ZipEncodingHelper.getZipEncoding("UTF-8"), true); // large sizes as base 256
        return ByteBuffer.wrap(header);
    }

    @Test
    void whatIsNoTarIsRefusedByName() throws IOException {
        Files.writeString(tar, "no tar ".repeat(1000));
        assertThatThrownBy(() -> ImageFolder.open(tar))
                .hasMessage(tar + ": a folder with a folder per class, or a tar,"
                        + " is needed; this is a file and no tar");
        Files.write(tar, new byte[0]);
        assertThatThrownBy(() -> ImageFolder.open(tar))
                .hasMessageStartingWith(tar + ": ")
                .hasMessageContaining("empty");
        TestTars.tar().write(tar);
        assertThatThrownBy(() -> ImageFolder.open(tar)).hasMessageContaining("there are no folders in it");
        Path zipped = root.resolve("set.tar.gz");
        try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(zipped))) {
            out.write(new byte[1024]);
        }
        assertThatThrownBy(() -> ImageFolder.open(zipped))
                .hasMessageStartingWith(zipped + ": is compressed with gzip")
                .hasMessageContaining("gunzip -k");
        Path missing = Path.of(root + "/s-{0..2}.tar");
        assertThatThrownBy(() -> ImageFolder.open(missing)).hasMessageContaining(root + "/s-0.tar is missing");
    }

    @Test
    void aTarThatChangesIsNotReadOn() throws IOException {
        TestTars.tar().files("cat/1.jpg", "cat/2.jpg").write(tar);
        Path picture = ImageFolder.open(tar).samples().get(1).path();

        TestTars.tar().files("cat/1.jpg", "cat/3.jpg").write(tar);
        assertThatThrownBy(() -> PictureDecoder.decode(picture))
                .isInstanceOf(PictureException.class)
                .hasMessageStartingWith(tar + ": ")
                .hasMessageContaining("was changed while it was in use");
        TestTars.tar().files("cat/1.jpg").write(tar);
        assertThatThrownBy(() -> PictureDecoder.decode(picture))
                .hasMessageContaining("was changed while it was in use");
        Files.write(tar, new byte[100]);
        assertThatThrownBy(() -> PictureDecoder.decode(picture))
                .hasMessageContaining("was changed while it was in use");
        Files.delete(tar);
        assertThatThrownBy(() -> PictureDecoder.decode(picture)).hasMessage(tar + ": no such file or folder");
    }

    @Test
    void aTarThatWasTouchedAppendedToOrPutBackHasItsMembersStill() throws IOException {
        TestTars.tar().files("cat/1.jpg", "cat/2.jpg").write(tar);
        Path picture = ImageFolder.open(tar).samples().get(1).path();
        byte[] whole = Files.readAllBytes(tar);

        Files.setLastModifiedTime(tar, FileTime.fromMillis(1));
        assertThat(Files.readString(picture)).isEqualTo("cat/2.jpg");
        TestTars.tar().files("cat/1.jpg", "cat/2.jpg", "cat/3.jpg").write(tar);
        assertThat(Files.readString(picture)).isEqualTo("cat/2.jpg");
        Files.delete(tar);
        Files.write(tar, whole);
        assertThat(Files.readString(picture)).isEqualTo("cat/2.jpg");
    }

    @Test
    void aClassNameThatIsNotUtf8IsRefused() throws IOException {
        TestTars.tar().files("k?tze/1.jpg", "dog/1.jpg").write(tar);
        byte[] bytes = Files.readAllBytes(tar);
        bytes[1] = (byte) 0xE4;
        int sum = 0;
        for (int i = 0; i < 512; i++) {
            sum += i >= 148 && i < 156 ? ' ' : bytes[i] & 0xFF;
        }
        byte[] digits = String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(digits, 0, bytes, 148, 8);
        Files.write(tar, bytes);

        assertThatThrownBy(() -> ImageFolder.open(tar)).hasMessageContaining("UTF-8");
    }

    @Test
    void picturesInATarAreFoundLikeThoseOfAFolder() throws IOException {
        TestTars.tar().files("b/2.jpg", "a.png", "notes.txt").write(tar);

        PictureFiles found = PictureFiles.find(List.of(tar));

        assertThat(found.pictures().stream().map(Path::toString)).containsExactly(tar + "!/a.png", tar + "!/b/2.jpg");
        assertThat(found.passedOver().count()).isEqualTo(1);
        assertThat(PictureFiles.find(List.of(Path.of(tar + "!/b/2.jpg"))).pictures())
                .hasSize(1);
    }

    @Test
    void picturesFoundInATarWereNotAskedForByName() throws IOException {
        TestTars.tar().files("b/2.jpg").write(tar);
        assertThat(PictureFiles.find(List.of(tar)).isOnePicture()).isFalse();
        assertThat(PictureFiles.find(List.of(Path.of(tar + "!/b"))).isOnePicture())
                .isFalse();
        PictureFiles named = PictureFiles.find(List.of(Path.of(tar + "!/b/2.jpg")));
        assertThat(named.isOnePicture()).isTrue();
        assertThat(named.asked()).isEqualTo(Set.copyOf(named.pictures()));
    }

    @Test
    void whatIsToldOfATarIsToldWhereverItIsNamed() throws IOException {
        TestTars.tar().files("b/2.jpg", "b/2.jpg", "x.txt").write(tar);
        byte[] whole = Files.readAllBytes(tar);
        Files.write(tar, Arrays.copyOf(whole, 6 * 512));
        assertThat(PictureFiles.find(List.of(tar, Path.of(tar + "!/b"))).remarks())
                .satisfiesExactly(
                        line -> assertThat(line).contains("no mark at its end"),
                        line -> assertThat(line).contains("1 member comes again"),
                        line -> assertThat(line).startsWith("passed over: .txt files (1): " + tar + "!/x.txt"));
    }

    @Test
    void picturesOfTarsAreFoundInAFolderOfNothingElse() throws IOException {
        TestTars.tar().files("b/2.jpg").write(root.resolve("part-0.tar"));
        TestTars.tar().files("b/3.jpg").write(root.resolve("part-1.tar"));
        Files.writeString(root.resolve("index.txt"), "x");
        PictureFiles found = PictureFiles.find(List.of(root));
        List<String> both = List.of(root + "/part-0.tar!/b/2.jpg", root + "/part-1.tar!/b/3.jpg");
        assertThat(found.pictures().stream().map(Path::toString)).isEqualTo(both);
        assertThat(found.passedOver().count()).isEqualTo(1);
        assertThat(PictureFiles.find(List.of(Path.of(root + "/part-{0..1}.tar"))).pictures().stream()
                        .map(Path::toString))
                .isEqualTo(both);
        Files.writeString(root.resolve("a.jpg"), "x");
        assertThat(PictureFiles.find(List.of(root)).pictures()).containsExactly(root.resolve("a.jpg"));
    }

    @Test
    void aCompressedTarIsNoPictureThatCannotBeRead() throws IOException {
        Path zipped = root.resolve("set.tgz");
        try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(zipped))) {
            out.write(new byte[1024]);
        }
        for (Path asked : List.of(zipped, root)) {
            assertThatThrownBy(() -> PictureFiles.find(List.of(asked)))
                    .hasMessageStartingWith(zipped + ": is compressed with gzip");
        }
    }

    @Test
    void aTarBehindTheEndOfATarIsTold() throws IOException {
        byte[] first = Files.readAllBytes(TestTars.tar().files("cat/1.jpg").write(tar));
        byte[] second = Files.readAllBytes(TestTars.tar().files("dog/2.jpg").write(tar));
        assertThat(ImageFolder.open(tar).remarks()).noneMatch(line -> line.contains("another tar"));
        Files.write(tar, first);
        Files.write(tar, second, StandardOpenOption.APPEND);
        assertThat(ImageFolder.open(tar).remarks())
                .anyMatch(line -> line.startsWith("note: " + tar + ": another tar begins at byte " + first.length));
    }

    @Test
    void aFolderWithinATarMayBeNamed() throws IOException {
        TestTars.tar()
                .files("set/train/cat/1.jpg", "set/train/dog/2.jpg", "set/test/cat/3.jpg")
                .write(tar);

        assertThat(texts(ImageFolder.open(Path.of(tar + "!/set/train"))))
                .containsExactly(tar + "!/set/train/cat/1.jpg", tar + "!/set/train/dog/2.jpg");
    }

    private static List<String> texts(ImageFolder folder) {
        return folder.samples().stream().map(sample -> sample.path().toString()).toList();
    }
}
