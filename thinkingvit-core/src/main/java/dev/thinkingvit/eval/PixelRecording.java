package dev.thinkingvit.eval;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.inference.Router;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A data set with labelled pixels as all stages of a model saw its windows. Every threshold for all boundaries can be scored
 * from it exactly without running the network again, overlapping windows included: whether a window goes on depends on its own
 * measure alone, so that between two neighbouring measures nothing changes. Thresholds that differ from boundary to boundary are
 * scored if they were asked for when it was recorded. Immutable.
 */
public final class PixelRecording {
    private final Router router;
    private final int classes;
    private final List<PixelRecord> pictures;
    private final List<PixelTally> byStage; // as if all windows ended there
    private final Map<List<Double>, PixelTally> apart;
    private final List<BatchLoader.Failure> skipped;

    PixelRecording(
            Router router,
            int classes,
            List<PixelRecord> pictures,
            List<PixelTally> byStage,
            Map<List<Double>, PixelTally> apart,
            List<BatchLoader.Failure> skipped) {
        this.router = router;
        this.classes = classes;
        this.pictures = List.copyOf(pictures);
        this.byStage = List.copyOf(byStage);
        this.apart = new LinkedHashMap<>(apart);
        this.skipped = List.copyOf(skipped);
    }

    /** Whose measures were recorded. */
    public Router router() {
        return router;
    }

    /** C, of the model. */
    public int classes() {
        return classes;
    }

    /** Number of stages. */
    public int stages() {
        return byStage.size();
    }

    /** The pictures that were counted, at least one. */
    public List<PixelRecord> pictures() {
        return pictures;
    }

    /** Pictures that could not be read or scored. */
    public List<BatchLoader.Failure> skipped() {
        return skipped;
    }

    /** Windows of all views of all pictures. */
    public int windows() {
        return pictures.stream().mapToInt(picture -> picture.windows().size()).sum();
    }

    /** Pictures none of whose pixels are labelled. */
    public int unlabelled() {
        return (int)
                pictures.stream().filter(picture -> picture.labelled() == 0).count();
    }

    PixelTally endingAt(int stage) {
        return new PixelTally(byStage.get(stage - 1));
    }

    /** A tally of thresholds of their own for each boundary. */
    PixelTally apart(List<Double> thresholds) {
        PixelTally tally = apart.get(thresholds);
        if (tally == null) {
            throw new IllegalArgumentException("thresholds " + thresholds
                    + " differ from boundary to boundary and were not recorded; there are " + apart.keySet());
        }
        return tally;
    }
}
