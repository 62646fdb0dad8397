package dev.thinkingvit.eval;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.store.Routing;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A data set as all stages of a model saw it. Every threshold can be scored from it without running the network again,
 * because a stage's thought about an image does not depend on where other images stop.
 *
 * @param router whose measures were recorded
 * @param classes C, of the model
 * @param cumulativeGmacs 10⁹ multiply-accumulates of an image that ends at each stage, in order, as predicted; what an
 *     image really took stands with its stages
 * @param images the images that were counted, at least one
 * @param skipped pictures that could not be read
 * @param uncounted images left out because no answer is right for them (ReaL labels)
 * @param tokenDepths how deep tokens went, where they halt; else null
 */
public record Recording(
        Router router,
        int classes,
        List<Double> cumulativeGmacs,
        List<ImageRecord> images,
        List<BatchLoader.Failure> skipped,
        int uncounted,
        @Nullable TokenDepths tokenDepths) {
    public Recording {
        cumulativeGmacs = List.copyOf(cumulativeGmacs);
        images = List.copyOf(images);
        skipped = List.copyOf(skipped);
        if (images.isEmpty()) {
            throw new IllegalArgumentException("a recording needs at least one image");
        }
        for (ImageRecord image : images) {
            if (image.stages().size() != cumulativeGmacs.size()) {
                throw new IllegalArgumentException(image.path() + ": " + cumulativeGmacs.size()
                        + " stages are required, " + image.stages().size() + " were recorded");
            }
        }
    }

    /** Of a network whose tokens do not halt. */
    public Recording(
            Router router,
            int classes,
            List<Double> cumulativeGmacs,
            List<ImageRecord> images,
            List<BatchLoader.Failure> skipped,
            int uncounted) {
        this(router, classes, cumulativeGmacs, images, skipped, uncounted, null);
    }

    /** Number of stages. */
    public int stages() {
        return cumulativeGmacs.size();
    }

    /** The samples without those that could not be read. */
    public List<Sample> readable(List<Sample> samples) {
        Set<Sample> broken = skipped.stream().map(BatchLoader.Failure::sample).collect(Collectors.toSet());
        return samples.stream().filter(sample -> !broken.contains(sample)).toList();
    }

    /** The labels, rising, of which no sample could be read. */
    public List<Integer> classesLost(List<Sample> samples) {
        Set<Integer> read = readable(samples).stream().map(Sample::label).collect(Collectors.toSet());
        return skipped.stream()
                .map(failure -> failure.sample().label())
                .filter(label -> !read.contains(label))
                .distinct()
                .sorted()
                .toList();
    }

    /** The stage, counted from 1, at which an image ends. */
    public int exit(ImageRecord image, List<Double> thresholds) {
        for (int stage = 1; !thresholds.isEmpty() && stage < stages(); stage++) {
            double threshold = thresholds.get(thresholds.size() == 1 ? 0 : stage - 1);
            if (router.isSure(image.stage(stage).measure(), threshold)) {
                return stage;
            }
        }
        return stages();
    }

    /** What the image ends with. */
    public StageRecord last(ImageRecord image, List<Double> thresholds) {
        return image.stage(exit(image, thresholds));
    }

    /**
     * How far another recording of the same data, of the same model in another precision, predicts the same.
     *
     * @throws IllegalArgumentException if it is not of the same images
     */
    public Routing.Agreement agreement(Recording other, List<Double> thresholds) {
        if (other.images().size() != images.size()) {
            throw new IllegalArgumentException("recordings of the same " + images.size() + " images are required, "
                    + other.images().size() + " came");
        }
        int same = 0;
        double gained = 0;
        for (int i = 0; i < images.size(); i++) {
            StageRecord here = last(images.get(i), thresholds);
            StageRecord there = other.last(other.images().get(i), thresholds);
            same += here.predicted() == there.predicted() ? 1 : 0;
            gained += there.score() - here.score();
        }
        return new Routing.Agreement(100.0 * same / images.size(), 100 * gained / images.size(), images.size(), null);
    }
}
