package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageNetSetTest {
    private final Path root;

    ImageNetSetTest(@TempDir Path root) {
        this.root = root;
    }

    @Test
    void aSetIsFoundByItsNameAndOthersAreListed() {
        assertThat(ImageNetSet.of("imagenet-a")).isEqualTo(ImageNetSet.IMAGENET_A);
        assertThat(ImageNetSet.of("ImageNet_V2")).isEqualTo(ImageNetSet.IMAGENET_V2);
        assertThatThrownBy(() -> ImageNetSet.of("imagenet-c")).hasMessageContaining("imagenet-sketch, imagenet-real");
    }

    @Test
    void aAndRAllowTheirTwoHundredClassesOnly() {
        ValidLabels r = ImageNetSet.IMAGENET_R.valid();

        assertThat(r).isNotNull();
        assertThat(r == null ? 0 : r.count()).isEqualTo(200);
        assertThat(ImageNetSet.IMAGENET_V2.valid()).isNull();
    }

    @Test
    void aPictureOfAClassThatIsNotInTheSetIsRefusedByName() throws IOException {
        Files.createDirectories(root.resolve("n01440764"));
        Files.createFile(root.resolve("n01440764/a.png"));
        ImageFolder folder = new ClassFinder(1000, List.of()).label(ImageFolder.open(root), List.of());

        ImageNetSet.IMAGENET_SKETCH.requireOwn(folder);
        assertThatThrownBy(() -> ImageNetSet.IMAGENET_A.requireOwn(folder))
                .isInstanceOf(DatasetException.class)
                .hasMessageContaining("n01440764 (tench), is none of the 200 of ImageNet-A");
    }

    @Test
    void aNetworkOfOtherClassesIsRefused() {
        assertThatThrownBy(() -> ImageNetSet.IMAGENET.requireClasses(10, List.of("cat")))
                .hasMessageContaining("this one has 10, the first of which is 'cat'");
    }

    @Test
    void foldersThatAreASetsOwnChoiceAreRecognised() throws IOException {
        for (int index : ImageNet.subset("imagenet-r.txt")) {
            Path folder =
                    Files.createDirectories(root.resolve(ImageNet.synsets().get(index)));
            Files.createFile(folder.resolve("a.png"));
        }
        ImageFolder folder = new ClassFinder(1000, List.of()).label(ImageFolder.open(root), List.of());

        assertThat(ImageNetSet.withClasses(folder)).isEqualTo(ImageNetSet.IMAGENET_R);
    }
}
