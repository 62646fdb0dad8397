package dev.thinkingvit.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.thinkingvit.data.RandAugment;
import dev.thinkingvit.data.RandomErasing;
import dev.thinkingvit.data.Resampling;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a model is trained. Keys are timm's; {@link RecipeFile} reads and writes recipes as YAML, where every record here
 * is a section and every component a key, spelled with underscores. Keys are unique over all sections.
 *
 * @param network what is trained
 * @param augmentation what happens to the pictures
 * @param optimizer batches and AdamW
 * @param schedule of the learning rate
 * @param loss what is descended on
 * @param ema moving average of the weights
 * @param execution how it is computed
 */
public record Recipe(
        Network network,
        Augmentation augmentation,
        Optimizer optimizer,
        Schedule schedule,
        Loss loss,
        Ema ema,
        Execution execution) {

    /** Plain training of a small 3H → 6H model: crops and flips, no further regularisation, constant choices of timm. */
    public static final Recipe DEFAULT = new Recipe(
            new Network(List.of(3, 6), 32, 6, 32, 4, WeightInit.TIMM),
            new Augmentation(
                    Crop.PAD,
                    List.of(0.08, 1.0),
                    List.of(0.75, 4.0 / 3),
                    "bicubic",
                    0.5,
                    null,
                    0,
                    0,
                    "pixel",
                    1,
                    0,
                    0,
                    1,
                    0.5),
            new Optimizer(128, 1, null, 5e-4, 512, 0.05, List.of(0.9, 0.999), 1e-8, null),
            new Schedule(Kind.COSINE, 30, 0, 0, 1e-6, 1e-5, false, 30, 0.1, 10),
            new Loss(0, 0, List.of(), StageSampling.ALL),
            new Ema(0, false),
            new Execution(Numbers.AUTO, false, 1));

    /** First weights. */
    public enum WeightInit {
        /** Truncated normal of deviation 0.02, as timm draws a ViT's. */
        @JsonProperty("timm")
        TIMM,
        /**
         * Attention that looks like a trained one's (Trockman and Kolter, 2023): for small data sets and short
         * trainings.
         */
        @JsonProperty("mimetic")
        MIMETIC
    }

    /** Which part of a picture is seen. */
    public enum Crop {
        /** Random place of the picture padded by an eighth; for pictures of the input's size. */
        @JsonProperty("pad")
        PAD,
        /** Random resized crop. */
        @JsonProperty("resized")
        RESIZED,
        /** The evaluation's own centre crop. */
        @JsonProperty("center")
        CENTER
    }

    /** Course of the learning rate after the warm-up. */
    public enum Kind {
        @JsonProperty("cosine")
        COSINE,
        @JsonProperty("step")
        STEP,
        @JsonProperty("plateau")
        PLATEAU
    }

    /** Which stages' losses a step descends on. */
    public enum StageSampling {
        @JsonProperty("all")
        ALL,
        /** The first, the last and a random one between (Yu et al., 2018). */
        @JsonProperty("sandwich")
        SANDWICH,
        /** One, drawn anew each step. Later stages do not run. */
        @JsonProperty("random")
        RANDOM
    }

    /** Number format of matrix products; parameters, gradients and the optimizer stay F32. */
    public enum Numbers {
        /** bf16 where the device has it, else fp32. */
        @JsonProperty("auto")
        AUTO,
        @JsonProperty("fp32")
        FP32,
        @JsonProperty("bf16")
        BF16
    }

    /**
     * @param stages heads of each stage, growing
     * @param headDim width of a head
     * @param depth number of blocks
     * @param imgSize height and width of the input in pixels
     * @param patchSize height and width of a patch in pixels
     * @param weightInit first weights, where no checkpoint gives them
     */
    public record Network(
            List<Integer> stages, int headDim, int depth, int imgSize, int patchSize, WeightInit weightInit) {
        public Network {
            require(stages != null, "stages must be a list of heads, got null");
            stages = List.copyOf(stages);
            require(!stages.isEmpty(), "stages: at least one is required");
            require(headDim >= 1, "head_dim must be at least 1, got " + headDim);
        }

        /** The model that learns {@code numClasses} classes. */
        public ThinkingViTConfig config(int numClasses) {
            int heads = stages.get(stages.size() - 1);
            return new ThinkingViTConfig(
                    imgSize,
                    patchSize,
                    heads * headDim,
                    depth,
                    heads,
                    stages,
                    numClasses,
                    ThinkingViTConfig.DEFAULT_NORM_EPS);
        }
    }

    /**
     * @param crop which part of a picture is seen
     * @param scale smallest and largest area of a random resized crop, of the picture's
     * @param ratio smallest and largest aspect of a random resized crop
     * @param trainInterpolation {@code bicubic} or {@code bilinear}
     * @param hflip probability of a mirrored picture
     * @param aa RandAugment as timm spells it, such as {@code rand-m9-mstd0.5-inc1}; null for none
     * @param colorJitter strength of random brightness, contrast and saturation; 0 for none. As in timm, {@code aa}
     *     takes its place
     * @param reprob probability of random erasing
     * @param remode what erases: {@code pixel}, {@code rand} or {@code const}
     * @param recount boxes that are erased
     * @param mixup parameter of mixup's Beta distribution; 0 for none
     * @param cutmix parameter of cutmix's Beta distribution; 0 for none
     * @param mixupProb share of the batches that are mixed
     * @param mixupSwitchProb share of cutmix among the mixed ones, where both are on
     */
    public record Augmentation(
            Crop crop,
            List<Double> scale,
            List<Double> ratio,
            String trainInterpolation,
            double hflip,
            @Nullable String aa,
            double colorJitter,
            double reprob,
            String remode,
            int recount,
            double mixup,
            double cutmix,
            double mixupProb,
            double mixupSwitchProb) {
        public Augmentation {
            scale = interval("scale", scale, 1);
            ratio = interval("ratio", ratio, Double.MAX_VALUE);
            probability("hflip", hflip);
            probability("reprob", reprob);
            probability("mixup_prob", mixupProb);
            probability("mixup_switch_prob", mixupSwitchProb);
            if (!(mixup >= 0 && cutmix >= 0 && mixup + cutmix < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException(
                        "mixup and cutmix must be 0 or positive numbers, got " + mixup + " and " + cutmix);
            }
            require(colorJitter >= 0 && colorJitter <= 1, "color_jitter must lie in [0, 1], got " + colorJitter);
            require(recount >= 1, "recount must be at least 1, got " + recount);
            Resampling.named(trainInterpolation);
            RandomErasing.Mode.named(remode);
            if (aa != null) {
                RandAugment.parse(aa);
            }
        }

        Mixing.Options mixing() {
            return mixup > 0 || cutmix > 0
                    ? new Mixing.Options(mixup, cutmix, mixupProb, mixupSwitchProb)
                    : Mixing.Options.NONE;
        }

        private static List<Double> interval(String name, List<Double> ends, double largest) {
            require(
                    ends.size() == 2 && ends.get(0) > 0 && ends.get(0) <= ends.get(1) && ends.get(1) <= largest,
                    name + " must be a smallest and a largest positive number, got " + ends);
            return List.copyOf(ends);
        }
    }

    /**
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
    public record Optimizer(
            int batchSize,
            int gradAccumSteps,
            @Nullable Double lr,
            double lrBase,
            int lrBaseSize,
            double weightDecay,
            List<Double> optBetas,
            double optEps,
            @Nullable Double clipGrad) {
        public Optimizer {
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

    /**
     * @param sched course after the warm-up
     * @param epochs of the schedule, warm-up included; 0 for nothing but the starting model
     * @param cooldownEpochs further epochs at the smallest learning rate
     * @param warmupEpochs epochs of linear warm-up; the course runs underneath, as timm's without prefix does
     * @param warmupLr learning rate at the start of the warm-up
     * @param minLr smallest learning rate
     * @param schedOnUpdates change the learning rate at every update instead of once an epoch
     * @param decayEpochs epochs between two steps of a step schedule
     * @param decayRate factor of a step, or after a plateau
     * @param patienceEpochs epochs without a better validation accuracy that make a plateau
     */
    public record Schedule(
            Kind sched,
            int epochs,
            int cooldownEpochs,
            int warmupEpochs,
            double warmupLr,
            double minLr,
            boolean schedOnUpdates,
            int decayEpochs,
            double decayRate,
            int patienceEpochs) {
        public Schedule {
            require(epochs >= 0, "epochs must not be negative, got " + epochs);
            require(cooldownEpochs >= 0, "cooldown_epochs must not be negative, got " + cooldownEpochs);
            require(
                    warmupEpochs >= 0 && (warmupEpochs <= epochs || epochs == 0),
                    "warmup_epochs must lie between 0 and epochs " + epochs + ", got " + warmupEpochs);
            notNegative("warmup_lr", warmupLr);
            notNegative("min_lr", minLr);
            require(decayEpochs >= 1, "decay_epochs must be at least 1, got " + decayEpochs);
            require(decayRate > 0 && decayRate < 1, "decay_rate must lie in (0, 1), got " + decayRate);
            require(patienceEpochs >= 0, "patience_epochs must not be negative, got " + patienceEpochs);
        }

        /** Passes over the data, cool-down included; what was not trained need not cool down. */
        public int totalEpochs() {
            return epochs == 0 ? 0 : epochs + cooldownEpochs;
        }
    }

    /**
     * @param smoothing share of the target spread over all classes
     * @param dropPath stochastic depth of the last block
     * @param stageWeights weight of each stage's loss; empty for equal weights that sum to 1
     * @param stageSampling which stages' losses a step descends on
     */
    public record Loss(double smoothing, double dropPath, List<Double> stageWeights, StageSampling stageSampling) {
        public Loss {
            require(smoothing >= 0 && smoothing < 1, "smoothing must lie in [0, 1), got " + smoothing);
            require(dropPath >= 0 && dropPath < 1, "drop_path must lie in [0, 1), got " + dropPath);
            stageWeights = List.copyOf(stageWeights);
            for (double weight : stageWeights) {
                require(
                        weight >= 0 && weight < Double.POSITIVE_INFINITY,
                        "stage_weights must not be negative, got " + stageWeights);
            }
            require(
                    stageWeights.isEmpty() || stageWeights.stream().anyMatch(weight -> weight > 0),
                    "at least one of stage_weights must be positive, got " + stageWeights);
        }

        /** The weights of {@code stages} stages' losses. */
        double[] weights(int stages) {
            if (stageWeights.isEmpty()) {
                double[] equal = new double[stages];
                Arrays.fill(equal, 1.0 / stages);
                return equal;
            }
            require(
                    stageWeights.size() == stages,
                    "stage_weights: the model has " + stages + " stages, got " + stageWeights.size() + " weights");
            return stageWeights.stream().mapToDouble(Double::doubleValue).toArray();
        }
    }

    /**
     * @param modelEmaDecay decay of the moving average of the weights; 0 for none
     * @param modelEmaWarmup use (1 + n) / (10 + n) after n updates where that is less
     */
    public record Ema(double modelEmaDecay, boolean modelEmaWarmup) {
        public Ema {
            require(
                    modelEmaDecay >= 0 && modelEmaDecay < 1,
                    "model_ema_decay must lie in [0, 1), got " + modelEmaDecay);
        }
    }

    /**
     * @param precision of the matrix products
     * @param gradCheckpointing compute each block again on the way back instead of keeping what is inside
     * @param seed of weights, order, augmentation and mixing
     */
    public record Execution(Numbers precision, boolean gradCheckpointing, long seed) {}

    public Recipe {
        require(
                schedule.minLr() <= optimizer.peakLr(),
                "min_lr " + schedule.minLr() + " is larger than the learning rate " + optimizer.peakLr());
        loss.weights(network.stages().size());
    }

    /** The precision to compute in on a device of this machine. */
    public Precision precision(TorchDevice device) {
        return switch (execution.precision()) {
            case FP32 -> Precision.FP32;
            case BF16 -> Precision.BF16;
            case AUTO -> device.isCuda() || Precision.BF16.isFastHere() ? Precision.BF16 : Precision.FP32;
        };
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

    private static void probability(String name, double value) {
        require(value >= 0 && value <= 1, name + " must lie in [0, 1], got " + value);
    }

    private static void notNegative(String name, double value) {
        require(value >= 0 && value < Double.POSITIVE_INFINITY, name + " must be 0 or a positive number, got " + value);
    }

    private static void positive(String name, double value) {
        require(value > 0 && value < Double.POSITIVE_INFINITY, name + " must be positive, got " + value);
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
