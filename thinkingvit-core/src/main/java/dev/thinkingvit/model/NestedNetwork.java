package dev.thinkingvit.model;

import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A network as training sees it: one set of full-width F32 parameters, of which every stage reads leading slices
 * (paper, section 3). A step {@link #cut cuts} them out once and adds the gradients of the slices to those of the
 * shared tensors.
 *
 * <p>Owns its parameters: close it. Not safe for use by several threads at once.
 */
public final class NestedNetwork implements AutoCloseable {
    private final NetworkConfig config;
    private final Network network;
    private final Map<String, Tensor> parameters;

    private NestedNetwork(NetworkConfig config, Map<String, Tensor> parameters) {
        this.config = config;
        this.network = config.network();
        this.parameters = Collections.unmodifiableMap(parameters);
    }

    /**
     * A model with the given weights.
     *
     * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, of any float type
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     */
    public static NestedNetwork of(NetworkConfig config, Map<String, HostTensor> weights) {
        Libtorch.load();
        WeightsException.check(config.parameterShapes(), weights);
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        for (String name : config.parameterShapes().keySet()) {
            try (Scope scope = new Scope()) {
                HostTensor host = weights.get(name);
                parameters.put(name, Scope.own(floatCopy(host)));
            }
        }
        return new NestedNetwork(config, parameters);
    }

    /** A model with random weights, drawn as its parameters say; the same for the same seed on every machine. */
    public static NestedNetwork initialise(NetworkConfig config, long seed) {
        return of(config, config.parameters().draw(seed));
    }

    private static Tensor floatCopy(@Nullable HostTensor host) {
        if (host == null) {
            throw new IllegalStateException("checked before");
        }
        return host.dtype() == DType.F32 ? Tensors.toNative(host) : Tensors.floats(host.toFloats(), 0, host.shape());
    }

    /** The same weights on another device; both models are to be closed. */
    public NestedNetwork on(TorchDevice device) {
        device.require();
        Map<String, Tensor> placed = new LinkedHashMap<>();
        parameters.forEach((name, tensor) -> {
            try (Scope scope = new Scope()) {
                placed.put(name, Scope.own(device.place(tensor).clone()));
            }
        });
        return new NestedNetwork(config, placed);
    }

    /** Where its parameters are. */
    public TorchDevice device() {
        return TorchDevice.of(parameters.values().iterator().next());
    }

    public NetworkConfig config() {
        return config;
    }

    /** What it is made of. */
    public Network network() {
        return network;
    }

    /** The parameters by name, F32, in the order of published checkpoints. The model keeps owning them. */
    public Map<String, Tensor> parameters() {
        return parameters;
    }

    /** A Java copy of the weights. */
    public Map<String, HostTensor> stateDict() {
        Map<String, HostTensor> state = new LinkedHashMap<>();
        parameters.forEach((name, tensor) -> state.put(name, Tensors.toHost(tensor)));
        return state;
    }

    /**
     * Runs every stage without recording gradients.
     *
     * @param images (B, 3, h, w) F32
     * @param precision of the matrix products, FP32 or BF16; parameters and gradients stay F32
     * @param dropPath which residual branches are skipped
     * @return the output of each stage, in order; belongs to the innermost scope
     */
    public List<Network.Output<Tensor>> forward(Tensor images, Precision precision, DropPath dropPath) {
        return cut(precision).forward(images, config.stages(), dropPath);
    }

    /** The weights as a training step uses them; good until the parameters change. */
    public NestedWeights cut(Precision precision) {
        return NestedWeights.cut(network, parameters, Tensors.scalarType(precision.ofTraining()));
    }

    @Override
    public void close() {
        parameters.values().forEach(Tensor::close);
    }

    @Override
    public String toString() {
        return config.architecture().title() + " " + config.shorthand() + ", " + config.parameterCount()
                + " parameters, " + config.shape();
    }
}
