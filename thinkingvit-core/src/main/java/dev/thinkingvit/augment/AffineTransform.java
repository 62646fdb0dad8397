package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.Resampling;
import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * PIL's {@code Image.transform} with {@code AFFINE}: each pixel of the result looks up where it comes from, in a picture
 * of the same size. Gives the same levels as PIL on x86-64.
 *
 * <p>The centre of output pixel (x, y) is at (x + ½, y + ½); it comes from ({@code a·x + b·y + c}, {@code d·x + e·y +
 * f}). What comes from outside the picture gets the fill colour. Unlike resizing, PIL's interpolation here cuts
 * fractions off, and its bicubic kernel is the sharper one with a = −1. Immutable.
 */
record AffineTransform(double a, double b, double c, double d, double e, double f) {

    static AffineTransform shearX(double factor) {
        return new AffineTransform(1, factor, 0, 0, 1, 0);
    }

    static AffineTransform shearY(double factor) {
        return new AffineTransform(1, 0, 0, factor, 1, 0);
    }

    /** Shows what is {@code pixels} further right, so that the content moves left if positive. */
    static AffineTransform translateX(double pixels) {
        return new AffineTransform(1, 0, pixels, 0, 1, 0);
    }

    /** Shows what is {@code pixels} further down. */
    static AffineTransform translateY(double pixels) {
        return new AffineTransform(1, 0, 0, 0, 1, pixels);
    }

    /** Turns counter-clockwise about the centre of a picture of this size, as {@code Image.rotate} does. */
    static AffineTransform rotate(double degrees, int width, int height) {
        double angle = -Math.toRadians(degrees);
        double cos = round15(StrictMath.cos(angle));
        double sin = round15(StrictMath.sin(angle));
        double centerX = width / 2.0;
        double centerY = height / 2.0;
        double c = cos * -centerX + sin * -centerY + centerX;
        double f = -sin * -centerX + cos * -centerY + centerY;
        return new AffineTransform(cos, sin, c, -sin, cos, f);
    }

    // As PIL does, so that a quarter turn is exact.
    private static double round15(double value) {
        return new BigDecimal(value).setScale(15, RoundingMode.HALF_EVEN).doubleValue();
    }

    /**
     * The transformed picture; the same instance if this is the identity.
     *
     * @param fill colour of what comes from outside, {@code 0xRRGGBB}
     */
    Picture apply(Picture picture, Resampling interpolation, int fill) {
        if (a == 1 && b == 0 && c == 0 && d == 0 && e == 1 && f == 0) {
            return picture;
        }
        int width = picture.width();
        int height = picture.height();
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        boolean bicubic = interpolation == Resampling.BICUBIC;
        int target = 0;
        for (int y = 0; y < height; y++) {
            double centerY = y + 0.5;
            double fromXOfRow = b * centerY;
            double fromYOfRow = e * centerY;
            for (int x = 0; x < width; x++, target += 3) {
                double centerX = x + 0.5;
                double fromX = a * centerX + fromXOfRow + c;
                double fromY = d * centerX + fromYOfRow + f;
                // Not a number is outside, too.
                if (!(fromX >= 0 && fromX < width && fromY >= 0 && fromY < height)) {
                    out[target] = (byte) (fill >> 16);
                    out[target + 1] = (byte) (fill >> 8);
                    out[target + 2] = (byte) fill;
                } else if (bicubic) {
                    bicubic(in, width, height, fromX - 0.5, fromY - 0.5, out, target);
                } else {
                    bilinear(in, width, height, fromX - 0.5, fromY - 0.5, out, target);
                }
            }
        }
        return new Picture(width, height, out);
    }

    private static void bilinear(byte[] in, int width, int height, double x, double y, byte[] out, int target) {
        int column = floor(x);
        int row = floor(y);
        double dx = x - column;
        double dy = y - row;
        int x0 = 3 * clip(column, width);
        int x1 = 3 * clip(column + 1, width);
        int row0 = 3 * width * clip(row, height);
        int row1 = 3 * width * clip(row + 1, height);
        for (int channel = 0; channel < 3; channel++, x0++, x1++) {
            double upper = mix(in[row0 + x0] & 0xFF, in[row0 + x1] & 0xFF, dx);
            double lower = mix(in[row1 + x0] & 0xFF, in[row1 + x1] & 0xFF, dx);
            out[target + channel] = (byte) (int) mix(upper, lower, dy);
        }
    }

