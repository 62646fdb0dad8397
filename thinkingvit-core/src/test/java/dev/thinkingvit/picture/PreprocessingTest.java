package dev.thinkingvit.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PreprocessingTest {

    private static final ReferenceTensors EXPECTED = ReferenceTensors.open("preprocess/expected.safetensors");

    static Stream<String> references() {
        return EXPECTED.names().stream();
    }

    /** Recorded with Pillow; those of picture3.jpg, which is tall, with 13.0.0, since older ones order the passes otherwise. */
    @ParameterizedTest
    @MethodSource("references")
    void everyKindOfFileGivesTheRecordedLevels(String key) throws IOException {
        String name = key.substring(0, key.indexOf('@'));
        int size = Integer.parseInt(key.substring(key.indexOf('@') + 1));
        Preprocessing preprocessing = Preprocessing.imagenet(size, size == 32 ? 1.0 : 0.9);
        Picture picture = PictureDecoder.decode(ReferenceTensors.resource("preprocess/images/" + name), name);

        byte[] levels = preprocessing.toChw(picture);

        int difference = ReferenceTensors.maxDifference(levels, EXPECTED.levels(key));
        assertThat(difference).isZero();
    }

    @Test
    void normalizedLevelsAreWrittenChannelByChannel() {
        Preprocessing preprocessing =
                new Preprocessing(2, 1.0, Resampling.BICUBIC, new float[] {0.5f, 0, 0}, new float[] {0.5f, 1, 2});
        Picture picture = new Picture(2, 2, new byte[] {-1, 0, -1, 0, -1, 0, -1, 0, 0, 0, 0, 0});
        float[] target = new float[14];

        preprocessing.normalizeInto(picture, target, 1);

        assertThat(target).containsExactly(0, 1, -1, 1, -1, 0, 1, 0, 0, 0.5f, 0, 0, 0, 0);
    }

    @Test
    void aPictureOfAnotherSizeIsNotNormalized() {
        Preprocessing preprocessing = Preprocessing.imagenet(4);

        assertThatThrownBy(() -> preprocessing.normalizeInto(new Picture(2, 4, new byte[24]), new float[48], 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("input is 4 × 4 (height × width), this is 4 × 2");
    }

    @Test
    void preprocessingsAreComparedByValueAndCannotBeChangedFromOutside() {
        float[] mean = {0.5f, 0.5f, 0.5f};
        float[] std = {0.5f, 0.5f, 0.5f};
        Preprocessing first = new Preprocessing(32, 1.0, Resampling.BILINEAR, mean, std);
        Preprocessing second = new Preprocessing(32, 1.0, Resampling.BILINEAR, mean.clone(), std.clone());

        mean[0] = 9;
        first.std()[0] = 9;

        assertThat(first).isEqualTo(second).hasSameHashCodeAs(second);
        assertThat(first).isNotEqualTo(Preprocessing.imagenet(32));
    }

    @Test
    void impossibleSettingsAreRefused() {
        float[] three = {1, 1, 1};
        assertThatThrownBy(() -> Preprocessing.imagenet(0)).hasMessageContaining("at least 1, not 0");
        assertThatThrownBy(() -> Preprocessing.imagenet(32, 1.5)).hasMessageContaining("not 1.5");
        assertThatThrownBy(() -> Preprocessing.imagenet(32, Double.NaN)).hasMessageContaining("not NaN");
        assertThatThrownBy(() -> new Preprocessing(8, 1, Resampling.BICUBIC, three, new float[2]))
                .hasMessageContaining("not 3 and 2");
        assertThatThrownBy(() -> new Preprocessing(8, 1, Resampling.BICUBIC, three, new float[3]))
                .hasMessageContaining("std positive");
    }
}
