package dev.thinkingvit.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.thinkingvit.model.NetworkConfig;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a model decides to stop thinking, as its {@code config.json} stores it.
 *
 * @param router name of the certainty measure: {@code entropy_top10} (the published tables' of classes), {@code entropy},
 *     {@code entropy_inclusive} (which stops at the threshold too), {@code max_probability} or {@code margin}
 * @param thresholds one for each stage but the last, or a single one for all; empty where nobody has chosen yet
 * @param calibration what the thresholds cost and score, or null where nobody has measured
 */
public record Routing(
        String router, List<Double> thresholds, @Nullable Calibration calibration) {
    /** The published way to stop of such a network, thresholds open. */
    public static Routing of(NetworkConfig network) {
        return new Routing(network.publishedRouter(), List.of(), null);
    }

    public Routing {
        if (router.isBlank()) {
            throw new IllegalArgumentException("router must have a name");
        }
        thresholds = List.copyOf(thresholds);
    }

    void checkStages(int stages) {
        if (thresholds.size() > 1 && thresholds.size() != stages - 1) {
            throw new IllegalArgumentException("thresholds: a model of " + stages + " stages takes 1 or " + (stages - 1)
                    + ", got " + thresholds.size());
        }
    }

    /**
     * What each threshold cost and scored on a data set.
     *
     * @param data name of the data set
     * @param images how many pictures were measured
     * @param target what the stored threshold was picked for, such as {@code accuracy-drop=0.5}
     * @param curve by growing threshold
     * @param bf16 how far bf16 predicts the same at the stored thresholds; null where nobody has measured
     * @param int8 the same of int8
     * @param tokenDepth what became of tokens that halt; null of another network, and where nobody has measured
     */
    public record Calibration(
            String data,
            int images,
            String target,
            List<Point> curve,
            @Nullable Agreement bf16,
            @Nullable Agreement int8,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable TokenDepth tokenDepth) {
        public Calibration {
            Objects.requireNonNull(data);
            Objects.requireNonNull(target);
            curve = List.copyOf(curve);
        }

        /** Of a network whose tokens do not halt. */
        public Calibration(
                String data,
                int images,
                String target,
                List<Point> curve,
                @Nullable Agreement bf16,
                @Nullable Agreement int8) {
            this(data, images, target, curve, bf16, int8, null);
        }

        /** How many pictures one of its agreements is of. */
        public int images(Agreement agreement) {
            return Objects.requireNonNullElse(agreement.images(), images);
        }
    }

    /**
     * How deep the tokens of the measured images went where tokens halt, the class token among them, and what that cost when
     * every image went through all stages.
     *
     * @param mean blocks that a token went through
     * @param least of all
     * @param largest of all
     * @param ponder blocks and last score of a token (ρ), the mean over all
     * @param gmacs mean 10⁹ multiply-accumulates an image, of tokens that were there
     */
    public record TokenDepth(double mean, double least, double largest, double ponder, double gmacs) {}

    /**
     * How far one precision predicts what fp32 does.
     *
     * @param sameTop1 share of the pictures with the same final prediction, percent
     * @param top1Difference accuracy less that of fp32, percentage points
     * @param images how many pictures were compared, at least 1; null for those of the calibration
     * @param data name of their data set; null for the calibration's
     */
    public record Agreement(
            double sameTop1,
            double top1Difference,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Integer images,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String data) {
        private static final double LEAST_SAME = 99.5;
        private static final double MOST_DIFFERENCE = 0.1;
        private static final double LEAST_NEARLY = 97;
        private static final double MOST_NEARLY = 0.5;

        public Agreement {
            if (images != null && images < 1) {
                throw new IllegalArgumentException("images: at least 1 must have been compared, got " + images);
            }
        }

        /** Of the calibration's own pictures. */
        public Agreement(double sameTop1, double top1Difference) {
            this(sameTop1, top1Difference, null, null);
        }

        /** The same, of a data set of that name. */
        public Agreement onPicturesOf(String dataSet) {
            return new Agreement(sameTop1, top1Difference, images, dataSet);
        }

        /** Whether nobody would notice: at least 99.5 % the same, accuracy within 0.1 points. */
        public boolean predictsTheSame() {
            return sameTop1 >= LEAST_SAME && Math.abs(top1Difference) <= MOST_DIFFERENCE;
        }

        /** Whether eight bits do it: at least 97 % the same, accuracy within 0.5 points. */
        public boolean predictsNearlyTheSame() {
            return sameTop1 >= LEAST_NEARLY && Math.abs(top1Difference) <= MOST_NEARLY;
        }
    }

    /**
     * One threshold, used at every stage boundary.
     *
     * @param threshold of the model's router
     * @param gmacs mean 10⁹ multiply-accumulates an image
     * @param top1 accuracy in percent
     */
    public record Point(double threshold, double gmacs, double top1) {}
}
