package dev.thinkingvit.train;

import dev.thinkingvit.tensor.Scope;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The gradients of all parameters in one stretch of memory, so that setting them to zero, adding them up and sending
 * them to other processes are one operation each. A few numbers that travel with them come last.
 *
 * <p>Owns its tensors; close it.
 */
final class Gradients implements AutoCloseable {
    private static final long ALIGNMENT = 16; // values; a cache line

    private final Tensor all;
    private final Tensor values;
    private final Tensor extras;
    private final Map<String, Tensor> views = new LinkedHashMap<>();

    /**
     * @param parameters whose gradients these are; their shapes and device
     * @param extras numbers that travel along
     */
    Gradients(Map<String, Tensor> parameters, int extras) {
        try (Scope scope = new Scope()) {
            long length = 0;
            for (Tensor parameter : parameters.values()) {
                length += aligned(parameter.numel());
            }
            Tensor first = parameters.values().iterator().next();
            this.all = Scope.own(torch.zeros(length + extras).to(first.device(), first.scalar_type()));
            this.values = Scope.own(all.narrow(0, 0, length));
            this.extras = Scope.own(all.narrow(0, length, extras));
            long offset = 0;
            for (Map.Entry<String, Tensor> parameter : parameters.entrySet()) {
                Tensor like = parameter.getValue();
                views.put(
                        parameter.getKey(),
                        Scope.own(all.narrow(0, offset, like.numel()).view_as(like)));
                offset += aligned(like.numel());
            }
        }
    }

    private static long aligned(long length) {
        return (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** By parameter name, of the parameter's shape, F32; views of the common memory. */
    Map<String, Tensor> views() {
        return Collections.unmodifiableMap(views);
    }

    /** Everything, the numbers that travel along included: what processes sum up. */
    Tensor all() {
        return all;
    }

    /** The numbers that travel along. */
    Tensor extras() {
        return extras;
    }

    /** Raises one of the numbers that travel along by one, counted from the last, which is the first. */
    void vote(int fromLast) {
        try (Scope scope = new Scope()) {
            extras.narrow(0, extras.numel() - fromLast, 1).add_(new Scalar(1.0));
        }
    }

    void zero() {
        try (Scope scope = new Scope()) {
            all.zero_();
        }
    }

    /** Adds a share of another's values and numbers to the same of this one's. */
    void add(Gradients other, int share, int shares) {
        try (Scope scope = new Scope()) {
            part(all, share, shares).add_(part(other.all, share, shares));
        }
    }

    /** The squared Euclidean norm of a share of the gradients. */
    double squaredNorm(int share, int shares) {
        try (Scope scope = new Scope()) {
            double norm = part(values, share, shares).norm().item().toDouble();
            return norm * norm;
        }
    }

    /** Multiplies a share of the gradients. */
    void scale(double factor, int share, int shares) {
        try (Scope scope = new Scope()) {
            part(values, share, shares).mul_(new Scalar(factor));
        }
    }

    private static Tensor part(Tensor vector, int share, int shares) {
        long length = vector.numel();
        long from = length * share / shares;
        return vector.narrow(0, from, length * (share + 1) / shares - from);
    }

    @Override
    public void close() {
        views.values().forEach(Tensor::close);
        values.close();
        extras.close();
        all.close();
    }
}
