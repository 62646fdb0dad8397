package dev.thinkingvit.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures contenders in turns: machines change their pace while they are measured, and so change it for all alike.
 *
 * @param count turns of each contender
 * @param seconds timed at least in all turns of a contender together; a turn is at least one step
 */
record Turns(int count, double seconds) {
    Turns {
        if (count < 1 || !(seconds >= 0)) {
            throw new IllegalArgumentException("at least 1 turn of at least 0 seconds is needed, got " + count
                    + " turns of " + seconds + " seconds");
        }
    }

    /** Told before each turn. */
    interface Listener {
        /** @param turn from 0 */
        void onTurn(int turn, Contender contender);
    }

    /** What each contender reached, in their order. */
    List<Measurement> measure(List<? extends Contender> contenders, Listener listener) throws IOException {
        List<List<Double>> rates = new ArrayList<>();
        List<List<Double>> cpuSeconds = new ArrayList<>();
        List<List<Long>> nanosOfSteps = new ArrayList<>();
        for (int i = 0; i < contenders.size(); i++) {
            rates.add(new ArrayList<>());
            cpuSeconds.add(new ArrayList<>());
            nanosOfSteps.add(new ArrayList<>());
        }
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        for (int turn = 0; turn < count; turn++) {
            for (int i = 0; i < contenders.size(); i++) {
                Contender contender = contenders.get(i);
                listener.onTurn(turn, contender);
                contender.settle();
                for (int step = 0; step < contender.warmUpSteps(turn); step++) {
                    contender.step();
                }
                long cpuStart = system.getProcessCpuTime();
                long start = System.nanoTime();
                long nanos = 0;
                int done = 0;
                do {
                    contender.step();
                    done++;
                    long before = nanos;
                    nanos = System.nanoTime() - start;
                    nanosOfSteps.get(i).add(nanos - before);
                } while (nanos < seconds / count * 1e9);
                double units = done * contender.unitsPerStep();
                rates.get(i).add(units * 1e9 / nanos);
                cpuSeconds.get(i).add((system.getProcessCpuTime() - cpuStart) / 1e9 / units);
                contender.rest();
            }
        }
        List<Measurement> measurements = new ArrayList<>();
        for (int i = 0; i < contenders.size(); i++) {
            measurements.add(new Measurement(rates.get(i), cpuSeconds.get(i), nanosOfSteps.get(i)));
        }
        return measurements;
    }
}
