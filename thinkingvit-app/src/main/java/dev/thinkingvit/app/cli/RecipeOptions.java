package dev.thinkingvit.app.cli;

import dev.thinkingvit.train.RecipeFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** An option for every key of a recipe: the key with dashes, its value as in YAML. */
final class RecipeOptions implements IModelTransformer {
    private static final String HEAD_ROUNDS = "head_rounds";
    private static final String MODEL_KWARGS = "model_kwargs";

    /** Words, as in the published trainer's option and in timm's. */
    private static final Set<String> SEVERAL = Set.of(HEAD_ROUNDS, MODEL_KWARGS);

    /** Listed, not asked of the recipe: that would load YAML for commands that have nothing to do with it. */
    static final Map<String, Map<String, String>> DESCRIPTIONS = descriptions();

    private static Map<String, Map<String, String>> descriptions() {
        Map<String, Map<String, String>> all = new LinkedHashMap<>();
        Map<String, String> of = section("network", all);
        of.put("architecture", "NAME|thinkingvit, thinkingswin or a published name: swin_small_patch4_window7_224.");
        of.put("stages", "HEADS|Heads of each stage, growing.");
        of.put("head_dim", "N|Width of a head.");
        of.put("depth", "N|Number of blocks.");
        of.put("img_size", "PX|Input size; height and width where it is no square: 192x256.");
        of.put("patch_size", "PX|Patch size.");
        of.put(HEAD_ROUNDS, "HEADS|Of a Swin: heads of each level in each round, \"(3,3,6,12) (3,6,12,24)\".");
        of.put("weight_init", "KIND|First weights: timm's, or mimetic for short trainings on little data.");
        of.put(
                MODEL_KWARGS,
                "ARGS|Further arguments of the architecture, as key=value key=value: each over the recipe's, of which the"
                        + " others stay; key=null takes one away.");
        of = section("augmentation", all);
        of.put("crop", "KIND|pad (random crop of the padded picture), resized (random resized crop) or center.");
        of.put("scale", "MIN,MAX|Area of a random resized crop, of the picture's.");
        of.put("ratio", "MIN,MAX|Aspect of a random resized crop.");
        of.put("train_interpolation", "KIND|bicubic, bilinear, or random for either.");
        of.put("hflip", "P|Probability of a mirrored picture.");
        of.put("aa", "POLICY|RandAugment as timm spells it: rand-m9-mstd0.5-inc1. 'null' for none.");
        of.put("color_jitter", "X|Random brightness, contrast and saturation; without effect beside --aa.");
        of.put("reprob", "P|Probability of random erasing.");
        of.put("remode", "KIND|What erases: pixel, rand or const.");
        of.put("recount", "N|Boxes that are erased.");
        of.put("mixup", "ALPHA|Mixup; 0 for none.");
        of.put("cutmix", "ALPHA|Cutmix; 0 for none.");
        of.put("mixup_prob", "P|Share of the batches that are mixed.");
        of.put("mixup_switch_prob", "P|Share of cutmix among the mixed ones.");
        of.put(
                "aug_repeats",
                "N|Repeated augmentation: show a picture N times in a row, and as many times fewer pictures.");
        of.put("img_scale", "LONGER,SHORTER|Of a Segmenter: the box that pictures are fitted into first.");
        of.put("ratio_range", "MIN,MAX|Of a Segmenter: what pictures are scaled by before a part is cut out.");
        of = section("optimizer", all);
        of.put("batch_size", "N|Images of an update, over all processes.");
        of.put("grad_accum_steps", "N|Parts in which they are loaded and computed.");
        of.put("opt", "KIND|adamw, sgd (with Nesterov's momentum) or momentum (SGD with plain momentum).");
        of.put("lr", "X|Peak learning rate; 'null' to scale --lr-base.");
        of.put("lr_base", "X|Learning rate per --lr-base-size images of a batch.");
        of.put("lr_base_size", "N|See --lr-base.");
        of.put("lr_base_scale", "KIND|How --lr-base grows with the batch: linear or sqrt.");
        of.put("weight_decay", "X|Weight decay, spared by vectors, biases and embeddings.");
        of.put("opt_betas", "B1,B2|AdamW's.");
        of.put("opt_eps", "X|AdamW's.");
        of.put("momentum", "X|SGD's.");
        of.put("layer_decay", "X|Factor of the learning rate from a layer to the one before it; 'null' for none.");
        of.put("clip_grad", "NORM|Largest norm of the gradients; 'null' for any.");
        of.put(
                "train_recycling",
                "BOOL|Whether what recycles tokens learns; 'false' holds alpha where it starts: at 0, or as the --init has it.");
        of = section("schedule", all);
        of.put("sched", "KIND|Course of the learning rate: cosine, step, plateau or poly.");
        of.put(
                "epochs",
                "N|Passes over the data, those to cool down not counted; 0 writes the starting model to OUT/last.");
        of.put("cooldown_epochs", "N|Further epochs after the schedule; a cosine stays at --min-lr.");
        of.put("warmup_epochs", "N|Epochs of linear warm-up.");
        of.put("warmup_prefix", "BOOL|Begin the course after the warm-up instead of underneath it.");
        of.put("warmup_lr", "X|First learning rate.");
        of.put("min_lr", "X|Smallest learning rate.");
        of.put("sched_on_updates", "BOOL|Change the learning rate at every update.");
        of.put("decay_epochs", "N|Epochs between two steps of --sched step.");
        of.put("decay_rate", "X|Factor of a step, or after a plateau.");
        of.put("patience_epochs", "N|Epochs without a better validation that make a plateau.");
        of.put("poly_power", "X|Exponent of --sched poly.");
        of = section("loss", all);
        of.put("smoothing", "P|Label smoothing.");
        of.put("drop_path", "P|Stochastic depth.");
        of.put("stage_weights", "W,W|Weight of each stage's loss; empty for equal ones.");
        of.put("stage_sampling", "KIND|Stages whose losses an update descends on: all, sandwich or random.");
        of.put("class_weights", "W,W|Of a Segmenter: weight of each class's pixels; empty for equal ones.");
        of = section("distillation", all);
        of.put("distillation_type", "KIND|What of the --teacher's answers is learnt: soft, hard or none.");
        of.put("distillation_alpha", "P|Share of the teacher's part in each stage's loss.");
        of.put("distillation_tau", "T|Temperature of soft distillation.");
        of = section("pruning", all);
        of.put("ratio_weight", "X|Of a network that leaves tokens out: weight of the distance to the shares wanted.");
        of.put("class_distillation", "X|Weight of what the --teacher says of the classes.");
        of.put("token_distillation", "X|Weight of the distance to the --teacher's tokens.");
        of.put("token_distillation_type", "KIND|That distance: mse or kl.");
        of.put("backbone_lr_scale", "X|Largest learning rate of all but the predictors, as a share of the peak.");
        of.put("backbone_frozen_epochs", "N|Epochs for which the predictors learn alone.");
        of.put("train_embeddings", "BOOL|Whether class token and positions learn.");
        of = section("halting", all);
        of.put("ponder_token_scale", "X|Weight of A-ViT's ponder loss, which makes tokens halt early.");
        of.put("distr_prior_alpha", "X|Weight of A-ViT's prior, which says where tokens should halt.");
        of.put("distr_prior_depth", "N|The block, counted from 0, around which it wants them to.");
        of.put(
                "halted_tokens",
                "KIND|While training: masked, as published, or removed, which is faster but has no prior.");
        of = section("ema", all);
        of.put("model_ema_decay", "X|Moving average of the weights; 0 for none.");
        of.put("model_ema_warmup", "BOOL|Let the average follow faster at first.");
        of = section("preprocessing", all);
        of.put("mean", "R,G,B|Mean of the levels, scaled to 0-1.");
        of.put("std", "R,G,B|Deviation of the same.");
        of.put("interpolation", "KIND|Of evaluated pictures: bicubic or bilinear.");
        of.put("crop_pct", "X|Share of an evaluated picture's shorter side that is seen.");
        of = section("validation", all);
        of.put("eval_every", "N|Epochs from one validation to the next; the last epoch always has one.");
        of.put(
                "best_metric",
                "KIND|What makes a model the best: last, average or stage1, stage2, ..., or their _loss.");
        of.put("checkpoint_hist", "N|How many of the best models to keep; more than one are in bests/.");
        of = section("execution", all);
        of.put("precision", "P|fp32, bf16 or auto (bf16 where the machine has it).");
        of.put("grad_checkpointing", "BOOL|Less memory for a third more time.");
        of.put("seed", "N|Seed of all chance.");
        of.put(
                "max_unreadable",
                "SHARE|Share of the pictures without which the training goes on, should they become unreadable: 5%.");
        return all;
    }

