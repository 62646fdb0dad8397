package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Epoch;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.eval.MadeUp;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Of images that are no squares. */
@NullUnmarked // a null fails the test
class TrainingPicturesTest {
    private static final ImageSize SIZE = new ImageSize(16, 24);
    private static final Recipe RECIPE = RecipeFile.with(
            Recipe.DEFAULT,
            Map.of(
                    "stages", List.of(1, 2),
                    "head_dim", 8,
                    "depth", 2,
                    "img_size", SIZE.argument(),
                    "patch_size", 8,
                    "batch_size", 6,
                    "min_lr", 0,
                    "precision", "fp32"));

    @TempDir
    private Path folder;

    private static List<Batch> epoch(Recipe recipe, List<Sample> samples) throws IOException {
        Preprocessing preprocessing = recipe.preprocessing().preprocessing(SIZE);
        TrainingPictures.requireFit(recipe, samples, preprocessing);
        List<Batch> batches = new ArrayList<>();
        try (BatchLoader loader = TrainingPictures.loader(recipe, samples, preprocessing, Peers.ALONE)
                        .workers(2)
                        .open();
                Epoch epoch = loader.epoch(0)) {
            for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
                batches.add(batch);
            }
        }
        return batches;
    }

    @ParameterizedTest
    @ValueSource(strings = {"resized", "center"})
    void everyStepTakesThem(String crop) throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 4); // squares of 16
        Recipe plain = RECIPE.with("crop", crop);
        Recipe all = RecipeFile.with(
                plain, Map.of("mixup", 0.8, "cutmix", 1, "reprob", 1, "recount", 2, "aa", "rand-m9-mstd0.5-inc1"));
        for (Recipe recipe : List.of(plain, all)) {
            List<Batch> batches = epoch(recipe, samples);
            assertThat(batches).hasSize(4);
            for (Batch batch : batches) {
                assertThat(batch.images()).hasSize(6 * SIZE.values()).doesNotContain(Float.NaN);
            }
        }
    }

    @Test
    void aPaddedCropWantsThemAsLargeAsTheInputButForItsBorder() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 2);
        assertThatThrownBy(() -> epoch(RECIPE, samples))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining(
                        "it has 16 × 16 pixels (height × width); a random crop of 16 × 24 with padding 2 and 3"
                                + " needs at least 12 × 18")
                .hasMessageContaining("--crop resized takes pictures of every size");
    }

    @Test
    void aTrainingLearnsFromThem() throws IOException {
        List<Sample> samples = MadeUp.pictures(folder, 4);
        NetworkConfig network = RECIPE.network().config(6);
        try (NestedNetwork model = NestedNetwork.initialise(network, 1);
                Trainer trainer = new Trainer(model, RECIPE, Peers.ALONE, 2, null)) {
            List<Trainer.Part> parts = epoch(RECIPE.with("crop", "center"), samples).stream()
                    .map(batch -> new Trainer.Part(
                            batch.images(), new SoftTargets(0, 6).of(batch.labels(), 1), batch.sampleIndices()))
                    .toList();
            double first = trainer.update(parts, 0.003).losses().get(1);
            double last = first;
            for (int i = 0; i < 60; i++) {
                last = trainer.update(parts, 0.003).losses().get(1);
            }
            assertThat(last).isLessThan(0.6 * first);
        }
    }
}
