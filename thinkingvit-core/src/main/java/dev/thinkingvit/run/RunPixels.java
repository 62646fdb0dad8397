package dev.thinkingvit.run;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.run.RunInventory.OfClass;
import dev.thinkingvit.train.TrainingException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a training's pixels are labelled, and the pictures that belong to them.
 *
 * @param training what is learnt
 * @param validation what is judged
 */
public record RunPixels(SegmentationSet training, SegmentationSet validation) {
    private static final String CLASSES = "classes";
    private static final String ANNOTATIONS = "annotations of ";

    /**
     * The parts {@code train} and {@code val} of a data set, of any layout.
     *
     * @throws IOException if it has not both parts, or they cannot be listed
     */
    public static RunPixels open(Path root) throws IOException {
        return new RunPixels(SegmentationSet.open(root, "train"), SegmentationSet.open(root, "val"));
    }

    /** The pictures of a training that begins. */
    public RunPictures begin() throws IOException {
        ImageFolder data = training.pictures();
        ImageFolder val = validation.pictures();
        RunInventory inventory = new RunInventory(
                noted(data, training),
                List.of(),
                List.of(),
                noted(val, validation),
                Map.of(),
                Map.of(CLASSES, RunInventory.Source.of(training.numbering())));
        List<String> remarks = new ArrayList<>(data.remarks());
        remarks.addAll(val.remarks());
        return new RunPictures(
                training.classNames(), training.samples(), validation.samples(), inventory, remarks, data, val, this);
    }

    /** Pictures and annotations, which have the same names where a set has a folder for each. */
    private static List<OfClass> noted(ImageFolder pictures, SegmentationSet set) throws IOException {
        List<OfClass> noted = new ArrayList<>(RunInventory.classes(pictures));
        for (OfClass each : RunInventory.classes(set.annotations())) {
            noted.add(new OfClass(ANNOTATIONS + each.name(), each.pictures(), each.marks()));
        }
        return noted;
    }

    /**
     * The pictures of a training that goes on.
     *
     * @param run what had the pictures of {@code before}, for messages
     * @param unreadable pictures that the training met and could not read, or whose annotations: they keep their places,
     *     whatever became of them
     * @throws TrainingException if they, their annotations or what those mean are others than before
     */
    public RunPictures goOn(String run, RunInventory before, List<UnreadablePictures.Entry> unreadable)
            throws IOException {
        RunPictures begun = begin();
        RunInventory found = begun.inventory();
        RunInventory kept = new RunInventory(
                keeping(before.training(), found.training(), UnreadablePictures.Use.TRAINING, unreadable),
                List.of(),
                List.of(),
                keeping(before.validation(), found.validation(), UnreadablePictures.Use.VALIDATION, unreadable),
                Map.of(),
                found.sources());
        RunPictures now = begun.with(kept, begun.remarks());
        if (!before.changedSources(now.inventory().sources()).isEmpty()) {
            throw new TrainingException(
                    training.root() + ": the numbers of its annotations stand for other classes than" + " when " + run
                            + " began; name them as they were: the head's rows keep their classes");
        }
        for (InventoryChanges changes : List.of(
                between(before.training(), now.inventory().training()),
                between(before.validation(), now.inventory().validation()))) {
            if (!changes.isEmpty()) {
                throw new TrainingException(training.root() + ": not the pictures of " + run + ": " + changes.inWords()
                        + "; put them back: a Segmenter's training goes on with its own pictures alone");
            }
        }
        return now;
    }

    /** What is there now, with what could not be read noted as it was. */
    private List<OfClass> keeping(
            @Nullable List<OfClass> before,
            @Nullable List<OfClass> now,
            UnreadablePictures.Use use,
            List<UnreadablePictures.Entry> unreadable)
            throws IOException {
        SegmentationSet set = use == UnreadablePictures.Use.TRAINING ? training : validation;
        ImageFolder pictures = set.pictures();
        ImageFolder annotations = set.annotations();
        Set<String> lost = new HashSet<>(UnreadablePictures.names(unreadable, use));
        for (Sample sample : lost.isEmpty() ? List.<Sample>of() : set.samples()) {
            if (lost.contains(pictures.nameOf(sample))) {
                lost.add(ANNOTATIONS + annotations.nameOf(new Sample(set.annotation(sample.path()), 0)));
            }
        }
        return RunInventory.keeping(
                Objects.requireNonNullElse(before, List.of()), Objects.requireNonNullElse(now, List.of()), lost);
    }

    private static InventoryChanges between(@Nullable List<OfClass> before, @Nullable List<OfClass> now) {
        List<OfClass> old = Objects.requireNonNullElse(before, List.of());
        List<OfClass> present = Objects.requireNonNullElse(now, List.of());
        boolean noted = old.stream().anyMatch(each -> each.name().startsWith(ANNOTATIONS));
        List<String> unknown = noted // older runs noted pictures alone
                ? List.of()
                : present.stream()
                        .map(OfClass::name)
                        .filter(name -> name.startsWith(ANNOTATIONS))
                        .toList();
        return InventoryChanges.between(old, present, unknown);
    }
}
