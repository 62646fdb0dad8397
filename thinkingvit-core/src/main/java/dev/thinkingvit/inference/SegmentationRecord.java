package dev.thinkingvit.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What every stage says of a picture's windows: what a policy, or a stage for all, makes of it follows without thinking
 * again. Plain Java; holds the patches' logits of all windows and stages.
 */
public final class SegmentationRecord {
    private final WindowEngine.Thought thought;

    SegmentationRecord(WindowEngine.Thought thought) {
        this.thought = thought;
    }

    /** What was thought of each window of each view, in order. */
    public List<WindowThought> windows() {
        List<WindowThought> windows = new ArrayList<>();
        for (WindowEngine.Seen seen : thought.windows()) {
            List<Double> measures = new ArrayList<>();
            List<Double> entropies = new ArrayList<>();
            List<Long> macs = new ArrayList<>();
            long sum = 0;
            for (StageOutcome stage : seen.outcome().stages()) {
                sum += stage.macs();
                measures.add(stage.measure());
                entropies.add(stage.entropyNats());
                macs.add(sum);
            }
            windows.add(new WindowThought(measures, entropies, macs));
        }
        return windows;
    }

    /** As if each window had ended where the policy stops it. */
    public Segmentation under(StopPolicy policy) {
        Objects.requireNonNull(policy, "the policy is null");
        return thought.merged(
                thought.stages(outcome -> policy.stageOf(
                        outcome.stages().stream().map(StageOutcome::measure).toList())),
                null);
    }

    /** As if every window had ended at {@code stage}, from 1. */
    public Segmentation endingAt(int stage) {
        return thought.merged(thought.stages(outcome -> stage), null);
    }

    /** As {@link #endingAt(int)}; {@code watcher} is shown the pixels, of picture 0. */
    public Segmentation endingAt(int stage, WindowEngine.Watcher watcher) {
        Objects.requireNonNull(watcher, "the watcher is null");
        return thought.merged(
                thought.stages(outcome -> stage), (y, logits, shares) -> watcher.row(0, y, logits, shares));
    }

    /** The classes of pixels while windows end earlier, one after the other; a new one each time. */
    public Relabelling relabelling() {
        return new Relabelling(thought);
    }
}
