package dev.thinkingvit.model;

import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.Map;

/** Weights that do not fit a model: names the tensor, what was expected and what came. */
public final class WeightsException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public WeightsException(String message) {
        super(message);
    }

    /**
     * Compares weights with what a model needs.
     *
     * @throws WeightsException naming the first tensor that is missing, wrongly shaped, not of a float type or left over
     */
    public static void check(Map<String, long[]> required, Map<String, HostTensor> weights) {
        required.forEach((name, shape) -> {
            HostTensor tensor = weights.get(name);
            if (tensor == null) {
                throw new WeightsException("tensor " + name + " is missing: expected shape " + Arrays.toString(shape));
            }
            if (!Arrays.equals(shape, tensor.shape())) {
                throw new WeightsException("tensor " + name + " has the wrong shape: expected " + Arrays.toString(shape)
                        + ", came " + Arrays.toString(tensor.shape()));
            }
            if (!tensor.dtype().isFloating()) {
                throw new WeightsException(
                        "tensor " + name + " has the wrong type: expected floating point, came " + tensor.dtype());
            }
        });
        for (String name : weights.keySet()) {
            if (!required.containsKey(name)) {
                throw new WeightsException("tensor " + name + " " + Arrays.toString(shapeOf(weights, name))
                        + " is left over: the model has no parameter of that name");
            }
        }
    }

    private static long[] shapeOf(Map<String, HostTensor> weights, String name) {
        HostTensor tensor = weights.get(name);
        return tensor == null ? new long[0] : tensor.shape();
    }
}
