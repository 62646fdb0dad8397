package dev.thinkingvit.data;

import java.util.SplittableRandom;

/** Generators for places in a run, so that chance does not depend on who draws first. */
public final class Seeds {

    /** In place of a sample's index: the order of an epoch. */
    static final long ORDER = -1;

    private Seeds() {}

    /** In place of a sample's index: how a batch, from 0, is mixed. */
    static long mixing(int batch) {
        return ORDER - 1 - batch;
    }

    /** The generator of one sample in one epoch. Neighbouring arguments give unrelated generators. */
    public static SplittableRandom generator(long seed, long epoch, long sample) {
        return new SplittableRandom(mix(mix(mix(seed) + epoch) + sample));
    }

    // Steele, Lea and Flood's 64-bit finaliser with its increment.
    private static long mix(long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
