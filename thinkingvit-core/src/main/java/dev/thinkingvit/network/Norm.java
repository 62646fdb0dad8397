package dev.thinkingvit.network;

import java.util.List;

/**
 * A LayerNorm over the last dimension; computed in F32 whatever the precision of products.
 *
 * @param weight (d)
 * @param bias (d)
 * @param eps added to the variance
 */
public record Norm(Parameter weight, Parameter bias, double eps) {
    /**
     * @throws IllegalArgumentException if its features are in chunks, of which an exported graph reads one
     */
    public Norm {
        if (weight.chunks() > 1 || bias.chunks() > 1) {
            throw new IllegalArgumentException(
                    weight.name() + ": a norm's features may not be in chunks, came " + weight.chunks());
        }
    }

    /**
     * @param name of the layer, to which {@code .weight} and {@code .bias} are added
     * @param layer see {@link Parameter#layer()}
     */
    public static Norm of(String name, int layer, Axis features, double eps) {
        return new Norm(
                Parameter.of(name + ".weight", Start.ONES, layer, features).uncast(),
                Parameter.of(name + ".bias", Start.ZEROS, layer, features).uncast(),
                eps);
    }

    /** Adds its parameters to others. */
    public void addTo(List<Parameter> parameters) {
        parameters.add(weight);
        parameters.add(bias);
    }
}
