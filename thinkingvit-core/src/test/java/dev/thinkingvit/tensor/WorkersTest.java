package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class WorkersTest {
    @Test
    void everyWorkerComputesItsShareWithOneNativeThread() {
        Libtorch.load();
        Set<String> seen = ConcurrentHashMap.newKeySet();
        try (Workers workers = new Workers(3, "crew", () -> {})) {
            workers.run(worker -> seen.add(worker + " " + Natives.threads() + torch.get_num_threads()));
            assertThat(workers.isOneOfThem()).isFalse();
        }
        assertThat(seen).containsExactlyInAnyOrder("0 11", "1 11", "2 11");
    }

    @Test
    void aFailureIsThrownAfterAllHaveEnded() {
        for (Throwable failure : new Throwable[] {new IllegalStateException("broken"), new AssertionError("broken")}) {
            AtomicBoolean ended = new AtomicBoolean();
            try (Workers workers = new Workers(2, "crew", () -> {})) {
                assertThatThrownBy(() -> workers.run(worker -> {
                            if (worker == 0) {
                                sneakyThrow(failure);
                            }
                            sleep(200);
                            ended.set(true);
                        }))
                        .hasMessageContaining("broken");
                assertThat(ended).isTrue();
                AtomicBoolean works = new AtomicBoolean();
                workers.run(worker -> works.set(true));
                assertThat(works).as("they are there for the next").isTrue();
            }
        }
    }

    private static void sneakyThrow(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        throw (RuntimeException) failure;
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
