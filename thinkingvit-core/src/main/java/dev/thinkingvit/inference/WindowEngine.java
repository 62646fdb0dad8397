package dev.thinkingvit.inference;

import dev.thinkingvit.inference.SlidingWindow.Place;
import dev.thinkingvit.model.MaskScores;
import dev.thinkingvit.picture.Bilinear;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Elastic inference over windows of pictures: the windows of all pictures and views go through a stage together, each is
 * routed by its own certainty, and those that are still undecided go on, whichever picture they are of.
 *
 * <p>Windows of a view are averaged as logits, views of a picture as probabilities, both at the published code's places.
 *
 * <p>{@code C} classes. Safe from any thread, as the {@link ElasticEngine} is, which stays the caller's.
 */
public final class WindowEngine {
    /** Values that go into one call of the engine: as many windows as that are decided together. */
    private static final int VALUES = 1 << 26;

    private static final Watcher NOBODY = (picture, y, logits, probabilities) -> {};

    private final ElasticEngine engine;

    public WindowEngine(ElasticEngine engine) {
        this.engine = Objects.requireNonNull(engine, "the engine is null");
    }

    /**
     * A picture, as one or several looks at it.
     *
     * @param views at least one, scaled and mirrored as wanted
     * @param size at which the classes of its pixels are wanted
     */
    public record Looks(List<PictureView> views, ImageSize size) {
        public Looks {
            views = List.copyOf(views);
            Objects.requireNonNull(size, "the picture's size is null");
            if (views.isEmpty()) {
                throw new IllegalArgumentException("a picture needs at least one view");
            }
        }
    }

    /** Is shown the pixels of a picture, row by row. */
    @FunctionalInterface
    public interface Watcher {
        /**
         * @param picture from 0
         * @param y row, from 0
         * @param logits (C, width at least) of the last view, before the softmax
         * @param probabilities (C, width), the mean over all views; both are overwritten afterwards
         */
        void row(int picture, int y, float[][] logits, float[][] probabilities);
    }

    /** A window of a view of a picture. */
    private record Window(int picture, int view, PictureView from, Place place, ImageSize size) {
        void copyTo(float[] target, int offset) {
            ImageSize whole = from.size();
            for (int channel = 0; channel < 3; channel++) {
                for (int y = 0; y < size.height(); y++) {
                    System.arraycopy(
                            from.values(),
                            channel * whole.pixels() + (place.top() + y) * whole.width() + place.left(),
                            target,
                            offset + channel * size.pixels() + y * size.width(),
                            size.width());
                }
            }
        }
    }

    /** As {@link #run(List, SlidingWindow, StopPolicy, Watcher)}; nobody watches. */
    public List<Segmentation> run(List<Looks> pictures, @Nullable SlidingWindow how, StopPolicy policy) {
        return run(pictures, how, policy, NOBODY);
    }

    /**
     * Segments pictures.
     *
     * @param how they are cut; null for each view whole, which batches those of one size
     * @return one a picture, in order
     * @throws IllegalArgumentException if the network names no pixels, or takes no images of that size
     */
    public List<Segmentation> run(
            List<Looks> pictures, @Nullable SlidingWindow how, StopPolicy policy, Watcher watcher) {
        Objects.requireNonNull(pictures, "the list of pictures is null");
        Objects.requireNonNull(policy, "the policy is null");
        Objects.requireNonNull(watcher, "the watcher is null");
        List<Segmentation> segmentations = new ArrayList<>();
        List<Thought> thoughts = thoughts(pictures, how, policy);
        for (int i = 0; i < thoughts.size(); i++) {
            int picture = i;
            Thought thought = thoughts.get(i);
            segmentations.add(thought.merged(
                    thought.stages(Outcome::stage),
                    watcher == NOBODY ? null : (y, logits, shares) -> watcher.row(picture, y, logits, shares)));
        }
        return segmentations;
    }

    /**
     * What every stage says of pictures, from which what any policy would make of them follows without thinking again.
     *
     * @param how they are cut; null for each view whole
     * @param router whose measures are kept
     * @return one a picture, in order; they hold the patches' logits of all windows and stages
     */
    public List<SegmentationRecord> record(List<Looks> pictures, @Nullable SlidingWindow how, Router router) {
        Objects.requireNonNull(pictures, "the list of pictures is null");
        return thoughts(pictures, how, StopPolicy.alwaysThink(router)).stream()
                .map(SegmentationRecord::new)
                .toList();
    }

    private List<Thought> thoughts(List<Looks> pictures, @Nullable SlidingWindow how, StopPolicy policy) {
        List<List<PictureView>> views = new ArrayList<>();
        List<Window> windows = new ArrayList<>();
        for (int picture = 0; picture < pictures.size(); picture++) {
            List<PictureView> own = new ArrayList<>();
            for (PictureView view : pictures.get(picture).views()) {
                PictureView fitted = how == null ? view : how.enlarged(view);
                List<Place> places = how == null ? List.of(new Place(0, 0)) : how.places(fitted.size());
                ImageSize size = how == null ? fitted.size() : how.size();
                for (Place place : places) {
                    windows.add(new Window(picture, own.size(), fitted, place, size));
                }
                own.add(fitted);
            }
            views.add(own);
        }
        IdentityHashMap<Window, Outcome> outcomes = think(windows, policy);
        List<Thought> thoughts = new ArrayList<>();
        for (int picture = 0; picture < pictures.size(); picture++) {
            int number = picture;
            List<Seen> own = windows.stream()
                    .filter(window -> window.picture == number)
                    .map(window -> new Seen(window.view, window.place, window.size, outcome(outcomes, window)))
                    .toList();
            List<ViewShape> shapes = views.get(picture).stream()
                    .map(view -> new ViewShape(view.size(), view.mirrored()))
                    .toList();
            thoughts.add(new Thought(shapes, own, pictures.get(picture).size()));
        }
        return thoughts;
    }

