package dev.thinkingvit.picture;

/** JPEG's colour conversions in libjpeg's and PIL's integer arithmetic. All work on interleaved bytes. */
final class JpegColors {

    private static final int SCALE_BITS = 16;
    private static final int HALF = 1 << (SCALE_BITS - 1);

    private static final int[] CR_TO_RED = new int[256];
    private static final int[] CB_TO_BLUE = new int[256];
    private static final int[] CR_TO_GREEN = new int[256]; // still scaled
    private static final int[] CB_TO_GREEN = new int[256]; // still scaled, rounding included

    static {
        for (int i = 0; i < 256; i++) {
            int x = i - 128;
            CR_TO_RED[i] = (fix(1.40200) * x + HALF) >> SCALE_BITS;
            CB_TO_BLUE[i] = (fix(1.77200) * x + HALF) >> SCALE_BITS;
            CR_TO_GREEN[i] = -fix(0.71414) * x;
            CB_TO_GREEN[i] = -fix(0.34414) * x + HALF;
        }
    }

    private JpegColors() {}

    private static int fix(double x) {
        return (int) (x * (1 << SCALE_BITS) + 0.5);
    }

    static byte[] grayToRgb(byte[] gray) {
        byte[] rgb = new byte[Math.multiplyExact(3, gray.length)];
        for (int i = 0, j = 0; i < gray.length; i++) {
            rgb[j++] = gray[i];
            rgb[j++] = gray[i];
            rgb[j++] = gray[i];
        }
        return rgb;
    }

    /** In place. */
    static byte[] yccToRgb(byte[] samples) {
        for (int i = 0; i < samples.length; i += 3) {
            int y = samples[i] & 0xFF;
            int cb = samples[i + 1] & 0xFF;
            int cr = samples[i + 2] & 0xFF;
            samples[i] = clamp(y + CR_TO_RED[cr]);
            samples[i + 1] = clamp(y + ((CB_TO_GREEN[cb] + CR_TO_GREEN[cr]) >> SCALE_BITS));
            samples[i + 2] = clamp(y + CB_TO_BLUE[cb]);
        }
        return samples;
    }

    /** In place; black passes through. */
    static byte[] ycckToCmyk(byte[] samples) {
        for (int i = 0; i < samples.length; i += 4) {
            int y = samples[i] & 0xFF;
            int cb = samples[i + 1] & 0xFF;
            int cr = samples[i + 2] & 0xFF;
            samples[i] = clamp(255 - (y + CR_TO_RED[cr]));
            samples[i + 1] = clamp(255 - (y + ((CB_TO_GREEN[cb] + CR_TO_GREEN[cr]) >> SCALE_BITS)));
            samples[i + 2] = clamp(255 - (y + CB_TO_BLUE[cb]));
        }
        return samples;
    }

    /** Inks as Adobe stores them, 255 for none, which is what PIL assumes of every JPEG with four components. */
    static byte[] invertedCmykToRgb(byte[] cmyk) {
        byte[] rgb = new byte[cmyk.length / 4 * 3];
        for (int i = 0, j = 0; i < cmyk.length; i += 4) {
            int white = cmyk[i + 3] & 0xFF; // 255 − black
            for (int c = 0; c < 3; c++) {
                rgb[j++] = clamp(white - share(255 - (cmyk[i + c] & 0xFF), white));
            }
        }
        return rgb;
    }

    /** In place: inks as they are said elsewhere, 0 for none. */
    static byte[] cmykToRgb(byte[] cmyk) {
        for (int i = 0; i < cmyk.length; i++) {
            cmyk[i] = (byte) ~cmyk[i];
        }
        return invertedCmykToRgb(cmyk);
    }

    /** {@code a × b / 255}, rounded. */
    private static int share(int a, int b) {
        int product = a * b + 128;
        return ((product >> 8) + product) >> 8;
    }

    private static byte clamp(int level) {
        return (byte) ((level & ~0xFF) == 0 ? level : ~(level >> 31));
    }
}
