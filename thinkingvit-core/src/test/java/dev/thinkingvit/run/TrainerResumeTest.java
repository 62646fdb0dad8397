package dev.thinkingvit.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainerState;
import dev.thinkingvit.train.TrainingException;
import dev.thinkingvit.train.TrainingListener;
import dev.thinkingvit.train.TrainingPictures;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class TrainerResumeTest {
    /** Everything that chance decides, on a network that takes no time. */
    private static final Recipe RECIPE = RecipeFile.with(
            Recipe.DEFAULT,
            Map.ofEntries(
                    Map.entry("stages", List.of(1, 2)),
                    Map.entry("head_dim", 8),
                    Map.entry("depth", 2),
                    Map.entry("img_size", 16),
                    Map.entry("batch_size", 8),
                    Map.entry("grad_accum_steps", 2),
                    Map.entry("lr", 1e-3),
                    Map.entry("clip_grad", 1.0),
                    Map.entry("epochs", 3),
                    Map.entry("aa", "rand-m9-mstd0.5-inc1"),
                    Map.entry("reprob", 0.25),
                    Map.entry("mixup", 0.8),
                    Map.entry("cutmix", 1.0),
                    Map.entry("smoothing", 0.1),
                    Map.entry("drop_path", 0.2),
                    Map.entry("stage_sampling", "random"),
                    Map.entry("model_ema_decay", 0.9),
                    Map.entry("model_ema_warmup", true),
                    Map.entry("precision", "fp32")));

    @TempDir
    Path directory;

    private ImageFolder folder;

    @BeforeEach
    void writePictures() throws IOException {
        Random random = new Random(5);
        for (String name : List.of("one", "two")) {
            Path pictures = Files.createDirectories(directory.resolve("data").resolve(name));
            for (int i = 0; i < 21; i++) {
                BufferedImage picture = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
                for (int p = 0; p < 256; p++) {
                    picture.setRGB(p % 16, p / 16, random.nextInt(1 << 24));
                }
                ImageIO.write(picture, "png", pictures.resolve(i + ".png").toFile());
            }
        }
        folder = ImageFolder.open(directory.resolve("data"));
    }

    private BatchLoader loader(Recipe recipe, Peers peers) {
        return TrainingPictures.loader(recipe, folder.samples(), Preprocessing.imagenet(16, 1), peers)
                .open();
    }

    private static NestedNetwork model(Recipe recipe) {
        return NestedNetwork.initialise(
                recipe.network().config(2), recipe.execution().seed());
    }

    /** Trains {@code epochs} of them, writing the state after each update, and returns all losses. */
    private List<String> train(Trainer trainer, BatchLoader loader, int epochs, Path states) throws IOException {
        List<String> losses = new ArrayList<>();
        while (trainer.epoch() < epochs) {
            TrainingListener.Epoch done = trainer.epoch(loader, new TrainingListener() {
                @Override
                public void onStep(Step step) {
                    losses.add(step.epoch() + "." + step.step() + ":" + step.losses() + "," + step.learningRate());
                    if (states != null) {
                        trainer.state().write(states.resolve(step.totalSteps() + ".safetensors"));
                    }
                }
            });
            losses.add("epoch " + done.epoch() + done.losses());
            trainer.validated(0.1 * trainer.epoch());
        }
        return losses;
    }

    @Test
    void aRestoredTrainingGoesOnBitForBit() throws IOException {
        goesOn(RECIPE);
    }

    @Test
    void aRestoredTrainingWithMomentumAndRepeatsGoesOnBitForBit() throws IOException {
        goesOn(RecipeFile.with(
                RECIPE, Map.of("opt", "sgd", "lr", 0.05, "weight_decay", 1e-4, "layer_decay", 0.75, "aug_repeats", 3)));
    }

    @Test
    void aRestoredTrainingOfAnotherArchitectureGoesOnBitForBit() throws IOException {
        Map<String, Object> arguments = Map.of(
                "embed_dim",
                8,
                "depths",
                List.of(2, 1),
                "num_heads",
                List.of(2, 4),
                "window_size",
                4,
                "head_rounds",
                List.of(List.of(1, 2), List.of(2, 4)));
        goesOn(RecipeFile.with(
                RECIPE,
                Map.of("architecture", "thinkingswin", "img_size", 16, "patch_size", 2, "model_kwargs", arguments)));
    }

    private void goesOn(Recipe recipe) throws IOException {
        List<String> losses;
        Map<String, HostTensor> weights;
        try (NestedNetwork model = model(recipe);
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 2);
                BatchLoader loader = loader(recipe, Peers.ALONE)) {
            losses = train(trainer, loader, 3, directory);
            weights = trainer.weights();
        }
        int updatesPerEpoch = 5; // 42 pictures fill 10 parts of 4
        assertThat(losses).hasSize(3 * (updatesPerEpoch + 1));
        for (int update : new int[] {1, 7, 10, 14}) {
            try (NestedNetwork model = model(recipe.with("seed", 77)); // whatever it starts from
                    Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 2);
                    BatchLoader loader = loader(recipe, Peers.ALONE)) {
                trainer.restore(TrainerState.read(directory.resolve(update + ".safetensors")));
                List<String> rest = train(trainer, loader, 3, null);
                int from = update + (update - 1) / updatesPerEpoch;
                assertThat(rest).as("from update %d", update).isEqualTo(losses.subList(from, losses.size()));
                trainer.weights().forEach((name, tensor) -> assertThat(tensor.toFloats())
                        .as(name)
                        .containsExactly(weights.get(name).toFloats()));
            }
        }
    }

    @Test
    void processesThatShareABatchLearnWhatOneDoes() throws Exception {
        Recipe recipe = RECIPE.with("stage_sampling", "all");
        Map<String, HostTensor> alone;
        try (NestedNetwork model = model(recipe);
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 1);
                BatchLoader loader = loader(recipe, Peers.ALONE)) {
            train(trainer, loader, 2, null);
            alone = trainer.weights();
        }
        Sums sums = new Sums();
        ExecutorService ranks = Executors.newFixedThreadPool(2);
        List<Future<Map<String, HostTensor>>> results = new ArrayList<>();
        for (int rank = 0; rank < 2; rank++) {
            Peers peer = sums.peer(rank);
            results.add(ranks.submit(() -> {
                try (NestedNetwork model = model(recipe);
                        Trainer trainer = new Trainer(model, recipe, peer, 1);
                        BatchLoader loader = loader(recipe, peer)) {
                    train(trainer, loader, 2, null);
                    return trainer.weights();
                }
            }));
        }
        for (Future<Map<String, HostTensor>> result : results) {
            result.get().forEach((name, tensor) -> {
                float[] expected = alone.get(name).toFloats();
                float[] came = tensor.toFloats();
                for (int i = 0; i < came.length; i++) {
                    assertThat(Math.abs(came[i] - expected[i])).as(name).isLessThan(1e-5f);
                }
            });
        }
        ranks.shutdown();
    }

    /** Two threads in place of two processes. */
    private static final class Sums {
        private final CyclicBarrier barrier = new CyclicBarrier(2);
        private final Tensor[] given = new Tensor[2];

        Peers peer(int rank) {
            return new Peers() {
                @Override
                public int rank() {
                    return rank;
                }

                @Override
                public int size() {
                    return 2;
                }

                @Override
                public void broadcast(Tensor tensor) {
                    throw new UnsupportedOperationException();
                }

                @Override
                public byte[] share(byte[] mine) {
                    throw new UnsupportedOperationException();
                }

                @Override
                public byte[][] gather(byte[] mine) {
                    throw new UnsupportedOperationException();
                }

                @Override
                public void sum(Tensor tensor) {
                    given[rank] = tensor;
                    await();
                    if (rank == 0) {
                        tensor.add_(given[1]);
                        given[1].copy_(tensor);
                    }
                    await();
                }
            };
        }

        private void await() {
            try {
                barrier.await();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Test
    void aLossThatIsNoNumberEndsTheTrainingAndChangesNothing() throws IOException {
        Recipe wild = RECIPE.with("lr", 1e20).with("stage_sampling", "all").with("clip_grad", null);
        try (NestedNetwork model = model(wild);
                Trainer trainer = new Trainer(model, wild, Peers.ALONE, 1);
                BatchLoader loader = loader(wild, Peers.ALONE)) {
            List<Map<String, HostTensor>> before = new ArrayList<>();
            assertThatThrownBy(() -> {
                        while (trainer.epoch() < 3) {
                            trainer.epoch(loader, new TrainingListener() {
                                @Override
                                public void onStep(Step step) {
                                    before.clear();
                                    before.add(trainer.state().tensors());
                                }
                            });
                        }
                    })
                    .isInstanceOf(TrainingException.class)
                    .hasMessageMatching(
                            "the (loss of stage \\d|norm of the gradients) became (NaN|Infinity) in epoch \\d, update \\d;.*");
            trainer.state().tensors().forEach((name, tensor) -> assertThat(tensor.toFloats())
                    .as(name)
                    .containsExactly(before.get(0).get(name).toFloats()));
        }
    }

    @Test
    void aStateOfAnotherNetworkIsRefused() {
        Recipe deeper = RECIPE.with("depth", 3);
        try (NestedNetwork model = model(RECIPE);
                Trainer trainer = new Trainer(model, RECIPE);
                NestedNetwork other = model(deeper);
                Trainer trainerOfOther = new Trainer(other, deeper)) {
            TrainerState state = trainerOfOther.state();
            assertThatThrownBy(() -> trainer.restore(state))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("blocks.2.")
                    .hasMessageContaining("has no place in this training");
        }
    }

    private TrainingRun run(Trainer trainer, RunFolder open, TrainingRun.Validation validation) {
        return new TrainingRun(
                trainer,
                ModelConfig.of(RECIPE.network().config(2)),
                open,
                new TrainingRun.Saving(Duration.ofHours(1), 1, false),
                validation,
                weights -> {});
    }

    private static final Judgement JUDGED = new Judgement(List.of(0.5, 0.5), List.of(1.0, 1.0), 2, 0);

    @Test
    void anEpochIsSavedBeforeItsValidationWhichIsDoneAnewIfItWasStopped() throws IOException {
        Path out = directory.resolve("run");
        try (NestedNetwork model = model(RECIPE);
                Trainer trainer = new Trainer(model, RECIPE, Peers.ALONE, 1);
                BatchLoader loader = loader(RECIPE, Peers.ALONE);
                RunFolder open = RunFolder.open(out)) {
            TrainingRun run = run(trainer, open, (weights, asked) -> {
                assertThat(RunFolder.requireState(out).position().totalUpdates())
                        .isEqualTo(5);
                trainer.stop();
                return asked.getAsBoolean() ? null : JUDGED;
            });
            assertThat(run.run(loader, new TrainingRun.Listener() {})).isFalse();
            assertThat(out.resolve("best")).doesNotExist();
        }
        List<Integer> judgedAfter = new ArrayList<>();
        try (NestedNetwork model = model(RECIPE.with("seed", 77));
                Trainer trainer = new Trainer(model, RECIPE, Peers.ALONE, 1);
                BatchLoader loader = loader(RECIPE, Peers.ALONE);
                RunFolder open = RunFolder.open(out)) {
            trainer.restore(open.state());
            TrainingRun run = run(trainer, open, (weights, asked) -> {
                judgedAfter.add((int) trainer.position().totalUpdates());
                return JUDGED;
            });
            assertThat(run.run(loader, new TrainingRun.Listener() {})).isTrue();
        }
        assertThat(judgedAfter).containsExactly(5, 10, 15);
        assertThat(out.resolve("best/model.safetensors")).exists();
    }

    @Test
    void whatFailsInTheMiddleOfAnEpochSavesWhatIsInMemory() throws IOException {
        Path out = directory.resolve("run");
        try (NestedNetwork model = model(RECIPE);
                Trainer trainer = new Trainer(model, RECIPE, Peers.ALONE, 1);
                BatchLoader loader = loader(RECIPE, Peers.ALONE);
                RunFolder open = RunFolder.open(out)) {
            TrainingRun run = run(trainer, open, (weights, asked) -> JUDGED);
            assertThatThrownBy(() -> run.run(loader, new TrainingRun.Listener() {
                        @Override
                        public void onStep(Step step) throws IOException {
                            if (step.totalSteps() == 3) {
                                throw new IOException("the disk of the log is full");
                            }
                        }
                    }))
                    .hasMessage("the disk of the log is full");
        }
        assertThat(RunFolder.requireState(out).position().totalUpdates()).isEqualTo(3);
    }

    @Test
    void weightsThatGiveNoNumbersTakeNobodysPlace() throws IOException {
        Recipe absurd = RecipeFile.with(RECIPE, Map.of("lr", 1e30, "stage_sampling", "all"));
        Path out = directory.resolve("run");
        try (NestedNetwork model = model(absurd);
                Trainer trainer = new Trainer(model, absurd, Peers.ALONE, 1);
                BatchLoader loader = loader(absurd, Peers.ALONE);
                RunFolder open = RunFolder.open(out)) {
            TrainingRun run = run(trainer, open, (weights, asked) -> JUDGED);
            assertThatThrownBy(() -> run.run(loader, new TrainingRun.Listener() {}))
                    .isInstanceOf(TrainingException.class);
        }
        assertThat(RunFolder.state(out)).isEmpty();
        assertThat(out.resolve("best")).doesNotExist();
    }
}
