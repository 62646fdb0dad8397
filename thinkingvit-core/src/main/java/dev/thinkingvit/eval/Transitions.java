package dev.thinkingvit.eval;

import java.util.ArrayList;
import java.util.List;

/**
 * What thinking on does to predictions: how many images are right before and after (paper, figure of prediction
 * transitions).
 *
 * @param fromStage the earlier stage, counted from 1; the later one is the next
 * @param stayRight right at both stages
 * @param mended wrong, then right
 * @param spoiled right, then wrong
 * @param stayWrong wrong at both
 */
public record Transitions(int fromStage, int stayRight, int mended, int spoiled, int stayWrong) {
    /** One for each boundary between two stages, over all images. */
    public static List<Transitions> of(Recording recording) {
        List<Transitions> all = new ArrayList<>();
        for (int stage = 1; stage < recording.stages(); stage++) {
            int[] counts = new int[4];
            for (ImageRecord image : recording.images()) {
                boolean before = image.stage(stage).inTop1();
                boolean after = image.stage(stage + 1).inTop1();
                counts[before ? (after ? 0 : 2) : (after ? 1 : 3)]++;
            }
            all.add(new Transitions(stage, counts[0], counts[1], counts[2], counts[3]));
        }
        return List.copyOf(all);
    }

    /** All images. */
    public int images() {
        return stayRight + mended + spoiled + stayWrong;
    }
}
