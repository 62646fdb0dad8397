package dev.thinkingvit.eval;

import dev.thinkingvit.data.BatchLoader;
import java.io.IOException;
import java.util.List;

/** None of the pictures of a data set can be read. */
public final class NoPicturesException extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient List<BatchLoader.Failure> failures;

    NoPicturesException(List<BatchLoader.Failure> failures) {
        super("none of the " + failures.size() + " pictures can be read; the first: "
                + failures.get(0).message());
        this.failures = List.copyOf(failures);
    }

    /** All of them, with their reasons. */
    public List<BatchLoader.Failure> failures() {
        return failures;
    }
}
