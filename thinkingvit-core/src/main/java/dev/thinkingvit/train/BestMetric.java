package dev.thinkingvit.train;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which of a validation's numbers makes a model better than another: {@code last}, {@code average} or the word stage with
 * a number is the accuracy of the last stage, the mean of all, or that of one; with {@code _loss} behind it, it is the
 * loss, of which less is better.
 *
 * @param stage counted from 1; {@link #LAST} or {@link #AVERAGE}
 * @param isLoss whether it is the loss
 */
public record BestMetric(int stage, boolean isLoss) {
    static final int LAST = 0;
    static final int AVERAGE = -1;

    private static final Pattern NAME = Pattern.compile("(last|average|stage([1-9]\\d{0,3}))(_loss)?");

    /** @throws IllegalArgumentException if there is no such metric */
    static BestMetric parse(String name) {
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "best_metric must be last, average or stage1, stage2, …, each with _loss behind it for the loss"
                            + " instead of the accuracy, got '" + name + "'");
        }
        int stage = matcher.group(2) != null
                ? Integer.parseInt(matcher.group(2))
                : matcher.group(1).equals("last") ? LAST : AVERAGE;
        return new BestMetric(stage, matcher.group(3) != null);
    }

    /** @throws IllegalArgumentException if there are fewer stages than the metric asks for */
    void requireStages(int stages) {
        if (stage > stages) {
            throw new IllegalArgumentException("best_metric asks for stage " + stage + " of a model that has " + stages
                    + (stages == 1 ? " stage" : " stages"));
        }
    }

    /** The validation in one number, of which more is better. */
    public double score(Judgement judgement) {
        List<Double> values = isLoss ? judgement.losses() : judgement.accuracies();
        double value =
                switch (stage) {
                    case LAST -> values.get(values.size() - 1);
                    case AVERAGE ->
                        values.stream()
                                .mapToDouble(Double::doubleValue)
                                .average()
                                .orElseThrow();
                    default -> values.get(stage - 1);
                };
        return isLoss ? -value : value;
    }
}
