package dev.thinkingvit.train;

import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * An exponential moving average of the weights, which usually scores better than the weights themselves: every update
 * makes it {@code average + (1 − decay) · (weight − average)}, with the decay that its {@link Rule} gives.
 *
 * <p>Owns its tensors; close it.
 */
public final class Ema implements AutoCloseable {
    private static final Operator LERP = Operator.find("aten::_foreach_lerp_", "Scalar");

    private final Rule rule;
    private final Map<String, Tensor> averages = new LinkedHashMap<>();
    private final List<Share> shares = new ArrayList<>();
    private long updates;

    /** How much of the average an update leaves. */
    @FunctionalInterface
    public interface Rule {
        /** @param update its number over the whole training, from 1 */
        double decay(long update);

        /**
         * That of the published trainer (timm's {@code ModelEmaV3}, told the update's number): the first update copies
         * the weights, so that the start is forgotten; later ones have the set decay.
         *
         * @param warmup use 1 − n^(−2/3) in update n where that is less
         */
        static Rule published(double decay, boolean warmup) {
            return n -> n <= 1 ? 0 : warmup ? Math.min(decay, 1 - Math.pow((double) n, -2.0 / 3)) : decay;
        }

        /** The set decay in every update, the first included; the start fades slowly. */
        static Rule constant(double decay) {
            return n -> decay;
        }
    }

    /** Parameters that are taken in together. */
    private static final class Share {
        final List<Tensor> averages = new ArrayList<>();
        final List<Tensor> parameters = new ArrayList<>();
        long values;
    }

    /**
     * @param parameters followed, not owned; the average starts from their present values
     * @param shares into which they are divided, about equally large
     */
    public Ema(Map<String, Tensor> parameters, Rule rule, int shares) {
        this.rule = rule;
        for (int i = 0; i < shares; i++) {
            this.shares.add(new Share());
        }
        parameters.forEach((name, parameter) -> {
            try (Scope scope = new Scope()) {
                Tensor average = Scope.own(parameter.detach().clone());
                averages.put(name, average);
                Share share = Collections.min(this.shares, Comparator.comparingLong((Share other) -> other.values));
                share.averages.add(average);
                share.parameters.add(parameter);
                share.values += parameter.numel();
            }
        });
    }

    /**
     * Takes the present values of a share of the parameters in. Different shares may be taken in by different threads at
     * a time; {@link #updated} follows.
     *
     * @param share from 0
     */
    public void update(int share) {
        double present = rule.decay(updates + 1);
        try (Scope scope = new Scope()) {
            LERP.run(
                    LERP.list(0, shares.get(share).averages),
                    LERP.list(1, shares.get(share).parameters),
                    new IValue(new Scalar(1 - present)));
        }
    }

    /** Counts an update of all shares. */
    public void updated() {
        updates++;
    }

    /** By parameter name; the average keeps owning them. */
    public Map<String, Tensor> averages() {
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
