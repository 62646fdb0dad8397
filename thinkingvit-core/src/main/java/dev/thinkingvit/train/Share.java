package dev.thinkingvit.train;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.math.BigDecimal;

/**
 * A share of something, written as {@code 5%} or {@code 0.05}.
 *
 * @param value from 0 to 1
 */
public record Share(BigDecimal value) {

    public Share {
        if (value.signum() < 0 || value.compareTo(BigDecimal.ONE) > 0) {
            throw new IllegalArgumentException(
                    "a share must lie between 0 and 100%, such as 5% or 0.05, got " + value.toPlainString());
        }
    }

    /** Reads either form; Jackson gives what stands in YAML. */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public static Share of(Object text) {
        String written = String.valueOf(text).strip();
        boolean percent = written.endsWith("%");
        try {
            BigDecimal number = new BigDecimal(
                    percent ? written.substring(0, written.length() - 1).strip() : written);
            return new Share(percent ? number.movePointLeft(2) : number);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("a share must be a number such as 5% or 0.05, got '" + written + "'", e);
        }
    }

    /** Whether {@code part} of {@code whole} are more than this share. */
    public boolean isExceeded(long part, long whole) {
        return BigDecimal.valueOf(part).compareTo(value.multiply(BigDecimal.valueOf(whole))) > 0;
    }

    /** As percent. */
    @JsonValue
    @Override
    public String toString() {
        return (value.signum() == 0
                        ? "0"
                        : value.movePointRight(2).stripTrailingZeros().toPlainString())
                + "%";
    }
}
