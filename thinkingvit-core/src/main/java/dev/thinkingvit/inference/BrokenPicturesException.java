package dev.thinkingvit.inference;

import dev.thinkingvit.picture.PictureException;
import java.io.IOException;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Some of several pictures could not be read. All others have been classified all the same: nothing is lost. Keys are
 * positions in the call's list, counted from 0.
 */
public final class BrokenPicturesException extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient SortedMap<Integer, PictureException> failures;
    private final transient SortedMap<Integer, Classification> classifications;
    private final transient SortedMap<Integer, Embedding> embeddings;

    private BrokenPicturesException(
            SortedMap<Integer, PictureException> failures,
            SortedMap<Integer, Classification> classifications,
            SortedMap<Integer, Embedding> embeddings) {
        super(message(failures, failures.size() + classifications.size()), failures.get(failures.firstKey()));
        this.failures = Collections.unmodifiableSortedMap(new TreeMap<>(failures));
        this.classifications = Collections.unmodifiableSortedMap(new TreeMap<>(classifications));
        this.embeddings = Collections.unmodifiableSortedMap(new TreeMap<>(embeddings));
    }

    static BrokenPicturesException classifying(
            SortedMap<Integer, PictureException> failures, SortedMap<Integer, Classification> classifications) {
        return new BrokenPicturesException(failures, classifications, Collections.emptySortedMap());
    }

    static BrokenPicturesException embedding(
            SortedMap<Integer, PictureException> failures, SortedMap<Integer, Embedding> embeddings) {
        SortedMap<Integer, Classification> classifications = new TreeMap<>();
        embeddings.forEach((position, embedding) -> classifications.put(position, embedding.classification()));
        return new BrokenPicturesException(failures, classifications, embeddings);
    }

    private static String message(SortedMap<Integer, PictureException> failures, int all) {
        return failures.size() + " of " + all + " pictures cannot be read: "
                + failures.values().iterator().next().getMessage()
                + (failures.size() == 1 ? "" : "; failures() has the others");
    }

    /** Why each of the broken ones cannot be read; each message names its picture. Never empty. */
    public SortedMap<Integer, PictureException> failures() {
        return failures;
    }

    /** The results of the others. */
    public SortedMap<Integer, Classification> classifications() {
        return classifications;
    }

    /** Their embeddings, if these were asked for; else empty. */
    public SortedMap<Integer, Embedding> embeddings() {
        return embeddings;
    }
}
