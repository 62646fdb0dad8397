package dev.thinkingvit.model;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** What a stage takes, checked in Java, where messages are better than native ones. */
public final class StageInput {
    private StageInput() {}

    /**
     * Checks what {@link Backbone#run} is given.
     *
     * @throws IllegalArgumentException if the stage does not exist, shapes do not fit it, or images are not F32 in the
     *     processor's memory
     */
    public static void check(ThinkingViTConfig config, int stage, Tensor images, @Nullable Tensor previousTokens) {
        requireShape("images", images, -1, 3, config.imageSize(), config.imageSize());
        if (stage == 1 && previousTokens != null) {
            throw new IllegalArgumentException("stage 1 recycles no tokens, some came");
        }
        if (stage > 1) {
            if (previousTokens == null) {
                throw new IllegalArgumentException(
                        "stage " + stage + " recycles the tokens of stage " + (stage - 1) + ", none came");
            }
            requireShape("tokens", previousTokens, images.size(0), config.tokens(), config.width(stage - 1));
        }
        requireType("images", images, DType.F32);
        config.width(stage); // refuses a stage that does not exist
    }

    /** Checks the element type, and that the tensor lies in the processor's memory. */
    static void requireType(String what, Tensor tensor, DType required) {
        if (!tensor.is_cpu() || Tensors.dtype(tensor) != required) {
            throw new IllegalArgumentException(what + ": " + required + " in the processor's memory is required, "
                    + Tensors.dtype(tensor) + (tensor.is_cpu() ? "" : " elsewhere") + " came");
        }
    }

    private static void requireShape(String what, Tensor tensor, long... required) {
        long[] shape = Tensors.shape(tensor);
        boolean fits = shape.length == required.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = required[i] < 0 || shape[i] == required[i];
        }
        if (!fits) {
            throw new IllegalArgumentException(
                    what + ": shape " + Arrays.toString(required).replace("-1", "B") + " is required, "
                            + Arrays.toString(shape) + " came");
        }
    }
}
