package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a stage takes, checked in Java, where messages are better than native ones. */
public final class StageInput {
    private StageInput() {}

    /**
     * Checks what {@link Backbone#run} is given, and returns the tokens that the stage takes: those that came, or null if it
     * takes none.
     *
     * @param tokens type of the tokens that stages leave
     * @param device where they are
     * @throws IllegalArgumentException if the stage does not exist, shapes do not fit it, images are not F32 in the
     *     processor's memory or on the device, or tokens are of another type or elsewhere than the stage before left them
     */
    public static @Nullable NativeTensor check(
            Network network,
            int stage,
            NativeTensor images,
            @Nullable NativeTensor previousTokens,
            DType tokens,
            TorchDevice device) {
        if (stage < 1 || stage > network.stages()) {
            throw new IllegalArgumentException(
                    "stage " + stage + " does not exist: the model has stages 1 to " + network.stages());
        }
        Network.Ports ports = network.ports(stage);
        requireShape("images", images, ports.images());
        if (images.size(0) < 1) {
            throw new IllegalArgumentException(
                    "images: at least 1 is required, " + Arrays.toString(images.shape()) + " came");
        }
        List<Long> previous = ports.previous();
        if (previous == null) {
            if (stage == 1 && previousTokens != null) {
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
        requireType("images", images, DType.F32, images.device().equals(device) ? device : TorchDevice.CPU);
        if (previous == null || previousTokens == null) {
            return null;
        }
        requireType("tokens", previousTokens, tokens, device);
        return previousTokens;
    }

    private static void requireType(String what, NativeTensor tensor, DType required, TorchDevice device) {
        TorchDevice came = tensor.device();
        if (!came.equals(device) || tensor.dtype() != required) {
            throw new IllegalArgumentException(what + ": " + required + " " + where(device) + " is required, "
                    + tensor.dtype() + (came.equals(device) ? "" : " " + where(came)) + " came");
        }
    }

    private static String where(TorchDevice device) {
        return device.isCuda() ? "on " + device : "in the processor's memory";
    }

    /** @param required of one image; the batch comes first */
    private static void requireShape(String what, NativeTensor tensor, List<Long> required) {
        long[] shape = tensor.shape();
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
