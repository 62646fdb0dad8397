package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.PixelLabels;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class SegmentationSetTest {
    @TempDir
    Path folder;

    /** Of one row, grey. */
    private void annotation(String name, int... numbers) throws IOException {
        BufferedImage image = new BufferedImage(numbers.length, 1, BufferedImage.TYPE_BYTE_GRAY);
        for (int x = 0; x < numbers.length; x++) {
            image.getRaster().setSample(x, 0, 0, numbers[x]);
        }
        write(name, image);
    }

    private void write(String name, BufferedImage image) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        assertThat(ImageIO.write(image, "png", file.toFile())).isTrue();
    }

    private void picture(String name) throws IOException {
        write(name, new BufferedImage(3, 1, BufferedImage.TYPE_INT_RGB)); // endings are not looked at here
    }

    private static int[] numbers(SegmentationSet set) throws IOException {
        PixelLabels labels = set.labels(set.samples().get(0).path());
        return labels.toInts();
    }

    @Test
    void aPlainFolderHasPartsAndNames() throws IOException {
        picture("images/train/b.jpg");
        picture("images/train/a.jpg");
        annotation("annotations/train/a.png", 0, 2, 255);
        annotation("annotations/train/b.png", 1, 1, 1);
        Files.writeString(folder.resolve("labels.txt"), "road\n-void\ncar\n");

        SegmentationSet set = SegmentationSet.open(folder, "train");

        assertThat(set.classNames()).containsExactly("road", "car");
        assertThat(set.samples())
                .extracting(each -> String.valueOf(each.path().getFileName()))
                .containsExactly("a.jpg", "b.jpg");
        assertThat(numbers(set)).containsExactly(0, 1, 255);
        assertThat(set.labels(set.samples().get(1).path()).toInts()).containsExactly(255, 255, 255);
    }

    @Test
    void aPaletteIsReadByItsNumbersNotItsColours() throws IOException {
        byte[] colours = {0, 10, 20, 30};
        IndexColorModel palette = new IndexColorModel(2, 4, colours, colours, colours);
        BufferedImage image = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_BINARY, palette);
        for (int x = 0; x < 3; x++) {
            image.getRaster().setSample(x, 0, 0, 2 - x);
        }
        picture("images/a.jpg");
        write("annotations/a.png", image);
        Files.writeString(folder.resolve("labels.txt"), "road\ncar\nsky\n");

        assertThat(numbers(SegmentationSet.open(folder, ""))).containsExactly(2, 1, 0);
    }

    @Test
    void ade20kCountsFromOneAndLeavesOutNought() throws IOException {
        picture("images/validation/a.jpg");
        annotation("annotations/validation/a.png", 0, 1, 150);
        Files.writeString(
                folder.resolve("objectInfo150.txt"),
                "Idx\tRatio\tTrain\tVal\tName\n"
                        + IntStream.rangeClosed(1, 150)
                                .mapToObj(i -> i + "\t0.1\t1\t1\tthing" + i + ", other")
                                .collect(Collectors.joining("\n")));

        SegmentationSet set = SegmentationSet.open(folder, "val");

        assertThat(set.classNames()).hasSize(150).startsWith("thing1");
        assertThat(numbers(set)).containsExactly(255, 0, 149);
    }

    @Test
    void cityscapesAnnotationsAreTheTrainIds() throws IOException {
        picture("leftImg8bit/train/ulm/ulm_1_leftImg8bit.png");
        annotation("gtFine/train/ulm/ulm_1_gtFine_labelTrainIds.png", 18, 255, 0);

        SegmentationSet set = SegmentationSet.open(folder, "train");

        assertThat(set.classNames()).hasSize(19).startsWith("road", "sidewalk");
        assertThat(numbers(set)).containsExactly(18, 255, 0);
        assertThat(set.palette())
                .hasValueSatisfying(colours -> assertThat(colours).hasSize(19));
    }

    @Test
    void cityscapesNumbersOfAllThingsDoWhereTrainIdsWereNotMade() throws IOException {
        picture("leftImg8bit/val/ulm/ulm_1_leftImg8bit.png");
        annotation("gtFine/val/ulm/ulm_1_gtFine_labelIds.png", 7, 33, 9);

        assertThat(numbers(SegmentationSet.open(folder, "val"))).containsExactly(0, 18, 255);
    }

    @Test
    void aPartIsAName() {
        assertThatThrownBy(() -> SegmentationSet.open(folder, "../annotations"))
                .hasMessage("a part is named as its folder is, such as train, got '../annotations'");
    }

    @Test
    void whatIsNoPictureNeedsNoAnnotation() throws IOException {
        picture("images/a.jpg");
        annotation("annotations/a.png", 0, 1, 1);
        Files.writeString(folder.resolve("labels.txt"), "road\ncar\n");
        Files.writeString(folder.resolve("images/Thumbs.db"), "of a system");
        assertThat(SegmentationSet.open(folder, "").samples()).hasSize(1);
    }

    @Test
    void itsPicturesAreFilesOfTheirPartAlone() throws IOException {
        picture("leftImg8bit/train/ulm/ulm_1_leftImg8bit.png");
        picture("leftImg8bit/val/bonn/bonn_1_leftImg8bit.png");
        annotation("gtFine/train/ulm/ulm_1_gtFine_labelTrainIds.png", 18, 255, 0);
        assertThat(SegmentationSet.open(folder, "train").pictures().pictures())
                .containsOnlyKeys("train")
                .hasEntrySatisfying("train", files -> assertThat(files).containsOnlyKeys("ulm/ulm_1_leftImg8bit.png"));
    }

    @Test
    void pascalsPartsAreLists() throws IOException {
        for (String name : List.of("x", "y")) {
            picture("JPEGImages/" + name + ".jpg");
            annotation("SegmentationClass/" + name + ".png", 0, 20, 255);
        }
        Files.createDirectories(folder.resolve("ImageSets/Segmentation"));
        Files.writeString(folder.resolve("ImageSets/Segmentation/val.txt"), "y\n");

        SegmentationSet voc = SegmentationSet.open(folder, "val");
        assertThat(voc.samples()).hasSize(1);
        assertThat(voc.classNames()).hasSize(21);
        assertThat(voc.pictures().pictures())
                .containsOnlyKeys("JPEGImages")
                .hasEntrySatisfying("JPEGImages", files -> assertThat(files).containsOnlyKeys("y.jpg"));
        assertThat(numbers(voc)).containsExactly(0, 20, 255);
        assertThatThrownBy(() -> SegmentationSet.open(folder, "train")).hasMessageContaining("train.txt: is missing");

        annotation("SegmentationClassContext/y.png", 59, 1, 255);
        Files.createDirectories(folder.resolve("ImageSets/SegmentationContext"));
        Files.writeString(folder.resolve("ImageSets/SegmentationContext/val.txt"), "y\n");
        SegmentationSet context = SegmentationSet.open(folder, "val");
        assertThat(context.classNames()).hasSize(60).endsWith("wood").doesNotHaveDuplicates();
        assertThat(numbers(context)).containsExactly(59, 1, 255);
    }

    @Test
    void aMissingOrBrokenAnnotationIsNamed() throws IOException {
        picture("images/a.jpg");
        Files.createDirectories(folder.resolve("annotations"));
        assertThatThrownBy(() -> SegmentationSet.open(folder, "")).hasMessageContaining("labels.txt: is missing");
        Files.writeString(folder.resolve("labels.txt"), "road\ncar\n");
        assertThatThrownBy(() -> SegmentationSet.open(folder, ""))
                .hasMessageContaining("a.jpg: has no annotation")
                .hasMessageContaining("a.png is expected");

        annotation("annotations/a.png", 0, 1, 7);
        SegmentationSet set = SegmentationSet.open(folder, "");
        assertThatThrownBy(() -> numbers(set))
                .hasMessageContaining("a.png: the pixel in column 2, row 0 has the number 7, which is no class");

        Files.writeString(folder.resolve("annotations/a.png"), "no picture");
        assertThatThrownBy(() -> numbers(set)).hasMessageContaining("a.png: cannot be read as a PNG of labels");

        write("annotations/a.png", new BufferedImage(3, 1, BufferedImage.TYPE_INT_RGB));
        assertThatThrownBy(() -> numbers(set))
                .hasMessageContaining("a.png: an annotation has one number a pixel, this one has 3 channels");
    }

    @Test
    void whatIsNoSetOfLabelledPixelsIsRefused() throws IOException {
        assertThat(SegmentationSet.isOne(folder)).isFalse();
        assertThatThrownBy(() -> SegmentationSet.open(folder, "train"))
                .hasMessageContaining("folders images and annotations are required");
        assertThatThrownBy(() -> SegmentationSet.open(folder.resolve("none"), "train"))
                .isInstanceOf(DatasetException.class);
    }

    @Test
    void camVidsNamesAreKnown() throws IOException {
        folder = Files.createDirectories(folder.resolve("camvid"));
        picture("images/test/a.jpg");
        annotation("annotations/test/a.png", 0, 10, 11);
        SegmentationSet set = SegmentationSet.open(folder, "test");
        assertThat(set.classNames()).hasSize(11).startsWith("sky");
        assertThat(numbers(set)).containsExactly(0, 10, 255);
    }
}
