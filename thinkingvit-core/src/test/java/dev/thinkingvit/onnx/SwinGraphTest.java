package dev.thinkingvit.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.SwinNetwork;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Talkative;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class SwinGraphTest {
    private static final Path FOLDER = Path.of("src/test/resources/reference/swin-uneven");

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void bothRoundsAgreeWithTheRecording(boolean folded) throws IOException, OrtException {
        Network network = new Talkative(new SwinNetwork(new SwinConfig(
                64,
                4,
                9,
                List.of(2, 2, 3, 1),
                List.of(3, 6, 6, 12),
                List.of(3, 3, 3, 3),
                List.of(List.of(1, 4, 2, 8), List.of(2, 6, 5, 12)),
                14)));
        Map<String, HostTensor> weights =
                Safetensors.read(FOLDER.resolve("model.safetensors")).tensors();
        Map<String, HostTensor> expected =
                Safetensors.read(FOLDER.resolve("expected.safetensors")).tensors();
        List<ExportedModel.Stage> stages = List.of(stage(network, 1), stage(network, 2));
        NestedConstants constants = NestedConstants.of(network, weights, stages, folded, null);
        GraphConstants.Shared shared = GraphConstants.Shared.layOut("weights.bin", constants);
        try (OutputStream out = Files.newOutputStream(folder.resolve("weights.bin"))) {
            shared.writeTo(out, constants);
        }
        for (ExportedModel.Stage stage : stages) {
            try (OutputStream out = Files.newOutputStream(folder.resolve(stage.file()))) {
                OnnxLayers.build(network, stage, constants, shared)
                        .model("test", "1")
                        .writeTo(out);
            }
        }

        OrtEnvironment environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
        HostTensor input = expected.get("input");
        try (OrtSession first =
                        environment.createSession(folder.resolve("stage1.onnx").toString());
                OrtSession second =
                        environment.createSession(folder.resolve("stage2.onnx").toString());
                OnnxTensor images =
                        OnnxTensor.createTensor(environment, FloatBuffer.wrap(input.toFloats()), input.shape());
                OrtSession.Result one = first.run(Map.of(ExportedModel.IMAGES, images));
                OrtSession.Result two =
                        second.run(Map.of(ExportedModel.IMAGES, images, ExportedModel.PREVIOUS_TOKENS, (OnnxTensor)
                                one.get(ExportedModel.TOKENS).orElseThrow()))) {
            assertClose(one, ExportedModel.TOKENS, expected.get("stage1.tokens"));
            assertClose(one, ExportedModel.LOGITS, expected.get("stage1.logits"));
            assertClose(one, "last", token(expected.get("stage1.tokens"), 3));
            assertClose(one, "second", token(expected.get("stage1.tokens"), 1));
            assertClose(two, ExportedModel.TOKENS, expected.get("stage2.tokens"));
            assertClose(two, ExportedModel.LOGITS, expected.get("stage2.logits"));
        }
    }

    private static ExportedModel.Stage stage(Network network, int stage) {
        Network.Ports ports = network.ports(stage);
        List<ExportedModel.Port> inputs = new ArrayList<>(List.of(port(ExportedModel.IMAGES, ports.images())));
        if (ports.previous() != null) {
            inputs.add(port(ExportedModel.PREVIOUS_TOKENS, ports.previous()));
        }
        List<ExportedModel.Port> outputs = new ArrayList<>(
                List.of(port(ExportedModel.LOGITS, ports.prediction()), port(ExportedModel.TOKENS, ports.tokens())));
        ports.extras().forEach((name, shape) -> outputs.add(port(name, shape)));
        return new ExportedModel.Stage(stage, "stage" + stage + ".onnx", 1, 1, 1, inputs, outputs);
    }

    /** One token of each image, of (B, 2, 2, d). */
    private static HostTensor token(HostTensor tokens, int index) {
        int width = (int) tokens.shape()[3];
        int images = (int) tokens.shape()[0];
        float[] all = tokens.toFloats();
        float[] one = new float[images * width];
        for (int image = 0; image < images; image++) {
            System.arraycopy(all, (4 * image + index) * width, one, image * width, width);
        }
        return HostTensor.of(one, images, width);
    }

    private static ExportedModel.Port port(String name, List<Long> shape) {
        List<Object> sizes = new ArrayList<>(List.of("batch"));
        sizes.addAll(shape);
        return new ExportedModel.Port(name, sizes);
    }

    private static void assertClose(OrtSession.Result came, String name, HostTensor expected) {
        FloatBuffer values = ((OnnxTensor) came.get(name).orElseThrow()).getFloatBuffer();
        for (float value : expected.toFloats()) {
            assertThat(values.get()).isCloseTo(value, within(1e-4f));
        }
        assertThat(values.hasRemaining()).isFalse();
    }
}
