package dev.thinkingvit.model;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Start;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A small network that every executor is held to.
 *
 * @param name what is special about it
 * @param config its shape
 * @param plain the network that its first stage is when nothing else is there, whose parameters are the first stage's
 *     slices or whole; null if there is none of this shape
 */
public record Specimen(
        String name, NetworkConfig config, @Nullable NetworkConfig plain) {
    private static final long SEED = 7;

    public Specimen(String name, NetworkConfig config) {
        this(name, config, null);
    }

    /** Every network of the suite. An architecture adds its own here, and nowhere else. */
    static List<Specimen> all() {
        return Specimens.ALL;
    }

    /** Weights of which none is zero: what was forgotten would not show. The same for each call. */
    public Map<String, HostTensor> weights() {
        SplittableRandom random = new SplittableRandom(SEED);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        for (Parameter parameter : config.parameters().all()) {
            float[] values = new float[Math.toIntExact(parameter.elements())];
            Start start = parameter.start();
            boolean single = values.length == 1; // one number decides much: near neither 0 nor what it starts as
            double centre = single ? 0.6 : start.kind() == Start.Kind.CONSTANT ? start.spread() : 0;
            double spread = single ? 0.05 : 0.15;
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (centre + spread * random.nextGaussian());
            }
            weights.put(parameter.name(), HostTensor.of(values, parameter.shape()));
        }
        return weights;
    }

    /** @return (count, 3, S, S) F32, of the innermost scope */
    Tensor images(int count) {
        return drawn(count, ports(1).images(), 1);
    }

    /** @return (count, …) F32 as the stage before may leave them, of the innermost scope; null if the stage takes none */
    @Nullable Tensor previous(int stage, int count) {
        List<Long> shape = ports(stage).previous();
        return shape == null ? null : drawn(count, shape, stage);
    }

    /** Names of what a stage leaves. */
    String[] leaves(int stage) {
        return Stream.concat(Stream.of("tokens", "prediction"), ports(stage).extras().keySet().stream())
                .toArray(String[]::new);
    }

    Network.Ports ports(int stage) {
        return config.network().ports(stage);
    }

    /** The first pictures are the same, however many there are. */
    private static Tensor drawn(int count, List<Long> of, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] shape = new long[of.size() + 1];
        shape[0] = count;
        int values = count;
        for (int i = 0; i < of.size(); i++) {
            shape[i + 1] = of.get(i);
            values *= Math.toIntExact(of.get(i));
        }
        float[] drawn = new float[values];
        for (int i = 0; i < values; i++) {
            drawn[i] = (float) random.nextGaussian();
        }
        return Tensors.floats(drawn, 0, shape);
    }

    @Override
    public String toString() {
        return name;
    }
}
