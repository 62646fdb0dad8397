package dev.thinkingvit.train;

import dev.thinkingvit.tensor.Operator;
import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Stochastic gradient descent as PyTorch's {@code SGD} does it, in libtorch's fused kernel: weight decay is added to
 * the gradient, the momentum gathers the sum without dampening, and Nesterov's form looks a step ahead.
 *
 * <p>Owns its state; close it.
 */
final class Sgd implements Optimizer {
    /**
     * @param momentum share of the last step that is taken again, [0, 1)
     * @param nesterov whether the step looks ahead; needs a momentum
     * @param weightDecay L2 penalty, coupled with the gradient
     */
    record Options(double momentum, boolean nesterov, double weightDecay) {}

    private static final Operator FUSED = Operator.find("aten::_fused_sgd_", "");

    private final Options options;
    private final List<List<Group>> shares = new ArrayList<>();
    private final Map<String, Tensor> state = new LinkedHashMap<>();

    /** Parameters that are treated alike, with their state, in the order the kernel takes them. */
    private static final class Group {
        final ParameterGroups.Treatment treatment;
        final List<Tensor> parameters = new ArrayList<>();
        final List<Tensor> gradients = new ArrayList<>();
        final List<Tensor> momenta = new ArrayList<>();

        Group(ParameterGroups.Treatment treatment) {
            this.treatment = treatment;
        }
    }

    /**
     * @param groups of F32 parameters; kept, not owned
     * @param gradients of each parameter, of its shape; kept, not owned
     */
    Sgd(ParameterGroups groups, Map<String, Tensor> gradients, Options options) {
        this.options = options;
        for (List<ParameterGroups.Group> share : groups.shares()) {
            shares.add(share.stream().map(group -> withState(group, gradients)).toList());
        }
    }

    private Group withState(ParameterGroups.Group of, Map<String, Tensor> gradients) {
        Group group = new Group(of.treatment());
        of.parameters().forEach((name, parameter) -> {
            group.parameters.add(parameter);
            group.gradients.add(gradients.get(name));
            if (options.momentum() > 0) {
                try (Scope scope = new Scope()) {
                    // from zero the first step is the gradient itself, as PyTorch begins
                    Tensor momentum = Scope.own(torch.zeros_like(parameter));
                    state.put(name + ".momentum_buffer", momentum);
                    group.momenta.add(momentum);
                }
            }
        });
        return group;
    }

    @Override
    public void step(int share, double learningRate, double backbone) {
        for (Group group : shares.get(share)) {
            try (Scope scope = new Scope()) {
                FUSED.run(
                        FUSED.list(0, group.parameters),
                        FUSED.list(1, group.gradients),
                        FUSED.list(2, group.momenta),
                        new IValue(group.treatment.decayed() ? options.weightDecay() : 0),
                        new IValue(options.momentum()),
                        new IValue(group.treatment.rate(learningRate, backbone)),
                        new IValue(0.0), // dampening
                        new IValue(options.nesterov()),
                        new IValue(false), // maximize
                        new IValue(false), // is_first_step: the buffers hold zeros already
                        new IValue(),
                        new IValue());
            }
        }
    }

    /** By {@code parameter.momentum_buffer}; empty without momentum. */
    @Override
    public Map<String, Tensor> state() {
        return state;
    }

    @Override
    public void close() {
        state.values().forEach(Tensor::close);
    }
}
