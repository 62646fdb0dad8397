package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

class ThreadChoiceTest {
    private final ThreadChoice choice = new ThreadChoice();
    private int round;
    private double spentMillis;

    /** @return how many of the rounds were one thread's */
    private int rounds(int count, double allMillis, double oneMillis) {
        return rounds(count, number -> nanos(allMillis), oneMillis);
    }

    /** @param all nanoseconds by the number of the round */
    private int rounds(int count, LongUnaryOperator all, double oneMillis) {
        int ones = 0;
        spentMillis = 0;
        for (int i = 0; i < count; i++) {
            boolean isOne = choice.isOne();
            ones += isOne ? 1 : 0;
            long took = isOne ? nanos(oneMillis) : all.applyAsLong(round);
            spentMillis += took / 1e6;
            choice.took(took);
            round++;
        }
        return ones;
    }

    private static long nanos(double millis) {
        return Math.round(millis * 1e6);
    }

    @Test
    void onAQuietMachineAllThreadsAreUsedAndOneIsSeldomTried() {
        assertThat(rounds(1000, 50, 66)).isBetween(2, 40);
        assertThat(rounds(10_000, 0.9, 1.4)).as("of work that is little").isLessThan(500);
    }

    @Test
    void whereACoreIsBusyOneThreadIsAndSeldomAll() {
        rounds(10, 50, 66);
        assertThat(rounds(1000, 200, 66)).isBetween(950, 995);
    }

    @Test
    void whatIsTooLittleForSeveralThreadsIsOnesWithinAThirdOfASecond() {
        rounds(600, 0.5, 0.4);
        assertThat(rounds(5000, 0.5, 0.4)).isGreaterThan(4700);
    }

    @Test
    void aFewRoundsThatWaitLongCountAsMuchAsTheyTake() {
        rounds(
                400,
                number -> nanos(number % 5 == 0 ? 5 : 0.8),
                1.3); // 1.64 ms of each, most are faster than one thread's
        assertThat(choice.isOne()).isTrue();
        rounds(5000, number -> nanos(number % 5 == 0 ? 5 : 0.8), 1.3);
        assertThat(spentMillis / 5000).isLessThan(1.32);
    }

    @Test
    void fewSlowRoundsAreNoReasonToLeaveThreadsThatAreFasterAllInAll() {
        SplittableRandom random = new SplittableRandom(1);
        int ones = rounds(10_000, number -> nanos(random.nextInt(20) == 0 ? 4 : 0.8), 1.4); // 0.96 ms of each
        assertThat(ones).isLessThan(1000);
    }

    @Test
    void aBurstOfSomethingElsesWorkIsNoReasonEither() {
        double millis = 0;
        int ones = 0;
        for (int i = 0; i < 10_000; i++) {
            boolean isOne = choice.isOne();
            ones += isOne ? 1 : 0;
            double took = isOne ? 1.3 : millis % 300 < 40 ? 2.5 : 0.8; // 40 ms of each 300
            millis += took;
            choice.took(nanos(took));
        }
        assertThat(ones).isLessThan(700);
    }

    /** Such as of whoever shares the processor's own units: trials would be more of its slowness than it is. */
    @Test
    void burstsThatSlowDownEitherWaySeldomCauseTrials() {
        rounds(1000, 13, 21);
        double millis = 0;
        int ones = 0;
        for (int i = 0; i < 5000; i++) {
            boolean isOne = choice.isOne();
            ones += isOne ? 1 : 0;
            double took = (isOne ? 21 : 13) * (millis % 400 < 100 ? 1.8 : 1);
            millis += took;
            choice.took(nanos(took));
        }
        assertThat(ones).isLessThan(250);
    }

    @Test
    void allThreadsComeBackWhenTheCoreIsFreeAgain() {
        rounds(10, 50, 66);
        rounds(1000, 200, 66);
        rounds(300, 50, 66);
        assertThat(rounds(1000, 50, 66)).isLessThan(40);
    }

    @Test
    void roundsThatBecomeSlowAreNoticedBeforeTheNextTrialIsDue() {
        rounds(2000, 0.9, 1.4);
        rounds(100, 9, 1.4);
        assertThat(choice.isOne()).isTrue();
    }

    @Test
    void whoSleepsIsNotJudgedByTheRoundThatWakesHim() {
        boolean before = true;
        int ones = 0;
        for (int i = 0; i < 1000; i++) {
            boolean isOne = choice.isOne();
            ones += isOne ? 1 : 0;
            choice.took(nanos(isOne ? 66 : before ? 100 : 50)); // whoever were not asked before come late
            before = isOne;
        }
        assertThat(ones).isLessThan(40);
    }

    @Test
    void aMachineThatIsSlowerThroughoutKeepsAllThreads() {
        rounds(10, 50, 66);
        assertThat(rounds(1000, 100, 130)).isLessThan(60);
    }

    @Test
    void whatWarmsUpMeanwhileIsNoGainOfEitherWay() {
        int ones = 0;
        for (int i = 0; i < 1000; i++) {
            boolean isOne = choice.isOne();
            ones += isOne ? 1 : 0;
            choice.took(nanos((isOne ? 1.4 : 0.9) * (1 + 10 * Math.exp(-i / 50.0))));
        }
        assertThat(ones).isLessThan(150);
    }
}
