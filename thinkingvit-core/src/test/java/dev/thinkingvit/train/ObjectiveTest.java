package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@NullUnmarked // a null fails the test
class ObjectiveTest {
    private static final Recipe RECIPE =
            Recipe.DEFAULT.with("min_lr", 0).with("batch_size", 4).with("precision", "fp32");

    @BeforeAll
    static void load() {
        Libtorch.load();
    }

    static Stream<NetworkConfig> networks() {
        return Stream.of(
                new ThinkingViTConfig(8, 4, 8, 2, 2, List.of(1, 2), 3, 1e-6),
                new SwinConfig(
                        8,
                        2,
                        8,
                        List.of(2, 1),
                        List.of(2, 4),
                        List.of(2, 2),
                        List.of(List.of(1, 2), List.of(2, 4)),
                        3));
    }

    private static Trainer.Part part(int values) {
        float[] images = new float[4 * 3 * 8 * 8];
        float[] targets = new float[4 * values];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) Math.sin(i * 0.7);
        }
        for (int i = 0; i < targets.length; i++) {
            targets[i] = (float) Math.cos(i * 1.3);
        }
        return new Trainer.Part(images, targets, new int[] {0, 1, 2, 3});
    }

    @ParameterizedTest
    @MethodSource("networks")
    void aTrainingDescendsOnWhatItIsTold(NetworkConfig config) {
        int values = config.stageTokens(1); // a number for each token
        Objective nearness = (output, wanted) -> {
            Tensor said = output.tokens().select(2, 0); // (B, N)
            Tensor off = said.sub(wanted.targets());
            return new Objective.Loss(off.mul(off).sum(), null);
        };
        try (NestedNetwork model = NestedNetwork.of(config, config.parameters().draw(1));
                Trainer trainer = new Trainer(model, RECIPE, Peers.ALONE, 2, null, nearness)) {
            Trainer.Part part = part(values);
            List<Double> first = trainer.update(List.of(part), 0.01).losses();
            List<Double> last = first;
            float[] head = Tensors.toFloats(
                    trainer.gradients().get(config instanceof SwinConfig ? "head.fc.weight" : "head.weight"));
            for (int i = 0; i < 60; i++) {
                last = trainer.update(List.of(part), 0.01).losses();
            }

            assertThat(head).containsOnly(0); // tokens do not come from the head
            for (int stage = 0; stage < 2; stage++) {
                assertThat(last.get(stage)).isLessThan(0.5 * first.get(stage));
            }
        }
    }

    @Test
    void aRecipesIsTheCrossEntropyAndATeachersPartInIt() {
        Recipe recipe = RECIPE.with("distillation_type", "hard").with("distillation_alpha", 0.25);
        try (Scope scope = new Scope()) {
            Tensor logits = Tensors.floats(new float[] {0, (float) Math.log(3)}, 0, 1, 2); // 1/4, 3/4
            Tensor targets = Tensors.floats(new float[] {0.5f, 0.5f}, 0, 1, 2);
            Tensor taught = Tensors.floats(new float[] {0, 5}, 0, 1, 2);
            Network.Output<Tensor> output = new Network.Output<>(logits.mul(new Scalar(0)), logits);

            Objective.Loss alone = Objective.of(recipe).of(output, new Objective.Wanted(targets, null));
            Objective.Loss both = Objective.of(recipe).of(output, new Objective.Wanted(targets, taught));

            double labels = -0.5 * Math.log(0.25) - 0.5 * Math.log(0.75);
            double teachers = -Math.log(0.75);
            assertThat(alone.total().item().toDouble()).isCloseTo(labels, within(1e-6));
            assertThat(alone.taught()).isNull();
            assertThat(both.taught().item().toDouble()).isCloseTo(teachers, within(1e-6));
            assertThat(both.total().item().toDouble()).isCloseTo(0.75 * labels + 0.25 * teachers, within(1e-6));
        }
    }
}
