package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.run.TrainingLog;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class TrainRecipeTest {
    private static final Path ARGS = CommandRun.REFERENCE.resolve("recipes");

    @TempDir
    Path directory;

    private Path run;

    @BeforeEach
    void writePictures() throws IOException {
        TinyTraining.writePictures(directory);
        run = directory.resolve("run");
    }

    private CommandRun train(Object... arguments) {
        List<Object> all = new ArrayList<>(List.of("train", "--out", run));
        all.addAll(Arrays.asList(arguments));
        return CommandRun.of(all.toArray());
    }

    private CommandRun trainTiny(Path recipe, Object... arguments) {
        List<Object> all = new ArrayList<>(List.of(
                "--recipe=" + recipe,
                "--stages=1,2",
                "--head-dim=8",
                "--depth=2",
                "--img-size=16",
                "--patch-size=4",
                "--warmup-epochs=0",
                "--cooldown-epochs=0",
                "--precision=fp32"));
        all.addAll(Arrays.asList(arguments));
        return train(all.toArray());
    }

    private Path args(String name, String... changes) throws IOException {
        String text = Files.readString(ARGS.resolve(name));
        for (String change : changes) {
            String key = change.substring(0, change.indexOf(':'));
            String without = text.replaceAll("(?m)^" + key + ":.*\\n", "");
            text = without + change + "\n";
        }
        return Files.writeString(directory.resolve(name), text);
    }

    @Test
    void imagesNeedNotBeSquare() throws IOException {
        Path recipe = Files.writeString(directory.resolve("wide.yaml"), """
                network: {stages: [1, 2], head_dim: 8, depth: 1, img_size: [8, 24], patch_size: 4}
                augmentation: {crop: resized, mixup: 0.8, cutmix: 1, reprob: 0.5, aa: rand-m9-mstd0.5-inc1}
                optimizer: {batch_size: 8, lr: 0.001}
                schedule: {warmup_epochs: 0}
                """);
        List<Object> data = List.of("--data=" + directory.resolve("train"), "--val=" + directory.resolve("val"));
        CommandRun trained = train("--recipe=" + recipe, "--epochs=1", data.get(0), data.get(1));
        assertThat(trained.code()).as(trained.err()).isZero();

        ImageSize wide = new ImageSize(8, 24);
        assertThat(RecipeFile.read(run.resolve("recipe.yaml")).network().imgSize())
                .isEqualTo(wide);
        ModelDirectory.Model best = ModelDirectory.read(run.resolve("best"));
        assertThat(best.config().network().imageSize()).isEqualTo(wide);
        assertThat(best.config().preprocessing().size()).isEqualTo(wide);
        assertThat(train("--resume", "--epochs=2", data.get(0), data.get(1)).code())
                .isZero();

        CommandRun begun = CommandRun.of(
                "train",
                "--recipe=" + recipe,
                "--img-size=12x16",
                "--init=" + run.resolve("best"),
                "--epochs=0",
                "--out=" + directory.resolve("other"),
                data.get(0),
                data.get(1));
        assertThat(begun.code()).as(begun.err()).isZero();
        assertThat(begun.err()).contains("pos_embed is resampled from 2 × 6 patches to 3 × 4");
    }

    @Test
    void timmsFileTrainsOnThePicturesThatItNames() throws IOException {
        Path recipe =
                args("args.yaml", "data_dir: " + directory, "batch_size: 8", "min_lr: 1.0e-07", "checkpoint_hist: 2");
        CommandRun trained = trainTiny(recipe, "--epochs=3", "--best-metric=stage1_loss", "--mean=0.5,0.5,0.5");

        assertThat(trained.code()).as(trained.err()).isZero();
        assertThat(trained.err())
                .contains("batch_size 8 is each process's: 1 process x 1 accumulated = 8 images an update")
                .contains("pictures of " + directory.resolve("train") + " and " + directory.resolve("val"))
                .doesNotContain("names no stages"); // --stages says it
        Recipe used = RecipeFile.read(run.resolve("recipe.yaml"));
        assertThat(used.augmentation().aa()).isEqualTo("rand-m9-mstd0.5-inc1");
        assertThat(ModelDirectory.read(run.resolve("best"))
                        .config()
                        .preprocessing()
                        .mean())
                .containsExactly(0.5f, 0.5f, 0.5f);
        List<Double> losses = TrainingLog.read(run.resolve("epochs.csv")).get("stage1_val_loss");
        assertThat(losses).hasSize(3).allMatch(Double::isFinite);
        List<Integer> order = Stream.of(0, 1, 2)
                .sorted((a, b) -> Double.compare(losses.get(a), losses.get(b)))
                .toList();
        try (Stream<Path> bests = Files.list(run.resolve("bests"))) {
            assertThat(bests.map(best -> best.getFileName().toString()))
                    .containsExactlyInAnyOrder("epoch-000" + (order.get(0) + 1), "epoch-000" + (order.get(1) + 1));
        }
        assertThat(run.resolve("best/model.safetensors"))
                .hasSameBinaryContentAs(
                        run.resolve("bests/epoch-000" + (order.get(0) + 1)).resolve("model.safetensors"));
    }

    @Test
    void thePicturesThatTimmsFileNamesMayLieInTars() throws IOException {
        Path tars = Files.createDirectory(directory.resolve("tars"));
        TinyTraining.tar(directory.resolve("train"), tars.resolve("train.tar"));
        TinyTraining.tar(directory.resolve("val"), tars.resolve("validation.tar"));
        Path recipe = args("args.yaml", "data_dir: " + tars, "batch_size: 8", "min_lr: 1.0e-07");

        CommandRun trained = trainTiny(recipe, "--epochs=1");

        assertThat(trained.code()).as(trained.err()).isZero();
        assertThat(trained.err())
                .contains("pictures of " + tars.resolve("train.tar") + " and " + tars.resolve("validation.tar"));
    }

    @Test
    void aModelThatCannotBeBuiltIsNamedUnlessStagesAreGiven() throws IOException {
        Path recipe = args("args_swin.yaml", "batch_size: 2", "model: resnet50");
        CommandRun refused = train("--recipe", recipe, "--data", directory.resolve("train"));
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err().lines()).hasSize(1);
        assertThat(refused.err())
                .contains(recipe.toString())
                .contains("model resnet50 cannot be built")
                .contains("--stages 3,6");
        CommandRun trained = trainTiny(recipe, "--epochs=1", "--data", directory.resolve("train"));
        assertThat(trained.code()).as(trained.err()).isZero();
        assertThat(RecipeFile.read(run.resolve("recipe.yaml")).optimizer().batchSize())
                .isEqualTo(8);
    }

    @Test
    void whatTheFileNamesAndIsNotHereIsSaid() throws IOException {
        CommandRun noData = train("--recipe", args("args.yaml", "data_dir: /nowhere/imagenet"));
        assertThat(noData.code()).isEqualTo(Main.USAGE);
        assertThat(noData.err()).contains("--data is required; /nowhere/imagenet, which the recipe names, is not here");
        CommandRun noStart = train(
                "--recipe", args("args.yaml", "initial_checkpoint: gone.pth"), "--data", directory.resolve("train"));
        assertThat(noStart.code()).isEqualTo(Main.USAGE);
        assertThat(noStart.err()).contains("starts from gone.pth, which is not here; --init says where it is");
    }

    @Test
    void anOptionCuresWhatTheFileSaysAmiss() throws IOException {
        Path file = Files.writeString(
                directory.resolve("args.yaml"),
                "opt: adamw\nlr_base: 0.001\nepochs: 3\nwarmup_epochs: 5\nbatch_size: 8\nmodel_ema: no\n");
        Object data = "--data=" + directory.resolve("train");
        CommandRun refused = train("--recipe", file, data);
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err())
                .contains(file.toString())
                .contains("warmup_epochs must lie between 0 and epochs 3, got 5");
        CommandRun cured = trainTiny(file, data, "--epochs=0");
        assertThat(cured.code()).as(cured.err()).isZero();
        assertThat(RecipeFile.read(run.resolve("recipe.yaml")).schedule().warmupEpochs())
                .isZero();
        CommandRun nonsense = train("--recipe", file, data, "--lr=[");
        assertThat(nonsense.code()).isEqualTo(Main.USAGE);
    }

    @Test
    void aTrainingsFolderIsNoModelButHoldsSome() throws IOException {
        assertThat(CommandRun.of(TinyTraining.arguments(directory, run, 1).toArray())
                        .code())
                .isZero();
        for (String option : List.of("--init", "--teacher")) {
            Path next = directory.resolve("next");
            CommandRun refused = CommandRun.of(TinyTraining.arguments(directory, next, 1, option + "=" + run)
                    .toArray());
            assertThat(refused.code()).as(refused.err()).isEqualTo(1);
            assertThat(refused.err()).contains(run.resolve("best") + "").contains(run.resolve("last") + "");
        }
    }

    @Test
    void aPictureIsNotRepeatedMoreOftenThanThereArePictures() {
        CommandRun refused = CommandRun.of(
                TinyTraining.arguments(directory, run, 1, "--aug-repeats=1000").toArray());
        assertThat(refused.code()).isEqualTo(Main.USAGE);
        assertThat(refused.err()).contains("--aug-repeats 1000 shows a picture more often than the ");
    }

    @Test
    void anOddShareOfPicturesCannotBeMixedAsInOneProcess() {
        List<String> arguments =
                TinyTraining.arguments(directory, run, 1, "--batch-size=6", "--processes=2", "--mixup=0.2");
        arguments.remove("--batch-size=8");
        CommandRun odd = CommandRun.of(arguments.toArray());
        assertThat(odd.code()).isEqualTo(Main.USAGE);
        assertThat(odd.err())
                .contains("--batch-size 6 gives each of 2 processes 3 pictures")
                .contains("--batch-size 8");
    }

    @Test
    void onlyEveryFewEpochsAreJudgedAndTheLast() throws IOException {
        CommandRun trained = CommandRun.of(
                TinyTraining.arguments(directory, run, 3, "--eval-every=2").toArray());
        assertThat(trained.code()).as(trained.err()).isZero();
        Map<String, List<Double>> epochs = TrainingLog.read(run.resolve("epochs.csv"));
        for (String column : List.of("stage1_top1", "stage2_val_loss")) {
            assertThat(epochs.get(column))
                    .as(column)
                    .satisfiesExactly(
                            first -> assertThat(first).isNaN(),
                            second -> assertThat(second).isFinite(),
                            last -> assertThat(last).isFinite());
        }
        CommandRun further = train("--resume", "--epochs=4");
        assertThat(further.code()).as(further.err()).isZero();
    }

    @Test
    void whatNeedsAValidationIsRefusedWithoutOne() {
        CommandRun refused = trainTiny(
                Path.of("../recipes/cifar10-3h-6h.yaml"), "--data", directory.resolve("train"), "--eval-every=2");
        assertThat(refused.code()).isEqualTo(Main.USAGE);
        assertThat(refused.err()).contains("--eval-every is about validation: --val or --holdout is required");
    }

    @Test
    void aRunThatAnEarlierVersionBeganGoesOn() throws IOException {
        CommandRun trained =
                CommandRun.of(TinyTraining.arguments(directory, run, 1).toArray());
        assertThat(trained.code()).as(trained.err()).isZero();
        // as they were before there were validation losses, and further keys and sections
        Path epochs = run.resolve("epochs.csv");
        Map<String, List<Double>> table = TrainingLog.read(epochs);
        List<String> columns = table.keySet().stream()
                .filter(column -> !column.endsWith("_val_loss"))
                .toList();
        StringBuilder old = new StringBuilder(String.join(",", columns)).append("\n1");
        columns.stream().skip(1).forEach(column -> old.append(',')
                .append(table.get(column).get(0)));
        Files.writeString(epochs, old.append('\n'));
        Path recipe = run.resolve("recipe.yaml");
        Files.writeString(
                recipe,
                Files.readString(recipe)
                        .replaceAll("(?s)preprocessing:.*(execution:)", "$1")
                        .replaceAll(
                                "(?m)^  (opt|momentum|layer_decay|lr_base_scale|aug_repeats|warmup_prefix|poly_power):.*\n",
                                ""));

        CommandRun further = train("--resume", "--epochs=2");

        assertThat(further.code()).as(further.err()).isZero();
        assertThat(TrainingLog.read(epochs).get("stage2_val_loss"))
                .satisfiesExactly(first -> assertThat(first).isNaN(), second -> assertThat(second)
                        .isFinite());
    }

    @Test
    void whatAResumedTrainingRemembersByCannotChange() throws IOException {
        CommandRun trained = CommandRun.of(TinyTraining.arguments(directory, run, 1, "--opt=sgd", "--lr=0.01")
                .toArray());
        assertThat(trained.code()).as(trained.err()).isZero();
        for (String option : List.of("--opt=adamw", "--best-metric=average")) {
            CommandRun refused = train("--resume", "--epochs=2", option);
            assertThat(refused.code()).isEqualTo(1);
            assertThat(refused.err().lines()).hasSize(1);
            assertThat(refused.err()).contains("it began with, which cannot change");
        }
        assertThat(train("--resume", "--epochs=2").code()).isZero();
    }
}
