package dev.thinkingvit.network;

import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The weights of every stage as one training step uses them: cut out of the shared parameters and cast, once a step,
 * however many images go through them.
 *
 * <p>Several threads may work on {@link #replica replicas} of one cut at a time, each with gradients of its own. What
 * is created belongs to the innermost scope of the thread that creates it; the cut must outlive its replicas.
 *
 * <p>{@code B} images, {@code h} and {@code w} height and width of the input.
 */
public final class NestedWeights {
    private final Network network;
    private final ScalarType type;
    private final List<Map<Slice, Tensor>> stages;
    private final boolean leavesOut;

    private NestedWeights(Network network, ScalarType type, List<Map<Slice, Tensor>> stages, boolean leavesOut) {
        this.network = network;
        this.type = type;
        this.stages = stages;
        this.leavesOut = leavesOut;
    }

    /**
     * Cuts a network's parameters for all stages.
     *
     * @param parameters by name, F32, all of the network's
     * @param type of products
     */
    public static NestedWeights cut(Network network, Map<String, Tensor> parameters, ScalarType type) {
        List<Map<Slice, Tensor>> stages = new ArrayList<>();
        for (int stage = 1; stage <= network.stages(); stage++) {
            Map<Slice, Tensor> weights = new LinkedHashMap<>();
            for (Parameter parameter : network.parameters().all()) {
                Tensor full = parameters.get(parameter.name());
                if (full == null) {
                    throw new IllegalArgumentException("no tensor " + parameter.name());
                }
                if (parameter.isReadBy(stage)) {
                    Slice slice = new Slice(parameter, stage);
                    weights.put(slice, slice.cut(full, type));
                }
            }
            stages.add(weights);
        }
        return new NestedWeights(network, type, stages, false);
    }

    /**
     * The same weights, not copied, which leave tokens that have halted out instead of masking them: {@link #forward} and
     * {@link #backward} then take as much less time. Outputs and gradients are the same, but what masked tokens would have said
     * is not known: {@link Halting.Outcome#scores}.
     */
    public NestedWeights leavingOut() {
        return new NestedWeights(network, type, stages, true);
    }

    /** The same weights, not copied, with gradients of their own. */
    public NestedWeights replica() {
        List<Map<Slice, Tensor>> leaves = new ArrayList<>();
        for (Map<Slice, Tensor> weights : stages) {
            Map<Slice, Tensor> copies = new LinkedHashMap<>();
            weights.forEach((slice, weight) -> copies.put(slice, weight.detach().set_requires_grad(true)));
            leaves.add(copies);
        }
        return new NestedWeights(network, type, leaves, leavesOut);
    }

    /**
     * Runs stages 1 to {@code last}.
     *
     * @param images (B, 3, h, w) F32
     * @param dropPath which residual branches are skipped
     * @return the output of each stage, in order, with what only a training asks for
     */
    public List<Network.Output<Tensor>> forward(Tensor images, int last, DropPath dropPath) {
        return forward(images, last, true, dropPath, null, null);
    }

    /** @param tokens whether somebody reads those of the last stage */
    private List<Network.Output<Tensor>> forward(
            Tensor images,
            int last,
            boolean tokens,
            DropPath dropPath,
            @Nullable Gumbel noise,
            RecomputedLayers.@Nullable Pass pass) {
        List<Network.Output<Tensor>> outputs = new ArrayList<>();
        Tensor recycled = null;
        for (int stage = 1; stage <= last; stage++) {
            Tensor previous = network.ports(stage).previous() == null ? null : recycled;
            TorchLayers layers = layers(stage, dropPath, noise, pass, leavesOut);
            Network.Output<Tensor> output = layers.outward(
                    tokens || stage < last
                            ? network.stage(layers, stage, images, previous)
                            : network.prediction(layers, stage, images, previous));
            outputs.add(output);
            recycled = output.tokens();
        }
        return outputs;
    }

    /**
     * Runs one stage alone, as inference does: tokens that have halted are left out.
     *
     * @param images (B, 3, h, w) F32
     * @param previous what the stage before left; null in the first
     */
    public Network.Output<Tensor> stage(int stage, Tensor images, @Nullable Tensor previous) {
        TorchLayers layers = layers(stage, DropPath.NONE, null, null, true);
        return layers.outward(network.stage(layers, stage, images, previous)).within(network.ports(stage));
    }

    /** What a stage reads. */
    Map<Slice, Tensor> ofStage(int stage) {
        return stages.get(stage - 1);
    }

    /** The cut weights of all stages. */
    public Stream<Tensor> tensors() {
        return stages.stream().flatMap(weights -> weights.values().stream());
    }

    /** As below, of a network that chooses no tokens. */
    public void backward(Tensor images, int last, StageLoss loss, DropPath dropPath, boolean checkpointing) {
        backward(images, last, loss, true, dropPath, null, checkpointing);
    }

    /**
     * Runs stages 1 to {@code last} forward and backward and adds to the gradients of these weights.
     *
     * @param images (B, 3, h, w) F32
     * @param loss asked for each stage from 1; the last must have one
     * @param tokens whether it reads tokens; else those of the last stage may be missing: {@link Network#prediction}
     * @param noise by which tokens are chosen, in networks that choose some; null for inference's choices, which have no
     *     gradient
     * @param checkpointing whether blocks are computed again on the way back: see {@link RecomputedLayers}
     */
    public void backward(
            Tensor images,
            int last,
            StageLoss loss,
            boolean tokens,
            DropPath dropPath,
            @Nullable Gumbel noise,
            boolean checkpointing) {
        RecomputedLayers.Pass pass = checkpointing ? new RecomputedLayers.Pass() : null;
        List<Network.Output<Tensor>> outputs = forward(images, last, tokens, dropPath, noise, pass);
        Tensor total = null;
        for (int stage = 1; stage <= last; stage++) {
            Tensor own = loss.of(stage, outputs.get(stage - 1));
            total = total == null || own == null ? (own == null ? total : own) : total.add(own);
        }
        if (total == null) {
            throw new IllegalArgumentException("a stage that runs must have a loss");
        }
        if (pass == null) {
            total.backward();
        } else {
            pass.backward(total);
        }
    }

    /**
     * Adds the gradients found so far to those of the full parameters, and forgets them.
     *
     * @param gradients by parameter name, of the parameters' shapes, F32
     */
    public void addGradientsTo(Map<String, Tensor> gradients) {
        try (Scope scope = new Scope();
                NoGradGuard guard = new NoGradGuard()) {
            for (Map<Slice, Tensor> weights : stages) {
                weights.forEach((slice, weight) -> {
                    Tensor gradient = weight.grad();
                    Tensor full = gradients.get(slice.parameter().name());
                    if (gradient.defined() && full != null) {
                        slice.add(gradient, full);
                        weight.mutable_grad().reset();
                    }
                });
            }
        }
    }

    private TorchLayers layers(
            int stage,
            DropPath dropPath,
            @Nullable Gumbel noise,
            RecomputedLayers.@Nullable Pass pass,
            boolean leavesOut) {
        IdentityHashMap<Parameter, Tensor> weights = new IdentityHashMap<>();
        stages.get(stage - 1).forEach((slice, weight) -> weights.put(slice.parameter(), weight));
        TorchLayers.Branches branches = (branch, block, which) -> dropPath.apply(branch, stage, block, which);
        Choices choices = noise == null ? null : new Choices(noise, stage);
        return pass == null
                ? new TorchLayers(weights, type, branches, choices, leavesOut)
                : new RecomputedLayers(weights, type, branches, choices, leavesOut, pass);
    }
}
