package dev.thinkingvit.picture;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;

/** Pictures made up for tests. */
public final class TestPictures {

    private TestPictures() {}

    public static Picture noise(int width, int height, long seed) {
        byte[] levels = new byte[width * height * 3];
        new SplittableRandom(seed).nextBytes(levels);
        return new Picture(width, height, levels);
    }

    public static byte[] encode(Picture picture, String format) throws IOException {
        BufferedImage image = new BufferedImage(picture.width(), picture.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                image.setRGB(x, y, picture.level(x, y, 0) << 16 | picture.level(x, y, 1) << 8 | picture.level(x, y, 2));
            }
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (!ImageIO.write(image, format, out)) {
            throw new IOException("No writer for " + format);
        }
        return out.toByteArray();
    }

    /** Writes a picture as PNG, folders included. */
    public static Path write(Path file, Picture picture) throws IOException {
        Path folder = file.getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        return Files.write(file, encode(picture, "png"));
    }
}
