package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class ComputeThreadTest {
    @Test
    void whoClosesTheLastClientWaitsNoLongerWhenAnotherOneComes() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        ComputeClient first = new ComputeClient("first", 1, ComputeListener.NONE);
        Thread busy = new Thread(() -> ComputeThread.call(first, 1, () -> {
            begun.countDown();
            end.await();
            return 1;
        }));
        busy.start();
        begun.await();
        Thread closing = new Thread(first::close);
        closing.start();
        closing.join(500);
        assertThat(closing.isAlive()).as("waits for the threads' end").isTrue();
        try (ComputeClient second = new ComputeClient("second", 1, ComputeListener.NONE)) {
            closing.join(5_000);
            assertThat(closing.isAlive()).isFalse();
            end.countDown();
            assertThat(ComputeThread.call(second, 1, () -> 2)).isEqualTo(2);
        } finally {
            end.countDown();
        }
        busy.join();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().equals("thinkingvit-compute"));
    }

    @Test
    void aListenerThatFailsLosesNoResultAndHidesNoFailure() {
        ComputeListener failing = new ComputeListener() {
            @Override
            public void computed(int images, int queued, long waitedNanos, long computedNanos) {
                throw new AssertionError("computed");
            }

            @Override
            public void abandoned() {
                throw new IllegalArgumentException("abandoned");
            }
        };
        try (ComputeClient client = new ComputeClient("client", 1, failing)) {
            assertThat(ComputeThread.call(client, 1, () -> 2)).isEqualTo(2);
            assertThatThrownBy(() -> ComputeThread.call(client, 1, () -> {
                        throw new ArithmeticException("work");
                    }))
                    .isInstanceOf(ArithmeticException.class);
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> ComputeThread.call(client, 1, () -> {
                        Thread.sleep(500); // longer than its caller needs to see that it is interrupted
                        return 2;
                    }))
                    .isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    @SuppressWarnings("NullAway") // what callers without a checker do
    void workThatIsNullIsRefusedAtTheDoorAndHarmsNobody() {
        assertThatThrownBy(() -> ComputeThread.call(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("the work is null");
        assertThat(ComputeThread.call(() -> 1)).isEqualTo(1);
    }

    @Test
    void whatAWorkerFreesIsFreedWhenTheWorkUnderWayHasEnded() {
        AtomicInteger freed = new AtomicInteger();
        int during = ComputeThread.call(() -> {
            ComputeThread.workers().run(worker -> ComputeThread.free(freed::incrementAndGet));
            return freed.get();
        });
        assertThat(during).isZero();
        ComputeThread.call(() -> 1); // behind it
        assertThat(freed).hasPositiveValue();
    }

    @Test
    void aFailureThatIsThrownAgainAndAgainDoesNotGrow() {
        AssertionError same = new AssertionError("same");
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> ComputeThread.call(() -> {
                        throw same;
                    }))
                    .isSameAs(same);
        }
        assertThat(same.getStackTrace())
                .filteredOn(frame -> frame.getMethodName().equals("aFailureThatIsThrownAgainAndAgainDoesNotGrow"))
                .hasSize(2); // where it was made, and who called first
    }

    @Test
    void workMayCallItself() {
        assertThat(ComputeThread.call(() -> ComputeThread.call(() -> 7))).isEqualTo(7);
    }

    @Test
    void nativeErrorsArriveAsOneLine() {
        assertThatThrownBy(() -> ComputeThread.call(() -> {
                    try (Scope scope = new Scope()) {
                        return torch.randn(2, 3).matmul(torch.randn(2, 3)).numel();
                    }
                }))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("2x3")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }

    @Test
    void anInterruptedCallerIsToldAndStaysInterrupted() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> ComputeThread.call(() -> {
                        Thread.sleep(300); // longer than the caller takes to look
                        return 1;
                    }))
                    .isInstanceOf(CancellationException.class);
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(ComputeThread.call(() -> 2)).isEqualTo(2);
    }

    @Test
    void anInterruptedCallerGetsWhatItMustClose() {
        Thread.currentThread().interrupt();
        try {
            assertThat(ComputeThread.<Integer>callToTheEnd(() -> {
                        Thread.sleep(100);
                        return 1;
                    }))
                    .isEqualTo(1);
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void aWorkersWorkMayCallTheComputeThread() {
        AtomicInteger sum = new AtomicInteger();
        ComputeThread.call(() -> {
            ComputeThread.workers().run(worker -> sum.addAndGet(ComputeThread.call(() -> 1)));
            return null;
        });
        assertThat(sum).hasValue(ComputeThread.workers().count());
    }
}
