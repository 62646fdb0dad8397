package dev.thinkingvit.eval;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a threshold costs and scores.
 *
 * @param thresholds a single one for all boundaries between stages, or one for each; none: always thinking
 * @param images how many were counted
 * @param top1 mean score of the images, in percent: of classes the share whose prediction is right
 * @param top5 share of images with a right class among the five most probable, in percent
 * @param gmacs mean 10⁹ multiply-accumulates an image
 * @param stages what ended at each stage, in order
 * @param imagesPerSecond measured with real early exits, network time only; null where nobody measured
 */
public record SweepRow(
        List<Double> thresholds,
        int images,
        double top1,
        double top5,
        double gmacs,
        List<Stage> stages,
        @Nullable Double imagesPerSecond) {
    /**
     * The images that ended at one stage.
     *
     * @param dispatched how many
     * @param right how many of them were predicted right
     * @param score sum of their scores, of classes as much as {@code right}
     */
    public record Stage(int dispatched, int right, double score) {
        /** Mean score of these images in percent, of classes the share that were predicted right; null if there are none. */
        public @Nullable Double accuracy() {
            return dispatched == 0 ? null : 100 * score / dispatched;
        }
    }

    public SweepRow {
        thresholds = List.copyOf(thresholds);
        stages = List.copyOf(stages);
    }

    /** Share of all images that need stage {@code stage}, counted from 1, or a later one: 0–1. */
    public double shareNeeding(int stage) {
        int needing = 0;
        for (int k = stage; k <= stages.size(); k++) {
            needing += stages.get(k - 1).dispatched();
        }
        return (double) needing / images;
    }

    /** The same with a measured throughput. */
    public SweepRow withImagesPerSecond(double measured) {
        return new SweepRow(thresholds, images, top1, top5, gmacs, stages, measured);
    }
}
