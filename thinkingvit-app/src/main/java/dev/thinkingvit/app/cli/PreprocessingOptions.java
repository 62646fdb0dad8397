package dev.thinkingvit.app.cli;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.picture.Resampling;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** How pictures are prepared, where that is to be otherwise than the model says. */
final class PreprocessingOptions {
    @Option(
            names = {"--input-size", "--img-size"},
            split = "[,x×]", // 192x256 as training takes it
            splitSynopsisLabel = ",",
            arity = "1..3",
            paramLabel = "N",
            description =
                    "Side of the pictures that the network sees, in pixels, or their height and width (192x256); positions are"
                            + " resampled. Default: the model's.")
    private @Nullable List<Integer> inputSize;

    @Option(
            names = "--crop-pct",
            paramLabel = "SHARE",
            description = "Share of the resized shorter side that the centre crop keeps. Default: the model's.")
    private @Nullable Double cropPct;

    @Option(
            names = "--interpolation",
            paramLabel = "KERNEL",
            description = "bicubic or bilinear, when resizing. Default: the model's.")
    private @Nullable Resampling interpolation;

    @Option(
            names = "--mean",
            split = ",",
            arity = "1..3",
            paramLabel = "M",
            description = "What is taken from levels between 0 and 1: three numbers, or one for all channels. Default:"
                    + " the model's.")
    private @Nullable List<Double> mean;

    @Option(
            names = "--std",
            split = ",",
            arity = "1..3",
            paramLabel = "S",
            description =
                    "What they are then divided by: three numbers, or one for all channels. Default: the model's.")
    private @Nullable List<Double> std;

    /**
     * What was asked for.
     *
     * @throws TypeConversionException if a value is none that the option takes
     */
    PreprocessingChange change() {
        try {
            PreprocessingChange change = new PreprocessingChange(
                    size(), cropPct, interpolation, levels("--mean", mean), levels("--std", std));
            change.of(Preprocessing.imagenet(1)); // whose own values are fine
            return change;
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /** The first option that was given; null if none was. */
    @Nullable String given() {
        if (inputSize != null) {
            return "--input-size";
        }
        if (cropPct != null) {
            return "--crop-pct";
        }
        if (interpolation != null) {
            return "--interpolation";
        }
        return mean != null ? "--mean" : std != null ? "--std" : null;
    }

    /** The first option that was given of those that a Segmenter does not have; null if none was. */
    @Nullable String givenForCrops() {
        String first = given();
        return "--mean".equals(first) || "--std".equals(first) ? null : first;
    }

    /** A side; height and width; or channels, height and width. */
    private @Nullable ImageSize size() {
        if (inputSize == null) {
            return null;
        }
        List<Integer> said = inputSize;
        int last = said.size() - 1;
        if (said.size() == 3 && said.get(0) != 3) {
            throw new IllegalArgumentException(
                    "--input-size takes the side of a square (224), height and width (192x256), or 3 224 224; got "
                            + said);
        }
        return new ImageSize(said.get(Math.max(0, last - 1)), said.get(last));
    }

    private static @Nullable List<Double> levels(String option, @Nullable List<Double> said) {
        if (said == null || said.size() == 3) {
            return said;
        }
        if (said.size() == 1) {
            return List.of(said.get(0), said.get(0), said.get(0));
        }
        throw new IllegalArgumentException(option + " takes one number or three (0.485,0.456,0.406); got " + said);
    }
}
