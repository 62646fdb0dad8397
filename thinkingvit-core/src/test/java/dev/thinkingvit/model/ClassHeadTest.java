package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ClassHeadTest {
    private static final List<String> ANIMALS = List.of("cat", "dog", "eel");

    @Test
    void anotherNumberOfClassesStartsAnew() {
        ClassHead head = ClassHead.of(1000, 10);

        assertThat(head.rows()).isEmpty();
        assertThat(head.line()).isEqualTo("the source's head has 1,000 classes, this model 10: it starts at random");
    }

    @Test
    void theSameNumberOfUnnamedClassesIsKeptInOrder() {
        ClassHead head = ClassHead.of(3, List.of(), 3, ANIMALS);

        assertThat(head.rows()).containsExactly(0, 1, 2);
        assertThat(head.line()).contains("does not name its classes").contains("only their number, 3,");
    }

    @Test
    void theSameNamesInAnotherOrderAreTakenByName() {
        ClassHead head = ClassHead.of(3, List.of(List.of("eel", "cat", "dog")), 3, ANIMALS);

        assertThat(head.rows()).containsExactly(1, 2, 0);
        assertThat(head.line()).contains("in another order");
    }

    @Test
    void theSameNumberOfOtherClassesStartsAnewAndNamesOne() {
        ClassHead head = ClassHead.of(3, List.of(List.of("cat", "car", "bus")), 3, ANIMALS);

        assertThat(head.rows()).isEmpty();
        assertThat(head.line()).contains("other classes, such as 'car'");
    }

    @Test
    void anyNamingOfTheSourceMayBeTheModels() {
        ClassHead head = ClassHead.of(3, List.of(List.of("c", "d", "e"), ANIMALS), 3, ANIMALS);

        assertThat(head.rows()).containsExactly(0, 1, 2);
        assertThat(head.line()).contains("its 3 classes are this model's");
    }

    @Test
    void synsetsAndWordsAreNotCompared() {
        ClassHead head = ClassHead.of(
                2, List.of(List.of("tench, Tinca tinca", "goldfish")), 2, List.of("n01440764", "n01443537"));

        assertThat(head.rows()).containsExactly(0, 1);
        assertThat(head.line()).contains("in other terms");
    }

    @Test
    void namesThatOccurTwiceAreOnlyTakenInOrder() {
        List<String> cranes = List.of("crane", "crane", "eel");

        assertThat(ClassHead.of(3, List.of(cranes), 3, cranes).rows()).containsExactly(0, 1, 2);
        assertThat(ClassHead.of(3, List.of(List.of("eel", "crane", "crane")), 3, cranes)
                        .rows())
                .isEmpty();
    }

    @Test
    void aSourceWithoutAHeadIsSaidToHaveNone() {
        assertThat(ClassHead.of(0, 3))
                .isEqualTo(new ClassHead(List.of(), "the source has no head: it starts at random"));
    }
}
