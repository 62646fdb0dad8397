package dev.thinkingvit.data;

import java.awt.Color;
import java.util.ArrayList;
import java.util.List;

/** Colours of classes, for pictures of them. */
public final class SegmentationColours {
    private static final float TURN = 0.618034f; // of the circle: no two of many hues come close

    private SegmentationColours() {}

    /**
     * A colour of each class, {@code 0xRRGGBB}: a known data set's own where these are its classes, else hues that lie apart.
     *
     * @param classNames of all classes, in order
     */
    public static List<Integer> of(List<String> classNames) {
        if (classNames.equals(SegmentationNames.CITYSCAPES)) {
            return SegmentationNames.CITYSCAPES_COLOURS;
        }
        if (classNames.equals(SegmentationNames.CAMVID)) {
            return SegmentationNames.CAMVID_COLOURS;
        }
        List<Integer> colours = new ArrayList<>();
        for (int i = 0; i < classNames.size(); i++) {
            float brightness = i % 2 == 0 ? 0.9f : 0.65f;
            float saturation = i % 3 == 0 ? 0.85f : 0.6f;
            colours.add(Color.HSBtoRGB(i * TURN, saturation, brightness) & 0xFFFFFF);
        }
        return colours;
    }
}
