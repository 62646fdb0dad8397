package dev.thinkingvit.augment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureResizer;
import dev.thinkingvit.picture.ReferenceTensors;
import dev.thinkingvit.picture.Resampling;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds every operator of the augmentations to the levels that PIL gives. */
class PilOperatorsTest {

    private static final ReferenceTensors REFERENCE = ReferenceTensors.open("augment/expected.safetensors");
    private static final Picture INPUT = REFERENCE.picture("input");
    private static final int FILL = 0x7C7468;

    static List<String> recordedOperators() {
        List<String> names = REFERENCE.names();
        names.remove("input");
        return names;
    }

    @ParameterizedTest
    @MethodSource("recordedOperators")
    void anOperatorEqualsTheRecordedLevels(String operator) {
        Picture result = apply(operator, INPUT, Resampling.BICUBIC);

        assertThat(result.toChw()).isEqualTo(REFERENCE.levels(operator));
    }

    static List<String> checksums() {
        return new String(ReferenceTensors.resource("augment/pillow-11.3-crc32.txt"), StandardCharsets.UTF_8)
                .lines()
                .filter(line -> !line.startsWith("#"))
                .toList();
    }

    /** Each line: operators, joined by bars; the part of the input; the interpolation; the levels' CRC-32. */
    @ParameterizedTest
    @MethodSource("checksums")
    void operatorsGiveTheLevelsOfPillow(String line) {
        String[] fields = line.split(" ", -1);
        Picture result = part(fields[1]);
        for (String operator : fields[0].split("\\|", -1)) {
            result = apply(operator, result, Resampling.named(fields[2]));
        }
        CRC32 crc = new CRC32();
        crc.update(result.rgb());

        assertThat(String.format("%08x", crc.getValue())).isEqualTo(fields[3]);
    }

    private static Picture part(String region) {
        String[] numbers = region.split(",", -1);
        int left = Integer.parseInt(numbers[0]);
        int top = Integer.parseInt(numbers[1]);
        int width = Integer.parseInt(numbers[2]);
        int height = Integer.parseInt(numbers[3]);
        return PictureResizer.resize(INPUT, width, height, Resampling.BICUBIC, left, top, left + width, top + height);
    }

    private static Picture apply(String operator, Picture picture, Resampling interpolation) {
        String[] parts = operator.split(":", -1);
        if (parts[0].equals("resized_crop")) {
            String[] numbers = parts[1].split(",|->", -1);
            int left = Integer.parseInt(numbers[0]);
            int top = Integer.parseInt(numbers[1]);
            int size = Integer.parseInt(numbers[4]);
            return PictureResizer.resize(
                    picture,
                    size,
                    size,
                    interpolation,
                    left,
                    top,
                    left + Integer.parseInt(numbers[2]),
                    top + Integer.parseInt(numbers[3]));
        }
        double argument = parts.length == 1 ? 0 : Double.parseDouble(parts[1]);
        return switch (parts[0]) {
            case "autocontrast" -> ImageOps.autocontrast(picture);
            case "equalize" -> ImageOps.equalize(picture);
            case "invert" -> ImageOps.invert(picture);
            case "posterize" -> ImageOps.posterize(picture, (int) argument);
            case "solarize" -> ImageOps.solarize(picture, (int) argument);
            case "solarize_add" -> ImageOps.solarizeAdd(picture, (int) argument);
            case "brightness" -> ImageEnhance.brightness(picture, argument);
            case "contrast" -> ImageEnhance.contrast(picture, argument);
            case "color" -> ImageEnhance.color(picture, argument);
            case "sharpness" -> ImageEnhance.sharpness(picture, argument);
            case "hue" -> HueShift.apply(picture, argument);
            case "hflip" -> HorizontalFlip.flip(picture);
            default -> affine(parts[0], argument, picture).apply(picture, interpolation, FILL);
        };
    }

    private static AffineTransform affine(String operator, double argument, Picture picture) {
        return switch (operator) {
            case "shear_x" -> AffineTransform.shearX(argument);
            case "shear_y" -> AffineTransform.shearY(argument);
            case "translate_x_rel" -> AffineTransform.translateX(argument * picture.width());
            case "translate_y_rel" -> AffineTransform.translateY(argument * picture.height());
            case "rotate" -> AffineTransform.rotate(argument, picture.width(), picture.height());
            default -> throw new AssertionError("Nothing here computes the recorded operator " + operator);
        };
    }
}
