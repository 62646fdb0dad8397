package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Takes a trained network to pictures of another size, as timm's {@code img_size} does. */
public final class InputSize {
    /** Attention is quadratic in the patches: at more pixels than this a picture alone fills the memory. */
    private static final int LARGEST = 2048;

    private static final String POSITIONS = "pos_embed";

    private InputSize() {}

    /**
     * The shape of a network that sees pictures of another size.
     *
     * @param size of the input
     * @throws IllegalArgumentException if the network cannot: names the sizes that it can
     */
    public static ThinkingViTConfig of(ThinkingViTConfig network, ImageSize size) {
        int patch = network.patchSize();
        if (!fits(size.height(), patch) || !fits(size.width(), patch)) {
            ImageSize below = new ImageSize(below(size.height(), patch), below(size.width(), patch));
            throw new IllegalArgumentException("the input size must be a multiple of the patch size " + patch
                    + ", at most " + LARGEST + ", such as " + below + "; got " + size);
        }
        return new ThinkingViTConfig(
                size,
                patch,
                network.embedDim(),
                network.depth(),
                network.numHeads(),
                network.thinkingStages(),
                network.numClasses(),
                network.normEps());
    }

    private static boolean fits(int pixels, int patch) {
        return pixels <= LARGEST && pixels % patch == 0;
    }

    private static int below(int pixels, int patch) {
        return Math.max(patch, Math.min(pixels, LARGEST) / patch * patch);
    }

    /**
     * The weights with the position embedding resampled (bicubic, antialiased) to another grid of patches; the class
     * token's row stays.
     *
     * @param weights of {@code from}, under the published names; not changed
     * @param to differs from {@code from} in its image size alone
     */
    public static Map<String, HostTensor> fit(
            Map<String, HostTensor> weights, ThinkingViTConfig from, ThinkingViTConfig to) {
        HostTensor positions = weights.get(POSITIONS); // (1, 1 + patches, D)
        if (positions == null || from.imageSize().equals(to.imageSize())) {
            return weights;
        }
        int width = from.embedDim();
        float[] rows = positions.toFloats();
        float[] patches =
                PatchGeometry.positions(Arrays.copyOfRange(rows, width, rows.length), from.grid(), to.grid(), width);
        float[] fitted = Arrays.copyOf(rows, width + patches.length);
        System.arraycopy(patches, 0, fitted, width, patches.length);
        Map<String, HostTensor> all = new LinkedHashMap<>(weights);
        all.put(POSITIONS, HostTensor.of(fitted, 1, to.tokens(), width));
        return all;
    }
}
