package dev.thinkingvit.eval;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a threshold is to achieve.
 *
 * @param kind what is bounded
 * @param stage whose load is bounded, counted from 1, at least 2; 0 for other kinds
 * @param value the bound: GMACs, percentage points, or a share 0–1
 */
public record Target(Kind kind, int stage, double value) {
    /** What a target bounds. */
    public enum Kind {
        /** Mean GMACs an image, at most. */
        GMACS,
        /** Percentage points of top-1 accuracy lost against always thinking, at most. */
        ACCURACY_DROP,
        /** Share of the images that need a stage, at most. */
        STAGE_SHARE
    }

    private static final Pattern FORM = Pattern.compile("(gmacs|accuracy-drop|stage(\\d{1,3}))=([^=%]*?)\\s*(%?)");

    public Target {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("a target must be a number, got " + value);
        }
        if (kind == Kind.STAGE_SHARE && (stage < 2 || value < 0 || value > 1)) {
            throw new IllegalArgumentException(
                    "a stage target names a stage from 2 on and a share from 0 to 1 or 0% to 100%, got stage " + stage
                            + " and " + value);
        }
    }

    /** Reads {@code gmacs=0.8}, {@code accuracy-drop=0.5}, {@code stage2=0.4} or {@code stage2=40%}. */
    public static Target parse(String text) {
        Matcher matcher = FORM.matcher(text.strip());
        boolean matches = matcher.matches();
        if (!matches || (matcher.group(2) == null && !matcher.group(4).isEmpty())) {
            throw new IllegalArgumentException(
                    "a target is gmacs=G, accuracy-drop=POINTS or stage2=SHARE (0.4 or 40%), got '" + text + "'");
        }
        double value;
        try {
            value = Double.parseDouble(matcher.group(3).strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "'" + matcher.group(3) + "' in the target '" + text + "' is no number", e);
        }
        if (matcher.group(2) != null) {
            double share = matcher.group(4).isEmpty() ? value : value / 100;
            return new Target(Kind.STAGE_SHARE, Integer.parseInt(matcher.group(2)), share);
        }
        return new Target(matcher.group(1).equals("gmacs") ? Kind.GMACS : Kind.ACCURACY_DROP, 0, value);
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return switch (kind) {
            case GMACS -> "gmacs=" + value;
            case ACCURACY_DROP -> "accuracy-drop=" + value;
            case STAGE_SHARE -> "stage" + stage + "=" + value;
        };
    }
}
