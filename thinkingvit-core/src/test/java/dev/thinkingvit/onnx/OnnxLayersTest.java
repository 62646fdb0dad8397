package dev.thinkingvit.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import dev.thinkingvit.network.NestedWeights;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.OddNetwork;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Libtorch;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class OnnxLayersTest {
    private static final int IMAGES = 2;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatOtherNetworksDoNotDoIsDoneToo(boolean folded) throws IOException, OrtException {
        Libtorch.load();
        Network network = new OddNetwork();
        Map<String, HostTensor> weights = network.parameters().draw(3);
        ExportedModel.Stage stage = new ExportedModel.Stage(
                1,
                "stage1.onnx",
                1,
                5,
                0,
                List.of(port("images", 3, 4, 4)),
                List.of(port("logits", 5), port("tokens", 4, 5), port("again", 5), port("tokens_again", 4, 5)));
        NestedConstants constants = NestedConstants.of(network, weights, List.of(stage), folded, null);
        try (OutputStream out = Files.newOutputStream(folder.resolve(stage.file()))) {
            OnnxLayers.build(network, stage, constants, new GraphConstants.Embedded(constants))
                    .model("test", "1")
                    .writeTo(out);
        }
        float[] images = Drawn.images(IMAGES, 4);
        try (Scope scope = new Scope();
                OrtSession session =
                        environment().createSession(folder.resolve(stage.file()).toString());
                OnnxTensor input =
                        OnnxTensor.createTensor(environment(), FloatBuffer.wrap(images), new long[] {IMAGES, 3, 4, 4});
                OrtSession.Result came = session.run(Map.of("images", input))) {
            Map<String, Tensor> parameters = new LinkedHashMap<>();
            weights.forEach((name, tensor) -> parameters.put(name, Tensors.toNative(tensor)));
            Network.Output<Tensor> expected = NestedWeights.cut(network, parameters, ScalarType.Float)
                    .stage(1, Tensors.floats(images, 0, IMAGES, 3, 4, 4), null);
            for (String name : List.of("logits", "again")) {
                assertClose(came, name, expected.prediction());
            }
            for (String name : List.of("tokens", "tokens_again")) {
                assertClose(came, name, expected.tokens());
            }
        }
    }

    private static OrtEnvironment environment() {
        return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    }

    private static ExportedModel.Port port(String name, Integer... sizes) {
        return new ExportedModel.Port(
                name,
                Stream.<Object>concat(Stream.of("batch"), Stream.of(sizes)).toList());
    }

    private static void assertClose(OrtSession.Result came, String name, Tensor expected) {
        FloatBuffer values = ((OnnxTensor) came.get(name).orElseThrow()).getFloatBuffer();
        float[] array = new float[values.remaining()];
        values.get(array);
        assertThat(array).as(name).containsExactly(Tensors.toFloats(expected), within(1e-5f));
    }
}
