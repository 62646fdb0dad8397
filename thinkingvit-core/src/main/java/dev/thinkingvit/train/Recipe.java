package dev.thinkingvit.train;

import static dev.thinkingvit.train.RecipeChecks.require;

import dev.thinkingvit.model.Precision;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.Collections;
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
        validation.metric().requireStages(stages);
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
