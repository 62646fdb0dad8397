package dev.thinkingvit.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LabelPlacesTest {
    private static final Rectangle2D ROOM = new Rectangle2D.Double(0, 0, 400, 300);

    @Test
    void wordsStandBelowAndToTheRightWhereNothingIsInTheWay() {
        LabelPlaces.Place place = new LabelPlaces(ROOM).take(100, 100, "words");

        assertThat(place.end()).isFalse();
        assertThat(place.box("words").getMinX()).isGreaterThan(100);
        assertThat(place.box("words").getMinY()).isGreaterThan(100);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-2, -0.7, -0.2, 0, 0.2, 0.7, 2})
    void wordsKeepOffALineThroughTheirPoint(double slope) {
        LabelPlaces places = new LabelPlaces(ROOM);
        Line2D line = new Line2D.Double(100, 150 - 100 * slope, 300, 150 + 100 * slope);
        places.avoidLine(line.getX1(), line.getY1(), line.getX2(), line.getY2());

        Rectangle2D box = places.take(200, 150, "τ = 0.25").box("τ = 0.25");

        assertThat(box.intersectsLine(line)).isFalse();
    }

    @Test
    void wordsKeepOffDotsAndOtherWords() {
        LabelPlaces places = new LabelPlaces(ROOM);
        places.avoidDot(125, 118, 6);

        Rectangle2D first = places.take(100, 100, "first").box("first");
        Rectangle2D second = places.take(103, 100, "second").box("second");

        assertThat(first.intersects(119, 112, 12, 12)).isFalse();
        assertThat(second.intersects(first)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 5, 200, 395, 400})
    void wordsStayInTheRoomEvenIfTheyMustCoverSomething(double x) {
        LabelPlaces places = new LabelPlaces(ROOM);
        for (int y = 0; y < 300; y += 5) {
            places.avoidLine(0, y, 400, y);
        }

        assertThat(ROOM.contains(places.take(x, 290, "always to stage 2").box("always to stage 2")))
                .isTrue();
    }
}
