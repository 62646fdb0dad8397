package dev.thinkingvit.data;

import java.util.Arrays;

/**
 * Pictures ready for a network: {@code B × 3 × S × S}, normalised, in the loader's order. Belongs to whoever took it;
 * the loader keeps no reference.
 *
 * @param images {@code size × 3 × S × S} floats
 * @param labels the {@code size} labels
 * @param sampleIndices for each picture its index in the loader's list of samples; see
 *     {@link BatchLoader.Builder#repeats} for repeated ones
 * @param size B: how many pictures there are, at least 1
 * @param failed how many more belonged here but could not be read and were left out
 * @param ownShare share of each picture that is its own, 0–1; the rest is of picture B−1−i, see {@link BatchMixer}. 1 for
 *     pictures that were not mixed
 * @param pixels of each picture the classes of its pixels, unsigned, row by row; empty where a picture has one label
 */
@SuppressWarnings("ArrayRecordComponent") // handed over, not shared; a batch is nobody's map key
public record Batch(
        float[] images, int[] labels, int[] sampleIndices, int size, int failed, double ownShare, byte[] pixels) {

    /** Of pictures that have one label each. */
    public Batch(float[] images, int[] labels, int[] sampleIndices, int size, int failed, double ownShare) {
        this(images, labels, sampleIndices, size, failed, ownShare, new byte[0]);
    }

    public Batch {
        if (size < 1 || labels.length != size || sampleIndices.length != size || images.length % size != 0) {
            throw new IllegalArgumentException(
                    "A batch of " + size + " needs as many labels and indices and a multiple of " + "floats, not "
                            + labels.length + ", " + sampleIndices.length + " and " + images.length);
        }
    }

    @Override
    public String toString() {
        return "Batch[size=" + size + ", failed=" + failed + ", labels=" + Arrays.toString(labels) + "]";
    }
}
