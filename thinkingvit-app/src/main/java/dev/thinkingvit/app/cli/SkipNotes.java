package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import java.io.PrintWriter;
import java.util.HashSet;
import java.util.Set;

/** Names each picture that cannot be read once, though every epoch meets it. */
final class SkipNotes {
    private final PrintWriter err;
    private final Set<String> noted = new HashSet<>();

    SkipNotes(PrintWriter err) {
        this.err = err;
    }

    void note(BatchLoader.Failure failure) {
        if (noted.add(failure.message())) {
            err.println("skipped: " + failure.message());
        }
    }
}
