package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchTensor;
import java.util.IdentityHashMap;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A stage by libtorch's operations, for processors that oneDNN has no kernels for. Owns its weights; close it.
 */
final class TorchStage implements PackedStage {
    private final Network network;
    private final int stage;
    private final ScalarType type;
    private final IdentityHashMap<Parameter, Tensor> weights = new IdentityHashMap<>();

    /**
     * @param weights all of the network's, of any float type
     * @param products their type
     */
    TorchStage(Network network, int stage, Map<String, HostTensor> weights, DType products) {
        this.network = network;
        this.stage = stage;
        Libtorch.load();
        this.type = Tensors.scalarType(products);
        try {
            for (Parameter parameter : network.parameters().all()) {
                HostTensor host = weights.get(parameter.name());
                if (host == null) {
                    throw new IllegalArgumentException("no tensor " + parameter.name());
                }
                if (parameter.isReadBy(stage)) {
                    try (Scope scope = new Scope()) {
                        Tensor full = Tensors.toNative(host).to(ScalarType.Float);
                        this.weights.put(
                                parameter,
                                Scope.own(new Slice(parameter, stage)
                                        .cut(full, type)
                                        .clone()));
                    }
                }
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    @Override
    public Network.Output<NativeTensor> run(NativeTensor images, @Nullable NativeTensor previous) {
        Libtorch.load(); // this thread's number of threads is told to it
        try (Scope scope = new Scope();
                NoGradGuard guard = new NoGradGuard()) {
            TorchLayers layers = new TorchLayers(weights, type, TorchLayers.Branches.ALL);
            Tensor recycled = previous == null ? null : Tensors.shared(previous);
            return layers.outward(network.stage(layers, stage, Tensors.shared(images), recycled)
                            .within(network.ports(stage)))
                    .map(output -> scope.keep(new TorchTensor(output)));
        }
    }

    @Override
    public long weightBytes() {
        return weights.values().stream().mapToLong(Tensor::nbytes).sum();
    }

    @Override
    public int microBatch() {
        return PackedStage.microBatch(network.ports(stage));
    }

    @Override
    public void close() {
        weights.values().forEach(Tensor::close);
    }
}
