package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.model.DynamicViTConfig;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class PruningTrainingTest {
    private static final int SIZE = 32;
    private static final int BATCH = 8;
    private static final int CLASSES = 4;
    private static final ThinkingViTConfig VIT = new ThinkingViTConfig(SIZE, 4, 16, 3, 2, List.of(1, 2), CLASSES, 1e-6);

    private static DynamicViTConfig config(double rate) {
        return new DynamicViTConfig(VIT, List.of(1, 2), DynamicViTConfig.powers(rate, 2));
    }

    private static Recipe recipe(double rate, Map<String, Object> changes) {
        DynamicViTConfig config = config(rate);
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("architecture", config.architecture().name());
        all.put("model_kwargs", config.architecture().write(config));
        all.put("batch_size", BATCH);
        all.put("lr", 2e-3);
        all.put("precision", "fp32");
        all.putAll(changes);
        return RecipeFile.with(Recipe.DEFAULT, all);
    }

    private static Trainer.Part part() {
        Random random = new Random(1);
        float[] images = new float[BATCH * 3 * SIZE * SIZE];
        float[] targets = new float[BATCH * CLASSES];
        int[] samples = new int[BATCH];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        for (int i = 0; i < BATCH; i++) {
            targets[i * CLASSES + i % CLASSES] = 1;
            samples[i] = i;
        }
        return new Trainer.Part(images, targets, samples);
    }

    private static Teacher teacher(ThinkingViTConfig of) {
        TeacherModel model = new TeacherModel(
                Path.of("teacher"), ModelConfig.of(of), of.parameters().draw(9), null, List.of());
        return model.open(
                Preprocessing.imagenet(SIZE, 1),
                model.classes(List.of("a", "b", "c", "d")),
                Precision.FP32,
                TorchDevice.CPU);
    }

    /** With a teacher, without, and with blocks computed again. */
    @ParameterizedTest
    @CsvSource({"true, false", "false, false", "true, true"})
    void aTrainingAtARateOfThreeTenthsStaysFiniteAndLearns(boolean taught, boolean again) {
        Map<String, Object> changes = new LinkedHashMap<>(Map.of("grad_checkpointing", again, "clip_grad", 1.0));
        if (taught) {
            changes.put("distillation_type", "soft");
        }
        Recipe recipe = recipe(0.3, changes);
        List<Double> losses = new ArrayList<>();
        try (Teacher teacher = taught ? teacher(VIT) : null;
                NestedNetwork model = NestedNetwork.initialise(config(0.3), 3);
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 2, teacher)) {
            for (int i = 0; i < 60; i++) {
                Trainer.Updated done = trainer.update(List.of(part()), 2e-3);
                assertThat(done.gradientNorm()).isFinite();
                losses.add(done.losses().get(1));
            }
            model.stateDict().forEach((name, tensor) -> {
                for (float value : tensor.toFloats()) {
                    assertThat(value).as(name).isFinite();
                }
            });
        }
        assertThat(losses.get(losses.size() - 1)).isLessThan(0.7 * losses.get(0));
    }

    @Test
    void theBackboneRestsAndEmbeddingsStayWhileThePredictorsLearn() {
        Recipe recipe =
                recipe(0.6, Map.of("backbone_frozen_epochs", 1, "backbone_lr_scale", 0.01, "train_embeddings", false));
        Map<String, HostTensor> drawn = config(0.6).parameters().draw(3);
        try (NestedNetwork model = NestedNetwork.of(config(0.6), drawn);
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 1)) {
            trainer.update(List.of(part()), 2e-3);
            model.stateDict().forEach((name, tensor) -> {
                boolean predictor = name.startsWith("score_predictor.");
                if (predictor) {
                    assertThat(tensor.toFloats())
                            .as(name)
                            .isNotEqualTo(drawn.get(name).toFloats());
                } else {
                    assertThat(tensor.toFloats())
                            .as(name)
                            .isEqualTo(drawn.get(name).toFloats());
                }
            });
        }
    }

    @Test
    void aTeacherOfOtherTokensIsRefusedWhereTheyAreLearned() {
        ThinkingViTConfig other = new ThinkingViTConfig(SIZE, 8, 24, 1, 1, List.of(1), CLASSES, 1e-6);
        Recipe recipe = recipe(0.6, Map.of("distillation_type", "soft"));
        try (Teacher teacher = teacher(other);
                NestedNetwork model = NestedNetwork.initialise(config(0.6), 3)) {
            assertThatThrownBy(() -> new Trainer(model, recipe, Peers.ALONE, 1, teacher))
                    .isInstanceOf(TrainingException.class)
                    .hasMessage("token_distillation learns from the teacher's tokens: 64 patches of width 16 are"
                            + " required, the teacher leaves 16 of width 24; token_distillation 0 learns from its"
                            + " classes alone");
            Recipe classes = recipe.with("token_distillation", 0);
            try (Trainer trainer = new Trainer(model, classes, Peers.ALONE, 1, teacher)) {
                assertThat(trainer.update(List.of(part()), 1e-3).distillations())
                        .hasSize(2);
            }
        }
    }

    @Test
    void whatANetworkThatKeepsItsTokensHasNoUseForIsRefused() {
        assertThatThrownBy(() -> Recipe.DEFAULT.with("ratio_weight", 5))
                .hasMessageContaining("section pruning is for networks that leave tokens out")
                .hasMessageContaining("thinkingvit");
        assertThatThrownBy(() -> recipe(0.6, Map.of("distillation_alpha", 0.3)))
                .hasMessageContaining("class_distillation and token_distillation weigh what the teacher says");
        assertThatThrownBy(() -> recipe(0.6, Map.of("distillation_type", "hard")))
                .hasMessageContaining("distillation_type hard is not there");
        assertThatThrownBy(() -> recipe(0.6, Map.of("backbone_lr_scale", 2)))
                .hasMessageContaining("backbone_lr_scale must lie in [0, 1], got 2");
    }

    /** As with {@code --model-kwargs base_rate=0.5}, and back. */
    @Test
    void oneWayToSayTheShareTakesThePlaceOfTheRecipes() {
        Recipe shipped = RecipeFile.read(Path.of("../recipes/cifar10-dynamicvit-3h-6h.yaml"));
        Recipe halves = shipped.with("model_kwargs", RecipeFile.value("model_kwargs", "base_rate=0.5"));
        assertThat(halves.network().config(10).pruning().ratios()).containsExactly(0.5, 0.25);
        assertThat(halves.with("model_kwargs", RecipeFile.value("model_kwargs", "token_ratio=[0.5,0.2]"))
                        .network()
                        .config(10))
                .isEqualTo(shipped.network().config(10));
        assertThatThrownBy(() -> shipped.with(
                        "model_kwargs", RecipeFile.value("model_kwargs", "token_ratio=[0.5,0.2] base_rate=0.5")))
                .hasMessageContaining("either token_ratio or base_rate is required, got both");
    }
}
