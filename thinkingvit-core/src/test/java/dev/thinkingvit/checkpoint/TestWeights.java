package dev.thinkingvit.checkpoint;

import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Small networks' weights, every value another, and the names that others give them. */
public final class TestWeights {
    /** Two stages, two blocks, 8 wide, heads of 2. */
    public static final ThinkingViTConfig SMALL = new ThinkingViTConfig(8, 4, 8, 2, 4, List.of(2, 4), 3, 1e-6);

    private TestWeights() {}

    /** The object, with attributes. */
    public static Opaque with(Opaque object, Map<?, ?> attributes) {
        object.attributes(attributes);
        return object;
    }

    public static Map<String, HostTensor> of(ThinkingViTConfig network) {
        return of(network.parameterShapes());
    }

    public static Map<String, HostTensor> of(Map<String, long[]> shapes) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        float next = 0;
        for (Map.Entry<String, long[]> entry : shapes.entrySet()) {
            int count = 1;
            for (long size : entry.getValue()) {
                count *= (int) size;
            }
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = next++;
            }
            tensors.put(entry.getKey(), HostTensor.of(values, entry.getValue()));
        }
        return tensors;
    }

    public static Map<Object, Object> renamed(Map<String, HostTensor> tensors, UnaryOperator<String> naming) {
        Map<Object, Object> renamed = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> renamed.put(naming.apply(name), tensor));
        return renamed;
    }
}
