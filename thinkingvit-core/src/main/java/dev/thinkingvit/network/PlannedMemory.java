package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Memory of a value in a plan of steps, from the step that first touches it to the last that does. */
final class PlannedMemory {
    private static final long ALIGNMENT = 64;

    final DType dtype;
    final long[] shape;
    boolean external;
    int first = Integer.MAX_VALUE;
    int last = -1;
    long offset = -1;

    @Nullable DnnlView view;

    /** @param external whether somebody else has the memory */
    PlannedMemory(DType dtype, long[] shape, boolean external) {
        this.dtype = dtype;
        this.shape = shape;
        this.external = external;
    }

    /** Notes that a step touches it. */
    void touch(int step) {
        first = Math.min(first, step);
        last = Math.max(last, step);
    }

    long bytes() {
        return Arrays.stream(shape).reduce(dtype.bytes(), Math::multiplyExact);
    }

    private boolean meets(PlannedMemory other) {
        return first <= other.last && other.first <= last;
    }

    /** Where it is, once that is known. */
    DnnlView view() {
        if (view == null) {
            throw new IllegalStateException("memory is not laid out yet");
        }
        return view;
    }

    /** Gives each a place, the largest first, beside those that are there at the same time; returns the end. */
    static long layOut(List<PlannedMemory> all) {
        List<PlannedMemory> placed = new ArrayList<>();
        long end = 0;
        for (PlannedMemory memory : all.stream()
                .sorted(Comparator.comparingLong(PlannedMemory::bytes).reversed())
                .toList()) {
            memory.offset = 0;
            for (PlannedMemory other : placed) { // by offset
                if (memory.meets(other) && memory.offset + memory.bytes() > other.offset) {
                    long after = other.offset + other.bytes();
                    memory.offset = Math.max(memory.offset, (after + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
                }
            }
            placed.add(memory);
            placed.sort(Comparator.comparingLong(each -> each.offset));
            end = Math.max(end, memory.offset + memory.bytes());
        }
        return end;
    }
}
