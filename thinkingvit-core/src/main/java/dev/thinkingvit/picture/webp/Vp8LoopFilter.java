package dev.thinkingvit.picture.webp;

/** Smooths the seams between a VP8 frame's blocks (RFC 6386, section 15), macroblock by macroblock. */
final class Vp8LoopFilter {

    private final Vp8Header header;
    private final int columns;
    private final int rows;
    private final byte[] levels; // per macroblock
    private final boolean[] inner; // whether seams within the macroblock are smoothed as well

    Vp8LoopFilter(Vp8Header header, int columns, int rows) {
        this.header = header;
        this.columns = columns;
        this.rows = rows;
        this.levels = new byte[columns * rows];
        this.inner = new boolean[columns * rows];
    }

    /** Notes what a macroblock needs. */
    void set(int x, int y, int segment, boolean subblocks, boolean residue) {
        int level = header.filterLevels[segment] + (subblocks ? header.subblockFilterDelta : 0);
        levels[y * columns + x] = (byte) Math.max(0, Math.min(level, 63));
        inner[y * columns + x] = subblocks || residue;
    }

    void apply(Vp8Plane luma, Vp8Plane[] chroma) {
        for (int y = 0; header.filter && y < rows; y++) {
            for (int x = 0; x < columns; x++) {
                int level = levels[y * columns + x];
                if (level > 0) {
                    filter(x, y, level, inner[y * columns + x], luma, chroma);
                }
            }
        }
    }

    private void filter(int x, int y, int level, boolean within, Vp8Plane luma, Vp8Plane[] chroma) {
        int interior = level;
        if (header.sharpness > 0) {
            interior = Math.min(level >> (header.sharpness > 4 ? 2 : 1), 9 - header.sharpness);
        }
        interior = Math.max(interior, 1);
        int limit = 2 * (2 * level + interior) + 1;
        int edgeLimit = limit + 2 * 4;
        int variance = level >= 40 ? 2 : level >= 15 ? 1 : 0;

        for (int vertical = 0; vertical < 2; vertical++) { // seams to the left first, then those above
            boolean left = vertical == 0;
            boolean outer = left ? x > 0 : y > 0;
            if (header.simpleFilter) {
                if (outer) {
                    simple(luma, 16 * x, 16 * y, left, 0, edgeLimit);
                }
                for (int seam = 4; within && seam < 16; seam += 4) {
                    simple(luma, 16 * x, 16 * y, left, seam, limit);
                }
                continue;
            }
            if (outer) {
                normal(luma, 16 * x, 16 * y, 16, left, 0, edgeLimit, interior, variance);
                normal(chroma[0], 8 * x, 8 * y, 8, left, 0, edgeLimit, interior, variance);
                normal(chroma[1], 8 * x, 8 * y, 8, left, 0, edgeLimit, interior, variance);
            }
            if (within) {
                for (int seam = 4; seam < 16; seam += 4) {
                    normal(luma, 16 * x, 16 * y, 16, left, seam, limit, interior, variance);
                }
                normal(chroma[0], 8 * x, 8 * y, 8, left, 4, limit, interior, variance);
                normal(chroma[1], 8 * x, 8 * y, 8, left, 4, limit, interior, variance);
            }
        }
    }

    private static void simple(Vp8Plane plane, int x, int y, boolean left, int seam, int limit) {
        int across = left ? 1 : plane.stride;
        int along = left ? plane.stride : 1;
        int at = plane.at(x, y) + seam * across;
        for (int i = 0; i < 16; i++, at += along) {
            if (isSeam(plane, at, across, limit)) {
                two(plane, at, across);
            }
        }
    }

    private static void normal(
            Vp8Plane plane, int x, int y, int size, boolean left, int seam, int limit, int interior, int variance) {
        int across = left ? 1 : plane.stride;
        int along = left ? plane.stride : 1;
        int at = plane.at(x, y) + seam * across;
        for (int i = 0; i < size; i++, at += along) {
            if (!isSeam(plane, at, across, limit) || !isFlat(plane, at, across, interior)) {
                continue;
            }
            if (step(plane, at - 2 * across, across) > variance || step(plane, at, across) > variance) {
                two(plane, at, across);
            } else if (seam == 0) {
                six(plane, at, across);
            } else {
                four(plane, at, across);
            }
        }
    }

    /** The difference of a pixel and the next. */
    private static int step(Vp8Plane plane, int at, int across) {
        return Math.abs(plane.get(at) - plane.get(at + across));
    }

    private static boolean isSeam(Vp8Plane plane, int at, int across, int limit) {
        int wide = Math.abs(plane.get(at - 2 * across) - plane.get(at + across));
        return 4 * step(plane, at - across, across) + wide <= limit;
    }

    private static boolean isFlat(Vp8Plane plane, int at, int across, int interior) {
        return step(plane, at - 4 * across, across) <= interior
                && step(plane, at - 3 * across, across) <= interior
                && step(plane, at - 2 * across, across) <= interior
                && step(plane, at, across) <= interior
                && step(plane, at + across, across) <= interior
                && step(plane, at + 2 * across, across) <= interior;
    }

    private static void two(Vp8Plane plane, int at, int across) {
        int a = 3 * (plane.get(at) - plane.get(at - across))
                + signed(plane.get(at - 2 * across) - plane.get(at + across));
        change(plane, at - across, eighth(a + 3));
        change(plane, at, -eighth(a + 4));
    }

    private static void four(Vp8Plane plane, int at, int across) {
        int a = 3 * (plane.get(at) - plane.get(at - across));
        int near = eighth(a + 4);
        int far = (near + 1) >> 1;
        change(plane, at - 2 * across, far);
        change(plane, at - across, eighth(a + 3));
        change(plane, at, -near);
        change(plane, at + across, -far);
    }

    private static void six(Vp8Plane plane, int at, int across) {
        int a = signed(3 * (plane.get(at) - plane.get(at - across))
                + signed(plane.get(at - 2 * across) - plane.get(at + across)));
        for (int i = 0, weight = 27; i < 3; i++, weight -= 9) {
            int change = (weight * a + 63) >> 7;
            change(plane, at - (i + 1) * across, change);
            change(plane, at + i * across, -change);
        }
    }

    private static void change(Vp8Plane plane, int at, int change) {
        plane.levels[at] = (byte) Vp8Plane.clamp(plane.get(at) + change);
    }

    private static int signed(int value) {
        return Math.max(-128, Math.min(value, 127));
    }

    private static int eighth(int value) {
        return Math.max(-16, Math.min(value >> 3, 15));
    }
}
