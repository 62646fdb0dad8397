package dev.thinkingvit.train;

import dev.thinkingvit.model.MaskReadout;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.TokenPruning;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a training descends on in each stage: what the stage leaves, held to what is wanted of the images. The
 * {@link Trainer} weighs the stages, and knows nothing else of targets.
 *
 * <p>{@code B} images, {@code n} values of an image's target; the C classes' shares in {@link #of(Recipe)}.
 */
@FunctionalInterface
public interface Objective {
    /**
     * The loss of a few images at a stage. Called by several threads at a time, each with images of its own.
     *
     * @param output what the stage leaves of B images, with gradients
     * @param wanted of the same images
     */
    Loss of(Network.Output<Tensor> output, Wanted wanted);

    /**
     * What is wanted of B images.
     *
     * @param targets (B, n) F32, as the batch has them
     * @param taught what the teacher says of them, (B, C) F32 without gradient; null where none is asked
     * @param taughtTokens the teacher's patches after its last stage, (B, n, d) F32 without gradient; null where nobody
     *     {@linkplain #asksForTokens asks for them}
     */
    record Wanted(
            Tensor targets,
            @Nullable Tensor taught,
            @Nullable Tensor taughtTokens) {
        /** Where nobody asks for the teacher's tokens. */
        public Wanted(Tensor targets, @Nullable Tensor taught) {
            this(targets, taught, null);
        }
    }

    /**
     * Scalars, summed over the images.
     *
     * @param total what is descended on; it must depend on the output
     * @param taught the teacher's part of it, before its weight; null where none was asked
     * @param beside what is descended on besides, whatever the stage's weight; null for nothing
     */
    record Loss(
            Tensor total, @Nullable Tensor taught, @Nullable Tensor beside) {
        /** Of which everything has the stage's weight. */
        public Loss(Tensor total, @Nullable Tensor taught) {
            this(total, taught, null);
        }
    }

    /** Whether {@link #of} reads the tokens of a stage; else those of the last may be missing, to save time. */
    default boolean readsTokens() {
        return true;
    }

    /** Whether a teacher is to give its tokens besides. */
    default boolean asksForTokens() {
        return false;
    }

    /** What a recipe descends on with such a network; where it asks for nothing of its own, {@link #of(Recipe)}. */
    static Objective of(Recipe recipe, NetworkConfig config) {
        TokenPruning pruning = config.pruning();
        if (pruning != null) {
            return new PruningObjective(pruning, recipe.pruning());
        }
        return config.readout() instanceof MaskReadout pixels ? new PixelTargets(pixels, recipe) : of(recipe);
    }

    /**
     * A recipe's: cross entropy with soft targets, in nats, and a teacher's part in it if it has one; of tokens
     * that halt {@link HaltingLoss}.
     */
    static Objective of(Recipe recipe) {
        Objective task = new ClassTargets(recipe.distillation());
        return recipe.halting().weighs() ? new HaltingLoss(recipe.halting(), task) : task;
    }

    /** Cross entropy with soft targets, and a teacher's part in it. */
    record ClassTargets(DistillationRecipe distillation) implements Objective {
        @Override
        public Loss of(Network.Output<Tensor> output, Wanted wanted) {
            Tensor labels = SoftTargets.crossEntropy(output.prediction(), wanted.targets());
            if (wanted.taught() == null) {
                return new Loss(labels, null);
            }
            double alpha = distillation.distillationAlpha();
            Tensor taught = Distillation.loss(distillation, output.prediction(), wanted.taught());
            return new Loss(labels.mul(new Scalar(1 - alpha)).add(taught.mul(new Scalar(alpha))), taught);
        }

        @Override
        public boolean readsTokens() {
            return false;
        }
    }
}
