package dev.thinkingvit.network;

import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * {@link TorchLayers} that keep only each block's input and compute the block again on the way back (Chen et al.,
 * "Training Deep Nets with Sublinear Memory Cost", 2016): a fraction of the memory for a third more time.
 */
final class RecomputedLayers extends TorchLayers {
    private final List<Segment> segments;

    /**
     * A block as it ran.
     *
     * @param input with what led to it
     * @param body the block
     * @param output cut off from what led to it
     */
    private record Segment(Tensor input, UnaryOperator<Tensor> body, Tensor output) {}

    /** The blocks of a pass, in the order in which they ran. */
    static final class Pass {
        private final List<Segment> segments = new ArrayList<>();

        /** Goes all the way back from a sum of losses. */
        void backward(Tensor total) {
            descend(total, new Tensor());
            for (int i = segments.size() - 1; i >= 0; i--) {
                Segment segment = segments.get(i);
                try (Scope scope = new Scope()) {
                    Tensor input = leaf(segment.input);
                    descend(segment.body.apply(input), gradientOf(segment.output));
                    segment.output.mutable_grad().reset();
                    descend(segment.input, gradientOf(input));
                }
            }
        }
    }

    RecomputedLayers(
            IdentityHashMap<Parameter, Tensor> weights,
            ScalarType type,
            Branches branches,
            @Nullable Choices choices,
            boolean leavesOut,
            Pass pass) {
        super(weights, type, branches, choices, leavesOut);
        this.segments = pass.segments;
    }

    @Override
    Tensor run(Tensor x, UnaryOperator<Tensor> body) {
        Tensor output;
        try (NoGradGuard guard = new NoGradGuard();
                Scope scope = new Scope()) {
            output = scope.keep(body.apply(x));
        }
        output.set_requires_grad(true);
        segments.add(new Segment(x, body, output));
        return output;
    }

    private static Tensor leaf(Tensor value) {
        return value.detach().set_requires_grad(true);
    }

    /** Goes back from an output whose gradient is known; what lies between blocks is passed several times. */
    private static void descend(Tensor output, Tensor gradient) {
        output.backward(gradient, new BoolOptional(true), false, new TensorArrayRefOptional());
    }

    /** The gradient of a leaf; the binding's own answer goes with the leaf. */
    private static Tensor gradientOf(Tensor leaf) {
        return new Tensor(leaf.grad());
    }
}
