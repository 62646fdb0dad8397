package dev.thinkingvit.picture.webp;

/** VP8's arithmetic decoder over one partition (RFC 6386, section 7). Zeros follow the end. */
final class Vp8Bits {

    private final byte[] bytes;
    private final int end;
    private int at;
    private int value; // the window, its top byte compared with the split
    private int range = 255;
    private int shifted; // bits of the window's low byte that are used up

    Vp8Bits(byte[] bytes, int from, int to) {
        this.bytes = bytes;
        this.at = from;
        this.end = to;
        this.value = next() << 8 | next();
    }

    private int next() {
        return at < end ? bytes[at++] & 0xFF : 0;
    }

    /** One bit that is 0 with a chance of {@code probability / 256}. */
    int bit(int probability) {
        int split = 1 + (((range - 1) * probability) >> 8);
        int bit;
        if (value >= split << 8) {
            range -= split;
            value -= split << 8;
            bit = 1;
        } else {
            range = split;
            bit = 0;
        }
        while (range < 128) {
            value <<= 1;
            range <<= 1;
            if (++shifted == 8) {
                shifted = 0;
                value |= next();
            }
        }
        return bit;
    }

    boolean flag() {
        return bit(128) != 0;
    }

    /** An unsigned number of some bits, the highest first. */
    int number(int bits) {
        int number = 0;
        for (int i = 0; i < bits; i++) {
            number = number << 1 | bit(128);
        }
        return number;
    }

    /** A number of some bits and a sign behind a flag; without the flag 0. */
    int optionalSigned(int bits) {
        if (!flag()) {
            return 0;
        }
        int number = number(bits);
        return flag() ? -number : number;
    }
}
