package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchTensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Forward and backward passes through a network's stages by oneDNN's programs: gradients as {@link NestedWeights} finds
 * them by libtorch's operators, sooner. In BF16 blocks' residual stream and what stages say stay F32. Only the losses
 * themselves are libtorch's. Programs are made for a size of micro-batch when it is first met, and kept.
 *
 * <p>For one thread at a time, with as many native threads as the one that first ran it. Owns its memory; close it.
 *
 * <p>{@code G} images of a micro-batch, {@code h} and {@code w} their height and width.
 */
public final class TrainingPasses implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TrainingPasses.class);

    /** Programs that are kept: for the usual micro-batches and those of an epoch's last, up to each stage that is drawn. */
    private static final int KEPT = 8;

    private final Network network;
    private final DType type;
    private final boolean drops;
    private final Map<Kind, List<TrainedStage>> kinds = new LinkedHashMap<>();
    private final List<@Nullable NativeArray> memory = new ArrayList<>(); // of each stage
    private final List<Map<Slice, Tensor>> gradients = new ArrayList<>(); // of each stage
    private final List<Map<Parameter, NativeArray>> gradientArrays = new ArrayList<>();
    private final List<Tensor> owned = new ArrayList<>();
    private final Map<Ones, NativeArray> ones = new HashMap<>();
    private final boolean[] ran; // by stage: whether it has gradients
    private @Nullable NestedWeights weights;
    private List<Map<Parameter, NativeArray>> weightArrays = List.of();

    /**
     * Which programs.
     *
     * @param last the stage that is run last and whose tokens nobody reads; 0 if they are read
     */
    private record Kind(int images, int last) {}

    private record Ones(DType dtype, long length) {}

    /**
     * @param type of products' operands: F32 or BF16
     * @param drops whether stochastic depth may leave branches out
     */
    public TrainingPasses(Network network, DType type, boolean drops) {
        this.network = network;
        this.type = type;
        this.drops = drops;
        this.ran = new boolean[network.stages()];
        for (int stage = 1; stage <= network.stages(); stage++) {
            memory.add(null);
            allocateGradients(stage);
        }
    }

    /**
     * Whether oneDNN is there and fast at it, and the network has no layers but such as are planned.
     *
     * @param type of products' operands
     */
    public static boolean areFor(Network network, DType type) {
        return Dnnl.isFastInAllLayouts(type) && arePlannedFor(network, type);
    }

    /** Whether the network has no layers but such as are planned, however fast they are here. */
    public static boolean arePlannedFor(Network network, DType type) {
        if (!Dnnl.hasKernel(type)) {
            return false;
        }
        try {
            for (int stage = 1; stage <= network.stages(); stage++) {
                for (boolean tokens : new boolean[] {true, false}) {
                    TrainedStage.requirePlanned(network, stage, type, tokens);
                }
            }
            return true;
        } catch (TrainingPlan.NotPlannedException e) {
            return false;
        } catch (TensorException e) {
            log.warn("training goes on by operators, slower: {}", e.getMessage());
            return false;
        }
    }

    private void allocateGradients(int stage) {
        try (Scope scope = new Scope()) {
            Map<Slice, Tensor> slices = new LinkedHashMap<>();
            Map<Parameter, NativeArray> arrays = new HashMap<>();
            for (Parameter parameter : network.parameters().all()) {
                if (parameter.isReadBy(stage)) {
                    Tensor gradient = Scope.own(torch.zeros(parameter.shape(stage)));
                    owned.add(gradient);
                    slices.put(new Slice(parameter, stage), gradient);
                    if (gradient.numel() > 0) {
                        arrays.put(parameter, new TorchTensor(gradient).array());
                    }
                }
            }
            gradients.add(slices);
            gradientArrays.add(arrays);
        }
    }

    /**
     * Takes other weights, and forgets gradients that nobody has asked for.
     *
     * @param cut of the products' type, on the processor; must outlive the passes
     */
    public void use(NestedWeights cut) {
        weights = cut;
        weightArrays = new ArrayList<>();
        for (int stage = 1; stage <= network.stages(); stage++) {
            Map<Parameter, NativeArray> arrays = new HashMap<>();
            cut.ofStage(stage).forEach((slice, weight) -> {
                if (weight.numel() > 0) {
                    arrays.put(slice.parameter(), new TorchTensor(weight).array());
                }
            });
            weightArrays.add(arrays);
        }
        kinds.values().forEach(this::bindWeights);
        forget();
    }

    private void forget() {
        try (Scope scope = new Scope()) {
            for (int stage = 1; stage <= network.stages(); stage++) {
                if (ran[stage - 1]) {
                    gradients.get(stage - 1).values().forEach(Tensor::zero_);
                    ran[stage - 1] = false;
                }
            }
        }
    }

    private void bindWeights(List<TrainedStage> stages) {
        for (int i = 0; i < Math.min(stages.size(), weightArrays.size()); i++) {
            Map<Parameter, NativeArray> arrays = weightArrays.get(i);
            stages.get(i).bindWeights(arrays::get);
        }
    }

    private NativeArray ones(DType dtype, long length) {
        return ones.computeIfAbsent(new Ones(dtype, length), wanted -> {
            try (Scope scope = new Scope()) {
                NativeArray array = Scope.own(NativeArray.allocate(dtype, length));
                Tensors.shared(array).fill_(new Scalar(1));
                return array;
            }
        });
    }

    private List<TrainedStage> stages(Kind kind) {
        List<TrainedStage> known = kinds.remove(kind);
        if (known == null) {
            if (kinds.size() == KEPT) {
                kinds.remove(kinds.keySet().iterator().next()).forEach(TrainedStage::close);
            }
            known = planned(kind);
        }
        kinds.put(kind, known); // the latest comes last, and whoever is here is closed
        return known;
    }

    private List<TrainedStage> planned(Kind kind) {
        List<TrainedStage> stages = new ArrayList<>();
        try {
            for (int stage = 1; stage <= (kind.last == 0 ? network.stages() : kind.last); stage++) {
                TrainedStage planned =
                        new TrainedStage(network, stage, type, kind.images, stage != kind.last, drops, this::ones);
                stages.add(planned);
                planned.bindGradients(gradientArrays.get(stage - 1)::get);
            }
            bindWeights(stages);
            return stages;
        } catch (RuntimeException | Error e) {
            stages.forEach(TrainedStage::close);
            throw e;
        }
    }

    /** Memory that stages of all sizes share, since they run one after the other. */
    private NativeArray memory(int stage, long bytes) {
        NativeArray known = memory.get(stage - 1);
        if (known != null && known.bytes() >= bytes) {
            return known;
        }
        if (known != null) {
            memory.set(stage - 1, null);
            known.close();
        }
        try (Scope scope = new Scope()) {
            NativeArray more = Scope.own(NativeArray.allocate(DType.U8, bytes));
            memory.set(stage - 1, more);
            return more;
        }
    }

    /**
     * Runs stages 1 to {@code last} forward and backward and adds to the gradients.
     *
     * @param images (G, 3, h, w) F32
     * @param loss asked for each stage from 1; the last must have one
     * @param tokens whether it reads tokens; else those of the last stage may be missing: {@link Network#prediction}
     */
    public void backward(Tensor images, int last, StageLoss loss, boolean tokens, DropPath dropPath) {
        if (weights == null) {
            throw new IllegalStateException("no weights were brought");
        }
        if (!drops && dropPath != DropPath.NONE) {
            throw new IllegalArgumentException("these passes leave no branches out");
        }
        try (Scope scope = new Scope()) {
            List<TrainedStage> stages = stages(new Kind(Math.toIntExact(images.size(0)), tokens ? 0 : last));
            NativeArray pictures = new TorchTensor(images).array();
            List<Network.Output<Tensor>> leaves = new ArrayList<>();
            NativeArray before = null;
            Tensor total = null;
            for (int stage = 1; stage <= last; stage++) {
                TrainedStage own = stages.get(stage - 1);
                own.bind(memory(stage, own.bytes()));
                own.forward(pictures, before, dropPath, stage);
                before = own.tokens();
                Network.Output<Tensor> output = new Network.Output<>(leaf(own.tokens()), leaf(own.prediction()));
                leaves.add(output);
                Tensor ofStage = loss.of(stage, output);
                if (ofStage != null) {
                    total = total == null ? ofStage : total.add(ofStage);
                }
            }
            if (total == null) {
                throw new IllegalArgumentException("a stage that runs must have a loss");
            }
            total.backward();
            back(stages, leaves);
        }
    }

    private void back(List<TrainedStage> stages, List<Network.Output<Tensor>> leaves) {
        NativeArray ofTokens = null;
        for (int stage = leaves.size(); stage >= 1; stage--) {
            TrainedStage own = stages.get(stage - 1);
            Network.Output<Tensor> output = leaves.get(stage - 1);
            into(own.predictionGradient(), output.prediction(), false);
            NativeArray gradient = ofTokens == null ? own.tokensGradient() : ofTokens;
            into(gradient, output.tokens(), ofTokens != null);
            ran[stage - 1] = true; // in part, if it fails
            own.back(gradient);
            ofTokens = own.previousGradient();
        }
    }

    private static Tensor leaf(NativeArray array) {
        return Tensors.shared(array).set_requires_grad(true);
    }

    /** @param adds whether what is there stays, besides */
    private static void into(NativeArray array, Tensor leaf, boolean adds) {
        Tensor target = Tensors.shared(array);
        Tensor gradient = leaf.grad();
        if (!gradient.defined()) {
            if (!adds) {
                target.zero_();
            }
        } else if (adds) {
            target.add_(gradient);
        } else {
            target.copy_(gradient);
        }
    }

    /**
     * Adds the gradients found so far to those of the full parameters, and forgets them.
     *
     * @param full by parameter name, of the parameters' shapes, F32
     */
    public void addGradientsTo(Map<String, Tensor> full) {
        try (Scope scope = new Scope()) {
            for (int stage = 1; stage <= network.stages(); stage++) {
                if (!ran[stage - 1]) {
                    continue;
                }
                gradients.get(stage - 1).forEach((slice, gradient) -> {
                    Tensor target = full.get(slice.parameter().name());
                    if (target != null) {
                        slice.add(gradient, target);
                    }
                });
            }
        }
        forget();
    }

    @Override
    public void close() {
        kinds.values().forEach(stages -> stages.forEach(TrainedStage::close));
        kinds.clear();
        for (NativeArray each : memory) {
            if (each != null) {
                each.close();
            }
        }
        memory.clear();
        ones.values().forEach(NativeArray::close);
        ones.clear();
        owned.forEach(Tensor::close);
        owned.clear();
    }
}
