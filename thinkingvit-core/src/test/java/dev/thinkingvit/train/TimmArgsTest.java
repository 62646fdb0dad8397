package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.ImageSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class TimmArgsTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/recipes");

    @TempDir
    Path directory;

    private RecipeSource read(String yaml) throws IOException {
        return RecipeSource.read(Files.writeString(directory.resolve("args.yaml"), yaml), 1);
    }

    private static List<String> notes(RecipeSource source) {
        return source.notes().stream().map(RecipeSource.Note::text).toList();
    }

    @Test
    void thePublishedFileIsThePublishedRecipe() {
        RecipeSource source = RecipeSource.read(REFERENCE.resolve("args.yaml"), 2);
        Recipe shipped = RecipeFile.read(Path.of("../recipes/imagenet-deit-3h-6h.yaml"));
        // ten best models are kept, as timm does
        assertThat(source.recipe()).isEqualTo(shipped.with("checkpoint_hist", 10));
        assertThat(source.foreignModel()).isNull();
        assertThat(notes(source))
                .anyMatch(note -> note.contains(
                        "batch_size 512 is each process's: 2 processes x 1 accumulated = 1024 images an update, peak"
                                + " learning rate 0.00100"))
                .anyMatch(note -> note.contains("names no stages"))
                .filteredOn(note -> note.contains("without meaning here: amp, amp_dtype, "))
                .singleElement()
                .asString()
                .contains("pin_mem", "log_interval", "channels_last", "workers");
    }

    @Test
    void thePublishedSwinsFileIsItsRecipe() {
        Recipe read = RecipeSource.read(REFERENCE.resolve("args_swin.yaml"), 4).recipe();
        Recipe shipped = RecipeFile.read(Path.of("../recipes/imagenet-swin-s.yaml"));
        // the file leaves the rounds to an option, and keeps ten best models
        assertThat(read.with("head_rounds", List.of(List.of(3, 3, 6, 12), List.of(3, 6, 12, 24))))
                .isEqualTo(shipped.with("head_rounds", List.of(List.of(3, 3, 6, 12), List.of(3, 6, 12, 24)))
                        .with("checkpoint_hist", 10));
    }

    @Test
    void oneProcessTakesItsOwnBatchOnly() {
        Recipe alone = RecipeSource.read(REFERENCE.resolve("args.yaml"), 1).recipe();
        assertThat(alone.optimizer().batchSize()).isEqualTo(512);
        assertThat(alone.optimizer().peakLr()).isEqualTo(5e-4);
    }

    @Test
    void theSwinFileIsUnderstood() {
        RecipeSource source = RecipeSource.read(REFERENCE.resolve("args_swin.yaml"), 4);
        assertThat(source.foreignModel()).isNull();
        assertThat(source.recipe().network().config(1000).shorthand()).isEqualTo("(3,6,12,24)");
        assertThat(notes(source)).anyMatch(note -> note.contains("--head-rounds makes it elastic"));
        OptimizerRecipe optimizer = source.recipe().optimizer();
        assertThat(optimizer.batchSize()).isEqualTo(1024);
        assertThat(optimizer.gradAccumSteps()).isEqualTo(4);
        assertThat(optimizer.peakLr()).isEqualTo(1e-3);
        assertThat(optimizer.clipGrad()).isEqualTo(5);
        assertThat(optimizer.layerDecay()).isEqualTo(1);
        assertThat(source.recipe().schedule().warmupPrefix()).isTrue();
        assertThat(source.recipe().loss().dropPath()).isEqualTo(0.3);
        assertThat(source.data()).isEqualTo("/data/imagenet");
    }

    @Test
    void thePublishedRoundsMakeThePublishedModel() {
        NetworkConfig published = RecipeSource.read(
                        REFERENCE.resolve("args_swin.yaml"), 4, Map.of("head_rounds", "(3,3,6,12) (3,6,12,24)"))
                .recipe()
                .with("head_rounds", "(3,3,6,12) (3,6,12,24)")
                .network()
                .config(1000);
        assertThat(published.parameterCount()).isEqualTo(49_667_795);
        assertThat(published.macs(1) / 1e9).isCloseTo(2.82, within(0.005));
        assertThat((published.macs(1) + published.macs(2)) / 1e9).isCloseTo(11.68, within(0.005));
    }

    @Test
    void whatAFileLeavesOutOrAtNullIsTimmsDefault() throws IOException {
        Recipe recipe = read("epochs: 100\nweight_decay: null\nlr: 0.05\n").recipe();
        assertThat(recipe.optimizer().opt()).isEqualTo(OptimizerRecipe.Opt.SGD);
        assertThat(recipe.optimizer().weightDecay()).isEqualTo(2e-5);
        assertThat(recipe.optimizer().batchSize()).isEqualTo(128);
        assertThat(recipe.schedule().epochs()).isEqualTo(100);
        assertThat(recipe.schedule().warmupEpochs()).isEqualTo(5);
        assertThat(recipe.schedule().warmupLr()).isEqualTo(1e-5);
        assertThat(recipe.augmentation().crop()).isEqualTo(AugmentationRecipe.Crop.RESIZED);
        assertThat(recipe.augmentation().trainInterpolation()).isEqualTo("random");
        assertThat(recipe.loss().smoothing()).isEqualTo(0.1);
        assertThat(recipe.ema().modelEmaDecay()).isZero();
    }

    @Test
    void aLearningRateWithoutARuleForItsScaleFollowsTimms() throws IOException {
        String batch = "batch_size: 64\nlr_base: 0.01\nlr_base_size: 256\n";
        assertThat(read(batch + "opt: adamw\n").recipe().optimizer().peakLr()).isEqualTo(0.005);
        assertThat(read(batch + "opt: sgd\n").recipe().optimizer().peakLr()).isEqualTo(0.0025);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "0.0", "null"})
    void aLearningRateOfZeroIsNone(String none) throws IOException {
        assertThat(read("batch_size: 64\nlr_base: 0.01\nlr: " + none + "\n")
                        .recipe()
                        .optimizer()
                        .peakLr())
                .isEqualTo(0.0025);
    }

    @Test
    void aPolynomialScheduleHasItsPowerInTheDecayRate() throws IOException {
        ScheduleRecipe schedule = read("sched: poly\ndecay_rate: 0.9\nopt: momentum\nlr: 0.1\n")
                .recipe()
                .schedule();
        assertThat(schedule.sched()).isEqualTo(ScheduleRecipe.Kind.POLY);
        assertThat(schedule.polyPower()).isEqualTo(0.9);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "deit_base_patch16_224 | [12] | 12 | 16 | 224",
                "vit_large_patch14_336.openai | [16] | 24 | 14 | 336",
                "deit_tiny_patch16_384 | [3] | 12 | 16 | 384"
            })
    void aPlainViTsNameIsItsNetwork(String model, String stages, int depth, int patch, int size) throws IOException {
        RecipeSource source = read("lr: 0.1\nmodel: " + model + "\n");
        NetworkRecipe network = source.recipe().network();
        assertThat(network.stages()).hasToString(stages);
        assertThat(List.of(
                        network.depth(), network.patchSize(), network.imgSize().side()))
                .containsExactly(depth, patch, size);
        assertThat(notes(source)).anyMatch(note -> note.contains("makes it elastic"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"[2, 3, 6]", "2 3 6", "'2,3,6'", "'[2, 3, 6]'"})
    void stagesMayBeWrittenInManyWays(String stages) throws IOException {
        RecipeSource source = read("lr: 0.1\nmodel: deit_base_patch16_224\nthinking_stages: " + stages + "\n");
        assertThat(source.recipe().network().stages()).containsExactly(2, 3, 6);
    }

    @Test
    void preprocessingAndStartAreTaken() throws IOException {
        RecipeSource source = read("""
                lr: 0.1
                mean: [0.5, 0.5, 0.5]
                std: [0.5, 0.5, 0.5]
                interpolation: bilinear
                crop_pct: 0.875
                initial_checkpoint: deit.pth
                data_dir: /data
                """);
        assertThat(source.recipe().preprocessing())
                .isEqualTo(new PreprocessingRecipe(List.of(0.5, 0.5, 0.5), List.of(0.5, 0.5, 0.5), "bilinear", 0.875));
        assertThat(source.init()).isEqualTo("deit.pth");
        assertThat(source.data()).isEqualTo("/data");
    }

    @Test
    void wholeNumbersMayHaveAPoint() throws IOException {
        assertThat(read("lr: 0.1\nepochs: 90.0\nsched: step\ndecay_epochs: 30.0\n")
                        .recipe()
                        .schedule()
                        .decayEpochs())
                .isEqualTo(30);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "{lr: 0.1, warmup_epoch: 3} | unknown key warmup_epoch (did you mean warmup_epochs?)",
                "{lr: 0.1, batch-size: 3} | unknown key batch-size (did you mean batch_size?)",
                "{lr: 0.1, frobnicate: 3} | unknown key frobnicate; neither timm's trainer nor a recipe has it",
                "{lr: 0.1, optimizer: {lr: 1}} | mixes a recipe's sections (optimizer) with flat keys",
                "{lr: 0.1, opt: lamb} | opt lamb is not there; adamw, sgd and momentum are",
                "{lr: 0.1, sched: tanh} | sched tanh is not there",
                "{lr: 0.1, vflip: 0.5} | vflip 0.5 cannot be done here; it must be null or 0",
                "{lr: 0.1, model_kwargs: {qkv_bias: 3}} | model_kwargs.qkv_bias cannot be done here; depth, embed_dim,",
                "{lr: 0.1, model_kwargs: [3]} | model_kwargs must hold keys and values, got [3]",
                "{lr: 0.1, model_kwargs: {depth: x}} | model_kwargs.depth must be a whole number from 1, got x",
                "{lr: 0.1, thinking_stages: [1, 2], model_kwargs: {num_heads: 3}} | the heads of the last stage, 2, got 3",
                "{lr: 0.1, thinking_stages: [1, 2], model_kwargs: {embed_dim: 33}} | must divide into 2 heads, got 33",
                "{lr: 0.1, model_ema: 1} | model_ema must be true or false, got 1",
                "{lr: 0.1, model_ema: \"true\"} | model_ema must be true or false, got \"true\"",
                "{lr: 0.1, pretrained: [yes]} | pretrained must be true or false, got [\"yes\"]",
                "{lr: 0.1, no_aug: maybe} | no_aug must be true or false, got \"maybe\"",
                "{lr: 0.1, no_aug: yes} | no_aug \"yes\" cannot be done here; it must be null or false",
                "{lr: 0.1, warmup_prefix: 1} | warmup_prefix must be true or false, got 1",
                "{lr: 0.1, input_size: 32} | input_size must be [3, height, width], of 3 channels, got 32",
                "{lr: 0.1, input_size: [1, 32, 32]} | input_size must be [3, height, width]",
                "{lr: 0.1, input_size: [3, x, x]} | input_size: a number of pixels is required, or height and width",
                "{lr: 0.1, input_size: [3, null, 8]} | input_size: a number of pixels is required, or height and width",
                "{lr: 0.1, input_size: [3, 0, 8]} | input_size: The input size must be at least 1, not 0 × 8",
                "{lr: 0.1, input_size: [3, 32, 64], img_size: 64} | input_size [3,32,64] and img_size 64 must agree",
                "{lr: 0.1, model_kwargs: {img_size: wide}} | model_kwargs.img_size: a number of pixels is required",
                "{lr: 0.1, input_size: [3, 32, 32], img_size: 64} | input_size [3,32,32] and img_size 64 must agree",
                "{lr: 0.1, opt: [adamw]} | opt must be text, got [\"adamw\"]",
                "{lr: 0.1, model: {name: deit}} | model must be text",
                "{lr: 0.1, data_dir: [a, b]} | data_dir must be text",
                "{lr: 0.1, thinking_stages: [[3], 6]} | thinking_stages must be heads of each stage such as [3, 6]",
                "{lr: 0.1, thinking_stages: {a: 3}} | thinking_stages must be heads of each stage such as [3, 6]",
                "{lr: 0.1, aa: [rand]} | augmentation.aa must be text",
                "{augmentation: {aa: [rand]}} | augmentation.aa must be text",
                "{lr: 0.1, epochs: 3, warmup_epochs: 5} | warmup_epochs must lie between 0 and epochs 3, got 5",
                "{lr: 0.1, clip_mode: agc} | clip_mode \"agc\" cannot be done here; it must be null or norm",
                "{lr: 0.1, epochs: many} | schedule.epochs must be a whole number, got 'many'",
                "{lr: 0.1, batch_size: 0} | batch_size must be a whole number from 1, got 0",
                "{lr: 0.1, thinking_stages: three} | thinking_stages must be heads of each stage",
                "{lr: 0.1, aa: original} | original",
                "{lr: 0.1, eval_metric: top5} | eval_metric must be top1 or loss, got top5"
            })
    void whatDoesNotDoIsNamed(String yaml, String message) {
        assertThatThrownBy(() -> read(yaml))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("args.yaml")
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @CsvSource({"yes,true", "On,true", "TRUE,true", "true,true", "no,false", "OFF,false", "False,false", "null,false"})
    void booleansMayBeWrittenAsPythonsYamlHasThem(String written, boolean meant) throws IOException {
        Recipe recipe = read("lr: 0.1\nmodel_ema: " + written + "\nwarmup_prefix: " + written + "\n")
                .recipe();
        assertThat(recipe.ema().modelEmaDecay()).isEqualTo(meant ? 0.9998 : 0);
        assertThat(recipe.schedule().warmupPrefix()).isEqualTo(meant);
    }

    @ParameterizedTest
    @ValueSource(strings = {"input_size: [3, 64, 64]", "img_size: 64", "{input_size: [3, 64, 64], img_size: 64}"})
    void aSizeThatIsSaidComesBeforeThatOfTheModelsName(String size) throws IOException {
        String pairs = size.replaceAll("[{}]", "");
        assertThat(read("{lr: 0.1, model: deit_small_patch16_224, " + pairs + "}")
                        .recipe()
                        .network()
                        .imgSize())
                .isEqualTo(ImageSize.square(64));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "input_size: [3, 64, 32]",
                "img_size: [64, 32]",
                "{input_size: [3, 64, 32], img_size: [64, 32]}",
                "model_kwargs: {img_size: [64, 32]}"
            })
    void aSizeMayBeNoSquare(String size) throws IOException {
        for (String model : List.of("deit_small_patch16_224", "thinkingvit")) {
            String pairs = size.startsWith("{") ? size.substring(1, size.length() - 1) : size;
            assertThat(read("{lr: 0.1, model: " + model + ", " + pairs + "}")
                            .recipe()
                            .network()
                            .imgSize())
                    .isEqualTo(new ImageSize(64, 32));
        }
    }

    @Test
    void theShapeInTheModelsArgumentsIsTheNetworks() throws IOException {
        String shape = "model_kwargs: {depth: 2, embed_dim: 32, num_heads: 2, img_size: 32, patch_size: 4}\n";
        RecipeSource ours = read("lr: 0.1\nmodel: thinkingvit\nthinking_stages: [1, 2]\n" + shape);
        NetworkRecipe network = ours.recipe().network();
        assertThat(network.stages()).containsExactly(1, 2);
        assertThat(List.of(network.depth(), network.headDim(), network.imgSize().side(), network.patchSize()))
                .containsExactly(2, 16, 32, 4);
        RecipeSource exact = read(
                "lr: 0.1\nmodel: thinkingvit\nthinking_stages: [1, 2]\n" + shape.replace("}", ", norm_eps: 0.001}"));
        assertThat(exact.recipe().network().modelKwargs()).containsOnly(Map.entry("norm_eps", 0.001));
        RecipeSource plain = read("lr: 0.1\nmodel: deit_tiny_patch16_224\n" + shape);
        assertThat(plain.recipe().network())
                .isEqualTo(ours.recipe().with("stages", List.of(2)).network());
        assertThat(notes(plain)).anyMatch(note -> note.contains("one stage of 2 heads; --stages makes it elastic"));
        assertThat(notes(plain)).noneMatch(note -> note.contains("one stage of 3 heads"));
        RecipeSource other = read("lr: 0.1\nmodel: swin_tiny\nmodel_kwargs: {window_size: 8}\n");
        assertThat(notes(other)).anyMatch(note -> note.contains("model_kwargs is about model swin_tiny"));
    }

    @Test
    void aShortTrainingWithoutAWordOnItsWarmUpIsOneWarmUp() throws IOException {
        RecipeSource source = read("lr: 0.1\nepochs: 3\n");
        assertThat(source.recipe().schedule().warmupEpochs()).isEqualTo(3);
        assertThat(source.notes())
                .filteredOn(note -> note.key().equals("warmup_epochs"))
                .singleElement()
                .satisfies(note -> assertThat(note.text()).contains("are 5 in timm: of 3 epochs all are"));
    }

    @Test
    void whatAnOptionCuresIsNotRefused() throws IOException {
        Path short3 = Files.writeString(directory.resolve("args.yaml"), "lr: 0.1\nepochs: 3\nwarmup_epochs: 5\n");
        assertThat(RecipeSource.read(short3, 1, Map.of("warmup_epochs", 0))
                        .recipe()
                        .schedule()
                        .warmupEpochs())
                .isZero();
        assertThat(RecipeSource.read(short3, 1, Map.of("epochs", 9))
                        .recipe()
                        .schedule()
                        .epochs())
                .isEqualTo(9);
        assertThatThrownBy(() -> RecipeSource.read(short3, 1, Map.of("lr", 1)))
                .hasMessageContaining("warmup_epochs must lie between 0 and epochs 3, got 5");
        Path small =
                Files.writeString(directory.resolve("small.yaml"), "lr_base: 0.01\nbatch_size: 2\nmin_lr: 0.001\n");
        assertThat(RecipeSource.read(small, 1, Map.of("batch_size", 256))
                        .recipe()
                        .optimizer()
                        .peakLr())
                .isEqualTo(0.01);
        Path sections = Files.writeString(directory.resolve("own.yaml"), "schedule: {epochs: 3, warmup_epochs: 5}\n");
        assertThat(RecipeSource.read(sections, 1, Map.of("epochs", 5))
                        .recipe()
                        .schedule()
                        .epochs())
                .isEqualTo(5);
    }

    @Test
    void timmsPlainViTsSeeOtherLevelsThanDeiT() throws IOException {
        List<Double> half = List.of(0.5, 0.5, 0.5);
        RecipeSource vit = read("lr: 0.1\nmodel: vit_small_patch16_224.augreg_in1k\nmean: null\n");
        assertThat(vit.recipe().preprocessing().mean()).isEqualTo(half);
        assertThat(vit.recipe().preprocessing().std()).isEqualTo(half);
        assertThat(notes(vit))
                .anyMatch(note -> note.contains("mean and std of model vit_small_patch16_224.augreg_in1k"));
        PreprocessingRecipe partly = read("lr: 0.1\nmodel: vit_small_patch16_224\nmean: [0.4, 0.4, 0.4]\n")
                .recipe()
                .preprocessing();
        assertThat(partly.mean()).containsOnly(0.4);
        assertThat(partly.std()).isEqualTo(half);
        assertThat(read("lr: 0.1\nmodel: deit_small_patch16_224\n").recipe().preprocessing())
                .isEqualTo(PreprocessingRecipe.DEFAULT);
        assertThat(notes(read("lr: 0.1\nmodel: vit_small_patch16_224.dino\n")))
                .anyMatch(note -> note.contains("is not known here: ImageNet's are taken"));
    }

    @Test
    void aCooldownThatTimmDoesNotRunIsDroppedWithAWord() throws IOException {
        RecipeSource source = read("lr: 0.1\nsched: step\ncooldown_epochs: 10\n");
        assertThat(source.recipe().schedule().totalEpochs()).isEqualTo(300);
        assertThat(notes(source)).anyMatch(note -> note.contains("cooldown_epochs has no effect on sched step"));
    }

    @Test
    void keysOfOursThatTimmLacksMayStandBesides() throws IOException {
        Recipe recipe =
                read("lr: 0.1\nstages: [1, 2]\nhead_dim: 8\neval_every: 5\n").recipe();
        assertThat(recipe.network().stages()).containsExactly(1, 2);
        assertThat(recipe.validation().evalEvery()).isEqualTo(5);
        assertThat(recipe.network().headDim()).isEqualTo(8);
    }
}
