package dev.thinkingvit.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.Preprocessing;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class TokenDepthPicturesTest {
    @TempDir
    Path folder;

    private static Picture blue(int width, int height) {
        byte[] rgb = new byte[3 * width * height];
        for (int i = 2; i < rgb.length; i += 3) {
            rgb[i] = (byte) 200;
        }
        return new Picture(width, height, rgb);
    }

    @Test
    void aPatchIsTheBrighterTheDeeperItWent() throws IOException {
        new TokenDepthPictures(new ImageSize(2, 3), 12)
                .write(folder, "sky", blue(300, 200), new float[] {12, 4, 0, 8, 12, 12});

        BufferedImage depth = ImageIO.read(folder.resolve("sky.depth.png").toFile());
        assertThat(depth.getWidth()).isEqualTo(300);
        assertThat(depth.getHeight()).isEqualTo(200);
        assertThat(depth.getRGB(10, 10) & 0xFFFFFF).isEqualTo(0xFFFFFF);
        assertThat(depth.getRGB(150, 99) & 0xFFFFFF).isEqualTo(0xFF0000);
        assertThat(depth.getRGB(299, 0) & 0xFFFFFF).isZero();
        assertThat(depth.getRGB(0, 100) & 0xFFFFFF).isEqualTo(0xFFFF00);
    }

    @Test
    void thePictureStandsBesideIt() throws IOException {
        new TokenDepthPictures(new ImageSize(1, 1), 12).write(folder, "small", blue(32, 32), new float[] {12});

        BufferedImage both = ImageIO.read(folder.resolve("small.both.png").toFile());
        assertThat(both.getWidth()).isEqualTo(2 * 224);
        assertThat(both.getRGB(0, 0) & 0xFFFFFF).isEqualTo(200);
        assertThat(both.getRGB(224, 0) & 0xFFFFFF).isEqualTo(0xFFFFFF);
        BufferedImage input = ImageIO.read(folder.resolve("small.input.png").toFile());
        assertThat(input.getRGB(223, 223) & 0xFFFFFF).isEqualTo(200);
    }

    @Test
    void depthsOfAnotherGridAreRefused() {
        TokenDepthPictures pictures = new TokenDepthPictures(new ImageSize(2, 2), 12);
        assertThatThrownBy(() -> pictures.write(folder, "sky", blue(4, 4), new float[3]))
                .hasMessage("depths of 4 patches are required, 3 came");
    }

    @Test
    void whatTheNetworkSawIsFoundAgain() {
        Preprocessing preprocessing = Preprocessing.imagenet(8);
        Picture blue = blue(8, 8);
        float[] two = new float[2 * 3 * 64];
        preprocessing.normalizeInto(blue, two, 3 * 64);

        assertThat(Arrays.equals(TokenDepthPictures.seen(two, 1, preprocessing).rgb(), blue.rgb()))
                .isTrue();
    }
}
