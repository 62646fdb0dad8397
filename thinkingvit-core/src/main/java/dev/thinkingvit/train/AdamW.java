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
 *
 * <p>Owns its state; close it.
 */
public final class AdamW implements Optimizer {
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

    private static final Operator ADD = Operator.find("aten::_foreach_add_", "Scalar");

    private static final Scalar ONE = Scope.own(new Scalar(1.0));

    private final Options options;
    private final List<List<Group>> shares = new ArrayList<>();
    private final Map<String, Tensor> state = new LinkedHashMap<>();

    /** Parameters that are treated alike, with their state, in the order the kernel takes them. */
    private static final class Group {
        final ParameterGroups.Treatment treatment;
        final List<Tensor> parameters = new ArrayList<>();
        final List<Tensor> gradients = new ArrayList<>();
        final List<Tensor> firstMoments = new ArrayList<>();
        final List<Tensor> secondMoments = new ArrayList<>();
        final List<Tensor> steps = new ArrayList<>();

        Group(ParameterGroups.Treatment treatment) {
            this.treatment = treatment;
        }
    }

    /**
     * @param groups of F32 parameters; kept, not owned
     * @param gradients of each parameter, of its shape; kept, not owned
     */
    AdamW(ParameterGroups groups, Map<String, Tensor> gradients, Options options) {
        this.options = options;
        for (List<ParameterGroups.Group> share : groups.shares()) {
            shares.add(share.stream().map(group -> withState(group, gradients)).toList());
        }
    }

    private Group withState(ParameterGroups.Group of, Map<String, Tensor> gradients) {
        Group group = new Group(of.treatment());
        of.parameters().forEach((name, parameter) -> {
            try (Scope scope = new Scope()) {
                group.parameters.add(parameter);
                group.gradients.add(gradients.get(name));
                group.firstMoments.add(zerosLike(name + ".exp_avg", parameter));
                group.secondMoments.add(zerosLike(name + ".exp_avg_sq", parameter));
                group.steps.add(zerosLike(name + ".step", parameter.flatten().select(0, 0)));
            }
        });
        return group;
    }

    @Override
    public void step(int share, double learningRate, double backbone) {
        for (Group group : shares.get(share)) {
            try (Scope scope = new Scope()) {
                ADD.run(ADD.list(0, group.steps), new IValue(ONE)); // the kernel expects the number of this update
                FUSED.run(
                        FUSED.list(0, group.parameters),
                        FUSED.list(1, group.gradients),
                        FUSED.list(2, group.firstMoments),
                        FUSED.list(3, group.secondMoments),
                        FUSED.list(4, List.of()),
                        FUSED.list(5, group.steps),
                        new IValue(group.treatment.rate(learningRate, backbone)),
                        new IValue(options.beta1()),
                        new IValue(options.beta2()),
                        new IValue(group.treatment.decayed() ? options.weightDecay() : 0),
                        new IValue(options.eps()),
                        new IValue(false),
                        new IValue(false),
                        new IValue(),
                        new IValue());
            }
        }
    }

    /** By {@code parameter.exp_avg}, {@code .exp_avg_sq} and {@code .step}. */
    @Override
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
}
