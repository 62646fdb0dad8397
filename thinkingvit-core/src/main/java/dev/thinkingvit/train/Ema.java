package dev.thinkingvit.train;

import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * An exponential moving average of the weights, which usually scores better than the weights themselves. Early on,
 * where the average would remember the random start, the decay is (1 + n) / (10 + n) after n updates if that is less.
 *
 * <p>Owns its tensors; close it.
 */
final class Ema implements AutoCloseable {
    private static final Operator LERP = Operator.find("aten::_foreach_lerp_", "Scalar");

    private final double decay;
    private final boolean warmup;
    private final Map<String, Tensor> parameters;
    private final Map<String, Tensor> averages = new LinkedHashMap<>();
    private long updates;

    /** @param parameters followed, not owned */
    Ema(Map<String, Tensor> parameters, double decay, boolean warmup) {
        this.decay = decay;
        this.warmup = warmup;
        this.parameters = parameters;
        parameters.forEach((name, parameter) -> {
            try (Scope scope = new Scope()) {
                averages.put(name, Scope.own(parameter.detach().clone()));
            }
        });
    }

    /** Takes the parameters' present values in. */
    void update() {
        double present = warmup ? Math.min(decay, (1.0 + updates) / (10.0 + updates)) : decay;
        try (Scope scope = new Scope()) {
            LERP.run(
                    LERP.list(0, averages.values()),
                    LERP.list(
                            1, parameters.values().stream().map(Tensor::detach).toList()),
                    new IValue(new Scalar(1 - present)));
        }
        updates++;
    }

    /** A Java copy of the averages. */
    Map<String, HostTensor> stateDict() {
        Map<String, HostTensor> state = new LinkedHashMap<>();
        averages.forEach((name, tensor) -> state.put(name, Tensors.toHost(tensor)));
        return state;
    }

    @Override
    public void close() {
        averages.values().forEach(Tensor::close);
    }
}
