package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.positive;
import static dev.thinkingvit.train.RecipeChecks.require;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batches, and how weights follow gradients. Keys are timm's; see {@link Recipe}.
 *
 * @param batchSize images of an update, over all processes
 * @param gradAccumSteps parts in which they are loaded and computed; bounds memory
 * @param lr peak learning rate; null for {@code lrBase} per {@code lrBaseSize} images
 * @param lrBase see {@code lr}
 * @param lrBaseSize see {@code lr}
 * @param weightDecay decoupled, spared by vectors, biases, {@code pos_embed} and {@code cls_token}
 * @param optBetas decay of the first and the second moment
 * @param optEps added to the denominator
 * @param clipGrad largest norm of all gradients together; null for any
 */
public record OptimizerRecipe(
        int batchSize,
        int gradAccumSteps,
        @Nullable Double lr,
        double lrBase,
        int lrBaseSize,
        double weightDecay,
        List<Double> optBetas,
        double optEps,
        @Nullable Double clipGrad) {
    /** See {@link Recipe#DEFAULT}. */
    static final OptimizerRecipe DEFAULT =
            new OptimizerRecipe(128, 1, null, 5e-4, 512, 0.05, List.of(0.9, 0.999), 1e-8, null);

    public OptimizerRecipe {
        require(batchSize >= 1, "batch_size must be at least 1, got " + batchSize);
        require(
                gradAccumSteps >= 1 && batchSize % gradAccumSteps == 0,
                "grad_accum_steps must divide batch_size " + batchSize + ", got " + gradAccumSteps);
        positive("lr", lr == null ? lrBase : lr);
        positive("lr_base", lrBase);
        require(lrBaseSize >= 1, "lr_base_size must be at least 1, got " + lrBaseSize);
        require(weightDecay >= 0 && weightDecay < 1, "weight_decay must lie in [0, 1), got " + weightDecay);
        optBetas = List.copyOf(optBetas);
        require(
                optBetas.size() == 2 && optBetas.stream().allMatch(beta -> beta >= 0 && beta < 1),
                "opt_betas must be two numbers in [0, 1), got " + optBetas);
        positive("opt_eps", optEps);
        positive("clip_grad", clipGrad == null ? 1 : clipGrad);
    }

    /** The peak learning rate. */
    public double peakLr() {
        return lr != null ? lr : lrBase * batchSize / lrBaseSize;
    }

    AdamW.Options adamW() {
        return new AdamW.Options(optBetas.get(0), optBetas.get(1), optEps, weightDecay);
    }
}
