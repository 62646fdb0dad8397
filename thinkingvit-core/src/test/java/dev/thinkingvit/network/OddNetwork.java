package dev.thinkingvit.network;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A network that does what others do not: a layer is used with a factor and without, values leave under several names,
 * attention's weights are in one piece and without a bias, names of parameters have no dots.
 */
public final class OddNetwork implements Network {
    private static final int SIDE = 4;
    private static final int PATCH = 2;

    private final Linear layer =
            new Linear(parameter("layer", 5, 12), parameter("shift", 5)); // 12 values a patch → 5 features
    private final Linear attention = new Linear(parameter("qkv", 15, 5), null); // queries, keys and values in one piece
    private final Parameter half = parameter("half", 1);
    private final Parameter most = parameter("most", 1);

    private static Parameter parameter(String name, Integer... sizes) {
        Axis[] axes = List.of(sizes).stream().map(Axis::whole).toArray(Axis[]::new);
        return Parameter.of(name, Start.uniform(1), 0, axes);
    }

    @Override
    public Parameters parameters() {
        return Parameters.of(List.of(layer.weight(), layer.bias(), attention.weight(), half, most));
    }

    @Override
    public int stages() {
        return 1;
    }

    @Override
    public int depth() {
        return 1;
    }

    @Override
    public Ports ports(int stage) {
        Map<String, List<Long>> extras = new LinkedHashMap<>();
        extras.put("again", List.of(5L));
        extras.put("tokens_again", List.of(4L, 5L));
        return new Ports(List.of(3L, (long) SIDE, (long) SIDE), null, List.of(4L, 5L), List.of(5L), extras);
    }

    @Override
    public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
        T patches = on.patches(images, PATCH); // (B, 4, 12)
        T plain = on.linear(patches, layer); // (B, 4, 5)
        T halves = on.add(plain, on.scale(on.linear(patches, layer), half));
        T sum = on.add(halves, on.scale(on.linear(patches, layer), most));
        T tokens = on.residual(sum, on.attention(on.linear(sum, attention), 1));
        T mean = on.mean(tokens); // (B, 5)
        Map<String, T> extras = new LinkedHashMap<>();
        extras.put("again", mean);
        extras.put("tokens_again", tokens);
        return new Output<>(tokens, mean, extras);
    }
}
