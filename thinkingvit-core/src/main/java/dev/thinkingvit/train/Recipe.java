package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a model is trained. Keys are timm's; {@link RecipeFile} reads and writes recipes as YAML, where every record here
 * is a section and every component of it a key, spelled with underscores. Keys are unique over all sections.
 *
 * @param network what is trained
 * @param augmentation what happens to the pictures
 * @param optimizer batches, and how weights follow gradients
 * @param schedule of the learning rate
 * @param loss what is descended on
 * @param distillation what is learnt from a teacher
 * @param pruning how it is learnt to leave tokens out
 * @param halting what makes tokens halt, where a network's do
 * @param ema moving average of the weights
 * @param preprocessing how pictures are prepared
 * @param validation when the model is judged, and by what
 * @param execution how it is computed
 */
public record Recipe(
        NetworkRecipe network,
        AugmentationRecipe augmentation,
        OptimizerRecipe optimizer,
        ScheduleRecipe schedule,
        LossRecipe loss,
        DistillationRecipe distillation,
        PruningRecipe pruning,
        HaltingRecipe halting,
        EmaRecipe ema,
        PreprocessingRecipe preprocessing,
        ValidationRecipe validation,
        ExecutionRecipe execution) {

    /** Plain training of a small 3H → 6H model: crops and flips, no further regularisation, constant choices of timm. */
    public static final Recipe DEFAULT = new Recipe(
            NetworkRecipe.DEFAULT,
            AugmentationRecipe.DEFAULT,
            OptimizerRecipe.DEFAULT,
            ScheduleRecipe.DEFAULT,
            LossRecipe.DEFAULT,
            DistillationRecipe.DEFAULT,
            PruningRecipe.DEFAULT,
            HaltingRecipe.DEFAULT,
            EmaRecipe.DEFAULT,
            PreprocessingRecipe.DEFAULT,
            ValidationRecipe.DEFAULT,
            ExecutionRecipe.DEFAULT);

    public Recipe {
        require(
                schedule.minLr() <= optimizer.peakLr(),
                "min_lr " + schedule.minLr() + " is larger than the learning rate " + optimizer.peakLr()
                        + "; a smaller min_lr, or a larger lr or lr_base is needed");
        int stages = network.stageCount();
        loss.weights(stages);
        requireFitting(network, distillation, pruning);
        boolean ofPixels = network.config(1).readout().isOfPixels();
        if (ofPixels) {
            List<String> without = new ArrayList<>(augmentation.ofPicturesAlone());
            if (loss.smoothing() != 0) {
                without.add("smoothing");
            }
            require(
                    without.isEmpty(),
                    String.join(", ", without) + (without.size() == 1 ? " is" : " are") + " for pictures of one class:"
                            + " a Segmenter's are scaled, cut, mirrored and distorted in colour as published; leave "
                            + (without.size() == 1 ? "it" : "them") + " out");
        }
        require(
                ofPixels || augmentation.ratioRange().equals(AugmentationRecipe.DEFAULT.ratioRange()),
                "ratio_range scales the pictures of a Segmenter, which architecture " + network.architecture()
                        + " is not; leave it out");
        require(
                ofPixels || augmentation.imgScale().isEmpty(),
                "img_scale is a box for the pictures of a Segmenter, which architecture " + network.architecture()
                        + " is not; leave it out");
        require(
                ofPixels || loss.classWeights().isEmpty(),
                "class_weights are of pixels' classes, of which architecture " + network.architecture()
                        + " names none; leave them out");
        validation.metric().requireStages(stages);
        if (halting.weighs() || halting.removes()) {
            Halting halts = network.config(1).halting();
            require(
                    halts != null,
                    "section halting is for networks whose tokens halt, which those of architecture "
                            + network.architecture() + " do not; one whose tokens halt is required");
            if (halts != null && halting.distrPriorAlpha() > 0) {
                require(
                        halting.distrPriorDepth() <= halts.blocks(),
                        "distr_prior_depth must lie between 1 and the network's " + halts.blocks() + " blocks, got "
                                + halting.distrPriorDepth());
            }
        }
    }

    /** A value that the loss would not look at was meant for another network. */
    private static void requireFitting(NetworkRecipe network, DistillationRecipe distillation, PruningRecipe pruning) {
        if (network.config(1).pruning() == null) {
            require(
                    pruning.equals(PruningRecipe.DEFAULT),
                    "section pruning is for networks that leave tokens out, and architecture " + network.architecture()
                            + " leaves none out; leave it at its defaults");
            return;
        }
        require(
                distillation.distillationType() != DistillationRecipe.Type.HARD,
                "distillation_type hard is not there for networks that leave tokens out; soft and none are");
        require(
                distillation.distillationAlpha() == DistillationRecipe.DEFAULT.distillationAlpha()
                        && distillation.distillationTau() == DistillationRecipe.DEFAULT.distillationTau(),
                "distillation_alpha and distillation_tau have no effect on networks that leave tokens out, where"
                        + " class_distillation and token_distillation weigh what the teacher says; leave them at "
                        + DistillationRecipe.DEFAULT.distillationAlpha() + " and "
                        + DistillationRecipe.DEFAULT.distillationTau());
    }

    /** Whether a teacher's answers reach the loss. */
    boolean asks() {
        return network.config(1).pruning() != null ? distillation.hasTeacher() && pruning.asks() : distillation.asks();
    }

    /** The precision to compute in on a device of this machine. */
    public Precision precision(TorchDevice device) {
        return execution.precision(device);
    }

    /**
     * The same with one value changed.
     *
     * @param key as in YAML, without its section
     * @throws IllegalArgumentException if there is no such key or the value does not do
     */
    public Recipe with(String key, @Nullable Object value) {
        return RecipeFile.with(this, Collections.singletonMap(key, value));
    }
}
