package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.train.RunPictures;
import java.io.PrintWriter;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Names each picture that cannot be read once, though every epoch meets it. */
final class SkipNotes {
    private final PrintWriter err;
    private final List<String> classNames;
    private final int[] readable; // training pictures, by class
    private final Set<String> noted = new HashSet<>();

    SkipNotes(PrintWriter err, RunPictures pictures) {
        this.err = err;
        this.classNames = pictures.classNames();
        this.readable = new int[classNames.size()];
        for (Sample sample : pictures.training()) {
            readable[sample.label()]++;
        }
    }

    /** A training picture; says so when it was the last one of its class. */
    void note(BatchLoader.Failure failure) {
        int label = failure.sample().label();
        if (noted.add(failure.message())) {
            err.println("skipped: " + Printable.of(failure.message()));
            readable[label]--;
            if (readable[label] == 0) {
                err.println("warning: no picture of class '" + Printable.of(classNames.get(label))
                        + "' can be read; the model learns nothing of it");
            }
        }
    }

    /** A picture of the validation. */
    void noteJudged(BatchLoader.Failure failure) {
        if (noted.add(failure.message())) {
            err.println("skipped: " + Printable.of(failure.message()));
        }
    }
}
