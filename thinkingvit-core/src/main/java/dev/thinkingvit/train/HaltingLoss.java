package dev.thinkingvit.train;

import dev.thinkingvit.network.Halting;
import dev.thinkingvit.network.Network;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A-ViT's losses beside that of the task (arXiv 2112.07658, sections 3.2 and 3.3): the ponder loss, which makes tokens halt
 * early, and the distributional prior, which says where. A stage whose tokens do not halt has neither.
 *
 * <p>The prior is not a sum over images: it looks at the mean over those that go together, which are a worker's
 * micro-batch here and a process's batch in the published code.
 *
 * <p>{@code B} images, {@code N} tokens, {@code L} blocks.
 */
public final class HaltingLoss implements Objective {
    private final HaltingRecipe recipe;
    private final Objective task;

    /** @param task what the network is for */
    public HaltingLoss(HaltingRecipe recipe, Objective task) {
        this.recipe = recipe;
        this.task = task;
    }

    @Override
    public Loss of(Network.Output<Tensor> output, Wanted wanted) {
        Loss loss = task.of(output, wanted);
        Tensor ponder = ponder(output);
        Tensor prior = prior(output);
        Tensor total = loss.total();
        total = ponder == null ? total : total.add(ponder);
        total = prior == null ? total : total.add(prior);
        return new Loss(total, loss.taught());
    }

    /**
     * The ponder loss, summed over the images.
     *
     * @return a scalar; null where no tokens halt, or it weighs nothing
     */
    public @Nullable Tensor ponder(Network.Output<Tensor> output) {
        Tensor used = output.extras().get(Halting.RHO_TOKEN); // (B, N)
        return used == null || recipe.ponderTokenScale() == 0
                ? null
                : used.mean(1).sum().mul(new Scalar(recipe.ponderTokenScale()));
    }

    /**
     * The prior's part, times the number of images.
     *
     * @return a scalar; null where no tokens halt, it weighs nothing, or the mean scores are nearer than the target is to
     *     itself, of which the published code makes nothing either
     */
    public @Nullable Tensor prior(Network.Output<Tensor> output) {
        Tensor scores = output.extras().get(Halting.HALTING_SCORES); // (B, L)
        if (scores == null || recipe.distrPriorAlpha() == 0) {
            return null;
        }
        HaltingPrior prior = HaltingPrior.of(Math.toIntExact(scores.size(1)), recipe.distrPriorDepth());
        Tensor distance = prior.distance(HaltingPrior.mean(scores));
        return distance.item().toDouble() > 0
                ? distance.mul(new Scalar(recipe.distrPriorAlpha() * scores.size(0)))
                : null;
    }
}
