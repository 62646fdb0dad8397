package dev.thinkingvit.tensor;

import java.util.Arrays;

/** Shows, in the trace of what another thread threw, who had asked that thread for its work. */
final class CallersTrace {

    private CallersTrace() {}

    /** Adds the calling thread's stack to a failure's, which is kept; once, for one that is thrown again and again. */
    static void addTo(Throwable failure) {
        StackTraceElement[] there = failure.getStackTrace();
        if (there.length == 0) {
            return; // it has no trace, by its own or the virtual machine's choice
        }
        StackTraceElement[] here = new Throwable().getStackTrace();
        if (here.length < 2 || Arrays.asList(there).contains(here[1])) {
            return;
        }
        StackTraceElement[] both = Arrays.copyOf(there, there.length + here.length - 1);
        System.arraycopy(here, 1, both, there.length, here.length - 1);
        failure.setStackTrace(both);
    }
}