    private static Map<String, String> section(String name, Map<String, Map<String, String>> all) {
        return all.computeIfAbsent(name, key -> new LinkedHashMap<>());
    }

    @Override
    public CommandSpec transform(CommandSpec command) {
        DESCRIPTIONS.forEach((section, keys) -> {
            ArgGroupSpec.Builder group = ArgGroupSpec.builder()
                    .heading("%nRecipe, " + section + ":%n")
                    .exclusive(false)
                    .validate(false);
            keys.forEach((key, description) -> {
                String[] words = description.split("\\|", 2);
                OptionSpec.Builder option = OptionSpec.builder(option(key));
                boolean several = SEVERAL.contains(key);
                group.addArg((several
                                ? option.type(List.class)
                                        .auxiliaryTypes(String.class)
                                        .arity("1..*")
                                : option.type(String.class).arity("1"))
                        .paramLabel(words[0])
                        .description(words[1].replace("%", "%%"))
                        .build());
            });
            command.addArgGroup(group.build());
        });
        return command;
    }

    /** The option of a recipe's key. */
    static String option(String key) {
        return "--" + key.replace('_', '-');
    }

    /** What the command line changes in a recipe, by key. */
    static Map<String, @Nullable Object> given(CommandSpec command) {
        Map<String, @Nullable Object> given = new LinkedHashMap<>();
        for (Map<String, String> keys : DESCRIPTIONS.values()) {
            for (String key : keys.keySet()) {
                Object value = command.findOption(option(key)).getValue();
                if (value != null) {
                    String text = value instanceof List<?> several
                            ? several.stream().map(String::valueOf).collect(Collectors.joining(" "))
                            : value.toString();
                    given.put(key, RecipeFile.value(key, text));
                }
            }
        }
        return given;
    }

    /** The file of a recipe that is given as such, or by the name of one that comes with the program. */
    static Path file(String nameOrFile) {
        Path file = Path.of(nameOrFile);
        Path shipped = Models.home().resolve("recipes").resolve(nameOrFile + ".yaml");
        return Files.notExists(file) && Files.exists(shipped) ? shipped : file;
    }
}
