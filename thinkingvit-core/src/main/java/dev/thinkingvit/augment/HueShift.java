package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Picture;

/** torchvision's {@code adjust_hue} for PIL pictures: turns the hue in PIL's 8-bit HSV, to the same levels. */
final class HueShift {

    private HueShift() {}

    /**
     * The picture with its hues turned.
     *
     * @param factor part of the whole circle, −0.5 to 0.5
     */
    static Picture apply(Picture picture, double factor) {
        int shift = (int) (factor * 255);
        byte[] in = picture.rgb();
        byte[] out = new byte[in.length];
        for (int i = 0; i < out.length; i += 3) {
            shift(in, out, i, shift);
        }
        return new Picture(picture.width(), picture.height(), out);
    }

    // Where PIL mixes single and double precision, so does this: cut off a little earlier or later, levels differ.
    private static void shift(byte[] in, byte[] out, int i, int shift) {
        int red = in[i] & 0xFF;
        int green = in[i + 1] & 0xFF;
        int blue = in[i + 2] & 0xFF;
        int max = Math.max(red, Math.max(green, blue));
        int min = Math.min(red, Math.min(green, blue));
        if (max == min) {
            out[i] = in[i];
            out[i + 1] = in[i + 1];
            out[i + 2] = in[i + 2];
            return;
        }
        float range = max - min;
        int saturation = (int) (range / max * 255.0);
        int hue = hue(max, (max - red) / range, (max - green) / range, (max - blue) / range, red, green);
        write(out, i, (hue + shift) & 0xFF, saturation, max);
    }

    private static int hue(int max, float redGap, float greenGap, float blueGap, int red, int green) {
        float sixths;
        if (red == max) {
            sixths = blueGap - greenGap;
        } else if (green == max) {
            sixths = (float) (2.0 + redGap - blueGap);
        } else {
            sixths = (float) (4.0 + greenGap - redGap);
        }
        double turns = sixths / 6.0 + 1.0; // 5/6 to 11/6
        float turn = (float) (turns < 1.0 ? turns : turns - 1.0);
        return Math.min((int) (turn * 255.0), 255);
    }

    private static void write(byte[] out, int i, int hue, int saturation, int value) {
        if (saturation == 0) {
            set(out, i, value, value, value);
            return;
        }
        int sector = (int) (hue * 6.0 / 255.0);
        float part = (float) (hue * 6.0 / 255.0 - sector);
        float share = (float) (saturation / 255.0);
        int low = (int) Math.round(value * (1.0 - share));
        int falling = (int) Math.round(value * (1.0 - share * part));
        int rising = (int) Math.round(value * (1.0 - share * (1.0 - part)));
        switch (sector % 6) {
            case 0 -> set(out, i, value, rising, low);
            case 1 -> set(out, i, falling, value, low);
            case 2 -> set(out, i, low, value, rising);
            case 3 -> set(out, i, low, falling, value);
            case 4 -> set(out, i, rising, low, value);
            default -> set(out, i, value, low, falling);
        }
    }

    private static void set(byte[] out, int i, int red, int green, int blue) {
        out[i] = (byte) red;
        out[i + 1] = (byte) green;
        out[i + 2] = (byte) blue;
    }
}
