package dev.thinkingvit.train;

import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * AdamW (Loshchilov and Hutter, 2019) over named parameters, in libtorch's fused kernel: one pass over all values.
 * Weight decay spares tensors of at most one dimension, biases, {@code pos_embed} and {@code cls_token}.
 *
 * <p>Owns its state; close it.
 */
public final class AdamW implements AutoCloseable {
    /**
     * @param beta1 decay of the first moment
     * @param beta2 decay of the second moment
     * @param eps added to the denominator
     * @param weightDecay decoupled decay per unit of learning rate
     */
    public record Options(double beta1, double beta2, double eps, double weightDecay) {
        /** The published recipe's. */
        public static final Options RECIPE = new Options(0.9, 0.999, 1e-8, 0.05);
    }

    private static final Operator FUSED = Operator.find("aten::_fused_adamw_", "");

    private static final Scalar ONE = Scope.own(new Scalar(1.0));

    private final Options options;
    private final List<Share> shares = new ArrayList<>();
    private final Map<String, Tensor> state = new LinkedHashMap<>();

    /** Parameters that are updated together. */
    private static final class Share {
        final Group decayed = new Group();
        final Group spared = new Group();
        long values;
    }

    /** Parameters of one weight decay with their state, in the order the kernel takes them. */
    private static final class Group {
        final List<Tensor> parameters = new ArrayList<>();
        final List<Tensor> gradients = new ArrayList<>();
        final List<Tensor> firstMoments = new ArrayList<>();
        final List<Tensor> secondMoments = new ArrayList<>();
        final List<Tensor> steps = new ArrayList<>();
    }

    /**
     * @param parameters F32; kept, not owned
     * @param gradients of each parameter, of its shape; kept, not owned
     * @param shares into which the parameters are divided, about equally large
     */
    AdamW(Map<String, Tensor> parameters, Map<String, Tensor> gradients, Options options, int shares) {
        this.options = options;
        for (int i = 0; i < shares; i++) {
            this.shares.add(new Share());
        }
        parameters.forEach((name, parameter) -> {
            Share share = Collections.min(this.shares, Comparator.comparingLong((Share other) -> other.values));
            share.values += parameter.numel();
            Group group = isDecayed(name, parameter) ? share.decayed : share.spared;
            try (Scope scope = new Scope()) {
                group.parameters.add(parameter);
                group.gradients.add(gradients.get(name));
                group.firstMoments.add(zerosLike(name + ".exp_avg", parameter));
                group.secondMoments.add(zerosLike(name + ".exp_avg_sq", parameter));
                group.steps.add(zerosLike(name + ".step", parameter.flatten().select(0, 0)));
            }
        });
    }

    /** Whether weight decay applies to a parameter. */
    public static boolean isDecayed(String name, Tensor parameter) {
        return parameter.dim() > 1 && !name.endsWith(".bias") && !name.equals("pos_embed") && !name.equals("cls_token");
    }

    /**
     * One update of a share of the parameters from the gradients as they are. Different shares may be updated by
     * different threads at a time.
     *
     * @param share from 0
     * @param learningRate of this step
     */
    void step(int share, double learningRate) {
        update(shares.get(share).decayed, learningRate, options.weightDecay());
        update(shares.get(share).spared, learningRate, 0);
    }

    /** The state by {@code parameter.exp_avg}, {@code .exp_avg_sq} and {@code .step}; the optimizer keeps owning it. */
    public Map<String, Tensor> state() {
        return state;
    }

    @Override
    public void close() {
        state.values().forEach(Tensor::close);
    }

    private Tensor zerosLike(String name, Tensor like) {
        Tensor zeros = Scope.own(torch.zeros_like(like));
        state.put(name, zeros);
        return zeros;
    }

    private void update(Group group, double learningRate, double weightDecay) {
        if (group.parameters.isEmpty()) {
            return;
        }
        try (Scope scope = new Scope()) {
            group.steps.forEach(step -> step.add_(ONE)); // the kernel expects the number of this update
            FUSED.run(
                    FUSED.list(0, group.parameters),
                    FUSED.list(1, group.gradients),
                    FUSED.list(2, group.firstMoments),
                    FUSED.list(3, group.secondMoments),
                    FUSED.list(4, List.of()),
                    FUSED.list(5, group.steps),
                    new IValue(learningRate),
                    new IValue(options.beta1()),
                    new IValue(options.beta2()),
                    new IValue(weightDecay),
                    new IValue(options.eps()),
                    new IValue(false),
                    new IValue(false),
                    new IValue(),
                    new IValue());
        }
    }
}
