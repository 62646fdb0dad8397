package dev.thinkingvit.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.model.Precision;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class OwnThreadTest {
    private static final File THREADS = new File("/proc/self/task");

    /** Says on which threads it was called. */
    private static final class Recorded implements Contender {
        private final List<Thread> threads = new ArrayList<>();

        Recorded() {
            threads.add(Thread.currentThread());
        }

        @Override
        public String name() {
            return "recorded";
        }

        @Override
        public double unitsPerStep() {
            return 3;
        }

        @Override
        public void settle() {
            threads.add(Thread.currentThread());
        }

        @Override
        public void step() throws IOException {
            threads.add(Thread.currentThread());
            if (threads.size() > 5) {
                throw new IOException("enough");
            }
        }

        @Override
        public void close() {}
    }

    @Test
    void aTurnIsOneThreadWhichEndsWithIt() throws IOException, InterruptedException {
        Recorded recorded = new Recorded();
        recorded.threads.clear();
        try (OwnThread own = new OwnThread(() -> recorded)) {
            new Turns(2, 0).measure(List.of(own), (turn, contender) -> {});
            List<Thread> threads = recorded.threads; // settled, warmed up, stepped; settled, stepped
            assertThat(threads.subList(0, 3)).containsOnly(threads.get(0));
            assertThat(threads.subList(3, 5)).containsOnly(threads.get(3)).doesNotContain(threads.get(0));
            assertThat(threads).doesNotContain(Thread.currentThread());
            for (Thread thread : threads) {
                thread.join(10_000); // it has ended its work, and may be on its way out
                assertThat(thread.isAlive()).isFalse();
            }
            assertThat(own.unitsPerStep()).isEqualTo(3);
            assertThatThrownBy(own::step).isInstanceOf(IOException.class).hasMessage("enough");
        }
    }

    /** OpenMP's threads are not Java's: the system counts them. */
    @Test
    void noNativeTeamIsLeftBehind() throws Exception {
        assumeTrue(THREADS.isDirectory(), "this system does not list a process's threads");
        try (OwnThread first = new OwnThread(OwnThreadTest::product)) {
            new Turns(1, 0).measure(List.of(first), (turn, contender) -> {}); // with it comes what stays for good
        }
        int before = threads();
        try (OwnThread open = new OwnThread(OwnThreadTest::product)) {
            new Turns(2, 0).measure(List.of(open), (turn, contender) -> {});
            for (int i = 0; i < 100 && threads() > before; i++) {
                Thread.sleep(20); // a thread's end is a little later than its last word
            }
            assertThat(threads()).isLessThanOrEqualTo(before);
        }
    }

    private static Contender product() {
        return new GemmRate(Precision.FP32, 256);
    }

    private static int threads() {
        return Objects.requireNonNull(THREADS.list()).length;
    }
}
