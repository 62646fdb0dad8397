package dev.thinkingvit.eval;

import java.nio.file.Path;
import java.util.List;

/**
 * What is kept of one image once all stages have seen it: some hundred bytes, whatever the number of classes.
 *
 * @param path the picture
 * @param labels the right classes, at least one
 * @param stages all stages, in order
 */
public record ImageRecord(Path path, List<Integer> labels, List<StageRecord> stages) {
    public ImageRecord {
        labels = List.copyOf(labels);
        stages = List.copyOf(stages);
    }

    /** What stage {@code stage}, counted from 1, thought. */
    public StageRecord stage(int stage) {
        return stages.get(stage - 1);
    }
}
