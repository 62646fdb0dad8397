package dev.thinkingvit.train;

import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * An exponential moving average of the weights, which usually scores better than the weights themselves. Early on,
 * where the average would remember the random start, a warm-up makes the decay (1 + n) / (10 + n) after n updates if
 * that is less.
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
                    LERP.list(1, parameters.values()),
                    new IValue(new Scalar(1 - present)));
        }
        updates++;
    }

    /** By parameter name; the average keeps owning them. */
    Map<String, Tensor> averages() {
        return averages;
    }

    /** Values taken in so far. */
    long updates() {
        return updates;
    }

    /** Goes on after as many; the averages are restored apart. */
    void restoreUpdates(long count) {
        updates = count;
    }

    @Override
    public void close() {
        averages.values().forEach(Tensor::close);
    }
}