    private static Outcome outcome(IdentityHashMap<Window, Outcome> outcomes, Window window) {
        return Objects.requireNonNull(outcomes.get(window), "every window was thought about");
    }

    private IdentityHashMap<Window, Outcome> think(List<Window> windows, StopPolicy policy) {
        Map<ImageSize, List<Window>> bySize = new LinkedHashMap<>();
        windows.forEach(window ->
                bySize.computeIfAbsent(window.size, size -> new ArrayList<>()).add(window));
        IdentityHashMap<Window, Outcome> outcomes = new IdentityHashMap<>();
        bySize.forEach((size, those) -> {
            int together = Math.max(1, VALUES / size.values());
            for (int from = 0; from < those.size(); from += together) {
                List<Window> some = those.subList(from, Math.min(those.size(), from + together));
                float[] images = new float[some.size() * size.values()];
                for (int i = 0; i < some.size(); i++) {
                    some.get(i).copyTo(images, i * size.values());
                }
                List<Outcome> came = engine.run(images, size, Collections.nCopies(some.size(), policy));
                for (int i = 0; i < some.size(); i++) {
                    outcomes.put(some.get(i), came.get(i));
                }
            }
        });
        return outcomes;
    }

    /** A view without its values. */
    record ViewShape(ImageSize size, boolean mirrored) {}

    /** What was thought of a window. */
    record Seen(int view, Place place, ImageSize size, Outcome outcome) {
        MaskScores masks(int stage) {
            if (outcome.stages().get(stage - 1).prediction() instanceof MaskScores scores) {
                return scores;
            }
            throw new IllegalArgumentException("a network that names the classes of pixels is required, this one gives "
                    + outcome.decisive().prediction().getClass().getSimpleName());
        }

        WindowOutcome ended(int stage) {
            List<StageOutcome> ran = outcome.stages().subList(0, stage);
            return new WindowOutcome(
                    view,
                    place.top(),
                    place.left(),
                    size.height(),
                    size.width(),
                    stage,
                    ran.stream().map(StageOutcome::measure).toList(),
                    ran.stream().mapToLong(StageOutcome::macs).sum());
        }
    }

    /** Is shown the pixels of one picture. */
    interface RowWatcher {
        void row(int y, float[][] logits, float[][] probabilities);
    }

    /**
     * A part of a picture.
     *
     * @param top its first row
     * @param bottom behind its last
     * @param left its first column
     * @param right behind its last
     */
    record Part(int top, int bottom, int left, int right) {
        int width() {
            return right - left;
        }
    }

    /** What was thought of a picture's windows. */
    record Thought(List<ViewShape> views, List<Seen> windows, ImageSize size) {
        int classes() {
            return windows.get(0).masks(1).classes();
        }

        /** Where each window is taken to have ended. */
        int[] stages(ToIntFunction<Outcome> stage) {
            return windows.stream()
                    .mapToInt(window -> stage.applyAsInt(window.outcome))
                    .toArray();
        }

        Part whole() {
            return new Part(0, size.height(), 0, size.width());
        }

        /** The pixels to which a window contributes. */
        Part touched(int window) {
            Seen seen = windows.get(window);
            ViewShape view = views.get(seen.view);
            int[] rows = Bilinear.Axis.of(view.size.height(), size.height())
                    .touched(seen.place.top(), seen.place.top() + seen.size.height());
            int[] columns = Bilinear.Axis.of(view.size.width(), size.width())
                    .touched(seen.place.left(), seen.place.left() + seen.size.width());
            return view.mirrored
                    ? new Part(rows[0], rows[1], size.width() - columns[1], size.width() - columns[0])
                    : new Part(rows[0], rows[1], columns[0], columns[1]);
        }

        /** Puts together a part of the picture. */
        MergedRows rows(int[] stages, Part part) {
            List<ViewRows> rows = new ArrayList<>();
            for (int view = 0; view < views.size(); view++) {
                List<Place> places = new ArrayList<>();
                List<MaskScores> seen = new ArrayList<>();
                for (int i = 0; i < windows.size(); i++) {
                    if (windows.get(i).view == view) {
                        places.add(windows.get(i).place);
                        seen.add(windows.get(i).masks(stages[i]));
                    }
                }
                rows.add(new ViewRows(views.get(view), places, seen, size, part.left, part.right));
            }
            return new MergedRows(rows, classes(), part.width());
        }

        /**
         * @param stages at which each window is taken to have ended, from 1, of those that ran
         * @param watcher null if nobody watches, which is faster
         */
        Segmentation merged(int[] stages, @Nullable RowWatcher watcher) {
            MergedRows rows = rows(stages, whole());
            int[] labels = new int[size.pixels()];
            float[] sure = new float[size.pixels()];
            for (int y = 0; y < size.height(); y++) {
                if (watcher == null) {
                    rows.decide(y, labels, sure, y * size.width());
                } else {
                    float[][] logits = rows.mix(y);
                    rows.decideMixed(labels, sure, y * size.width());
                    watcher.row(y, logits, rows.probabilities());
                }
            }
            List<WindowOutcome> outcomes = new ArrayList<>();
            for (int i = 0; i < stages.length; i++) {
                outcomes.add(windows.get(i).ended(stages[i]));
            }
            return new Segmentation(size, classes(), labels, sure, outcomes);
        }
    }
}
