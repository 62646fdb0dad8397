package dev.thinkingvit.report;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.Preprocessing;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * How deep each patch of a picture went, drawn: the picture as the network saw it, a heat map of its patches, and both side
 * by side. A patch that halted after the first block is nearly black, one that went through all is white.
 *
 * @param grid of patches
 * @param blocks of the network
 */
public record TokenDepthPictures(ImageSize grid, int blocks) {
    /** A picture's longer side is drawn with at least so many pixels. */
    private static final int LEAST = 224;

    /**
     * Writes {@code name.input.png}, {@code name.depth.png} and {@code name.both.png}.
     *
     * @param folder that exists
     * @param seen the picture as the network saw it
     * @param depths block from 1 after which each patch halted, row by row; none is left out
     * @throws IOException if a file cannot be written: names it
     */
    public void write(Path folder, String name, Picture seen, float[] depths) throws IOException {
        if (depths.length != grid.pixels()) {
            throw new IllegalArgumentException(
                    "depths of " + grid.pixels() + " patches are required, " + depths.length + " came");
        }
        int times = Math.max(1, LEAST / Math.max(seen.width(), seen.height()));
        int width = seen.width() * times;
        int height = seen.height() * times;
        BufferedImage input = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        BufferedImage depth = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int patch = y * grid.height() / height * grid.width() + x * grid.width() / width;
                input.setRGB(x, y, rgb(seen, x / times, y / times));
                depth.setRGB(x, y, heat(depths[patch] / blocks));
            }
        }
        BufferedImage both = new BufferedImage(2 * width, height, BufferedImage.TYPE_INT_RGB);
        both.setRGB(0, 0, width, height, input.getRGB(0, 0, width, height, null, 0, width), 0, width);
        both.setRGB(width, 0, width, height, depth.getRGB(0, 0, width, height, null, 0, width), 0, width);
        write(folder.resolve(name + ".input.png"), input);
        write(folder.resolve(name + ".depth.png"), depth);
        write(folder.resolve(name + ".both.png"), both);
    }

    /**
     * The heat map alone, a pixel a patch.
     *
     * @param depths block from 1 after which each patch halted, row by row
     */
    BufferedImage map(List<Integer> depths) {
        if (depths.size() != grid.pixels()) {
            throw new IllegalArgumentException(
                    "depths of " + grid.pixels() + " patches are required, " + depths.size() + " came");
        }
        BufferedImage map = new BufferedImage(grid.width(), grid.height(), BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < depths.size(); i++) {
            map.setRGB(i % grid.width(), i / grid.width(), heat((float) depths.get(i) / blocks));
        }
        return map;
    }

    /**
     * What the network saw, from what it was given.
     *
     * @param images normalised, (B, 3, h, w)
     * @param index of the image
     */
    public static Picture seen(float[] images, int index, Preprocessing preprocessing) {
        ImageSize size = preprocessing.size();
        byte[] rgb = new byte[size.values()];
        for (int channel = 0; channel < 3; channel++) {
            int from = index * size.values() + channel * size.pixels();
            for (int i = 0; i < size.pixels(); i++) {
                float level = images[from + i] * preprocessing.std()[channel]
                        + preprocessing.mean()[channel];
                rgb[3 * i + channel] = (byte) Math.max(0, Math.min(255, Math.round(255 * level)));
            }
        }
        return new Picture(size.width(), size.height(), rgb);
    }

    private static int rgb(Picture picture, int x, int y) {
        return picture.level(x, y, 0) << 16 | picture.level(x, y, 1) << 8 | picture.level(x, y, 2);
    }

    /** Black, red, yellow, white for 0 to 1. */
    private static int heat(float share) {
        return part(3 * share) << 16 | part(3 * share - 1) << 8 | part(3 * share - 2);
    }

    private static int part(float share) {
        return Math.round(255 * Math.max(0, Math.min(1, share)));
    }

    private static void write(Path file, BufferedImage image) throws IOException {
        AtomicFiles.write(file, out -> {
            // not ImageIO's own stream: it keeps a file, and a hook that a process that is told to end cannot have any
            // more
            try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
                if (!ImageIO.write(image, "png", stream)) {
                    throw new IOException("this Java has no writer for png");
                }
            }
        });
    }
}
