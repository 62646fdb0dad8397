package dev.thinkingvit.benchmarks;

import java.io.IOException;

/** Something whose pace is measured. Belongs to the thread that uses it; close it. */
interface Contender extends AutoCloseable {
    /** What it is, in a few words: a row of the table. */
    String name();

    /** Units of work of a {@link #step}: images, or floating point operations. */
    double unitsPerStep();

    /** Makes the process's thread settings this contender's own; called before every turn. */
    void settle() throws IOException;

    /** Leaves nothing running that others would feel; called after every turn. */
    default void rest() {}

    /**
     * Steps at the start of every turn that are not timed.
     *
     * @param turn from 0; the first also pays for the kernels' own preparations
     */
    default int warmUpSteps(int turn) {
        return turn == 0 ? 1 : 0;
    }

    /** Does the work once. */
    void step() throws IOException;

    @Override
    void close();
}
