package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class DistilledTrainingTest {
    private static final int SIZE = 16;
    private static final int BATCH = 12;
    private static final int CLASSES = 4;
    private static final Recipe RECIPE = RecipeFile.with(
            Recipe.DEFAULT,
            Map.of(
                    "stages",
                    List.of(1, 2),
                    "head_dim",
                    8,
                    "depth",
                    2,
                    "img_size",
                    SIZE,
                    "patch_size",
                    8,
                    "batch_size",
                    BATCH,
                    "stage_weights",
                    List.of(0.3, 0.7),
                    "precision",
                    "fp32"));

    private final TeacherModel source = TeacherTest.model(24, List.of(), CLASSES);
    private Teacher teacher;

    @BeforeEach
    void openTeacher() {
        teacher = source.open(
                Preprocessing.imagenet(SIZE, 1),
                source.classes(List.of("a", "b", "c", "d")),
                Precision.FP32,
                TorchDevice.CPU);
    }

    @AfterEach
    void closeTeacher() {
        teacher.close();
    }

    private static Recipe recipe(String type, double alpha, double tau) {
        return RecipeFile.with(
                RECIPE, Map.of("distillation_type", type, "distillation_alpha", alpha, "distillation_tau", tau));
    }

    private static ThinkingViT student() {
        return ThinkingViT.initialise(RECIPE.network().config(CLASSES), 5);
    }

    private static Trainer.Part part(int seed) {
        Random random = new Random(seed);
        float[] images = new float[BATCH * 3 * SIZE * SIZE];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        float[] targets = new float[BATCH * CLASSES];
        int[] samples = new int[BATCH];
        for (int i = 0; i < BATCH; i++) {
            targets[i * CLASSES + i % CLASSES] = 0.8f; // a mixture of two
            targets[i * CLASSES + (i + 1) % CLASSES] = 0.2f;
            samples[i] = i;
        }
        return new Trainer.Part(images, targets, samples);
    }

    /** The losses of some updates, and the weights they lead to. */
    private static String train(Trainer trainer, int from, int to) {
        List<String> losses = new ArrayList<>();
        for (int update = from; update < to; update++) {
            losses.add(trainer.update(List.of(part(update)), 1e-3).losses().toString());
        }
        return losses + "" + weights(trainer);
    }

    private static String weights(Trainer trainer) {
        StringBuilder text = new StringBuilder();
        trainer.weights().forEach((name, tensor) -> text.append(name).append(Arrays.hashCode(tensor.toFloats())));
        return text.toString();
    }

    @Test
    void atAlphaZeroTheTeacherChangesNothing() {
        String without;
        try (ThinkingViT model = student();
                Trainer trainer = new Trainer(model, RECIPE, Peers.ALONE, 2)) {
            without = train(trainer, 0, 3);
        }
        try (ThinkingViT model = student();
                Trainer trainer = new Trainer(model, recipe("soft", 0, 2), Peers.ALONE, 2, teacher)) {
            assertThat(train(trainer, 0, 3)).isEqualTo(without);
            assertThat(trainer.update(List.of(part(3)), 1e-3).distillations()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"soft", "hard"})
    void aRestoredTrainingGoesOnBitForBit(String type) {
        Recipe recipe = recipe(type, 0.5, 2);
        TrainerState middle;
        String rest;
        try (ThinkingViT model = student();
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 2, teacher)) {
            train(trainer, 0, 2);
            middle = trainer.state();
            rest = train(trainer, 2, 5);
        }
        closeTeacher();
        openTeacher();
        try (ThinkingViT model = student();
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 2, teacher)) {
            trainer.restore(middle);
            assertThat(train(trainer, 2, 5)).isEqualTo(rest);
        }
    }

    /** Losses, and the gradient of the head's bias, from the two networks' answers as inference computes them. */
    @ParameterizedTest
    @CsvSource({"soft, 0.5, 1", "soft, 0.25, 3", "soft, 1, 2", "hard, 0.5, 1", "hard, 1, 4"})
    void everyStageDescendsOnItsShareOfBoth(String type, double alpha, double tau) {
        Trainer.Part part = part(7);
        try (ThinkingViT model = student();
                Trainer trainer = new Trainer(model, recipe(type, alpha, tau), Peers.ALONE, 2, teacher)) {
            double[][] students = new double[2][];
            Map<String, HostTensor> before = model.stateDict();
            try (ElasticEngine engine = new ElasticEngine(PackedBackbone.of(model.config(), before, Precision.FP32))) {
                List<Outcome> outcomes = engine.run(part.images(), BATCH, StopPolicy.alwaysThink(Routers.ENTROPY));
                for (int k = 0; k < 2; k++) {
                    int stage = k;
                    students[k] = outcomes.stream()
                            .flatMap(outcome ->
                                    doubles(outcome.stages().get(stage).logits()))
                            .mapToDouble(Double::doubleValue)
                            .toArray();
                }
            }
            double[] teachers;
            try (Scope scope = new Scope()) {
                teachers = doubles(Tensors.toFloats(
                                teacher.logits(Tensors.floats(part.images(), 0, BATCH, 3, SIZE, SIZE))))
                        .mapToDouble(Double::doubleValue)
                        .toArray();
            }

            Trainer.Updated updated = trainer.update(List.of(part), 1e-3);

            double[] weights = {0.3, 0.7};
            double[] bias = new double[CLASSES];
            for (int k = 0; k < 2; k++) {
                double base = 0;
                double distilled = 0;
                for (int i = 0; i < BATCH; i++) {
                    double[] plain = softmax(students[k], i, 1);
                    double[] ours = type.equals("soft") ? softmax(students[k], i, tau) : plain;
                    double[] theirs = softmax(teachers, i, tau);
                    if (type.equals("hard")) {
                        theirs = argmax(theirs);
                    }
                    double scale = type.equals("soft") ? tau : 1;
                    for (int c = 0; c < CLASSES; c++) {
                        double target = part.targets()[i * CLASSES + c];
                        base -= target * Math.log(plain[c]);
                        distilled += theirs[c] == 0 ? 0 : scale * scale * theirs[c] * Math.log(theirs[c] / ours[c]);
                        bias[c] += weights[k]
                                / BATCH
                                * ((1 - alpha) * (plain[c] - target) + alpha * scale * (ours[c] - theirs[c]));
                    }
                }
                assertThat(updated.distillations().get(k)).isCloseTo(distilled / BATCH, within(1e-4));
                assertThat(updated.losses().get(k))
                        .isCloseTo(((1 - alpha) * base + alpha * distilled) / BATCH, within(1e-4));
            }
            float[] came = Tensors.toFloats(trainer.gradients().get("head.bias"));
            for (int c = 0; c < CLASSES; c++) {
                assertThat((double) came[c]).isCloseTo(bias[c], within(1e-5));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theTeacherAloneReachesEveryParameterThroughEachStage(boolean checkpointing) {
        for (List<Double> stage : List.of(List.of(1.0, 0.0), List.of(0.0, 1.0))) {
            Recipe recipe = recipe("soft", 1, 1).with("stage_weights", stage).with("grad_checkpointing", checkpointing);
            try (ThinkingViT model = student();
                    Trainer trainer = new Trainer(model, recipe, Peers.ALONE, 1, teacher)) {
                trainer.update(List.of(part(1)), 1e-3);
                trainer.update(List.of(part(2)), 1e-3); // alpha starts at 0, which holds back the recycling's gradient
                trainer.gradients().forEach((name, gradient) -> {
                    boolean recycles = name.startsWith("alpha") || name.startsWith("proj_layer");
                    if (stage.get(1) > 0 || !recycles) {
                        assertThat(doubles(Tensors.toFloats(gradient))).as(name).anyMatch(value -> value != 0);
                    }
                });
            }
        }
    }

    @Test
    void aRecipeThatDistilsNeedsATeacher() {
        try (ThinkingViT model = student()) {
            assertThatThrownBy(() -> new Trainer(model, recipe("hard", 0.5, 1), Peers.ALONE, 1))
                    .hasMessageContaining("distillation_type hard needs a teacher");
        }
        assertThatThrownBy(() -> recipe("soft", 1.5, 1)).hasMessageContaining("distillation_alpha must lie in [0, 1]");
        assertThatThrownBy(() -> recipe("soft", 0.5, 0)).hasMessageContaining("distillation_tau must lie in [0.01,");
        assertThatThrownBy(() -> recipe("soft", 0.5, 1e4)).hasMessageContaining("distillation_tau must lie in [0.01,");
        assertThatThrownBy(() -> recipe("both", 0.5, 1)).hasMessageContaining("one of [none, soft, hard]");
    }

    private static Stream<Double> doubles(float[] values) {
        List<Double> all = new ArrayList<>();
        for (float value : values) {
            all.add((double) value);
        }
        return all.stream();
    }

    private static double[] softmax(double[] logits, int row, double tau) {
        double[] exponentials = new double[CLASSES];
        double sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            exponentials[c] = Math.exp(logits[row * CLASSES + c] / tau);
            sum += exponentials[c];
        }
        for (int c = 0; c < CLASSES; c++) {
            exponentials[c] /= sum;
        }
        return exponentials;
    }

    private static double[] argmax(double[] values) {
        double[] one = new double[values.length];
        int best = 0;
        for (int c = 1; c < values.length; c++) {
            best = values[c] > values[best] ? c : best;
        }
        one[best] = 1;
        return one;
    }
}
