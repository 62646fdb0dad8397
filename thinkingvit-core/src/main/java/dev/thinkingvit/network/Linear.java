package dev.thinkingvit.network;

/**
 * A linear layer.
 *
 * @param weight (out, in), or more axes of which all but the first are one to the layer
 * @param bias (out)
 */
public record Linear(Parameter weight, Parameter bias) {
    private static final double STD = 0.02;

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
}
