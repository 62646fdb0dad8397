package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;

/** Sizes that tensors tell, one question at a time, so that a file is only asked for what nobody else has said. */
record TensorSizes(StateDict state) {
    /**
     * One size of a tensor.
     *
     * @param axis which
     * @param expected the whole shape; a negative size may be any from 1 on
     * @throws CheckpointException if the tensor is missing or of another shape: names it, what was expected and what came
     */
    int of(String name, int axis, long... expected) {
        String wanted = Arrays.toString(expected).replace("-1", "?");
        HostTensor tensor = state.tensors().get(name);
        if (tensor == null) {
            throw new CheckpointException(
                    state.file(),
                    "tensor " + name + " is missing: expected shape " + wanted + WeightsEntry.elsewhere(state.entry()));
        }
        long[] shape = tensor.shape();
        boolean fits = shape.length == expected.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = expected[i] < 0 ? shape[i] > 0 && shape[i] <= Integer.MAX_VALUE : shape[i] == expected[i];
        }
        if (!fits) {
            throw new CheckpointException(
                    state.file(),
                    "tensor " + name + " has the wrong shape: expected " + wanted + ", came " + Arrays.toString(shape));
        }
        return (int) shape[axis];
    }
}
