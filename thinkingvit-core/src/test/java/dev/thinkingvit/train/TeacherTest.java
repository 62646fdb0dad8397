package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.onnx.OnnxExport;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureResizer;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.Resampling;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class TeacherTest {
    private static final List<String> NAMES = List.of("ant", "bee", "cat", "dog");
    private static final float[] HALF = {0.5f, 0.5f, 0.5f};

    @TempDir
    Path directory;

    /** A teacher of two stages, certain of what it says. */
    static TeacherModel model(int size, List<String> labels, int classes) {
        ThinkingViTConfig network = new ThinkingViTConfig(size, 8, 16, 2, 2, List.of(1, 2), classes, 1e-6);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        try (NestedNetwork drawn = NestedNetwork.initialise(network, 9)) {
            drawn.stateDict().forEach((name, tensor) -> {
                float[] values = tensor.toFloats();
                for (int i = 0; name.equals("head.weight") && i < values.length; i++) {
                    values[i] *= 60;
                }
                weights.put(name, HostTensor.of(values, tensor.shape()));
            });
        }
        ModelConfig config = ModelConfig.of(network)
                .withPreprocessing(new Preprocessing(size, 1, Resampling.BICUBIC, HALF, HALF))
                .withLabels(labels);
        return new TeacherModel(Path.of("teacher"), config, weights, null, List.of());
    }

    private static float[] images(int count, int size) {
        Random random = new Random(3);
        float[] images = new float[count * 3 * size * size];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        return images;
    }

    private static float[] answers(TeacherModel model, List<String> names, Preprocessing students, int count) {
        try (Teacher teacher = model.open(students, model.classes(names), Precision.FP32, TorchDevice.CPU);
                Scope scope = new Scope()) {
            int size = students.size().side();
            return Tensors.toFloats(teacher.logits(Tensors.floats(images(count, size), 0, count, 3, size, size)));
        }
    }

    private static float[] lastLogits(TeacherModel model, float[] images, int count) {
        try (ElasticEngine engine =
                new ElasticEngine(PackedBackbone.of(model.config().network(), model.weights(), Precision.FP32))) {
            List<Outcome> outcomes = engine.run(images, count, StopPolicy.alwaysThink(Routers.ENTROPY));
            float[] all = new float[count * model.config().network().numClasses()];
            for (int i = 0; i < count; i++) {
                float[] logits = outcomes.get(i).decisive().logits();
                System.arraycopy(logits, 0, all, i * logits.length, logits.length);
            }
            return all;
        }
    }

    @Test
    void whoSeesAsTheStudentDoesAnswersAsItsLastStage() {
        TeacherModel model = model(16, NAMES, 4);
        float[] came = answers(model, NAMES, model.config().preprocessing(), 7);
        assertThat(came).containsExactly(lastLogits(model, images(7, 16), 7), within(1e-5f));
    }

    @Test
    void classesInAnotherOrderAndFurtherOnesAreTakenByName() {
        TeacherModel model = model(16, List.of("dog", "cat", "cow", "bee", "ant"), 5);
        assertThat(model.classes(NAMES).note())
                .contains("4 of the teacher's 5 classes")
                .contains("by name");
        float[] all = lastLogits(model, images(3, 16), 3);
        float[] came = answers(model, NAMES, model.config().preprocessing(), 3);
        for (int i = 0; i < 3; i++) {
            assertThat(came[i * 4]).as("ant").isCloseTo(all[i * 5 + 4], within(1e-5f));
            assertThat(came[i * 4 + 1]).as("bee").isCloseTo(all[i * 5 + 3], within(1e-5f));
            assertThat(came[i * 4 + 2]).as("cat").isCloseTo(all[i * 5 + 1], within(1e-5f));
            assertThat(came[i * 4 + 3]).as("dog").isCloseTo(all[i * 5], within(1e-5f));
        }
        assertThat(model(16, List.of("dog", "cat", "bee", "ant"), 4)
                        .classes(NAMES)
                        .note())
                .contains("in another order");
        assertThat(model(16, NAMES, 4).classes(NAMES).note()).isNull();
    }

    @Test
    void whatATeacherCannotTellApartIsNamed() {
        assertThatThrownBy(
                        () -> model(16, List.of("ant", "bee", "hen", "cow"), 4).classes(NAMES))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("lacks 2 of the data's 4 classes: cat, dog; its 4 are ant, bee, hen, cow");
        assertThatThrownBy(() ->
                        model(16, List.of("ant", "bee", "dog", "cat", "cat"), 5).classes(NAMES))
                .hasMessageContaining("the class 'cat' twice");
        assertThatThrownBy(() -> model(16, List.of(), 5).classes(NAMES))
                .hasMessageContaining("5 classes without names, the data has 4");
        assertThat(model(16, List.of(), 4).classes(NAMES).note()).contains("in order (ant, bee, cat, dog)");
    }

    @ParameterizedTest
    @CsvSource({"16, 16", "16, 40", "40, 16"})
    void thePictureIsTheStudentsInTheTeachersSizeAndLevels(int students, int own) {
        byte[] levels = new byte[3 * students * students];
        for (int i = 0; i < levels.length; i++) { // smooth, so that nothing is clipped
            levels[i] =
                    (byte) (128 + 60 * Math.sin(i / 3 % students / 3.0) * Math.cos(i / (3.0 * students) / 4) + i % 3);
        }
        Picture picture = new Picture(students, students, levels);
        Preprocessing sees = Preprocessing.imagenet(students, 1);
        TeacherModel model = model(own, NAMES, 4);
        float[] expected =
                model.config().preprocessing().toInput(PictureResizer.resize(picture, own, own, Resampling.BICUBIC));
        try (Teacher teacher = model.open(sees, model.classes(NAMES), Precision.FP32, TorchDevice.CPU);
                Scope scope = new Scope()) {
            float[] came =
                    Tensors.toFloats(teacher.seen(Tensors.floats(sees.toInput(picture), 0, 1, 3, students, students)));
            float twoLevels = 2 / 127.5f; // PIL rounds after each of two passes
            assertThat(came).containsExactly(expected, within(twoLevels));
        }
    }

    @Test
    void aTeacherOfImageNetsClassesKnowsThemBySynset() {
        TeacherModel.Classes classes = model(16, List.of(), 1000).classes(List.of("n01443537", "n02085620"));

        assertThat(classes.indices()).containsExactly(1, 151);
        assertThat(classes.note()).contains("2 of the teacher's 1000 classes");
    }

    @Test
    void anExportedTeacherSaysTheSame() {
        TeacherModel model = model(16, NAMES, 4);
        Path folder = directory.resolve("export");
        OnnxExport.write(folder, model.config(), model.weights(), OnnxExport.Layout.SHARED, "test");
        TeacherModel exported = TeacherModel.read(folder);
        assertThat(exported.export()).isNotNull();
        Preprocessing students = Preprocessing.imagenet(24, 1);
        assertThat(answers(exported, NAMES, students, 5))
                .containsExactly(answers(model, NAMES, students, 5), within(1e-4f));
    }

    @Test
    void aFingerprintFollowsTheWeightsAndNotThePlace() {
        TeacherModel model = model(16, NAMES, 4);
        ModelDirectory.write(directory.resolve("a"), model.config(), model.weights());
        ModelDirectory.write(directory.resolve("b"), model.config(), model.weights());
        String print = TeacherModel.read(directory.resolve("a")).fingerprint();
        assertThat(print)
                .hasSize(64)
                .isEqualTo(TeacherModel.read(directory.resolve("b")).fingerprint());
        Map<String, HostTensor> changed = new LinkedHashMap<>(model.weights());
        float[] bias = changed.get("head.bias").toFloats();
        bias[0] += 1e-3f;
        changed.put("head.bias", HostTensor.of(bias, bias.length));
        ModelDirectory.write(directory.resolve("b"), model.config(), changed);
        assertThat(TeacherModel.read(directory.resolve("b")).fingerprint()).isNotEqualTo(print);
    }

    @Test
    void anAnswerThatIsNoNumberIsTheTeachersFault() {
        TeacherModel model = model(16, NAMES, 4);
        Map<String, HostTensor> damaged = new LinkedHashMap<>(model.weights());
        float[] bias = damaged.get("head.bias").toFloats();
        bias[2] = Float.NaN;
        damaged.put("head.bias", HostTensor.of(bias, bias.length));
        TeacherModel ill = new TeacherModel(model.path(), model.config(), damaged, null, List.of());
        assertThatThrownBy(() -> answers(ill, NAMES, model.config().preprocessing(), 2))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("the teacher's answer");
    }
}
