package dev.thinkingvit.report;

import java.awt.geom.Rectangle2D;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * A chart as SVG that lives in a page: shapes carry classes and no colours, so that the page's style sheet decides, for
 * light and dark screens alike. Data coordinates go in, x to the right and y up. Not thread-safe; call {@link #svg} once.
 */
final class SvgChart {
    private static final int WIDTH = 520;
    private static final int HEIGHT = 330;
    private static final int LEFT = 62;
    /** Half of the widest number below the right end of the x axis. */
    private static final int RIGHT = 30;

    private static final int TOP = 22;
    private static final int BOTTOM = 46;

    private final StringWriter text = new StringWriter();
    private final XMLStreamWriter xml;
    private final Axis x;
    private final Axis y;
    private final List<Label> labels = new ArrayList<>();
    private final LabelPlaces places = new LabelPlaces(new Rectangle2D.Double(LEFT, 0, WIDTH - LEFT, HEIGHT - BOTTOM));

    private record Label(double px, double py, String words) {}

    /**
     * One direction of a chart.
     *
     * @param title what it shows, with the unit
     * @param from smallest value
     * @param to largest value
     */
    record Axis(String title, double from, double to) {
        /** An axis with some air around the values. */
        static Axis around(String title, List<Double> values) {
            double least =
                    values.stream().mapToDouble(Double::doubleValue).min().orElse(0);
            double most = values.stream().mapToDouble(Double::doubleValue).max().orElse(1);
            double air = most > least ? (most - least) * 0.1 : Math.max(Math.abs(most) * 0.1, 0.01);
            return new Axis(title, least - air, most + air);
        }

        double share(double value) {
            return (value - from) / (to - from);
        }

        /** A step of 1, 2 or 5 times a power of ten that makes about five ticks. */
        double step() {
            double rough = (to - from) / 5;
            double power = Math.pow(10, Math.floor(Math.log10(rough)));
            double mantissa = rough / power;
            return power * (mantissa < 1.5 ? 1 : mantissa < 3.5 ? 2 : mantissa < 7.5 ? 5 : 10);
        }
    }

    SvgChart(String label, Axis x, Axis y) {
        this.x = x;
        this.y = y;
        try {
            xml = XMLOutputFactory.newInstance().createXMLStreamWriter(text);
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
        open("svg", "viewBox", "0 0 " + WIDTH + " " + HEIGHT, "role", "img", "aria-label", label);
    }

    /** Lines across and numbers along both axes. */
    SvgChart grid() {
        yAxis();
        double step = x.step();
        for (double tick = Math.ceil(x.from / step) * step; tick <= x.to + step * 1e-6; tick += step) {
            text(px(tick), HEIGHT - BOTTOM + 18, "tick middle", number(tick, step));
        }
        return titles();
    }

    /** Lines across and numbers along the y axis; the x axis gets a name for each of as many equal slots. */
    SvgChart slots(List<String> names) {
        yAxis();
        int every = (names.size() + 12) / 13;
        for (int i = 0; i < names.size(); i += every) {
            text(px(i + 0.5), HEIGHT - BOTTOM + 18, "tick middle", names.get(i));
        }
        return titles();
    }

    private void yAxis() {
        double step = y.step();
        for (double tick = Math.ceil(y.from / step) * step; tick <= y.to + step * 1e-6; tick += step) {
            line(LEFT, py(tick), WIDTH - RIGHT, py(tick), "grid");
            text(LEFT - 7, py(tick) + 4, "tick end", number(tick, step));
        }
        line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis");
    }

    private SvgChart titles() {
        text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "title middle", x.title);
        double middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        open("text", "class", "title middle", "transform", "translate(13 " + round(middle) + ") rotate(-90)");
        characters(y.title);
        close();
        return this;
    }

    /** Names of lines, above the picture. */
    SvgChart legend(List<String> names, List<String> styles) {
        double slot = (double) (WIDTH - LEFT - RIGHT) / Math.max(names.size(), 5);
        for (int i = 0; i < names.size(); i++) {
            double from = LEFT + i * slot;
            line(from, TOP - 14, from + 14, TOP - 14, "line " + styles.get(i));
            text(from + 19, TOP - 10, "tick", names.get(i));
        }
        return this;
    }

    /** A line through points. */
    SvgChart path(List<double[]> points, String style) {
        StringBuilder path = new StringBuilder();
        for (double[] point : points) {
            path.append(path.isEmpty() ? "M" : "L")
                    .append(round(px(point[0])))
                    .append(' ')
                    .append(round(py(point[1])));
        }
        for (int i = 1; i < points.size(); i++) {
            double[] from = points.get(i - 1);
            double[] to = points.get(i);
            places.avoidLine(px(from[0]), py(from[1]), px(to[0]), py(to[1]));
        }
        open("path", "d", path.toString(), "class", "line " + style);
        close();
        return this;
    }

    /** A dot with a remark that shows when it is pointed at. */
    SvgChart dot(double atX, double atY, double radius, String style, String remark) {
        places.avoidDot(px(atX), py(atY), radius);
        open("circle", "cx", round(px(atX)), "cy", round(py(atY)), "r", round(radius), "class", style);
        remark(remark);
        close();
        return this;
    }

    /** Words beside a point, where they cover nothing of what the finished chart shows. */
    SvgChart label(double atX, double atY, String words) {
        labels.add(new Label(px(atX), py(atY), words));
        return this;
    }

    /** A bar between two corners. */
    SvgChart bar(double fromX, double toX, double fromY, double toY, String style, String remark) {
        double height = py(fromY) - py(toY);
        if (height <= 0) {
            return this;
        }
        open(
                "rect",
                "x",
                round(px(fromX)),
                "y",
                round(py(toY)),
                "width",
                round(px(toX) - px(fromX)),
                "height",
                round(height),
                "class",
                style);
        remark(remark);
        close();
        return this;
    }

    /** A line from bottom to top with a name. */
    SvgChart mark(double atX, String name) {
        line(px(atX), TOP, px(atX), HEIGHT - BOTTOM, "mark");
        boolean right = x.share(atX) < 0.7;
        text(px(atX) + (right ? 6 : -6), TOP + 10, right ? "label" : "label end", name);
        return this;
    }

    /** The markup. */
    String svg() {
        for (Label label : labels) {
            LabelPlaces.Place place = places.take(label.px, label.py, label.words);
            text(place.x(), place.y(), place.end() ? "label end" : "label", label.words);
        }
        close();
        return text.toString();
    }

    private void remark(String remark) {
        open("title");
        characters(remark);
        close();
    }

    private void line(double fromX, double fromY, double toX, double toY, String style) {
        open("line", "x1", round(fromX), "y1", round(fromY), "x2", round(toX), "y2", round(toY), "class", style);
        close();
    }

    private void text(double atX, double atY, String style, String words) {
        open("text", "x", round(atX), "y", round(atY), "class", style);
        characters(words);
        close();
    }

    private double px(double value) {
        return LEFT + x.share(value) * (WIDTH - LEFT - RIGHT);
    }

    private double py(double value) {
        return HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM);
    }

    private static String number(double value, double step) {
        int decimals = Math.max(0, (int) Math.ceil(-Math.log10(step) - 1e-9));
        return String.format(Locale.ROOT, "%,." + decimals + "f", Math.abs(value) < step * 1e-6 ? 0.0 : value);
    }

    private static String round(double pixels) {
        return BigDecimal.valueOf(Math.rint(pixels * 100) / 100)
                .stripTrailingZeros()
                .toPlainString();
    }

    private void open(String element, String... attributes) {
        try {
            xml.writeStartElement(element);
            for (int i = 0; i < attributes.length; i += 2) {
                xml.writeAttribute(attributes[i], attributes[i + 1]);
            }
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
    }

    private void characters(String words) {
        try {
            xml.writeCharacters(words);
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
    }

    private void close() {
        try {
            xml.writeEndElement();
            xml.flush();
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
    }
}
