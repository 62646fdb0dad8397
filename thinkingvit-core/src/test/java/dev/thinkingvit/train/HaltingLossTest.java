package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.AdaptiveViT;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Specimen;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class HaltingLossTest {
    private static final Path RECIPE = Path.of("../recipes/imagenet-avit-tiny.yaml");

    @BeforeAll
    static void load() {
        Libtorch.load();
    }

    @Test
    void thePublishedRecipeIsShipped() {
        Recipe recipe = RecipeFile.read(RECIPE);

        assertThat(recipe.network().config(1000))
                .isEqualTo(new AdaptiveViT(ThinkingViTConfig.imagenet(3), 10, 30, 0.01));
        assertThat(recipe.halting()).isEqualTo(new HaltingRecipe(5e-4, 1e-3, 8));
        assertThat(RecipeFile.ofText(RecipeFile.text(recipe))).isEqualTo(recipe);
    }

    @ParameterizedTest
    @CsvSource({
        "ponder_token_scale, -1, 'ponder_token_scale must be a finite number, 0 or more, got -1.0'",
        "distr_prior_depth, 0, 'distr_prior_depth must be at least 1, got 0'",
        "distr_prior_depth, 13, 'distr_prior_depth must lie between 1 and the network\'\'s 12 blocks, got 13'"
    })
    void aValueThatCannotBeIsRefused(String key, int value, String words) {
        Recipe recipe = RecipeFile.read(RECIPE);
        assertThatThrownBy(() -> recipe.with(key, value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(words);
    }

    @Test
    void aNetworkWhoseTokensDoNotHaltHasNoPonderLoss() {
        assertThatThrownBy(() -> Recipe.DEFAULT.with("ponder_token_scale", 0.001))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("architecture thinkingvit do not; one whose tokens halt is required");
    }

    @Test
    void tokensThatAreRemovedHaveNoPrior() {
        Recipe recipe = RecipeFile.read(RECIPE);

        assertThatThrownBy(() -> recipe.with("halted_tokens", "removed"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "halted_tokens removed has no scores of halted tokens, which the prior counts: distr_prior_alpha"
                                + " must be 0, got 0.001, or halted_tokens masked");
        assertThat(recipe.with("distr_prior_alpha", 0)
                        .with("halted_tokens", "removed")
                        .halting()
                        .removes())
                .isTrue();
        assertThatThrownBy(() -> Recipe.DEFAULT.with("halted_tokens", "removed"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("architecture thinkingvit do not; one whose tokens halt is required");
    }

    /**
     * Stochastic depth, several sizes of images' remains, blocks computed again, bf16, every token halted after the first block
     * and none before the last: the same losses and gradients.
     */
    @ParameterizedTest
    @CsvSource({"fp32, false, 2", "fp32, true, 2", "bf16, false, 2", "fp32, false, -60", "fp32, false, 60"})
    void whatTokensTeachDoesNotDependOnWhetherHaltedOnesAreThere(String precision, boolean again, double center) {
        ThinkingViTConfig vit = new ThinkingViTConfig(24, 4, 32, 4, 4, List.of(2, 4), 3, 1e-6);
        AdaptiveViT network = new AdaptiveViT(vit, 6, center, 0.01);
        Map<String, Object> changes = new LinkedHashMap<>();
        changes.put("architecture", "avit");
        changes.put("model_kwargs", AdaptiveViT.ARCHITECTURE.write(network));
        changes.put("min_lr", 0);
        changes.put("batch_size", 12);
        changes.put("precision", precision);
        changes.put("drop_path", 0.3);
        changes.put("grad_checkpointing", again);
        changes.put("ponder_token_scale", 0.1);
        Recipe recipe = RecipeFile.with(Recipe.DEFAULT, changes);
        Map<String, HostTensor> weights = new Specimen("halting", network).weights();
        float[] images = new float[12 * vit.imageSize().values()];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) Math.sin(i * 0.7);
        }
        float[] targets = new float[12 * 3];
        for (int i = 0; i < 12; i++) {
            targets[i * 3 + i % 3] = 1;
        }
        int[] samples = IntStream.range(0, 12).toArray();
        List<List<Double>> losses = new ArrayList<>();
        List<Map<String, float[]>> gradients = new ArrayList<>();
        for (String halted : List.of("masked", "removed")) {
            try (NestedNetwork model = NestedNetwork.of(network, weights);
                    Trainer trainer = new Trainer(model, recipe.with("halted_tokens", halted), Peers.ALONE, 1)) {
                losses.add(trainer.update(List.of(new Trainer.Part(images, targets, samples)), 0)
                        .losses());
                Map<String, float[]> own = new LinkedHashMap<>();
                trainer.gradients().forEach((name, tensor) -> own.put(name, Tensors.toFloats(tensor)));
                gradients.add(own);
            }
        }
        double allowed = precision.equals("fp32") ? 1e-5 : 0.02;
        for (int stage = 0; stage < 2; stage++) {
            assertThat(losses.get(1).get(stage)).isCloseTo(losses.get(0).get(stage), within(allowed));
        }
        gradients.get(0).forEach((name, masked) -> {
            float largest = 0;
            for (float value : masked) {
                largest = Math.max(largest, Math.abs(value));
            }
            assertThat(gradients.get(1).get(name)).as(name).containsExactly(masked, within((float)
                    (allowed * Math.max(1e-2, largest) * 5)));
        });
    }

    private static double[] values(HaltingPrior prior) {
        return prior.target().stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** Blocks 0 to 7 have 0.98 between them; block 8 has the most. */
    @Test
    void thePriorIsABellAroundABlock() {
        double[] target = values(HaltingPrior.of(12, 8));

        assertThat(Arrays.stream(target, 0, 8).sum()).isCloseTo(0.98, within(1e-12));
        assertThat(target[8]).isCloseTo(1.30092, within(1e-5));
        assertThat(target[7]).isEqualTo(target[9]);
    }

    @Test
    void scoresThatAreTheTargetsAreAtItsDistance() {
        try (Scope scope = new Scope()) {
            HaltingPrior prior = HaltingPrior.of(3, 2);
            double[] target = values(prior); // of 0.98 before the middle
            double all = Arrays.stream(target).sum();
            float[] scores = new float[3];
            for (int i = 0; i < 3; i++) {
                scores[i] = (float) (0.1 * target[i]);
            }
            double expected = 0;
            for (double each : target) {
                expected += each * (Math.log(each) - Math.log(Math.min(0.99, Math.max(0.01, each / all)))) / 3;
            }
            double came = prior.distance(Tensors.floats(scores, 0, 3)).item().toDouble();
            assertThat(came).isCloseTo(expected, within(1e-6));
        }
    }

    /** In the last stage of several; the first has the labels' loss alone. */
    @Test
    void ponderingMakesTokensHaltEarlier() {
        ThinkingViTConfig vit = new ThinkingViTConfig(16, 4, 32, 4, 4, List.of(2, 4), 3, 1e-6);
        AdaptiveViT network = new AdaptiveViT(vit, 6, 2, 0.01);
        Recipe recipe = RecipeFile.read(RECIPE)
                .with("min_lr", 0)
                .with("batch_size", 6)
                .with("precision", "fp32")
                .with("aug_repeats", 0)
                .with("distr_prior_alpha", 0)
                .with("ponder_token_scale", 1);
        float[] images = new float[6 * 3 * 16 * 16];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) Math.sin(i * 0.7);
        }
        float[] targets = new float[6 * 3];
        for (int i = 0; i < 6; i++) {
            targets[i * 3 + i % 3] = 1;
        }
        List<Double> depths = new ArrayList<>();
        try (NestedNetwork model = NestedNetwork.initialise(network, 3);
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 1)) {
            for (int step = 0; step < 30; step++) {
                Trainer.Updated done = trainer.update(List.of(new Trainer.Part(images, targets, new int[6])), 3e-3);
                depths.add(done.losses().get(1) - done.losses().get(0));
            }
        }
        assertThat(depths.get(29)).isLessThan(depths.get(0) - 0.5);
    }

    /** What a training asks for is not said in inference. */
    @Test
    void aStageWithoutHaltingTokensHasNoPart() {
        try (Scope scope = new Scope()) {
            Tensor some = Tensors.floats(new float[4], 0, 2, 2);
            HaltingLoss loss = new HaltingLoss(new HaltingRecipe(1, 1, 8), (output, wanted) -> {
                throw new IllegalStateException("not asked");
            });
            Network.Output<Tensor> output = new Network.Output<>(some, some, Map.of());
            assertThat(loss.ponder(output)).isNull();
            assertThat(loss.prior(output)).isNull();
        }
    }
}
