package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.positive;
import static dev.thinkingvit.train.RecipeChecks.require;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batches, and how weights follow gradients. Keys are timm's; see {@link Recipe}.
 *
 * @param batchSize images of an update, over all processes
 * @param gradAccumSteps parts in which they are loaded and computed; bounds memory
 * @param opt which optimizer
 * @param lr peak learning rate; null for {@code lrBase} per {@code lrBaseSize} images
 * @param lrBase see {@code lr}
 * @param lrBaseSize see {@code lr}
 * @param lrBaseScale how the learning rate grows with the batch, where {@code lr} is null
 * @param weightDecay see {@link Opt}; spared by vectors, biases, {@code pos_embed} and {@code cls_token}
 * @param optBetas AdamW's decay of the first and the second moment
 * @param optEps AdamW's, added to the denominator
 * @param momentum of SGD
 * @param layerDecay factor of the learning rate from a layer to the one before it; null for none
 * @param clipGrad largest norm of all gradients together; null for any
 * @param trainRecycling whether what recycles tokens learns; where it starts anew and does not, alpha stays 0, and every stage
 *     sees the picture alone
 */
public record OptimizerRecipe(
        int batchSize,
        int gradAccumSteps,
        Opt opt,
        @Nullable Double lr,
        double lrBase,
        int lrBaseSize,
        Scaling lrBaseScale,
        double weightDecay,
        List<Double> optBetas,
        double optEps,
        double momentum,
        @Nullable Double layerDecay,
        @Nullable Double clipGrad,
        boolean trainRecycling) {
    private static final List<Double> BETAS = List.of(0.9, 0.999);
    private static final double EPS = 1e-8;
    private static final double MOMENTUM = 0.9;

    /** See {@link Recipe#DEFAULT}. */
    static final OptimizerRecipe DEFAULT = new OptimizerRecipe(
            128, 1, Opt.ADAMW, null, 5e-4, 512, Scaling.LINEAR, 0.05, BETAS, EPS, MOMENTUM, null, null, true);

    /** The optimizers, by timm's names. */
    public enum Opt {
        /** AdamW; weight decay is decoupled from the gradient. */
        @JsonProperty("adamw")
        ADAMW,
        /** SGD with Nesterov's momentum; weight decay is added to the gradient. */
        @JsonProperty("sgd")
        SGD,
        /** SGD with plain momentum; weight decay is added to the gradient. */
        @JsonProperty("momentum")
        MOMENTUM
    }

    /** How a learning rate grows with the images of an update. */
    public enum Scaling {
        @JsonProperty("linear")
        LINEAR,
        /** With their square root. */
        @JsonProperty("sqrt")
        SQRT
    }

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
        require(momentum >= 0 && momentum < 1, "momentum must lie in [0, 1), got " + momentum);
        require(
                layerDecay == null || (layerDecay > 0 && layerDecay <= 1),
                "layer_decay must lie in (0, 1], got " + layerDecay);
        positive("clip_grad", clipGrad == null ? 1 : clipGrad);
        requireFitting(opt, optBetas, optEps, momentum);
    }

    /** A value that the optimizer would not look at was meant for another one. */
    private static void requireFitting(Opt opt, List<Double> optBetas, double optEps, double momentum) {
        if (opt == Opt.ADAMW) {
            require(
                    momentum == MOMENTUM,
                    "momentum " + momentum + " has no effect on opt adamw, whose moments opt_betas says; leave it out,"
                            + " or choose opt sgd or momentum");
            return;
        }
        String name = opt == Opt.SGD ? "sgd" : "momentum";
        require(
                optBetas.equals(BETAS) && optEps == EPS,
                "opt_betas and opt_eps are of opt adamw and have no effect on opt " + name + ", got " + optBetas
                        + " and " + optEps + "; leave them at " + BETAS + " and " + EPS);
        require(
                opt != Opt.SGD || momentum > 0,
                "opt sgd is SGD with Nesterov's momentum and needs a momentum above 0, got " + momentum
                        + "; opt momentum with momentum 0 is plain SGD");
    }

    /** The peak learning rate. */
    public double peakLr() {
        if (lr != null) {
            return lr;
        }
        double ratio = (double) batchSize / lrBaseSize;
        return lrBaseScale == Scaling.SQRT ? lrBase * Math.sqrt(ratio) : lrBase * batchSize / lrBaseSize;
    }

    /** What AdamW needs of this. */
    public AdamW.Options adamW() {
        return new AdamW.Options(optBetas.get(0), optBetas.get(1), optEps, weightDecay);
    }

    Sgd.Options sgd() {
        return new Sgd.Options(momentum, opt == Opt.SGD, weightDecay);
    }
}
