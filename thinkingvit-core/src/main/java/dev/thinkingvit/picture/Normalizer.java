package dev.thinkingvit.picture;

/** Levels to floats: {@code (level / 255 − mean) / std} in single precision, by table. Immutable. */
public final class Normalizer {

    private final float[] red;
    private final float[] green;
    private final float[] blue;

    Normalizer(float[] mean, float[] std) {
        check(mean, std);
        red = table(mean[0], std[0]);
        green = table(mean[1], std[1]);
        blue = table(mean[2], std[2]);
    }

    static void check(float[] mean, float[] std) {
        if (mean.length != 3 || std.length != 3) {
            throw new IllegalArgumentException(
                    "Mean and std need 3 values each (R, G, B), not " + mean.length + " and " + std.length);
        }
        for (int c = 0; c < 3; c++) {
            if (!Float.isFinite(mean[c]) || !Float.isFinite(std[c]) || std[c] <= 0) {
                throw new IllegalArgumentException(
                        "Mean must be finite and std positive, not " + mean[c] + " and " + std[c] + " in channel " + c);
            }
        }
    }

    private static float[] table(float mean, float std) {
        float[] table = new float[256];
        for (int level = 0; level < 256; level++) {
            table[level] = (level / 255f - mean) / std;
        }
        return table;
    }

    /** Writes {@code 3 × height × width} floats from {@code target[offset]} on. */
    public void normalizeInto(Picture picture, float[] target, int offset) {
        byte[] rgb = picture.rgb();
        int plane = picture.width() * picture.height();
        int r = offset;
        int g = offset + plane;
        int b = offset + 2 * plane;
        for (int i = 0; i < rgb.length; i += 3) {
            target[r++] = red[rgb[i] & 0xFF];
            target[g++] = green[rgb[i + 1] & 0xFF];
            target[b++] = blue[rgb[i + 2] & 0xFF];
        }
    }

    /** The same for levels that lie channel by channel from {@code chw[from]} on, {@code plane} of each. */
    public void normalizeInto(byte[] chw, int from, int plane, float[] target, int offset) {
        float[][] tables = {red, green, blue};
        for (int channel = 0; channel < tables.length; channel++) {
            float[] table = tables[channel];
            int source = from + channel * plane;
            int place = offset + channel * plane;
            for (int i = 0; i < plane; i++) {
                target[place + i] = table[chw[source + i] & 0xFF];
            }
        }
    }
}
