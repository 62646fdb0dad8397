package dev.thinkingvit.eval;

import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.WindowThought;
import java.nio.file.Path;
import java.util.List;

/**
 * What is kept of one picture with labelled pixels once all stages have seen its windows: what each window's earlier end changes,
 * a few numbers a class that it touches. Immutable.
 */
public final class PixelRecord {
    private final Path path;
    private final List<WindowThought> windows;
    private final long labelled;
    private final long right;
    private final List<Step> steps;

    /**
     * @param labelled pixels
     * @param right pixels when all stages have seen all windows
     * @param steps the surest first, each after those before it
     */
    PixelRecord(Path path, List<WindowThought> windows, long labelled, long right, List<Step> steps) {
        this.path = path;
        this.windows = List.copyOf(windows);
        this.labelled = labelled;
        this.right = right;
        this.steps = List.copyOf(steps);
    }

    /**
     * What changes when the threshold passes a window's measure at a stage.
     *
     * @param from the stage at which it ended until then
     * @param stage at which it ends from then on
     * @param measure the router's
     * @param saved multiply-accumulates
     * @param classes that are touched
     * @param predicted so many labelled pixels more are taken for each of them
     * @param right so many pixels more of each of them are right
     */
    @SuppressWarnings("ArrayRecordComponent") // small, many, and nobody's map key
    record Step(int from, int stage, double measure, long saved, int[] classes, int[] predicted, int[] right) {
        int gained() {
            int sum = 0;
            for (int each : right) {
                sum += each;
            }
            return sum;
        }
    }

    /** The picture. */
    public Path path() {
        return path;
    }

    /** What was thought of each window of each view, in order. */
    public List<WindowThought> windows() {
        return windows;
    }

    /** Labelled pixels. */
    public long labelled() {
        return labelled;
    }

    List<Step> steps() {
        return steps;
    }

    /** Entropy of a stage in nats, the mean over all windows. */
    public double entropyNats(int stage) {
        return windows.stream()
                .mapToDouble(window -> window.entropiesNats().get(stage - 1))
                .average()
                .orElseThrow();
    }

    /**
     * Share of the labelled pixels that are right, in percent; NaN if there are none.
     *
     * @param threshold one for all boundaries
     */
    public double accuracy(Router router, double threshold) {
        long now = right;
        for (Step step : steps) {
            now += router.isSure(step.measure, threshold) ? step.gained() : 0;
        }
        return 100.0 * now / labelled;
    }

    /** The same when all stages have seen all windows. */
    public double accuracy() {
        return 100.0 * right / labelled;
    }
}
