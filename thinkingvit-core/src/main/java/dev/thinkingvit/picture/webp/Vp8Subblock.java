package dev.thinkingvit.picture.webp;

/** Prediction of 4 × 4 squares from the pixels around them (RFC 6386, section 12.3). */
final class Vp8Subblock {

    private Vp8Subblock() {}

    /**
     * Predicts one square.
     *
     * @param mode 0 mean, 1 gradient, 2 vertical, 3 horizontal, then the diagonals left-down, right-down,
     *     vertical-right, vertical-left, horizontal-down, horizontal-up
     * @param start index of its top left pixel
     * @param right index of the four pixels that continue the row above to the right
     * @param e room for 13 levels: the edge from the lower left over the corner (4) to the upper right
     */
    static void predict(Vp8Plane plane, int mode, int start, int right, int[] e) {
        int stride = plane.stride;
        for (int i = 0; i < 4; i++) {
            e[3 - i] = plane.get(start + i * stride - 1);
            e[5 + i] = plane.get(start - stride + i);
            e[9 + i] = plane.get(right + i);
        }
        e[4] = plane.get(start - stride - 1);
        if (mode == 1) {
            plane.gradient(start, 4);
            return;
        }
        int mean = (e[0] + e[1] + e[2] + e[3] + e[5] + e[6] + e[7] + e[8] + 4) >> 3;
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 4; x++) {
                int level =
                        switch (mode) {
                            case 0 -> mean;
                            case 2 -> three(e, 5 + x);
                            case 3 -> y == 3 ? (e[1] + 3 * e[0] + 2) >> 2 : three(e, 3 - y);
                            case 4 -> x + y == 6 ? (e[11] + 3 * e[12] + 2) >> 2 : three(e, 6 + x + y);
                            case 5 -> three(e, 4 + x - y);
                            case 6 -> verticalRight(e, x, y);
                            case 7 -> verticalLeft(e, x, y);
                            case 8 -> horizontalDown(e, x, y);
                            default -> horizontalUp(e, x, y);
                        };
                plane.levels[start + y * stride + x] = (byte) level;
            }
        }
    }

    private static int verticalRight(int[] e, int x, int y) {
        int slope = 2 * x - y;
        if (slope < -1) {
            return three(e, 5 - y); // the left edge
        }
        return slope == -1 ? three(e, 4) : (y & 1) == 0 ? two(e, 4 + x - y / 2) : three(e, 4 + x - y / 2);
    }

    private static int verticalLeft(int[] e, int x, int y) {
        if (x == 3 && y >= 2) {
            return three(e, 8 + y); // the two that break the pattern
        }
        return (y & 1) == 0 ? two(e, 5 + x + y / 2) : three(e, 6 + x + y / 2);
    }

    private static int horizontalDown(int[] e, int x, int y) {
        int slope = 2 * y - x;
        if (slope < -1) {
            return three(e, 3 + x); // the upper edge
        }
        return slope == -1 ? three(e, 4) : (x & 1) == 0 ? two(e, 3 - y + x / 2) : three(e, 4 - y + x / 2);
    }

    private static int horizontalUp(int[] e, int x, int y) {
        int step = x + 2 * y;
        if (step > 5) {
            return e[0];
        }
        if (step == 5) {
            return (e[1] + 3 * e[0] + 2) >> 2;
        }
        return (step & 1) == 0 ? two(e, 2 - step / 2) : three(e, 2 - step / 2);
    }

    private static int two(int[] e, int i) {
        return (e[i] + e[i + 1] + 1) >> 1;
    }

    private static int three(int[] e, int i) {
        return (e[i - 1] + 2 * e[i] + e[i + 1] + 2) >> 2;
    }
}
