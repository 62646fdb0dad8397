package dev.thinkingvit.inference;

import dev.thinkingvit.picture.ImageSize;
import java.util.List;

/**
 * The class of each pixel of a picture, and what it took to find it: plain Java, nothing to close.
 *
 * @param size of the picture
 * @param classes C
 * @param labels the most probable class of each pixel, row by row
 * @param probabilities of that class, in 0–1
 * @param windows what became of each window of each view, in order
 */
@SuppressWarnings("ArrayRecordComponent") // large, and nobody's map key
public record Segmentation(
        ImageSize size, int classes, int[] labels, float[] probabilities, List<WindowOutcome> windows) {
    public Segmentation {
        windows = List.copyOf(windows);
    }

    /** How many windows ended at each of so many stages. */
    public int[] windowsByStage(int stages) {
        int[] counts = new int[stages];
        windows.forEach(window -> counts[window.stage() - 1]++);
        return counts;
    }

    /** Multiply-accumulates of all windows. */
    public long macs() {
        return windows.stream().mapToLong(WindowOutcome::macs).sum();
    }

    /** 10⁹ multiply-accumulates of all windows. */
    public double gmacs() {
        return macs() / 1e9;
    }

    /** How many pixels are of each class. */
    public int[] pixelsByClass() {
        int[] counts = new int[classes];
        for (int label : labels) {
            counts[label]++;
        }
        return counts;
    }
}
