package dev.thinkingvit.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ImageNetTest {
    @Test
    void classesAreCountedInTheOrderOfTheirSynsets() {
        assertThat(ImageNet.synsets()).hasSize(1000).isSorted().doesNotHaveDuplicates();
        assertThat(ImageNet.names()).hasSize(1000).startsWith("tench, Tinca tinca");
        assertThat(ImageNet.synsets().get(999)).isEqualTo("n15075141");
    }

    @Test
    void shortNamesAreTheFirstOnesAndTellAllClassesApart() {
        assertThat(ImageNet.shortNames()).startsWith("tench", "goldfish").doesNotHaveDuplicates();
        assertThat(ImageNet.shortNames().get(134)).isEqualTo("crane (n02012849)");
    }

    @Test
    void labelsOfOtherLibrariesAreRecognisedAndOtherThousandsAreNot() {
        List<String> underscored = ImageNet.names().stream()
                .map(names -> names.split(",", -1)[0].replace(' ', '_'))
                .toList();
        List<String> backwards = new java.util.ArrayList<>(ImageNet.names());
        Collections.reverse(backwards);

        assertThat(ImageNet.is(1000, List.of())).isTrue();
        assertThat(ImageNet.is(1000, ImageNet.synsets())).isTrue();
        assertThat(ImageNet.is(1000, underscored)).isTrue();
        assertThat(ImageNet.is(1000, backwards)).isFalse();
        assertThat(ImageNet.is(
                        1000,
                        IntStream.range(0, 1000).mapToObj(i -> "class " + i).toList()))
                .isFalse();
        assertThat(ImageNet.is(1001, List.of())).isFalse();
        assertThat(ImageNet.is(10, List.of())).isFalse();
    }

    @Test
    void subsetsHaveTwoHundredClasses() {
        assertThat(ImageNet.subset("imagenet-a.txt")).hasSize(200).doesNotHaveDuplicates();
        assertThat(ImageNet.subset("imagenet-r.txt"))
                .hasSize(200)
                .contains(1, 2)
                .doesNotContain(0);
    }

    @Test
    void reassessedLabelsAreThoseOfTheValidationPictures() throws IOException {
        RealLabels real = RealLabels.ofImageNet();

        assertThat(real.labelsOf(Path.of("ILSVRC2012_val_00000001.JPEG"))).isEmpty();
        assertThat(real.labelsOf(Path.of("a/ILSVRC2012_val_00000002.JPEG"))).containsExactly(970, 795);
        assertThat(real.labelsOf(Path.of("ILSVRC2012_val_00050000.JPEG"))).isNotNull();
    }
}
