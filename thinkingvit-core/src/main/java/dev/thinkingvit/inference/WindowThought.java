package dev.thinkingvit.inference;

import java.util.List;

/**
 * What every stage thought of one window of a picture, without what it saw: plain Java.
 *
 * @param measures the router's, of each stage
 * @param entropiesNats Shannon entropy of each stage, the mean over the window's pixels
 * @param macs multiply-accumulates up to and with each stage
 */
public record WindowThought(List<Double> measures, List<Double> entropiesNats, List<Long> macs) {
    public WindowThought {
        measures = List.copyOf(measures);
        entropiesNats = List.copyOf(entropiesNats);
        macs = List.copyOf(macs);
    }
}
