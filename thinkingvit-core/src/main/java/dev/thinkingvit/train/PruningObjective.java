package dev.thinkingvit.train;

import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.TokenPruning;
import dev.thinkingvit.train.PruningRecipe.Distance;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The loss of a network that leaves tokens out (Rao et al., "DynamicViT", 2021, section 3.3): cross entropy with the labels in
 * every stage, and besides, in those that leave tokens out, how far the share that goes on is from the one that is wanted, the
 * teacher's distribution over the classes and, in the last stage, the teacher's tokens. What comes besides is not weighed by
 * the stage's weight.
 *
 * <p>{@code B} images, {@code n} patches, {@code d} width of a stage, {@code S} predictors.
 */
public final class PruningObjective implements Objective {
    private static final double KEPT = 0.5; // between 0 and 1, up to rounding

    private final TokenPruning pruning;
    private final PruningRecipe recipe;

    public PruningObjective(TokenPruning pruning, PruningRecipe recipe) {
        this.pruning = pruning;
        this.recipe = recipe;
    }

    /**
     * The parts of a stage's loss before their weights, each summed over the images; those that a stage has not are null.
     *
     * @param labels cross entropy, in nats
     * @param ratio squared distances of the shares, summed over the predictors
     * @param classes KL(teacher ‖ student) over the classes, in nats
     * @param tokens the distance of the tokens that went on to the end, as a mean over those of these images, times B
     */
    public record Parts(
            Tensor labels,
            @Nullable Tensor ratio,
            @Nullable Tensor classes,
            @Nullable Tensor tokens) {}

    /** See {@link Objective#of}. */
    public Parts parts(Network.Output<Tensor> output, Wanted wanted) {
        Tensor labels = SoftTargets.crossEntropy(output.prediction(), wanted.targets());
        int predictors = pruning.predictors();
        Tensor last = output.extras().get(TokenPruning.keptTokens(predictors - 1)); // (B, n)
        if (last == null) {
            return new Parts(labels, null, null, null);
        }
        Tensor classes = wanted.taught() == null ? null : classes(output.prediction(), wanted.taught());
        Tensor theirs = wanted.taughtTokens();
        boolean alike = theirs != null && theirs.size(2) == output.tokens().size(2);
        Tensor ours = output.tokens().narrow(1, 1, last.size(1));
        Tensor tokens = theirs == null || !alike ? null : tokens(ours, theirs, last);
        return new Parts(labels, ratio(output), classes, tokens);
    }

    private @Nullable Tensor ratio(Network.Output<Tensor> output) {
        Tensor sum = null;
        for (int j = 0; j < pruning.predictors(); j++) {
            Tensor kept = output.extras().get(TokenPruning.keptTokens(j)); // (B, n)
            if (kept != null) {
                Tensor off = kept.mean(new long[] {1}, false, new ScalarTypeOptional())
                        .sub(new Scalar(pruning.ratios().get(j))); // (B)
                Tensor squared = off.mul(off).sum();
                sum = sum == null ? squared : sum.add(squared);
            }
        }
        return sum;
    }

    private static Tensor classes(Tensor logits, Tensor taught) {
        Tensor ours = logits.log_softmax(-1);
        Tensor theirs = taught.log_softmax(-1);
        return theirs.exp().mul(theirs.sub(ours)).sum();
    }

    /** A mean over tokens, of which some images keep more than others: so it is published. Nothing if none is kept. */
    private Tensor tokens(Tensor ours, Tensor theirs, Tensor kept) {
        Tensor student = ours.to(ScalarType.Float);
        Tensor distances; // (B, n), of each token
        if (recipe.tokenDistillationType() == Distance.MSE) {
            Tensor difference = student.sub(theirs);
            distances = difference.mul(difference).mean(new long[] {2}, false, new ScalarTypeOptional());
        } else {
            Tensor log = theirs.log_softmax(-1);
            distances = log.exp()
                    .mul(log.sub(student.log_softmax(-1)))
                    .sum(new long[] {2}, false, new ScalarTypeOptional());
        }
        Tensor mask = kept.detach().gt(new Scalar(KEPT)).to(ScalarType.Float);
        Tensor count = mask.sum().clamp_min(new Scalar(1));
        return distances.mul(mask).sum().div(count).mul(new Scalar((double) ours.size(0)));
    }

    @Override
    public Loss of(Network.Output<Tensor> output, Wanted wanted) {
        Parts parts = parts(output, wanted);
        Tensor ratio = parts.ratio();
        Tensor beside = ratio == null ? null : ratio.mul(new Scalar(recipe.ratioWeight() / pruning.predictors()));
        Tensor taught = null;
        if (parts.classes() != null) {
            taught = parts.classes().mul(new Scalar(recipe.classDistillation()));
        }
        if (parts.tokens() != null) {
            Tensor tokens = parts.tokens().mul(new Scalar(recipe.tokenDistillation()));
            taught = taught == null ? tokens : taught.add(tokens);
        }
        if (beside != null && taught != null) {
            beside = beside.add(taught);
        }
        if (taught == null && wanted.taught() != null) {
            taught = torch.zeros_like(parts.labels().detach());
        }
        return new Loss(parts.labels(), taught, beside);
    }

    @Override
    public boolean asksForTokens() {
        return recipe.tokenDistillation() > 0;
    }
}
