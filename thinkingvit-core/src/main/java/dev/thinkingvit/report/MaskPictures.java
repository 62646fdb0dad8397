package dev.thinkingvit.report;

import dev.thinkingvit.inference.Segmentation;
import dev.thinkingvit.inference.WindowOutcome;
import dev.thinkingvit.picture.Picture;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import javax.imageio.ImageIO;

/** Draws what was made of a picture: its classes, the same over the picture, and which windows needed which stage. */
public final class MaskPictures {
    private static final int MOST_OF_A_PALETTE = 256;
    private static final int SMALL = 400; // pixels of the longer side

    private static final Color[] STAGES = {
        new Color(0x2E7D32), new Color(0xF9A825), new Color(0xC62828), new Color(0x6A1B9A), new Color(0x1565C0)
    };

    private MaskPictures() {}

    /** The colour of a stage (from 1) in {@link #windows}, {@code 0xRRGGBB}. */
    public static int stageColour(int stage) {
        return STAGES[Math.min(stage, STAGES.length) - 1].getRGB() & 0xFFFFFF;
    }

    /**
     * A PNG of 8 bits a pixel, which are the classes' numbers, with their colours as its palette.
     *
     * @param colours of each class, {@code 0xRRGGBB}
     * @throws IllegalArgumentException if there are more than 256 classes
     */
    public static byte[] classes(Segmentation result, List<Integer> colours) throws IOException {
        if (colours.size() > MOST_OF_A_PALETTE) {
            throw new IllegalArgumentException(
                    "a PNG's palette has at most " + MOST_OF_A_PALETTE + " colours, " + colours.size() + " are needed");
        }
        byte[] red = new byte[MOST_OF_A_PALETTE];
        byte[] green = new byte[MOST_OF_A_PALETTE];
        byte[] blue = new byte[MOST_OF_A_PALETTE];
        for (int i = 0; i < colours.size(); i++) {
            red[i] = (byte) (colours.get(i) >> 16);
            green[i] = (byte) (colours.get(i) >> 8);
            blue[i] = (byte) (int) colours.get(i);
        }
        BufferedImage image = new BufferedImage(
                result.size().width(),
                result.size().height(),
                BufferedImage.TYPE_BYTE_INDEXED,
                new IndexColorModel(
                        8, MOST_OF_A_PALETTE, red, green, blue)); // all of it, or a class would need fewer bits
        image.getRaster().setPixels(0, 0, result.size().width(), result.size().height(), result.labels());
        return png(image);
    }

    /** The classes' colours and the picture, half and half. */
    public static byte[] overlay(Picture picture, Segmentation result, List<Integer> colours) throws IOException {
        return png(over(picture, result.labels(), colours));
    }

    /**
     * Classes' colours and a picture, half and half.
     *
     * @param labels of each pixel, row by row; those that are no class leave the picture as it is
     */
    static BufferedImage over(Picture picture, int[] labels, List<Integer> colours) {
        BufferedImage image = picture(picture);
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                int label = labels[y * picture.width() + x];
                if (label < colours.size()) {
                    int own = colours.get(label);
                    int seen = image.getRGB(x, y);
                    // each channel's half, without what would run over into the next
                    image.setRGB(x, y, ((own & 0xFEFEFE) >> 1) + ((seen & 0xFEFEFE) >> 1) + (own & seen & 0x010101));
                }
            }
        }
        return image;
    }

    static BufferedImage picture(Picture picture) {
        BufferedImage image = new BufferedImage(picture.width(), picture.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                image.setRGB(x, y, picture.level(x, y, 0) << 16 | picture.level(x, y, 1) << 8 | picture.level(x, y, 2));
            }
        }
        return image;
    }

    /** As large as a page shows it, if it is not small already. */
    static BufferedImage small(BufferedImage image) {
        double scale = Math.min(1, (double) SMALL / Math.max(image.getWidth(), image.getHeight()));
        if (scale == 1) {
            return image;
        }
        int width = (int) Math.max(1, Math.rint(image.getWidth() * scale));
        int height = (int) Math.max(1, Math.rint(image.getHeight() * scale));
        BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D pen = small.createGraphics();
        try {
            pen.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
            pen.drawImage(image, 0, 0, width, height, null);
        } finally {
            pen.dispose();
        }
        return small;
    }

    /** The picture under the windows of its first view, each framed and shaded in the colour of the stage that ended it. */
    public static byte[] windows(Picture picture, Segmentation result) throws IOException {
        return png(ended(picture, result));
    }

    static BufferedImage ended(Picture picture, Segmentation result) {
        BufferedImage image = new BufferedImage(picture.width(), picture.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < picture.height(); y++) {
            for (int x = 0; x < picture.width(); x++) {
                int grey = (picture.level(x, y, 0) + picture.level(x, y, 1) + picture.level(x, y, 2)) / 3;
                image.setRGB(x, y, (grey << 16) | (grey << 8) | grey);
            }
        }
        int right = 1;
        int bottom = 1;
        for (WindowOutcome window : result.windows()) {
            if (window.view() == 0) {
                right = Math.max(right, window.left() + window.width());
                bottom = Math.max(bottom, window.top() + window.height());
            }
        }
        double across = (double) picture.width() / right;
        double down = (double) picture.height() / bottom;
        Graphics2D pen = image.createGraphics();
        try {
            pen.setStroke(new BasicStroke(2));
            for (WindowOutcome window : result.windows()) {
                if (window.view() == 0) {
                    int left = (int) Math.round(window.left() * across);
                    int top = (int) Math.round(window.top() * down);
                    int width = (int) Math.round(window.width() * across);
                    int height = (int) Math.round(window.height() * down);
                    Color colour = new Color(stageColour(window.stage()));
                    pen.setColor(new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 70));
                    pen.fillRect(left, top, width, height);
                    pen.setColor(colour);
                    pen.drawRect(left + 1, top + 1, Math.max(1, width - 3), Math.max(1, height - 3));
                }
            }
        } finally {
            pen.dispose();
        }
        return image;
    }

    private static byte[] png(BufferedImage image) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }
}
