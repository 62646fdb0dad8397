package dev.thinkingvit.tensor;

import java.util.Arrays;

/**
 * What real values become in eight bits, feature by feature: {@code x · scale + shift}, rounded, and held within 0 and 255.
 */
public final class Quantizer {
    private final NativeArray scale;
    private final NativeArray shift;
    private final boolean even;
    private final float first;
    private final int middle;

    /**
     * @param scale (d) F32
     * @param shift (d) F32: where 0 goes, rounding apart
     */
    public Quantizer(NativeArray scale, NativeArray shift) {
        if (scale.dtype() != DType.F32 || shift.dtype() != DType.F32 || scale.elements() != shift.elements()) {
            throw new IllegalArgumentException("an F32 scale and an F32 shift of as many features are required, "
                    + scale + " and " + shift + " came");
        }
        this.scale = scale;
        this.shift = shift;
        float[] steps = scale.toFloats();
        float[] places = shift.toFloats();
        this.first = steps[0];
        this.middle = Math.round(places[0]);
        this.even = isEven(steps) && isEven(places) && middle == places[0];
    }

    private static boolean isEven(float[] values) {
        float[] same = new float[values.length];
        Arrays.fill(same, values[0]);
        return Arrays.equals(values, same);
    }

    /** (d) F32. */
    public NativeArray scale() {
        return scale;
    }

    /** (d) F32: where 0 goes, rounding apart. */
    public NativeArray shift() {
        return shift;
    }

    /** Whether all features become the same, and 0 a whole number; this is faster. */
    boolean isEven() {
        return even;
    }

    /** Of all features, if they are the same. */
    float evenScale() {
        return first;
    }

    /** Of all features, if they are the same. */
    int evenShift() {
        return middle;
    }
}
