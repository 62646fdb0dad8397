package dev.thinkingvit.benchmarks;

import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Natives;

/** The two policies of native threads that are compared. */
enum Threads {
    /** The library's: OpenBLAS keeps to the thread that calls it. */
    OURS,
    /** What comes without any: libtorch and OpenBLAS each bring a pool of all cores. */
    DEFAULTS;

    /** Sets the calling thread's, and OpenBLAS's for the whole process. */
    void settle() {
        Libtorch.load();
        int cores = Natives.availableCores();
        Natives.setThreads(cores, this == OURS ? 1 : cores);
    }
}
