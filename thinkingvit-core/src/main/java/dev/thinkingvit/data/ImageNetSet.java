package dev.thinkingvit.data;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The data sets on which networks with ImageNet's classes are compared, and what scoring on each needs. */
public enum ImageNetSet {
    /** The validation pictures with their own labels. */
    IMAGENET("ImageNet", null),
    /** 200 classes of natural adversarial examples (Hendrycks et al., 2019); only those may be predicted. */
    IMAGENET_A("ImageNet-A", "imagenet-a.txt"),
    /** Renditions of 200 classes (Hendrycks et al., 2020); only those may be predicted. */
    IMAGENET_R("ImageNet-R", "imagenet-r.txt"),
    /** New validation pictures (Recht et al., 2019), whose folders are the classes' numbers. */
    IMAGENET_V2("ImageNet-V2", null),
    /** Sketches (Wang et al., 2019). */
    IMAGENET_SKETCH("ImageNet-Sketch", null),
    /** The validation pictures with reassessed labels (Beyer et al., 2020): see {@link RealLabels}. */
    IMAGENET_REAL("ImageNet-ReaL", null);

    private final String title;
    private final @Nullable String subset;

    ImageNetSet(String title, @Nullable String subset) {
        this.title = title;
        this.subset = subset;
    }

    /** As it is written on a command line: {@code imagenet-a}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * The set of that {@link #id}.
     *
     * @throws IllegalArgumentException if there is none: names those there are
     */
    public static ImageNetSet of(String id) {
        for (ImageNetSet set : values()) {
            if (set.id().equals(id.toLowerCase(Locale.ROOT).replace('_', '-'))) {
                return set;
            }
        }
        throw new IllegalArgumentException("must be one of "
                + List.of(values()).stream().map(ImageNetSet::id).collect(Collectors.joining(", ")) + ", not " + id);
    }

    /** What the set is called. */
    @Override
    public String toString() {
        return title;
    }

    /** The classes that may be predicted; null for all. */
    public @Nullable ValidLabels valid() {
        return subset == null ? null : ValidLabels.of(ImageNet.CLASSES, ImageNet.subset(subset));
    }

    /** Whether the right answers go by the pictures' names, whatever folders they lie in: see {@link #real}. */
    public boolean isLabelledByName() {
        return this == IMAGENET_REAL;
    }

    /** The right answers, where they are not the folders' classes; else null. */
    public @Nullable RealLabels real() throws IOException {
        return this == IMAGENET_REAL ? RealLabels.ofImageNet() : null;
    }

    /**
     * @param labels what the network calls its classes; empty if it does not say
     * @throws DatasetException if the network does not count ImageNet's classes
     */
    public void requireClasses(int classes, List<String> labels) throws DatasetException {
        if (!ImageNet.is(classes, labels)) {
            throw new DatasetException("data set " + title
                    + " is for networks of ImageNet's 1,000 classes; this one has " + classes
                    + (labels.isEmpty() ? " without names" : ", the first of which is '" + labels.get(0) + "'"));
        }
    }

    /**
     * Refuses pictures whose class is none of the set's, so that no answer could be right.
     *
     * @throws DatasetException if a folder with pictures is of such a class
     */
    public void requireOwn(ImageFolder folder) throws DatasetException {
        ValidLabels valid = valid();
        boolean[] present = folder.labelsPresent();
        for (Sample sample : folder.samples()) {
            if (valid != null && !valid.contains(sample.label())) {
                throw new DatasetException(sample.path() + ": its class, "
                        + ImageNet.synsets().get(sample.label()) + " ("
                        + ImageNet.shortNames().get(sample.label()) + "), is none of the " + valid.count() + " of "
                        + title + ", of which the data has "
                        + IntStream.range(0, present.length)
                                .filter(i -> present[i] && valid.contains(i))
                                .count());
            }
        }
    }

    /** The set whose own choice of classes the folders are exactly; null if they are another's. */
    public static @Nullable ImageNetSet withClasses(ImageFolder folder) {
        Set<Integer> labels = folder.samples().stream().map(Sample::label).collect(Collectors.toSet());
        for (ImageNetSet set : values()) {
            ValidLabels valid = set.valid();
            if (valid != null
                    && labels.size() == valid.count()
                    && labels.stream().allMatch(valid::contains)) {
                return set;
            }
        }
        return null;
    }
}
