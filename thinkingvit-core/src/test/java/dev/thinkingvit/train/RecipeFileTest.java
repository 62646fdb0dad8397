package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class RecipeFileTest {
    @TempDir
    Path directory;

    private Path recipe(String yaml) throws IOException {
        return Files.writeString(directory.resolve("recipe.yaml"), yaml);
    }

    @Test
    void theShippedImageNetRecipeHasThePublishedValues() {
        Recipe published = RecipeFile.read(Path.of("../recipes/imagenet-deit-3h-6h.yaml"));
        assertThat(published.optimizer().peakLr()).isEqualTo(1e-3);
        assertThat(published.schedule().totalEpochs()).isEqualTo(310);
        assertThat(published.optimizer().adamW()).isEqualTo(AdamW.Options.RECIPE);
        assertThat(published.augmentation().mixing()).isEqualTo(Mixing.Options.RECIPE);
        assertThat(published.ema().modelEmaDecay()).isEqualTo(0.99996);
        assertThat(published.network().config(1000).parameterCount()).isEqualTo(22_124_777);
    }

    @Test
    void theShippedSwinRecipeHasThePublishedValues() {
        Recipe published = RecipeFile.read(Path.of("../recipes/imagenet-swin-s.yaml"));
        assertThat(published.optimizer().peakLr()).isEqualTo(1e-3);
        assertThat(published.optimizer().clipGrad()).isEqualTo(5);
        assertThat(published.schedule().totalEpochs()).isEqualTo(310);
        assertThat(published.loss().dropPath()).isEqualTo(0.3);
        assertThat(published.network().config(1000).parameterCount()).isEqualTo(49_667_795);
        assertThat(published.network().config(1000).shorthand()).isEqualTo("(3,3,6,12) → (3,6,12,24)");
    }

    @Test
    void whatIsWrittenReadsBackTheSame() throws IOException {
        Recipe recipe = RecipeFile.read(Path.of("../recipes/imagenet-deit-3h-6h.yaml"))
                .with("stage_weights", List.of(0.4, 0.6))
                .with("clip_grad", 1.5);
        Path file = directory.resolve("resolved.yaml");
        RecipeFile.write(file, recipe);
        assertThat(RecipeFile.read(file)).isEqualTo(recipe);
        assertThat(RecipeFile.ofText(RecipeFile.text(recipe))).isEqualTo(recipe);
    }

    @Test
    void whatAFileLeavesOutIsAtTheDefault() throws IOException {
        assertThat(RecipeFile.read(recipe("optimizer:\n  lr: 2e-3\n"))).isEqualTo(Recipe.DEFAULT.with("lr", 2e-3));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "optimizer: {lrr: 1} | unknown key optimizer.lrr (did you mean lr?); optimizer has batch_size, ",
                "optimizer: {epochs: 1} | unknown key optimizer.epochs (it belongs to section schedule); optimizer has ",
                "optimiser: {lr: 1} | unknown section optimiser (did you mean optimizer?); a recipe has network, ",
                "lrr: 1 | unknown section lrr; a recipe has network, ",
                "optimizer: 3 | section optimizer must hold keys and values",
                "[1, 2] | a recipe has sections network, ",
                "optimizer: {batch_size: many} | optimizer.batch_size must be a whole number, got 'many'",
                "optimizer: {batch_size: 0} | batch_size must be at least 1, got 0",
                "schedule: {epochs: 99999999999} | schedule.epochs must be a smaller number, got 99999999999",
                "schedule: {sched: tanh} | schedule.sched must be one of [cosine, step, plateau, poly], got 'tanh'",
                "optimizer: {momentum: 0.5} | momentum 0.5 has no effect on opt adamw",
                "optimizer: {opt: sgd, momentum: 0} | opt sgd is SGD with Nesterov's momentum and needs a momentum above 0",
                "optimizer: {opt: sgd, opt_betas: [0.9, 0.99]} | opt_betas and opt_eps are of opt adamw",
                "optimizer: {layer_decay: 1.5} | layer_decay must lie in (0, 1], got 1.5",
                "validation: {eval_every: 0} | eval_every must be at least 1, got 0",
                "validation: {best_metric: stage3} | best_metric asks for stage 3 of a model that has 2 stages",
                "validation: {best_metric: top1} | best_metric must be last, average or stage1, ",
                "preprocessing: {std: [0.5, 0.5]} | std must be three positive numbers, got [0.5, 0.5]",
                "loss: {stage_weights: [1]} | stage_weights: the model has 2 stages, got 1 weights",
                "loss: {class_weights: [1, 2]} | class_weights are of pixels' classes, of which architecture thinkingvit",
                "{network: {architecture: thinkingvit_segmenter, model_kwargs: {thinking_stages: [1, 2], img_size: 16, patch_size: 8,"
                        + " embed_dim: 16, depth: 1, num_heads: 2, decoder: linear}}, augmentation: {crop: resized, reprob: 0.2},"
                        + " loss: {smoothing: 0.1}} | crop, reprob, smoothing are for pictures of one class",
                "augmentation: {ratio_range: [0.5, 1]} | ratio_range scales the pictures of a Segmenter, which architecture",
                "augmentation: {img_scale: [2048, 512]} | img_scale is a box for the pictures of a Segmenter, which architecture",
                "augmentation: {img_scale: [512]} | img_scale must be a longer and a shorter side, from 1 to 65536 pixels, got [512]",
                "augmentation: {img_scale: [2048, 0]} | img_scale must be a longer and a shorter side",
                "augmentation: {ratio_range: [2, 1]} | ratio_range must be a smallest and a largest positive number",
                "loss: {class_weights: [1, 0]} | class_weights must be positive, got [1.0, 0.0]",
                "augmentation: {aa: rand-q9} | rand-q9",
                "augmentation: {remode: blur} | it must be const, rand or pixel",
                "optimizer: {lr: 1, lr: 2} | is not YAML",
                "optimizer: {lr: | is not YAML"
            })
    void whatDoesNotDoIsNamed(String yaml, String message) throws IOException {
        Path file = recipe(yaml);
        assertThatThrownBy(() -> RecipeFile.read(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("recipe.yaml")
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "3 | network: {stages: [1, 2]}~optimizer:~  lrr: 1",
                "4 | network: {stages: [1, 2]}~optimizer:~  opt: sgd~  lr: abc",
                "2 | # a comment~optimiser: {lr: 1}",
                "3 | optimizer:~  lr: 1~  lr: 2",
                "2 | optimizer: {lr: 1~schedule: {epochs: 1}",
                "2 | model: vit_tiny_patch16_224~vflip: 0.5",
                "3 | model: vit_tiny_patch16_224~epochs: 2~lr: abc"
            })
    void theLineOfAFaultIsNamed(int line, String yaml) throws IOException {
        Path file = recipe(yaml.replace('~', '\n'));
        assertThatThrownBy(() -> RecipeFile.read(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching(".*\\bline " + line + "\\b.*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "# nothing\n", "---\n", "null"})
    void anEmptyFileIsNoRecipe(String text) throws IOException {
        Path file = recipe(text);
        assertThatThrownBy(() -> RecipeFile.read(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(file + ": is empty");
    }

    @Test
    void whatCannotBeLookedAtIsNotSaidToBeMissing() throws IOException {
        Path loop = directory.resolve("loop.yaml");
        Files.createSymbolicLink(loop, loop);
        assertThatThrownBy(() -> RecipeFile.read(loop))
                .isInstanceOf(CheckpointException.class)
                .hasMessageNotContaining("no such recipe")
                .hasMessageContaining(loop + ": ");
    }

    @Test
    void aRecipeIsTheSameAfterItsTreeAndChangesAreTold() {
        Recipe other = Recipe.DEFAULT.with("lr", 2e-3).with("seed", 5);
        assertThat(RecipeFile.of(RecipeFile.sections(other))).isEqualTo(other);
        assertThat(RecipeFile.inWords(List.of("lr", "seed"), other, other.with("lr", 1e-3)))
                .isEqualTo("lr (0.002 → 0.001), seed (5 → 5)");
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(() -> RecipeFile.read(directory.resolve("none.yaml")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("none.yaml")
                .hasMessageContaining("no such recipe");
    }

    @Test
    void valuesOfACommandLineNeedNoBrackets() {
        Recipe recipe = RecipeFile.with(
                Recipe.DEFAULT,
                java.util.Map.of(
                        "stages", RecipeFile.value("stages", "1,2,4"),
                        "lr", RecipeFile.value("lr", "5e-4"),
                        "aa", RecipeFile.value("aa", "rand-m9-mstd0.5-inc1")));
        assertThat(recipe.network().stages()).containsExactly(1, 2, 4);
        assertThat(recipe.optimizer().peakLr()).isEqualTo(5e-4);
        assertThat(recipe.with("aa", RecipeFile.value("aa", "null"))
                        .augmentation()
                        .aa())
                .isNull();
    }

    @Test
    void stagesAndOtherArgumentsOfANetworkComeInAnyOrder() {
        Map<String, Object> arguments =
                Map.of("embed_dim", 16, "depths", List.of(1, 1), "num_heads", List.of(2, 4), "window_size", 4);
        Map<String, Object> changes = new LinkedHashMap<>();
        changes.put("architecture", "thinkingswin");
        changes.put("img_size", 32);
        changes.put("patch_size", 2);
        changes.put("head_rounds", "(1,2)(2,4)");
        changes.put("model_kwargs", arguments);

        Recipe recipe = RecipeFile.with(Recipe.DEFAULT, changes);
        Recipe again = RecipeFile.with(recipe, Map.of("model_kwargs", arguments));
        Recipe file = RecipeFile.ofText("""
                network:
                  architecture: thinkingswin
                  img_size: 32
                  patch_size: 2
                  head_rounds: [[1, 2], [2, 4]]
                  model_kwargs: {embed_dim: 16, depths: [1, 1], num_heads: [2, 4], window_size: 4}
                """);

        for (Recipe each : List.of(recipe, again, file, RecipeFile.ofText(RecipeFile.text(recipe)))) {
            assertThat(each.network().config(3).shorthand()).isEqualTo("(1,2) → (2,4)");
        }
    }

    @Test
    void argumentsThatAreNotNamedStay() {
        Recipe recipe = RecipeFile.ofText(SWIN);

        Recipe wider = recipe.with("model_kwargs", RecipeFile.value("model_kwargs", "embed_dim=16"));
        assertThat(wider.network().config(3).shorthand()).isEqualTo("(1,2) → (2,4)");
        assertThat(wider.network().config(3).numFeatures()).isEqualTo(32);
        assertThat(wider.network().modelKwargs().keySet())
                .isEqualTo(recipe.network().modelKwargs().keySet());

        Recipe plain = recipe.with("model_kwargs", RecipeFile.value("model_kwargs", "head_rounds=null"));
        assertThat(plain.network().modelKwargs()).doesNotContainKey("head_rounds");
        assertThat(plain.network().config(3).stages()).isEqualTo(1);
    }

    @Test
    void anArchitectureOfAnotherJarSaysWhichKeysDescribeIt() {
        Recipe recipe = RecipeFile.ofText("""
                network:
                  architecture: threeheadedvit
                  depth: 2
                  img_size: 16
                  patch_size: 4
                  model_kwargs: {norm_eps: 0.001}
                """);

        assertThat(recipe.network().config(5).shorthand()).isEqualTo("1H → 3H");
        assertThat(RecipeFile.ofText(RecipeFile.text(recipe))).isEqualTo(recipe);
        assertThat(RecipeFile.read(timm("model: threeheadedvit\nlr: 0.1\ndepth: 2\nimg_size: 16\npatch_size: 4\n"))
                        .network()
                        .config(5)
                        .shorthand())
                .isEqualTo("1H → 3H");
        assertThatThrownBy(() -> recipe.with("depth", null)).hasMessage("depth must be a number of blocks, got null");
        assertThatThrownBy(() -> recipe.with("head_dim", 4))
                .hasMessage("head_dim cannot be said of architecture threeheadedvit, which is described by depth,"
                        + " img_size, patch_size (--architecture thinkingvit trains one of those with the rest of a"
                        + " recipe)");
    }

    @Test
    void timmsFileMayNameTheStagesAsAnotherJarsArchitectureDoes() {
        Recipe recipe = RecipeFile.read(timm("""
                model: rezerovit
                lr: 0.1
                stage_heads: [1, 2]
                img_size: 16
                model_kwargs: {patch_size: 4, head_dim: 4, depths: [1, 2], recycles: 1}
                """));
        assertThat(recipe.network().config(5).shorthand()).isEqualTo("ReZero [1, 2]");
        assertThatThrownBy(() -> RecipeFile.read(timm("model: deit_tiny_patch16_224\nlr: 0.1\nstage_heads: [1, 2]\n")))
                .hasMessageContaining("unknown key stage_heads");
    }

    private Path timm(String text) {
        try {
            return recipe(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void whatKeysSayOfANetworkIsNotSaidByArgumentsToo() {
        Recipe other = Recipe.DEFAULT.with("model_kwargs", Map.of("norm_eps", 1e-5));

        assertThat(ThinkingViTConfig.of(other.network().config(3)).normEps()).isEqualTo(1e-5);
        assertThatThrownBy(() -> Recipe.DEFAULT.with("model_kwargs", Map.of("embed_dim", 96)))
                .hasMessage(
                        "model_kwargs must not say embed_dim of a thinkingvit, as stages, head_dim, depth, img_size,"
                                + " patch_size do");
    }

    private static final String SWIN = """
            network:
              architecture: thinkingswin
              img_size: 16
              patch_size: 2
              model_kwargs:
                window_size: 4
                embed_dim: 8
                depths: [2, 1]
                num_heads: [2, 4]
              head_rounds: [[1, 2], [2, 4]]
            """;

    @Test
    void anotherArchitectureTakesNoFirstWeightsOverThatItHasNot() {
        Recipe recipe = RecipeFile.with(
                RecipeFile.read(Path.of("../recipes/cifar10-3h-6h.yaml")),
                Map.of("architecture", "swin_tiny_patch4_window7_224"));
        assertThat(recipe.network().weightInit()).isEqualTo(NetworkRecipe.WeightInit.TIMM);
        assertThat(recipe.optimizer())
                .isEqualTo(RecipeFile.read(Path.of("../recipes/cifar10-3h-6h.yaml"))
                        .optimizer());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "embed_dim: 8 | embed_dimm: 8 | model_kwargs.embed_dimm is not an argument of thinkingswin",
                "embed_dim: 8 | embed_dim: 8.5 | embed_dim must be a whole number, got 8.5",
                "embed_dim: 8 | embed_dim: 0 | embed_dim must lie between 1 and 65536, got 0",
                "embed_dim: 8 | mlp_ratio: 3 | model_kwargs.mlp_ratio must be 4.0, got 3",
                "img_size: 16 | imgsize: 16 | unknown key network.imgsize (did you mean img_size?)",
                "img_size: 16 | depth: 2 | depth cannot be said of architecture thinkingswin, which is described"
                        + " by model_kwargs (--architecture thinkingvit trains",
                "img_size: 16 | weight_init: mimetic | img_size is missing",
                "patch_size: 2 | weight_init: mimetic | patch_size is missing",
                "patch_size: 2 | patch_size: 32 | patch_size must lie between 1 and 16, got 32",
                "thinkingswin | resnet | architecture \"resnet\" is not supported; supported are "
            })
    void anotherArchitecturesKeysAreReadStrictly(String from, String to, String message) throws IOException {
        Path file = recipe(SWIN.replace(from, to));
        assertThatThrownBy(() -> RecipeFile.read(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"192x256", "192,256", "[192, 256]", "192 256", "192 × 256", "'192x256'"})
    void aSizeThatIsNoSquareIsHeightAndWidth(String written) {
        Recipe recipe = Recipe.DEFAULT.with("img_size", RecipeFile.value("img_size", written));

        assertThat(recipe.network().imgSize()).isEqualTo(new ImageSize(192, 256));
        assertThat(recipe.network().config(3).imageSize()).isEqualTo(new ImageSize(192, 256));
        assertThat(RecipeFile.text(recipe)).containsPattern("img_size:\\s*\\n\\s*- 192\\n\\s*- 256");
        assertThat(RecipeFile.ofText(RecipeFile.text(recipe))).isEqualTo(recipe);
        assertThat(RecipeFile.inWords(List.of("img_size"), Recipe.DEFAULT, recipe))
                .isEqualTo("img_size (32 → [192, 256])");
        assertThat(RecipeFile.text(Recipe.DEFAULT)).contains("img_size: 32");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"wide", "[1, 2, 3]", "32.5", "-32", "32x", "99999999999", "[32, x]", "{a: 1}", "0", "[0, 32]"})
    void aSizeThatIsNoneIsRefusedByName(String written) {
        assertThatThrownBy(() -> RecipeFile.ofText("network: {img_size: " + written + "}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("network.img_size")
                .message()
                .doesNotContain("\n");
    }
}
