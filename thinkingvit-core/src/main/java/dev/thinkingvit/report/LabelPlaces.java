package dev.thinkingvit.report;

import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds room for words beside points of a chart, clear of its lines, its dots and other words. In pixels, y downwards.
 * A page's font is known only to the reader's browser, so that sizes are those of a rather wide one. Not thread-safe.
 */
final class LabelPlaces {
    private static final double CHARACTER = 8;
    private static final double ASCENT = 10;
    private static final double DESCENT = 3;
    /** From a point to its words: past the largest dot. */
    private static final double GAP = 9;

    private static final double[] FURTHER_AWAY = {0, 10, 20, 30};

    private final Rectangle2D room;
    private final List<Line2D> lines = new ArrayList<>();
    private final List<Rectangle2D> boxes = new ArrayList<>();

    /**
     * Where words go.
     *
     * @param x of their beginning, or of their end
     * @param y of the base line
     * @param end whether they end at x
     */
    record Place(double x, double y, boolean end) {
        /** What the words cover. */
        Rectangle2D box(String words) {
            double width = words.length() * CHARACTER;
            return new Rectangle2D.Double(end ? x - width : x, y - ASCENT, width, ASCENT + DESCENT);
        }
    }

    /** @param room that words must not leave */
    LabelPlaces(Rectangle2D room) {
        this.room = room;
    }

    /** Keeps words off a line. */
    void avoidLine(double fromX, double fromY, double toX, double toY) {
        lines.add(new Line2D.Double(fromX, fromY, toX, toY));
    }

    /** Keeps words off a dot. */
    void avoidDot(double x, double y, double radius) {
        boxes.add(new Rectangle2D.Double(x - radius, y - radius, 2 * radius, 2 * radius));
    }

    /** A place beside a point, taken from now on: the nearest free one, else the one that covers least. Who
     * asks first chooses first. */
    Place take(double x, double y, String words) {
        Place best = null;
        long least = Long.MAX_VALUE;
        for (double further : FURTHER_AWAY) {
            double below = y + GAP + ASCENT + further;
            double above = y - GAP - DESCENT - further;
            for (Place place : List.of(
                    new Place(x + GAP, below, false),
                    new Place(x - GAP, above, true),
                    new Place(x + GAP, above, false),
                    new Place(x - GAP, below, true))) {
                long covered = covered(place.box(words));
                if (best == null || covered < least) {
                    best = place;
                    least = covered;
                }
            }
        }
        if (best == null) {
            throw new IllegalStateException("no place was looked at");
        }
        boxes.add(best.box(words));
        return best;
    }

    private long covered(Rectangle2D box) {
        long crossed = lines.stream().filter(box::intersectsLine).count();
        long hidden = boxes.stream().filter(box::intersects).count();
        // Words over a line can be read, words over words hardly, words outside the picture not at all.
        return crossed + 100 * hidden + (room.contains(box) ? 0 : 1_000_000);
    }
}
