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

    /** Raises the last of the numbers that travel along by one. */
    void vote() {
        try (Scope scope = new Scope()) {
            extras.narrow(0, extras.numel() - 1, 1).add_(new Scalar(1.0));
        }
    }

    void zero() {
        try (Scope scope = new Scope()) {
            all.zero_();
        }
    }

    void add(Gradients other) {
        try (Scope scope = new Scope()) {
            all.add_(other.all);
        }
    }

    /** The Euclidean norm of all gradients together. */
    double norm() {
        try (Scope scope = new Scope()) {
            return values.norm().item().toDouble();
        }
    }

    void scale(double factor) {
        try (Scope scope = new Scope()) {
            values.mul_(new Scalar(factor));
        }
    }

    @Override
    public void close() {
        views.values().forEach(Tensor::close);
        values.close();
        extras.close();
        all.close();
    }
}
