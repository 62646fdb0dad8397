package dev.thinkingvit.picture.webp;

import java.io.IOException;

/** What a VP8 key frame says before its macroblocks (RFC 6386, sections 9 and 19.2). */
public final class Vp8Header {

    static final int SEGMENTS = 4;

    private static final int START_CODE = 0x2A019D; // little-endian

    /** Quantiser steps of a segment: first coefficient and others, of brightness, its means (Y2) and colour. */
    record Steps(int y1Dc, int y1Ac, int y2Dc, int y2Ac, int uvDc, int uvAc) {}

    final int width;
    final int height;
    final Vp8Bits bits; // stands before the first macroblock's modes
    final Vp8Bits[] partitions;
    final boolean segmentMap;
    final int[] segmentChances = {255, 255, 255};
    final Steps[] steps = new Steps[SEGMENTS];
    final int[] filterLevels = new int[SEGMENTS];
    final boolean filter;
    final boolean simpleFilter;
    final int sharpness;
    final int subblockFilterDelta; // added to the level where subblocks are predicted one by one
    final int[] chances = Vp8Tables.COEFFICIENTS.clone();
    final int skipChance; // -1: no macroblock is marked as empty

    /** Reads the header of the frame in {@code bytes[from, to)}. */
    public Vp8Header(byte[] bytes, int from, int to) throws IOException {
        if (to - from < 11 || u24(bytes, from + 3) != START_CODE) {
            throw new IOException("its VP8 frame has no start code");
        }
        int tag = u24(bytes, from);
        if ((tag & 1) != 0 || (tag >> 1 & 7) > 3) {
            throw new IOException("its VP8 frame is no key frame of version 0 to 3");
        }
        width = u24(bytes, from + 6) & 0x3FFF;
        height = u24(bytes, from + 8) & 0x3FFF; // reads one byte ahead, into the modes
        int modes = from + 10;
        int tokens = modes + (tag >> 5);
        if (tokens > to) {
            throw new IOException("its first partition is cut short");
        }
        bits = new Vp8Bits(bytes, modes, tokens);
        bits.number(2); // colour space and clamping, without meaning to a decoder that clamps

        boolean segments = bits.flag();
        boolean map = false;
        boolean absolute = segments; // unless the frame says otherwise
        int[] quantizers = new int[SEGMENTS];
        if (segments) {
            map = bits.flag();
            if (bits.flag()) {
                absolute = bits.flag();
                for (int s = 0; s < SEGMENTS; s++) {
                    quantizers[s] = bits.optionalSigned(7);
                }
                for (int s = 0; s < SEGMENTS; s++) {
                    filterLevels[s] = bits.optionalSigned(6);
                }
            }
            for (int i = 0; map && i < segmentChances.length; i++) {
                segmentChances[i] = bits.flag() ? bits.number(8) : 255;
            }
        }
        segmentMap = map;

        simpleFilter = bits.flag();
        int level = bits.number(6);
        filter = level > 0;
        sharpness = bits.number(3);
        int[] deltas = new int[8]; // 4 by reference frame, 4 by mode; key frames use the first of each
        boolean useDeltas = bits.flag();
        if (useDeltas && bits.flag()) {
            for (int i = 0; i < deltas.length; i++) {
                deltas[i] = bits.optionalSigned(6);
            }
        }
        subblockFilterDelta = deltas[4];
        for (int s = 0; s < SEGMENTS; s++) {
            boolean own = segments && absolute;
            filterLevels[s] = (own ? filterLevels[s] : level + filterLevels[s]) + deltas[0];
        }

        partitions = partitions(bytes, tokens, to, 1 << bits.number(2));
        readSteps(quantizers, absolute);
        bits.flag(); // whether chances outlive the frame
        for (int i = 0; i < chances.length; i++) {
            if (bits.bit(Vp8Tables.COEFFICIENT_UPDATES[i]) != 0) {
                chances[i] = bits.number(8);
            }
        }
        skipChance = bits.flag() ? bits.number(8) : -1;
    }

    private static Vp8Bits[] partitions(byte[] bytes, int sizes, int to, int count) throws IOException {
        Vp8Bits[] partitions = new Vp8Bits[count];
        int at = sizes + 3 * (count - 1);
        for (int i = 0; i < count; i++) {
            int entry = sizes + 3 * i;
            if (at > to) {
                throw new IOException("its partitions are cut short");
            }
            int size = i == count - 1 ? to - at : u24(bytes, entry);
            int end = Math.min(at + size, to);
            partitions[i] = new Vp8Bits(bytes, at, end);
            at = end;
        }
        return partitions;
    }

    /** A little-endian number of three bytes. */
    /** In pixels, 0 to 16,383. */
    public int width() {
        return width;
    }

    /** In pixels, 0 to 16,383. */
    public int height() {
        return height;
    }

    private static int u24(byte[] bytes, int at) {
        return (bytes[at] & 0xFF) | (bytes[at + 1] & 0xFF) << 8 | (bytes[at + 2] & 0xFF) << 16;
    }

    private void readSteps(int[] quantizers, boolean absolute) {
        int base = bits.number(7);
        int y1Dc = bits.optionalSigned(4);
        int y2Dc = bits.optionalSigned(4);
        int y2Ac = bits.optionalSigned(4);
        int uvDc = bits.optionalSigned(4);
        int uvAc = bits.optionalSigned(4);
        for (int s = 0; s < SEGMENTS; s++) {
            int q = absolute ? quantizers[s] : base + quantizers[s];
            steps[s] = new Steps(
                    dc(q + y1Dc, 127),
                    ac(q),
                    2 * dc(q + y2Dc, 127),
                    Math.max(8, ac(q + y2Ac) * 155 / 100),
                    dc(q + uvDc, 117),
                    ac(q + uvAc));
        }
    }

    private static int dc(int index, int most) {
        return Vp8Tables.DC_STEPS[Math.max(0, Math.min(index, most))];
    }

    private static int ac(int index) {
        return Vp8Tables.AC_STEPS[Math.max(0, Math.min(index, 127))];
    }
}
