package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TeamTest {
    @Test
    void everyPartHasAThreadWithOneNativeThreadTheFirstTheCallers() {
        Set<String> seen = ConcurrentHashMap.newKeySet();
        Thread caller = Thread.currentThread();
        int before = Natives.threads();
        try (Team team = new Team("team")) {
            for (int round = 0; round < 3; round++) {
                team.run(
                        3, part -> seen.add(part + " " + Natives.threads() + " " + (Thread.currentThread() == caller)));
            }
        }
        assertThat(seen).containsExactlyInAnyOrder("0 1 true", "1 1 false", "2 1 false");
        assertThat(Natives.threads()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7}) // more than there are cores, too
    void whatWasWrittenBeforeAMeetingIsReadAfterIt(int parts) {
        int meetings = 2_000;
        long[] written = new long[parts]; // plain: the meeting alone makes it seen
        AtomicInteger wrong = new AtomicInteger();
        Meeting meeting = new Meeting(parts);
        try (Team team = new Team("team")) {
            team.run(parts, part -> {
                for (int i = 1; i <= meetings; i++) {
                    written[part] = i;
                    meeting.meet(part);
                    for (long value : written) {
                        if (value != i) {
                            wrong.incrementAndGet();
                        }
                    }
                    meeting.meet(part);
                }
            });
        }
        assertThat(wrong).hasValue(0);
        assertThat(meeting.failure()).isNull();
    }

    @Test
    void whoComesLateIsWaitedForWithoutHoldingACore() {
        Meeting meeting = new Meeting(2);
        long[] cpu = new long[1];
        try (Team team = new Team("team")) {
            team.run(2, part -> {
                if (part == 1) {
                    LockSupport.parkNanos(Duration.ofMillis(300).toNanos());
                }
                long before = cpuNanos();
                meeting.meet(part);
                if (part == 0) {
                    cpu[0] = cpuNanos() - before;
                }
            });
        }
        assertThat(Duration.ofNanos(cpu[0])).isLessThan(Duration.ofMillis(50));
    }

    private static long cpuNanos() {
        return java.lang.management.ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    @Test
    void aPartThatFailsLetsNobodyWait() {
        Meeting meeting = new Meeting(3);
        IllegalStateException broken = new IllegalStateException("broken");
        AtomicInteger went = new AtomicInteger();
        try (Team team = new Team("team")) {
            team.run(3, part -> {
                try {
                    if (part == 2) {
                        LockSupport.parkNanos(Duration.ofMillis(50).toNanos()); // the others sleep by now
                        throw broken;
                    }
                    meeting.meet(part);
                    went.incrementAndGet();
                } catch (RuntimeException e) {
                    meeting.abandon(e);
                }
            });
        }
        assertThat(went).hasValue(0);
        assertThat(meeting.failure()).isSameAs(broken);
        assertThatThrownBy(() -> meeting.meet(0)).hasMessage("another part of the work failed");
    }

    @Test
    void aFailureIsThrownAfterAllHaveEnded() {
        for (int failing = 0; failing < 2; failing++) {
            int who = failing;
            AtomicBoolean ended = new AtomicBoolean();
            try (Team team = new Team("team")) {
                assertThatThrownBy(() -> team.run(2, part -> {
                            if (part == who) {
                                throw new AssertionError("broken");
                            }
                            LockSupport.parkNanos(Duration.ofMillis(100).toNanos());
                            ended.set(true);
                        }))
                        .isInstanceOf(AssertionError.class)
                        .hasMessage("broken");
                assertThat(ended).isTrue();
                AtomicInteger works = new AtomicInteger();
                team.run(2, part -> works.incrementAndGet());
                assertThat(works).as("they are there for the next").hasValue(2);
            }
        }
    }

    @Test
    void whoIsInterruptedWaitsAllTheSame() {
        AtomicBoolean ended = new AtomicBoolean();
        try (Team team = new Team("team")) {
            Thread.currentThread().interrupt();
            team.run(2, part -> {
                if (part == 1) {
                    LockSupport.parkNanos(Duration.ofMillis(100).toNanos());
                    ended.set(true);
                }
            });
            assertThat(Thread.interrupted()).isTrue();
            assertThat(ended).isTrue();
        }
    }

    @Test
    void itsThreadsEndWithIt() {
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        Team team = new Team("team");
        team.run(3, part -> threads.add(Thread.currentThread()));
        threads.remove(Thread.currentThread());
        team.close();
        assertThat(threads).hasSize(2).noneMatch(Thread::isAlive);
    }
}
