package dev.thinkingvit.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training on a CUDA device, where there is one; {@code mvn -Pgpu verify} brings the libtorch for it. */
@NullUnmarked // a null fails the test
class CudaTrainingTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/vit-3h-6h");

    @BeforeEach
    void requireDevice() {
        assumeTrue(TorchDevice.cudaDevices() > 0, "no CUDA device, or a libtorch without CUDA");
    }

    @ParameterizedTest
    @ValueSource(strings = {"fp32", "bf16"})
    void lossesFollowTheProcessors(String precision) {
        List<Double> here = losses(precision, TorchDevice.CPU);
        List<Double> there = losses(precision, TorchDevice.named("cuda", 0));
        double tolerance = precision.equals("fp32") ? 1e-3 : 3e-2;
        for (int i = 0; i < here.size(); i++) {
            assertThat(Math.abs(there.get(i) - here.get(i))).as("number %d", i).isLessThan(tolerance);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fp32", "bf16"})
    void aTeacherAnswersImagesThatAreThere(String precision) {
        TeacherModel model = TeacherModel.read(REFERENCE);
        HostTensor images = Safetensors.read(REFERENCE.resolve("training.safetensors"))
                .tensors()
                .get("input");
        float[] here = answers(model, images, precision, TorchDevice.CPU);
        float[] there = answers(model, images, precision, TorchDevice.named("cuda", 0));
        assertThat(there).containsExactly(here, within(precision.equals("fp32") ? 1e-4f : 1e-1f));
    }

    private static float[] answers(TeacherModel model, HostTensor images, String precision, TorchDevice device) {
        int count = model.config().network().numClasses();
        TeacherModel.Classes classes =
                new TeacherModel.Classes(IntStream.range(0, count).toArray(), null);
        try (Teacher teacher = model.open(
                        model.config().preprocessing(),
                        classes,
                        Precision.valueOf(precision.toUpperCase(Locale.ROOT)),
                        device);
                Scope scope = new Scope()) {
            return Tensors.toFloats(teacher.logits(device.place(Tensors.toNative(images))));
        }
    }

    private static List<Double> losses(String precision, TorchDevice device) {
        ModelDirectory.Model start = ModelDirectory.read(REFERENCE);
        Map<String, HostTensor> recorded =
                Safetensors.read(REFERENCE.resolve("training.safetensors")).tensors();
        int batch = Math.toIntExact(recorded.get("input").shape()[0]);
        Recipe recipe =
                Recipe.DEFAULT.with("lr", 1e-3).with("batch_size", batch).with("precision", precision);
        try (NestedNetwork host =
                        NestedNetwork.of(ThinkingViTConfig.of(start.config().network()), start.weights());
                NestedNetwork model = host.on(device);
                Trainer trainer = new Trainer(model, recipe)) {
            Trainer.Part part = new Trainer.Part(
                    recorded.get("input").toFloats(), recorded.get("target").toFloats(), new int[batch]);
            for (int step = 0; step < 2; step++) {
                trainer.update(List.of(part), 1e-3);
            }
            return trainer.update(List.of(part), 1e-3).losses();
        }
    }
}
