package dev.thinkingvit.picture.webp;

/**
 * A VP8 frame's planes to RGB as libwebp does it: colour is interpolated between its samples, each of which lies in the
 * middle of four pixels, with weights 9:3:3:1, and converted in 14-bit fixed point.
 */
final class Vp8Colors {

    private Vp8Colors() {}

    /** Interleaved levels, 3 · width · height. */
    static byte[] toRgb(int width, int height, Vp8Plane luma, Vp8Plane u, Vp8Plane v) {
        byte[] rgb = new byte[Math.multiplyExact(3, Math.multiplyExact(width, height))];
        int[] rowU = new int[width];
        int[] rowV = new int[width];
        int lastChroma = (height + 1) / 2 - 1;
        int out = 0;
        for (int y = 0; y < height; y++) {
            int near = y / 2;
            int far = Math.max(0, Math.min((y & 1) == 0 ? near - 1 : near + 1, lastChroma));
            interpolate(u, u.at(0, near), u.at(0, far), rowU);
            interpolate(v, v.at(0, near), v.at(0, far), rowV);
            int at = luma.at(0, y);
            for (int x = 0; x < width; x++) {
                int bright = (luma.get(at + x) * 19077) >> 8;
                int cb = rowU[x];
                int cr = rowV[x];
                rgb[out++] = level(bright + ((cr * 26149) >> 8) - 14234);
                rgb[out++] = level(bright - ((cb * 6419) >> 8) - ((cr * 13320) >> 8) + 8708);
                rgb[out++] = level(bright + ((cb * 33050) >> 8) - 17685);
            }
        }
        return rgb;
    }

    private static void interpolate(Vp8Plane plane, int near, int far, int[] row) {
        int width = row.length;
        int last = (width + 1) / 2 - 1;
        row[0] = (3 * plane.get(near) + plane.get(far) + 2) >> 2;
        for (int i = 1; i <= last; i++) {
            int nearLeft = plane.get(near + i - 1);
            int nearRight = plane.get(near + i);
            int farLeft = plane.get(far + i - 1);
            int farRight = plane.get(far + i);
            int sum = nearLeft + nearRight + farLeft + farRight + 8;
            // Rounded twice, as libwebp does.
            row[2 * i - 1] = (((sum + 2 * (nearRight + farLeft)) >> 3) + nearLeft) >> 1;
            row[2 * i] = (((sum + 2 * (nearLeft + farRight)) >> 3) + nearRight) >> 1;
        }
        if ((width & 1) == 0) {
            row[width - 1] = (3 * plane.get(near + last) + plane.get(far + last) + 2) >> 2;
        }
    }

    private static byte level(int value) {
        return (byte) Vp8Plane.clamp(value >> 6);
    }
}
