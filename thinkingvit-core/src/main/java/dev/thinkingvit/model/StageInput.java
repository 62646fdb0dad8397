package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
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
    public static void check(Network network, int stage, Tensor images, @Nullable Tensor previousTokens) {
        if (stage < 1 || stage > network.stages()) {
            throw new IllegalArgumentException(
                    "stage " + stage + " does not exist: the model has stages 1 to " + network.stages());
        }
        Network.Ports ports = network.ports(stage);
        requireShape("images", images, ports.images());
        List<Long> previous = ports.previous();
        if (previous == null) {
            if (previousTokens != null) {
                throw new IllegalArgumentException("stage " + stage + " recycles no tokens, some came");
            }
        } else if (previousTokens == null) {
            throw new IllegalArgumentException(
                    "stage " + stage + " recycles the tokens of stage " + (stage - 1) + ", none came");
        } else {
            requireShape("tokens", previousTokens, previous);
            if (previousTokens.size(0) != images.size(0)) {
                throw new IllegalArgumentException(
                        "tokens of " + images.size(0) + " images are required, of " + previousTokens.size(0) + " came");
            }
        }
        requireType("images", images, DType.F32);
    }

    /** Checks the element type, and that the tensor lies in the processor's memory. */
    static void requireType(String what, Tensor tensor, DType required) {
        if (!tensor.is_cpu() || Tensors.dtype(tensor) != required) {
            throw new IllegalArgumentException(what + ": " + required + " in the processor's memory is required, "
                    + Tensors.dtype(tensor) + (tensor.is_cpu() ? "" : " elsewhere") + " came");
        }
    }

    /** @param required of one image; the batch comes first */
    private static void requireShape(String what, Tensor tensor, List<Long> required) {
        long[] shape = Tensors.shape(tensor);
        boolean fits = shape.length == required.size() + 1;
        for (int i = 0; fits && i < required.size(); i++) {
            fits = shape[i + 1] == required.get(i);
        }
        if (!fits) {
            throw new IllegalArgumentException(what + ": shape [B, "
                    + required.toString().substring(1) + " is required, " + Arrays.toString(shape) + " came");
        }
    }
}
