package dev.thinkingvit.inference;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ThreadChoiceTest {
    private final ThreadChoice choice = new ThreadChoice();

    /** @return how many of the rounds were one thread's */
    private int rounds(int count, long all, long one) {
        int ones = 0;
        for (int i = 0; i < count; i++) {
            ones += choice.isOne() ? 1 : 0;
            choice.took(choice.isOne() ? one : all);
        }
        return ones;
    }

    @Test
    void onAQuietMachineAllThreadsAreUsed() {
        assertThat(rounds(1000, 50, 66)).isZero();
    }

    @Test
    void whereACoreIsBusyOneThreadIsAndSeldomAll() {
        rounds(10, 50, 66);
        assertThat(rounds(1000, 200, 66)).isBetween(980, 995);
    }

    @Test
    void allThreadsComeBackWhenTheCoreIsFreeAgain() {
        rounds(10, 50, 66);
        rounds(1000, 200, 66);
        rounds(300, 50, 66);
        assertThat(rounds(1000, 50, 66)).isZero();
    }

    @Test
    void aMachineThatIsSlowerThroughoutKeepsAllThreads() {
        rounds(10, 50, 66);
        assertThat(rounds(1000, 100, 130)).isOne();
    }

    @Test
    void oneSlowRoundIsChance() {
        rounds(10, 50, 66);
        rounds(1, 500, 66);
        assertThat(rounds(10, 50, 66)).isZero();
    }
}
