package dev.thinkingvit.inference;

import java.util.List;

/**
 * What became of one window of a picture: plain Java.
 *
 * @param view of the picture's views, from 0, as {@link PictureView}s came in
 * @param top row of its first pixel in the view, which may have been enlarged
 * @param left column of its first pixel
 * @param height in pixels
 * @param width in pixels
 * @param stage at which it ended, from 1
 * @param measures the router's, of each stage that ran
 * @param macs multiply-accumulates that it took
 */
public record WindowOutcome(
        int view, int top, int left, int height, int width, int stage, List<Double> measures, long macs) {
    public WindowOutcome {
        measures = List.copyOf(measures);
    }
}
