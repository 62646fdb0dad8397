package dev.thinkingvit.augment;

import dev.thinkingvit.picture.Resampling;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads timm's config strings for RandAugment. One use each. */
final class RandAugmentParser {

    // As timm splits a piece: a name up to the first digit, and the rest.
    private static final Pattern PIECE = Pattern.compile("(\\D*)(\\d.*)?", Pattern.DOTALL);
    private static final Pattern INTEGER = Pattern.compile("\\d{1,9}");
    private static final Pattern NUMBER = Pattern.compile("\\d+(\\.\\d*)?(e\\d+)?");

    private final String config;
    private final Set<String> seen = new HashSet<>();

    private int magnitude = AugmentOp.MAX_LEVEL;
    private double magnitudeStd;
    private int magnitudeMax = AugmentOp.MAX_LEVEL;
    private int layers = 2;
    private double probability = 0.5;
    private boolean increasing;
    private boolean weighted;

    private RandAugmentParser(String config) {
        this.config = config;
    }

    static RandAugment parse(String config) {
        return new RandAugmentParser(config).parse();
    }

    private RandAugment parse() {
        // Dashes at the end count, so that what follows them is known to be missing.
        String[] pieces = config.split("-", -1);
        if (!pieces[0].equals("rand")) {
            throw new IllegalArgumentException("Unsupported augmentation policy '" + pieces[0] + "' in '" + config
                    + "': it must be rand, as in rand-m9-mstd0.5-inc1");
        }
        for (int i = 1; i < pieces.length; i++) {
            read(pieces[i]);
        }
        RandAugment.TransformSet plain =
                increasing ? RandAugment.TransformSet.INCREASING : RandAugment.TransformSet.STANDARD;
        return new RandAugment(
                magnitude,
                magnitudeStd,
                magnitudeMax,
                layers,
                probability,
                weighted ? RandAugment.TransformSet.WEIGHTED : plain,
                List.of(Resampling.BICUBIC),
                RandAugment.IMAGENET_FILL);
    }

    private void read(String piece) {
        if (piece.startsWith("t")) {
            once("t", piece);
            if (!piece.equals("tweights")) {
                throw refused(piece, "the only set of transforms to choose is tweights");
            }
            weighted = true;
            return;
        }
        Matcher matcher = PIECE.matcher(piece);
        if (!matcher.matches()) {
            throw new AssertionError(piece);
        }
        String name = matcher.group(1);
        String value = matcher.group(2) == null ? "" : matcher.group(2);
        once(name, piece);
        switch (name) {
            case "m" -> magnitude = integer(piece, value);
            case "n" -> layers = layers(piece, value);
            case "p" -> probability = probability(piece, value);
            case "mstd" -> {
                double std = number(piece, value);
                magnitudeStd = std > 100 ? Double.POSITIVE_INFINITY : std;
            }
            case "mmax" -> {
                int max = integer(piece, value);
                magnitudeMax = max == 0 ? AugmentOp.MAX_LEVEL : max;
            }
            case "inc" -> increasing = integer(piece, value) != 0;
            default ->
                throw refused(
                        piece, "allowed are m, n, mmax, inc and a whole number, mstd and p and a number, and tweights");
        }
    }

    private void once(String name, String piece) {
        if (!seen.add(name)) {
            throw refused(piece, "'" + name + "' may be given once only");
        }
    }

    private int layers(String piece, String value) {
        int count = integer(piece, value);
        // Each layer costs a pass over the picture; a slip of the finger must not cost a night.
        if (count > 100) {
            throw refused(piece, "at most 100 layers make sense");
        }
        return count;
    }

    private double probability(String piece, String value) {
        double number = number(piece, value);
        if (number > 1) {
            throw refused(piece, "a probability lies between 0 and 1");
        }
        return number;
    }

    private int integer(String piece, String value) {
        if (!INTEGER.matcher(value).matches()) {
            throw refused(piece, "its value must be a whole number of at most 9 digits, not '" + value + "'");
        }
        return Integer.parseInt(value);
    }

    private double number(String piece, String value) {
        if (!NUMBER.matcher(value).matches()) {
            throw refused(piece, "its value must be a number, as in 0.5, not '" + value + "'");
        }
        return Double.parseDouble(value);
    }

    private IllegalArgumentException refused(String piece, String why) {
        return new IllegalArgumentException(
                "RandAugment's config '" + config + "' has the piece '" + piece + "': " + why);
    }
}
