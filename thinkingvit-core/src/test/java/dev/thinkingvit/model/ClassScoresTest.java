package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class ClassScoresTest {
    private static ClassScores of(float... logits) {
        return ClassScores.of(logits, 0, logits.length);
    }

    @Test
    void theMostProbableComeFirstAndEqualOnesByIndex() {
        assertThat(of(1, 3, -2, 3, 0.5f, 1).top(4)).containsExactly(1, 3, 0, 5);
    }

    @Test
    void probabilitiesThatAreNothingAnyMoreAreStillInOrder() {
        assertThat(of(-200, 0, -100, -99).top(4)).containsExactly(1, 3, 2, 0);
    }

    @Test
    void whereThereAreNotSoManyAllAreNamed() {
        assertThat(of(0, 1).top(5)).containsExactly(1, 0);
        assertThat(of(0, 1).top(0)).isEmpty();
    }
}
