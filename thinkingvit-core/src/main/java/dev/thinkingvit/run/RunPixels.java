package dev.thinkingvit.run;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.train.TrainingException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Where a training's pixels are labelled, and the pictures that belong to them.
 *
 * @param training what is learnt
 * @param validation what is judged
 */
public record RunPixels(SegmentationSet training, SegmentationSet validation) {
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
                RunInventory.classes(data), List.of(), List.of(), RunInventory.classes(val), Map.of(), Map.of());
        List<String> remarks = new ArrayList<>(data.remarks());
        remarks.addAll(val.remarks());
        return new RunPictures(
                training.classNames(), training.samples(), validation.samples(), inventory, remarks, data, val, this);
    }

    /**
     * The pictures of a training that goes on.
     *
     * @param run what had the pictures of {@code before}, for messages
     * @throws TrainingException if they are others than before
     */
    public RunPictures goOn(String run, RunInventory before) throws IOException {
        RunPictures now = begin();
        List<RunInventory.OfClass> judged = before.validation();
        List<RunInventory.OfClass> judgedNow = now.inventory().validation();
        for (InventoryChanges changes : List.of(
                InventoryChanges.between(before.training(), now.inventory().training(), List.of()),
                InventoryChanges.between(
                        judged == null ? List.of() : judged, judgedNow == null ? List.of() : judgedNow, List.of()))) {
            if (!changes.isEmpty()) {
                throw new TrainingException(training.root() + ": not the pictures of " + run + ": " + changes.inWords()
                        + "; put them back: a Segmenter's training goes on with its own pictures alone");
            }
        }
        return now;
    }
}
