package dev.thinkingvit.network;

import dev.thinkingvit.tensor.HostTensor;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** All parameters of a network, in the order of published checkpoints. Immutable. */
public final class Parameters {
    private final Map<String, Parameter> byName;

    private Parameters(Map<String, Parameter> byName) {
        this.byName = Collections.unmodifiableMap(byName);
    }

    /** @throws IllegalArgumentException if two are of one name */
    public static Parameters of(List<Parameter> parameters) {
        Map<String, Parameter> byName = new LinkedHashMap<>();
        for (Parameter parameter : parameters) {
            if (byName.put(parameter.name(), parameter) != null) {
                throw new IllegalArgumentException("two parameters are named " + parameter.name());
            }
        }
        return new Parameters(byName);
    }

    /** All of them. */
    public Collection<Parameter> all() {
        return byName.values();
    }

    /** The parameter of that name, null if there is none. */
    public @Nullable Parameter get(String name) {
        return byName.get(name);
    }

    /** The parameter of that name; every network's tensors have one. */
    public Parameter require(String name) {
        Parameter parameter = byName.get(name);
        if (parameter == null) {
            throw new IllegalArgumentException("the network has no parameter " + name);
        }
        return parameter;
    }

    /** The shape of each. */
    public Map<String, long[]> shapes() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        byName.forEach((name, parameter) -> shapes.put(name, parameter.shape()));
        return shapes;
    }

    /** Number of values of all. */
    public long count() {
        return byName.values().stream().mapToLong(Parameter::elements).sum();
    }

    /** First weights, F32; the same for the same seed on every machine. */
    public Map<String, HostTensor> draw(long seed) {
        RandomGenerator random = new SplittableRandom(seed);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        byName.forEach((name, parameter) -> {
            int count = Math.toIntExact(parameter.elements());
            weights.put(name, HostTensor.of(parameter.start().draw(count, random), parameter.shape()));
        });
        return weights;
    }
}
