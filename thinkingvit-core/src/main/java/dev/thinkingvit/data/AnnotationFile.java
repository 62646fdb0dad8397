package dev.thinkingvit.data;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.picture.PictureException;
import dev.thinkingvit.picture.PixelLabels;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/**
 * Annotations of pixels as the field stores them: a PNG with one number a pixel, grey or from a palette, whose colours mean
 * nothing here.
 */
final class AnnotationFile {
    private static final long MOST_PIXELS = 1L << 28;

    private AnnotationFile() {}

    /**
     * @param classes of each number from 0 to 255: a class, {@link PixelLabels#IGNORED}, or −1 for none
     * @throws PictureException that names the file, and the first pixel with a number that is no class
     */
    static PixelLabels read(Path file, int[] classes) throws IOException {
        Raster numbers = numbers(file);
        int width = numbers.getWidth();
        int height = numbers.getHeight();
        byte[] labels = new byte[Math.multiplyExact(width, height)];
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            numbers.getSamples(0, y, width, 1, 0, row);
            for (int x = 0; x < width; x++) {
                int label = row[x] < classes.length ? classes[row[x]] : -1;
                if (label < 0) {
                    throw new PictureException(file + ": the pixel in column " + x + ", row " + y + " has the number "
                            + row[x] + ", which is no class of the data set and none that is ignored");
                }
                labels[y * width + x] = (byte) label;
            }
        }
        return new PixelLabels(width, height, labels);
    }

    private static Raster numbers(Path file) throws IOException {
        try (ImageInputStream in = ImageIO.createImageInputStream(Files.newInputStream(file))) {
            Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName("png");
            ImageReader reader = readers.next();
            try {
                reader.setInput(in, true, true);
                if ((long) reader.getWidth(0) * reader.getHeight(0) > MOST_PIXELS) {
                    throw new PictureException(file + ": an annotation has at most " + MOST_PIXELS + " pixels, it has "
                            + reader.getWidth(0) + "x" + reader.getHeight(0));
                }
                BufferedImage image = reader.read(0);
                Raster raster = image.getRaster();
                if (raster.getNumBands() != 1) {
                    throw new PictureException(file + ": an annotation has one number a pixel, this one has "
                            + raster.getNumBands() + " channels");
                }
                return raster;
            } finally {
                reader.dispose();
            }
        } catch (PictureException e) {
            throw e;
        } catch (IOException | RuntimeException e) { // ImageIO throws what comes
            throw new PictureException(file + ": cannot be read as a PNG of labels: " + Reasons.of(e), e);
        }
    }
}
