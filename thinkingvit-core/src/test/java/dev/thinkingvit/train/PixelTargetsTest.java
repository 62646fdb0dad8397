package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.SegmenterConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class PixelTargetsTest {
    /** Filled up on both sides. */
    private static final SegmenterConfig CONFIG =
            SegmenterConfig.of(new ImageSize(6, 7), 4, 8, 2, 2, List.of(1, 2), 3, SegmenterConfig.Decoder.LINEAR);

    private static final int PIXELS = 6 * 7;

    private static final Map<String, Object> KWARGS = Map.of(
            "thinking_stages",
            List.of(1, 2),
            "img_size",
            List.of(6, 7),
            "patch_size",
            4,
            "embed_dim",
            8,
            "depth",
            2,
            "num_heads",
            2,
            "decoder",
            "linear");

    private static Recipe recipe(int count) {
        return RecipeFile.with(
                Recipe.DEFAULT,
                Map.of(
                        "architecture",
                        "thinkingvit_segmenter",
                        "model_kwargs",
                        KWARGS,
                        "min_lr",
                        0,
                        "batch_size",
                        count,
                        "precision",
                        "fp32"));
    }

    private static List<Double> losses(int[] labels, int threads) {
        return update(labels, threads, recipe(labels.length / PIXELS), null).losses();
    }

    private static Trainer.Updated update(int[] labels, int threads, Recipe recipe, Teacher teacher) {
        int count = labels.length / PIXELS;
        float[] images = new float[count * 3 * PIXELS];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) Math.sin(i * 0.7);
        }
        int[] samples = new int[count];
        Arrays.setAll(samples, i -> i);
        try (NestedNetwork model = NestedNetwork.of(CONFIG, CONFIG.parameters().draw(3));
                Trainer trainer = new Trainer(model, recipe, Peers.ALONE, threads, teacher)) {
            float[] targets = PixelTargets.of(labels, count, recipe.loss().pixelWeights(3));
            return trainer.update(List.of(new Trainer.Part(images, targets, samples)), 0);
        }
    }

    private static int[] labels(int images) {
        int[] labels = new int[images * PIXELS];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = i % 5 == 0 ? PixelTargets.IGNORED : i % 3;
        }
        return labels;
    }

    @Test
    void theMeanIsOverAllLabelledPixelsOfABatchHoweverItIsShared() {
        int[] uneven = labels(4);
        Arrays.fill(uneven, 0, PIXELS - 2, PixelTargets.IGNORED); // of the first two pixels are left
        List<Double> alone = losses(uneven, 1);
        List<Double> shared = losses(uneven, 2);
        for (int stage = 0; stage < 2; stage++) {
            assertThat(shared.get(stage)).isCloseTo(alone.get(stage), within(1e-6));
            assertThat(alone.get(stage)).isCloseTo(Math.log(3), within(0.3));
        }
    }

    @Test
    void classWeightsWeighTheMeanByThePixelsClasses() {
        int[] all = labels(3);
        double[] weights = {1, 4, 0.5};
        Recipe weighed = recipe(3).with("class_weights", List.of(1, 4, 0.5));
        List<Double> came = update(all, 2, weighed, null).losses();
        for (int stage = 0; stage < 2; stage++) {
            double sum = 0;
            double weight = 0;
            for (int label = 0; label < 3; label++) {
                int one = label;
                int[] only = Arrays.stream(all)
                        .map(each -> each == one ? each : PixelTargets.IGNORED)
                        .toArray();
                long pixels = Arrays.stream(only).filter(each -> each == one).count();
                sum += weights[label] * pixels * losses(only, 1).get(stage);
                weight += weights[label] * pixels;
            }
            assertThat(came.get(stage)).isCloseTo(sum / weight, within(1e-5));
        }
        assertThatThrownBy(() -> update(all, 1, recipe(3).with("class_weights", List.of(1, 2)), null))
                .hasMessage("class_weights: the data has 3 classes, got 2 weights");
    }

    /** The network of the student, trained on crops of another size. */
    private static TeacherModel teacher() {
        SegmenterConfig larger = CONFIG.withImageSize(new ImageSize(8, 8)); // of as many patches
        ModelConfig config = ModelConfig.of(larger).withPreprocessing(Preprocessing.imagenet(larger.imageSize()));
        return new TeacherModel(Path.of("teacher"), config, larger.parameters().draw(3), null, List.of());
    }

    private static Trainer.Updated taught(int[] labels, Recipe recipe) {
        Preprocessing students = Preprocessing.imagenet(CONFIG.imageSize());
        TeacherModel model = teacher();
        TeacherModel.Classes classes = model.classes(List.of("sky", "road", "car"));
        try (Teacher teacher = model.open(students, classes, Precision.FP32, TorchDevice.CPU)) {
            return update(labels, 2, recipe, teacher);
        }
    }

    @Test
    void aSegmenterTeachesPixels() {
        int[] labels = labels(4);
        List<Double> alone = losses(labels, 1);
        Recipe recipe = recipe(4).with("distillation_type", "soft").with("distillation_alpha", 0.25);
        Trainer.Updated soft = taught(labels, recipe);
        assertThat(soft.distillations().get(0)).isGreaterThan(1e-4);
        assertThat(soft.distillations().get(1))
                .as("the last stage is the teacher's")
                .isCloseTo(0, within(1e-6));
        for (int stage = 0; stage < 2; stage++) {
            assertThat(soft.losses().get(stage))
                    .isCloseTo(
                            0.75 * alone.get(stage)
                                    + 0.25 * soft.distillations().get(stage),
                            within(1e-6));
        }
        Trainer.Updated hard = taught(labels, recipe.with("distillation_type", "hard"));
        assertThat(hard.distillations().get(1)).as("its likeliest class").isLessThan(alone.get(1));
        int[] none = new int[2 * PIXELS];
        Arrays.fill(none, PixelTargets.IGNORED);
        assertThat(taught(none, recipe.with("batch_size", 2)).losses()).containsExactly(0.0, 0.0);
    }

    @Test
    void whoNamesImagesTeachesNoPixels() {
        TeacherModel model = TeacherTest.model(16, List.of(), 3);
        TeacherModel.Classes classes = model.classes(List.of("sky", "road", "car"));
        Preprocessing students = Preprocessing.imagenet(CONFIG.imageSize());
        Recipe recipe = recipe(2).with("distillation_type", "soft");
        try (Teacher teacher = model.open(students, classes, Precision.FP32, TorchDevice.CPU)) {
            assertThatThrownBy(() -> update(labels(2), 1, recipe, teacher))
                    .isInstanceOf(TrainingException.class)
                    .hasMessage("a Thinking Segmenter learns classes of pixels: its teacher must be a Segmenter, and no"
                            + " exported one");
        }
    }

    @Test
    void aBatchWithoutLabelsTeachesNothing() {
        int[] none = new int[2 * PIXELS];
        Arrays.fill(none, PixelTargets.IGNORED);
        assertThat(losses(none, 1)).containsExactly(0.0, 0.0);
    }

    @Test
    void aLabelOutsideTheClassesIsNamed() {
        int[] labels = labels(2);
        labels[PIXELS + 3] = 3;
        assertThatThrownBy(() -> PixelTargets.of(labels, 2, 3))
                .hasMessage("image 2 of the batch: pixel 3 has label 3, 0 to 2 or 255 for none are required");
    }

    /** Another process has one image of six labelled pixels more, of the class that weighs 3. */
    @Test
    void pixelsWeighTheSameInAllSharesOfAnUpdate() {
        double[] classes = {1, 3};
        int none = PixelTargets.IGNORED;
        Trainer.Part first = new Trainer.Part(
                new float[0], PixelTargets.of(new int[] {0, 1, none, none, none, none}, 2, classes), new int[] {0, 1});
        Trainer.Part second = new Trainer.Part(
                new float[0], PixelTargets.of(new int[] {none, none, none}, 1, classes), new int[] {2});
        Peers two = new OtherPeer(1, 6 * 3);

        PixelTargets.weighTogether(List.of(first, second), classes, two);

        float weight = 4 / 22f; // images by weight of their labelled pixels
        assertThat(first.targets()).containsExactly(0, 1, none, weight, none, none, none, weight);
        assertThat(second.targets()).containsExactly(none, none, none, weight);
    }

    /** One of two processes, which gathers what the other one says. */
    private record OtherPeer(double images, double labelled) implements Peers {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 2;
        }

        @Override
        public void sum(Tensor tensor) {
            throw new UnsupportedOperationException();
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
            byte[] theirs = ByteBuffer.allocate(16)
                    .putDouble(images)
                    .putDouble(labelled)
                    .array();
            return new byte[][] {mine, theirs};
        }
    }
}