    private static double mix(double first, double second, double part) {
        return first + (second - first) * part;
    }

    private static void bicubic(byte[] in, int width, int height, double x, double y, byte[] out, int target) {
        int column = floor(x);
        int row = floor(y);
        double dx = x - column;
        double dy = y - row;
        int stride = 3 * width;
        int row1 = stride * clip(row, height);
        if (dy == 0) {
            // On a row's centre the other rows have no weight: shear_x and translate_x.
            for (int channel = 0; channel < 3; channel++) {
                out[target + channel] = level(alongRow(in, row1 + channel, column, width, dx));
            }
            return;
        }
        int row0 = stride * clip(row - 1, height);
        int row2 = stride * clip(row + 1, height);
        int row3 = stride * clip(row + 2, height);
        if (dx == 0) {
            // On a column's centre likewise: shear_y and translate_y.
            int at = 3 * clip(column, width);
            for (int channel = 0; channel < 3; channel++, at++) {
                out[target + channel] = level(cubic(
                        in[row0 + at] & 0xFF, in[row1 + at] & 0xFF, in[row2 + at] & 0xFF, in[row3 + at] & 0xFF, dy));
            }
            return;
        }
        int x0 = 3 * clip(column - 1, width);
        int x1 = 3 * clip(column, width);
        int x2 = 3 * clip(column + 1, width);
        int x3 = 3 * clip(column + 2, width);
        for (int channel = 0; channel < 3; channel++, x0++, x1++, x2++, x3++) {
            double v0 =
                    cubic(in[row0 + x0] & 0xFF, in[row0 + x1] & 0xFF, in[row0 + x2] & 0xFF, in[row0 + x3] & 0xFF, dx);
            double v1 =
                    cubic(in[row1 + x0] & 0xFF, in[row1 + x1] & 0xFF, in[row1 + x2] & 0xFF, in[row1 + x3] & 0xFF, dx);
            double v2 =
                    cubic(in[row2 + x0] & 0xFF, in[row2 + x1] & 0xFF, in[row2 + x2] & 0xFF, in[row2 + x3] & 0xFF, dx);
            double v3 =
                    cubic(in[row3 + x0] & 0xFF, in[row3 + x1] & 0xFF, in[row3 + x2] & 0xFF, in[row3 + x3] & 0xFF, dx);
            out[target + channel] = level(cubic(v0, v1, v2, v3, dy));
        }
    }

    private static double alongRow(byte[] in, int row, int column, int width, double dx) {
        return cubic(
                in[row + 3 * clip(column - 1, width)] & 0xFF,
                in[row + 3 * clip(column, width)] & 0xFF,
                in[row + 3 * clip(column + 1, width)] & 0xFF,
                in[row + 3 * clip(column + 2, width)] & 0xFF,
                dx);
    }

    /** Between v1 (part 0) and v2 (part 1), for levels: the sums of integers are the same as those of floats. */
    private static double cubic(int v0, int v1, int v2, int v3, double part) {
        int linear = v2 - v0;
        int square = 2 * (v0 - v1) + v2 - v3;
        int cube = v1 - v0 + v3 - v2;
        return v1 + part * (linear + part * (square + part * cube));
    }

    private static double cubic(double v0, double v1, double v2, double v3, double part) {
        double linear = -v0 + v2;
        double square = 2 * (v0 - v1) + v2 - v3;
        double cube = -v0 + v1 - v2 + v3;
        return v1 + part * (linear + part * (square + part * cube));
    }

    private static byte level(double value) {
        return (byte) Math.max(0, Math.min((int) value, 255));
    }

    /** For values from −1 on. */
    private static int floor(double value) {
        return value < 0 ? -1 : (int) value;
    }

    private static int clip(int index, int size) {
        return index < 0 ? 0 : Math.min(index, size - 1);
    }
}
