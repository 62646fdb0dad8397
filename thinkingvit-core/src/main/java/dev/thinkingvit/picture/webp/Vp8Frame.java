package dev.thinkingvit.picture.webp;

import java.io.IOException;
import java.util.Arrays;

/**
 * Decodes a VP8 key frame, the lossy kind of WebP, to RGB: the levels that libwebp gives.
 *
 * <p>The frame is reconstructed whole and filtered afterwards, since prediction sees unfiltered pixels.
 */
public final class Vp8Frame {

    private static final int SUBBLOCKS = 4; // the brightness mode that says: predict each 4 × 4 square on its own

    // Branches of the modes' trees: the next index, or the negative of the mode.
    private static final int[] SUBBLOCK_TREE = {0, 2, -1, 4, -2, 6, 8, 12, -3, 10, -5, -6, -4, 14, -7, 16, -8, -9};
    private static final int[] ZIGZAG = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};
    private static final int[] BANDS = {0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0};
    private static final int[][] LARGE = {
        {173, 148, 140},
        {176, 155, 140, 135},
        {180, 157, 141, 134, 130},
        {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}
    };
    private static final int[] SUBBLOCK_MODE_OF = {0, 2, 3, 1}; // what a whole macroblock's mode counts as

    private final Vp8Header header;
    private final int columns;
    private final int rows;
    private final Vp8Plane luma;
    private final Vp8Plane[] chroma;
    private final Vp8LoopFilter filter;

    // Contexts: of the macroblocks above (per column of 4 pixels) and to the left (per row of 4 pixels).
    private final int[] modesAbove;
    private final int[] modesLeft = new int[4];
    private final int[][] filledAbove; // Y, U, V, Y2
    private final int[][] filledLeft = {new int[4], new int[2], new int[2], new int[1]};

    private final int[] coefficients = new int[25 * 16]; // 16 Y, 4 U, 4 V, Y2
    private final int[] subblockModes = new int[16];
    private final int[] edge = new int[13];

    private Vp8Frame(Vp8Header header) {
        this.header = header;
        this.columns = (header.width + 15) / 16;
        this.rows = (header.height + 15) / 16;
        this.luma = new Vp8Plane(16 * columns, 16 * rows);
        this.chroma = new Vp8Plane[] {new Vp8Plane(8 * columns, 8 * rows), new Vp8Plane(8 * columns, 8 * rows)};
        this.filter = new Vp8LoopFilter(header, columns, rows);
        this.modesAbove = new int[4 * columns];
        this.filledAbove =
                new int[][] {new int[4 * columns], new int[2 * columns], new int[2 * columns], new int[columns]};
    }

    /** The RGB levels, interleaved. Once a header: decoding reads on from where it ends. */
    public static byte[] decode(Vp8Header header) throws IOException {
        Vp8Frame frame = new Vp8Frame(header);
        frame.reconstruct();
        frame.filter.apply(frame.luma, frame.chroma);
        return Vp8Colors.toRgb(header.width, header.height, frame.luma, frame.chroma[0], frame.chroma[1]);
    }

    private void reconstruct() {
        for (int y = 0; y < rows; y++) {
            Vp8Bits tokens = header.partitions[y & (header.partitions.length - 1)];
            Arrays.fill(modesLeft, 0);
            for (int[] filled : filledLeft) {
                Arrays.fill(filled, 0);
            }
            for (int x = 0; x < columns; x++) {
                macroblock(x, y, tokens);
            }
        }
    }

    private void macroblock(int x, int y, Vp8Bits tokens) {
        Vp8Bits bits = header.bits;
        int segment = 0;
        if (header.segmentMap) {
            int[] chances = header.segmentChances;
            segment = bits.bit(chances[0]) == 0 ? bits.bit(chances[1]) : 2 + bits.bit(chances[2]);
        }
        boolean empty = header.skipChance >= 0 && bits.bit(header.skipChance) != 0;
        int lumaMode = readLumaMode(x, bits);
        int chromaMode = bits.bit(142) == 0 ? 0 : bits.bit(114) == 0 ? 1 : 2 + bits.bit(183);

        boolean residue = false;
        if (empty) {
            clearContexts(x, lumaMode != SUBBLOCKS);
        } else {
            residue = readCoefficients(x, lumaMode != SUBBLOCKS, header.steps[segment], tokens);
        }
        filter.set(x, y, segment, lumaMode == SUBBLOCKS, residue);
        predictLuma(x, y, lumaMode, residue);
        for (int plane = 0; plane < 2; plane++) {
            chroma[plane].predict(chromaMode, 8 * x, 8 * y, 8);
            for (int i = 0; residue && i < 4; i++) {
                int start = chroma[plane].at(8 * x + 4 * (i & 1), 8 * y + 4 * (i >> 1));
                chroma[plane].addTransformed(coefficients, (16 + 4 * plane + i) * 16, start);
            }
        }
    }

    private int readLumaMode(int x, Vp8Bits bits) {
        if (bits.bit(145) == 0) {
            for (int i = 0; i < 16; i++) {
                int above = modesAbove[4 * x + (i & 3)];
                int left = modesLeft[i >> 2];
                int mode = readSubblockMode(bits, (above * 10 + left) * 9);
                subblockModes[i] = mode;
                modesAbove[4 * x + (i & 3)] = mode;
                modesLeft[i >> 2] = mode;
            }
            return SUBBLOCKS;
        }
        int mode = bits.bit(156) == 0 ? bits.bit(163) : 2 + bits.bit(128);
        Arrays.fill(modesAbove, 4 * x, 4 * x + 4, SUBBLOCK_MODE_OF[mode]);
        Arrays.fill(modesLeft, SUBBLOCK_MODE_OF[mode]);
        return mode;
    }

    private static int readSubblockMode(Vp8Bits bits, int chances) {
        int node = 0;
        do {
            node = SUBBLOCK_TREE[node + bits.bit(Vp8Tables.SUBBLOCK_MODES[chances + (node >> 1)])];
        } while (node > 0);
        return -node;
    }

    private void predictLuma(int x, int y, int mode, boolean residue) {
        if (mode != SUBBLOCKS) {
            luma.predict(mode, 16 * x, 16 * y, 16);
        } else if (x == columns - 1 && y > 0) {
            // Nothing lies to the upper right: its last pixel goes on.
            int beyond = luma.at(16 * columns, 16 * y - 1);
            Arrays.fill(luma.levels, beyond, beyond + 4, luma.levels[beyond - 1]);
        }
        int aboveRight = luma.at(16 * x + 16, 16 * y - 1);
        for (int i = 0; i < 16; i++) {
            int start = luma.at(16 * x + 4 * (i & 3), 16 * y + 4 * (i >> 2));
            if (mode == SUBBLOCKS) {
                // The macroblock to the right is not there yet: its upper neighbour serves all four rows.
                int right = (i & 3) == 3 ? aboveRight : start - luma.stride + 4;
                Vp8Subblock.predict(luma, subblockModes[i], start, right, edge);
            }
            if (residue) {
                luma.addTransformed(coefficients, i * 16, start);
            }
        }
    }

    private void clearContexts(int x, boolean withMeans) {
        Arrays.fill(filledLeft[0], 0);
        Arrays.fill(filledLeft[1], 0);
        Arrays.fill(filledLeft[2], 0);
        Arrays.fill(filledAbove[0], 4 * x, 4 * x + 4, 0);
        Arrays.fill(filledAbove[1], 2 * x, 2 * x + 2, 0);
        Arrays.fill(filledAbove[2], 2 * x, 2 * x + 2, 0);
        if (withMeans) {
            filledLeft[3][0] = 0;
            filledAbove[3][x] = 0;
        }
    }

    /** Fills {@link #coefficients}; false if all are zero. */
    private boolean readCoefficients(int x, boolean withMeans, Vp8Header.Steps steps, Vp8Bits bits) {
        boolean any = false;
        int first = 0;
        if (withMeans) {
            int count =
                    readBlock(bits, 1, filledAbove[3][x] + filledLeft[3][0], 0, steps.y2Dc(), steps.y2Ac(), 24 * 16);
            filledAbove[3][x] = filledLeft[3][0] = count > 0 ? 1 : 0;
            spreadMeans();
            first = 1;
        }
        for (int i = 0; i < 16; i++) {
            any |= readInPlane(
                    bits, 0, 4 * x + (i & 3), i >> 2, withMeans ? 0 : 3, first, steps.y1Dc(), steps.y1Ac(), i * 16);
        }
        for (int i = 0; i < 8; i++) {
            int plane = 1 + (i >> 2);
            any |= readInPlane(
                    bits, plane, 2 * x + (i & 1), i >> 1 & 1, 2, 0, steps.uvDc(), steps.uvAc(), (16 + i) * 16);
        }
        return any;
    }

    private boolean readInPlane(
            Vp8Bits bits, int plane, int column, int row, int kind, int first, int dc, int ac, int out) {
        int context = filledAbove[plane][column] + filledLeft[plane][row];
        int count = readBlock(bits, kind, context, first, dc, ac, out);
        filledAbove[plane][column] = filledLeft[plane][row] = count > first ? 1 : 0;
        return count > 1 || coefficients[out] != 0;
    }

    /** Reads the tokens of one block (RFC 6386, section 13); the place behind the last one read. */
    private int readBlock(Vp8Bits bits, int kind, int context, int first, int dc, int ac, int out) {
        int[] chances = header.chances;
        int place = first;
        int at = ((kind * 8 + BANDS[place]) * 3 + context) * 11;
        while (place < 16) {
            if (bits.bit(chances[at]) == 0) {
                return place;
            }
            while (bits.bit(chances[at + 1]) == 0) {
                if (++place == 16) {
                    return 16;
                }
                at = (kind * 8 + BANDS[place]) * 33;
            }
            int value = 1;
            if (bits.bit(chances[at + 2]) != 0) {
                value = readLarge(bits, chances, at);
            }
            int step = place == 0 ? dc : ac;
            coefficients[out + ZIGZAG[place]] = bits.flag() ? -value * step : value * step;
            place++;
            at = ((kind * 8 + BANDS[place]) * 3 + (value == 1 ? 1 : 2)) * 11;
        }
        return 16;
    }

    private static int readLarge(Vp8Bits bits, int[] chances, int at) {
        if (bits.bit(chances[at + 3]) == 0) {
            return bits.bit(chances[at + 4]) == 0 ? 2 : 3 + bits.bit(chances[at + 5]);
        }
        if (bits.bit(chances[at + 6]) == 0) {
            if (bits.bit(chances[at + 7]) == 0) {
                return 5 + bits.bit(159);
            }
            int high = 2 * bits.bit(165);
            return 7 + high + bits.bit(145);
        }
        int high = bits.bit(chances[at + 8]);
        int category = 2 * high + bits.bit(chances[at + 9 + high]);
        int extra = 0;
        for (int chance : LARGE[category]) {
            extra = 2 * extra + bits.bit(chance);
        }
        return extra + 3 + (8 << category);
    }

    /** Gives each brightness block its mean, by the inverse Walsh-Hadamard transform (RFC 6386, section 14.3). */
    private void spreadMeans() {
        int[] c = coefficients;
        int means = 24 * 16;
        for (int i = means; i < means + 4; i++) {
            int a = c[i] + c[i + 12];
            int b = c[i + 4] + c[i + 8];
            int d = c[i + 4] - c[i + 8];
            int e = c[i] - c[i + 12];
            c[i] = a + b;
            c[i + 4] = e + d;
            c[i + 8] = a - b;
            c[i + 12] = e - d;
        }
        for (int i = means, block = 0; i < means + 16; i += 4, block += 4) {
            int a = c[i] + 3 + c[i + 3];
            int b = c[i + 1] + c[i + 2];
            int d = c[i + 1] - c[i + 2];
            int e = c[i] + 3 - c[i + 3];
            c[block * 16] = (a + b) >> 3;
            c[(block + 1) * 16] = (e + d) >> 3;
            c[(block + 2) * 16] = (a - b) >> 3;
            c[(block + 3) * 16] = (e - d) >> 3;
        }
        Arrays.fill(c, means, means + 16, 0);
    }
}
