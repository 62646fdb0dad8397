package dev.thinkingvit.train;

import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
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
 * <p>Owns its state; close it. Not safe for use by several threads at once.
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
    private final Group decayed = new Group();
    private final Group spared = new Group();
    private final Map<String, Tensor> state = new LinkedHashMap<>();

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
     */
    public AdamW(Map<String, Tensor> parameters, Map<String, Tensor> gradients, Options options) {
        this.options = options;
        parameters.forEach((name, parameter) -> {
            Group group = isDecayed(name, parameter) ? decayed : spared;
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
     * One update from the gradients as they are.
     *
     * @param learningRate of this step
     */
    public void step(double learningRate) {
        update(decayed, learningRate, options.weightDecay());
        update(spared, learningRate, 0);
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
