package dev.thinkingvit.model;

import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The weights of every stage as one training step uses them: cut out of the shared parameters and cast, once a step,
 * however many images go through them.
 *
 * <p>Several threads may work on {@link #replica replicas} of one cut at a time, each with gradients of its own. What
 * is created belongs to the innermost scope of the thread that creates it; the cut must outlive its replicas.
 *
 * <p>{@code B} images, {@code S} input size, {@code N} tokens, {@code d} width of a stage.
 */
public final class NestedWeights {
    private final ThinkingViTConfig config;
    private final Precision precision;
    private final List<Map<NestedSlice, Tensor>> stages;

    private NestedWeights(ThinkingViTConfig config, Precision precision, List<Map<NestedSlice, Tensor>> stages) {
        this.config = config;
        this.precision = precision;
        this.stages = stages;
    }

    static NestedWeights cut(ThinkingViTConfig config, Map<String, Tensor> parameters, Precision precision) {
        List<Map<NestedSlice, Tensor>> stages = new ArrayList<>();
        for (int stage = 1; stage <= config.stages(); stage++) {
            Map<NestedSlice, Tensor> weights = new LinkedHashMap<>();
            for (Map.Entry<String, Tensor> parameter : parameters.entrySet()) {
                NestedSlice slice = new NestedSlice(config, stage, parameter.getKey());
                if (slice.isRead()) {
                    weights.put(slice, slice.cut(parameter.getValue(), precision));
                }
            }
            stages.add(weights);
        }
        return new NestedWeights(config, precision, stages);
    }

    /** The same weights, not copied, with gradients of their own. */
    public NestedWeights replica() {
        List<Map<NestedSlice, Tensor>> leaves = new ArrayList<>();
        for (Map<NestedSlice, Tensor> weights : stages) {
            Map<NestedSlice, Tensor> copies = new LinkedHashMap<>();
            weights.forEach((slice, weight) -> copies.put(slice, weight.detach().set_requires_grad(true)));
            leaves.add(copies);
        }
        return new NestedWeights(config, precision, leaves);
    }

    /**
     * Runs stages 1 to {@code last}.
     *
     * @param images (B, 3, S, S) F32
     * @param dropPath which residual branches are skipped
     * @return the output of each stage, in order
     */
    public List<StageOutput> forward(Tensor images, int last, DropPath dropPath) {
        List<StageOutput> outputs = new ArrayList<>();
        Tensor patches = patches(images);
        Tensor recycled = null;
        for (int stage = 1; stage <= last; stage++) {
            StageOutput output = view(stage, dropPath).forward(patches, recycled);
            outputs.add(output);
            recycled = output.tokens();
        }
        return outputs;
    }

    /** Runs one stage alone; see {@link Backbone#run}. */
    StageOutput stage(int stage, Tensor images, @Nullable Tensor previousTokens) {
        return view(stage, DropPath.NONE).forward(patches(images), previousTokens);
    }

    /** The cut weights of all stages. */
    Stream<Tensor> tensors() {
        return stages.stream().flatMap(weights -> weights.values().stream());
    }

    /**
     * Runs stages 1 to {@code last} forward and backward and adds to the gradients of these weights.
     *
     * @param images (B, 3, S, S) F32
     * @param loss asked for each stage from 1; the last must have one
     * @param checkpointing keep only each block's input and compute the block again on the way back (Chen et al.,
     *     2016): a fraction of the memory for a third more time
     */
    public void backward(Tensor images, int last, StageLoss loss, DropPath dropPath, boolean checkpointing) {
        if (checkpointing) {
            recomputing(images, last, loss, dropPath);
            return;
        }
        List<StageOutput> outputs = forward(images, last, dropPath);
        Tensor total = null;
        for (int stage = 1; stage <= last; stage++) {
            total = sum(total, loss.of(stage, outputs.get(stage - 1).logits()));
        }
        if (total != null) {
            total.backward();
        }
    }

    private void recomputing(Tensor images, int last, StageLoss loss, DropPath dropPath) {
        Tensor patches = patches(images);
        List<BlockInputs> kept = new ArrayList<>();
        try (NoGradGuard guard = new NoGradGuard()) {
            Tensor recycled = null;
            for (int stage = 1; stage <= last; stage++) {
                BlockInputs inputs = BlockInputs.of(view(stage, dropPath), config.depth(), patches, recycled);
                kept.add(inputs);
                recycled = inputs.tokens();
            }
        }
        Tensor tokensGradient = null; // what the stage after wants of this one's tokens
        for (int stage = last; stage >= 1; stage--) {
            Tensor recycled =
                    stage == 1 ? null : kept.get(stage - 2).tokens().detach().set_requires_grad(true);
            backward(view(stage, dropPath), stage, kept.get(stage - 1), patches, recycled, loss, tokensGradient);
            tokensGradient = recycled == null ? null : gradientOf(recycled);
        }
    }

    private void backward(
            StageView view,
            int stage,
            BlockInputs kept,
            Tensor patches,
            @Nullable Tensor recycled,
            StageLoss loss,
            @Nullable Tensor tokensGradient) {
        Tensor x = leaf(kept.inputs().get(config.depth()));
        StageOutput output = view.finish(x);
        Tensor recyclings = tokensGradient == null
                ? null
                : output.tokens().mul(tokensGradient).to(ScalarType.Float).sum();
        Tensor total = sum(loss.of(stage, output.logits()), recyclings);
        if (total == null) {
            throw new IllegalArgumentException("the last stage that runs must have a loss");
        }
        total.backward();
        Tensor gradient = gradientOf(x);
        for (int block = config.depth() - 1; block >= 0; block--) {
            try (Scope scope = new Scope()) {
                Tensor input = leaf(kept.inputs().get(block));
                descend(view.block(input, block), gradient);
                gradient = scope.keep(gradientOf(input));
            }
        }
        descend(view.embed(patches, recycled), gradient);
    }

    private static @Nullable Tensor sum(@Nullable Tensor a, @Nullable Tensor b) {
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        return a.add(b);
    }

    private static Tensor leaf(Tensor value) {
        return value.detach().set_requires_grad(true);
    }

    /** Goes back from an output whose gradient is known. */
    private static void descend(Tensor output, Tensor gradient) {
        output.backward(gradient, new BoolOptional(), false, new TensorArrayRefOptional());
    }

    /** The gradient of a leaf; the binding's own answer goes with the leaf. */
    private static Tensor gradientOf(Tensor leaf) {
        return new Tensor(leaf.grad());
    }

    /** What is kept of a stage's way forward: the input of each block and of the final norm, and the tokens. */
    private record BlockInputs(List<Tensor> inputs, Tensor tokens) {
        static BlockInputs of(StageView view, int depth, Tensor patches, @Nullable Tensor recycled) {
            List<Tensor> inputs = new ArrayList<>();
            Tensor x = view.embed(patches, recycled);
            inputs.add(x);
            for (int block = 0; block < depth; block++) {
                try (Scope scope = new Scope()) {
                    x = scope.keep(view.block(x, block));
                }
                inputs.add(x);
            }
            return new BlockInputs(inputs, view.finish(x).tokens());
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
            for (Map<NestedSlice, Tensor> weights : stages) {
                weights.forEach((slice, weight) -> {
                    Tensor gradient = weight.grad();
                    Tensor full = gradients.get(slice.name());
                    if (gradient.defined() && full != null) {
                        slice.add(gradient, full);
                        weight.mutable_grad().reset();
                    }
                });
            }
        }
    }

    private Tensor patches(Tensor images) {
        return Layers.patchify(images, config).to(precision.type()); // (B, N-1, 3p²)
    }

    private StageView view(int stage, DropPath dropPath) {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        stages.get(stage - 1).forEach((slice, weight) -> weights.put(slice.name(), weight));
        return new StageView(config, weights, stage, dropPath);
    }
}
