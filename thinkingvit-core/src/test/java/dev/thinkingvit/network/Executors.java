package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Tensors;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;

/** A chosen executor of a stage, whatever this machine would choose. */
@NullUnmarked // a null fails the test
public final class Executors {
    private Executors() {}

    /** By libtorch's operators. */
    public static PackedStage operators(Network network, int stage, Map<String, HostTensor> weights, DType type) {
        return new TorchStage(network, stage, weights, type);
    }

    /** By oneDNN's programs, of which there must be a kernel. */
    public static PackedStage oneDnn(Network network, int stage, Map<String, HostTensor> weights, DType type) {
        return network.halts(stage)
                ? new DnnlHaltingStage(network, stage, weights, Arithmetic.of(type))
                : new DnnlStage(network, stage, weights, Arithmetic.of(type));
    }

    /**
     * Multiply-accumulates of one image at a stage, counted while operators compute it, from the shapes of the tensors that
     * really come by.
     *
     * @param images (1, …)
     * @param previous (1, …)
     */
    @SuppressWarnings("unchecked")
    public static long counted(
            Network network, int stage, Map<String, HostTensor> weights, Tensor images, @Nullable Tensor previous) {
        IdentityHashMap<Parameter, Tensor> cut = new IdentityHashMap<>();
        for (Parameter parameter : network.parameters().all()) {
            if (parameter.isReadBy(stage)) {
                Tensor full = Tensors.toNative(weights.get(parameter.name()));
                cut.put(parameter, new Slice(parameter, stage).cut(full, ScalarType.Float));
            }
        }
        TorchLayers operators = new TorchLayers(cut, ScalarType.Float, TorchLayers.Branches.ALL, null, false);
        long[] count = new long[1];
        Layers<Tensor> counting = (Layers<Tensor>) Proxy.newProxyInstance(
                Layers.class.getClassLoader(), new Class<?>[] {Layers.class}, (proxy, method, arguments) -> {
                    Object out;
                    if (method.getName().equals("halting")) { // whose blocks call what is counted
                        Halting.Body<Tensor> body = (Halting.Body<Tensor>) arguments[2];
                        arguments[2] =
                                (Halting.Body<Tensor>) (on, x, index) -> body.apply((Layers<Tensor>) proxy, x, index);
                    }
                    try {
                        out = method.invoke(operators, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                    if (method.getName().equals("attention") || method.getName().equals("windowAttention")) {
                        Tensor mixed = (Tensor) out; // (B, N, d): each value is N products of scores and N of values
                        count[0] += 2 * mixed.numel() * mixed.size(1);
                    } else if (Arrays.stream(arguments).anyMatch(Linear.class::isInstance)) {
                        Tensor x = (Tensor) arguments[0];
                        count[0] += x.numel() * ((Tensor) out).size(-1);
                    } else if (method.getName().equals("upsample")) {
                        count[0] += ((Tensor) out).numel();
                    } else if (method.getName().equals("products")) {
                        Tensor x = (Tensor) arguments[0];
                        count[0] += ((Tensor) out).numel() * x.size(-1);
                    }
                    return out;
                });
        network.stage(counting, stage, images, previous);
        return count[0];
    }
}
