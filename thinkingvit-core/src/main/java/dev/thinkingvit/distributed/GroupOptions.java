package dev.thinkingvit.distributed;

import java.time.Duration;

/**
 * How a group of processes works together.
 *
 * @param processor where the tensors are that it sums
 * @param joinTimeout how long the processes wait for each other at the start
 * @param collectiveTimeout how long an operation waits for processes that are alive but do not come, such as while
 *     another one evaluates; dead processes are found much sooner
 */
public record GroupOptions(Processor processor, Duration joinTimeout, Duration collectiveTimeout) {
    /** Where tensors are, which decides what carries them: Gloo for the CPU, NCCL for CUDA. */
    public enum Processor {
        CPU,
        /** The GPU of the process's local rank. Needs the CUDA edition of libtorch's jars. No test has run it. */
        CUDA
    }

    /** @throws IllegalArgumentException if a timeout is not positive */
    public GroupOptions {
        requirePositive("joinTimeout", joinTimeout);
        requirePositive("collectiveTimeout", collectiveTimeout);
    }

    /** On the CPU, five minutes to come together and half an hour an operation. */
    public static GroupOptions defaults() {
        return new GroupOptions(Processor.CPU, Duration.ofMinutes(5), Duration.ofMinutes(30));
    }

    /** These options with tensors elsewhere. */
    public GroupOptions on(Processor other) {
        return new GroupOptions(other, joinTimeout, collectiveTimeout);
    }

    /** These options with another time to come together. */
    public GroupOptions joiningWithin(Duration timeout) {
        return new GroupOptions(processor, timeout, collectiveTimeout);
    }

    private static void requirePositive(String name, Duration timeout) {
        if (timeout.isZero() || timeout.isNegative()) {
            throw new IllegalArgumentException(name + " must be positive; it is " + timeout);
        }
    }
}
