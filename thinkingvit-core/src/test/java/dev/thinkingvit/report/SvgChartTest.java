package dev.thinkingvit.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SvgChartTest {
    private static final Pattern X_TICK = Pattern.compile("<text x=\"([\\d.]+)\" [^>]*class=\"tick middle\">([^<]*)<");
    private static final double WIDTH = 520;
    private static final double WIDEST_DIGIT = 8;

    @ParameterizedTest
    @ValueSource(doubles = {1, 300, 2_500, 12_000, 500_000})
    void numbersBelowTheXAxisAreWithinThePicture(double most) {
        String svg = new SvgChart("a chart", new SvgChart.Axis("x", 0, most), new SvgChart.Axis("y", 0, 1))
                .grid()
                .svg();

        List<MatchResult> ticks = X_TICK.matcher(svg).results().toList();
        assertThat(ticks).hasSizeGreaterThan(3);
        for (MatchResult tick : ticks) {
            double half = tick.group(2).length() * WIDEST_DIGIT / 2;
            assertThat(Double.parseDouble(tick.group(1))).as(tick.group(2)).isBetween(half, WIDTH - half);
        }
    }

    @Test
    void wordsAreEscapedAndComeAfterWhatTheyMustNotCover() {
        String svg = new SvgChart("a & b", new SvgChart.Axis("x", 0, 1), new SvgChart.Axis("y", 0, 1))
                .label(0.5, 0.5, "<words>")
                .dot(0.5, 0.5, 5, "stage s1", "\"remark\"")
                .path(List.of(new double[] {0, 0}, new double[] {1, 1}), "sweep")
                .svg();

        assertThat(svg)
                .startsWith("<svg viewBox=\"0 0 520 330\" role=\"img\" aria-label=\"a &amp; b\">")
                .contains("&lt;words&gt;")
                .doesNotContain("<words>")
                .endsWith("</text></svg>");
    }
}
