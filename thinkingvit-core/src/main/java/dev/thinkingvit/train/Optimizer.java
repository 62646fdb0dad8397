package dev.thinkingvit.train;

import dev.thinkingvit.network.Parameters;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Updates named parameters from their gradients, a share at a time, and keeps what it remembers of them. Close it. */
sealed interface Optimizer extends AutoCloseable permits AdamW, Sgd {
    /**
     * The optimizer of a recipe.
     *
     * @param declared what the parameters are
     * @param parameters F32; kept, not owned
     * @param gradients of each parameter, of its shape; kept, not owned
     * @param shares into which the parameters are divided, about equally large
     */
    static Optimizer of(
            Recipe recipe,
            Parameters declared,
            Map<String, Tensor> parameters,
            Map<String, Tensor> gradients,
            int shares) {
        ParameterGroups groups = ParameterGroups.of(
                declared,
                parameters,
                recipe.optimizer().layerDecay(),
                recipe.pruning().trainEmbeddings(),
                recipe.optimizer().trainRecycling(),
                shares);
        return switch (recipe.optimizer().opt()) {
            case ADAMW -> new AdamW(groups, gradients, recipe.optimizer().adamW());
            case SGD, MOMENTUM -> new Sgd(groups, gradients, recipe.optimizer().sgd());
        };
    }

    /**
     * One update of a share of the parameters from the gradients as they are. Different shares may be updated by
     * different threads at a time.
     *
     * @param share from 0
     * @param learningRate of this step
     * @param backbone that of all but {@linkplain ParameterGroups.Pace#PREDICTOR predictors}
     */
    void step(int share, double learningRate, double backbone);

    /** What is remembered, by parameter name, a dot and the field's name for it; the optimizer keeps owning it. */
    Map<String, Tensor> state();

    @Override
    void close();
}
