package dev.thinkingvit.network;

import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer.
 *
 * @param weight (out, in), or more axes of which all but the first are one to the layer
 * @param bias (out); null for none
 * @param isTransposed whether the weight is stored the other way round, (in, out)
 */
public record Linear(Parameter weight, @Nullable Parameter bias, boolean isTransposed) {
    private static final double STD = 0.02;

    /** A layer whose weight is stored as PyTorch's linear layers store it. */
    public Linear(Parameter weight, @Nullable Parameter bias) {
        this(weight, bias, false);
    }

    /** x W without a bias, for a weight (in, out). */
    public static Linear transposed(Parameter weight) {
        return new Linear(weight, null, true);
    }

    /**
     * A layer whose weight starts as timm draws a Vision Transformer's, around 0 with deviation 0.02; its bias at 0.
     *
     * @param name of the layer, to which {@code .weight} and {@code .bias} are added
     * @param layer see {@link Parameter#layer()}
     */
    public static Linear of(String name, int layer, Axis out, Axis in) {
        return new Linear(
                Parameter.of(name + ".weight", Start.normal(STD), layer, out, in),
                Parameter.of(name + ".bias", Start.ZEROS, layer, out));
    }

    /** The layer, whose parameters are changed. */
    public Linear with(UnaryOperator<Parameter> change) {
        return new Linear(change.apply(weight), bias == null ? null : change.apply(bias), isTransposed);
    }

    /** Features that come out of it at a stage. */
    public long outputs(int stage) {
        return weight.shape(stage)[isTransposed ? 1 : 0];
    }

    /** Adds its parameters to others. */
    public void addTo(List<Parameter> parameters) {
        parameters.add(weight);
        if (bias != null) {
            parameters.add(bias);
        }
    }
}
