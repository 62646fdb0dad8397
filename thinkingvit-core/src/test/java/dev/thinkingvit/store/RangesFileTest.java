package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.Outcome;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class RangesFileTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/vit-3h-6h");
    private static final int IMAGES = 12;

    @TempDir
    Path directory;

    private ModelDirectory.Model model;
    private float[] pixels;
    private StopPolicy toTheEnd;

    @BeforeEach
    void copyTheReference() throws IOException {
        assumeTrue(Dnnl.hasKernel(DType.F32), "oneDNN has no kernels here");
        Files.copy(REFERENCE.resolve("config.json"), directory.resolve("config.json"));
        Files.copy(REFERENCE.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        model = ModelDirectory.read(directory);
        pixels = new float[IMAGES * model.config().network().imageSize().values()];
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (float) random.nextGaussian();
        }
        int stages = model.config().network().stages();
        toTheEnd = StopPolicy.endingAt(stages, stages);
    }

    private ActivationRanges measured() {
        ActivationRanges ranges = new ActivationRanges();
        try (ElasticClassifier watching =
                ElasticClassifier.builder().watching(ranges).open(directory)) {
            watching.engine().run(pixels, IMAGES, toTheEnd);
        }
        return ranges;
    }

    @Test
    void aModelWithRangesThinksInEightBitsAlmostAsItDoesInFp32() {
        assumeTrue(Precision.INT8.isHere(), "this processor has no instructions for eight bits");
        RangesFile.write(model, measured(), IMAGES);
        List<List<Outcome>> outcomes = new ArrayList<>();
        for (Precision precision : List.of(Precision.FP32, Precision.INT8)) {
            try (ElasticClassifier classifier = ElasticClassifier.open(directory, precision)) {
                assertThat(classifier.precision()).isEqualTo(precision);
                outcomes.add(classifier.engine().run(pixels, IMAGES, toTheEnd));
            }
        }
        double squares = 0;
        double size = 0;
        for (int i = 0; i < IMAGES; i++) {
            float[] exact = outcomes.get(0).get(i).decisive().prediction().values();
            float[] rounded = outcomes.get(1).get(i).decisive().prediction().values();
            for (int c = 0; c < exact.length; c++) {
                squares += Math.pow(exact[c] - rounded[c], 2);
                size += Math.pow(exact[c], 2);
            }
        }
        assertThat(squares).as("it is not the same code").isPositive();
        assertThat(Math.sqrt(squares / size)).isLessThan(0.05);
    }

    @Test
    void whatWasMeasuredIsReadAgain() {
        assertThat(RangesFile.read(model)).isNull();
        ActivationRanges ranges = measured();
        Path file = RangesFile.write(model, ranges, IMAGES);
        Map<String, HostTensor> read = RangesFile.read(model).tensors();
        assertThat(read.keySet()).isEqualTo(ranges.tensors().keySet()).contains("stage2.blocks.0.attn.qkv.weight");
        assertThat(Safetensors.read(file).metadata())
                .containsEntry("images", "12")
                .containsEntry("version", "2");
        assertThat(ModelDirectory.read(directory).weights())
                .as("weights are what they were")
                .hasSameSizeAs(model.weights());
    }

    @Test
    void aModelWithoutRangesIsRefusedInEightBits() {
        assumeTrue(Precision.INT8.isHere(), "this processor has no instructions for eight bits");
        assertThatThrownBy(() -> ElasticClassifier.open(directory, Precision.INT8))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("has no int8.ranges, which int8 needs");
    }

    @Test
    void rangesOfOtherWeightsOrOfAnotherVersionAreRefused() {
        Path file = RangesFile.write(model, measured(), IMAGES);
        Safetensors.Contents contents = Safetensors.read(file);
        Map<String, HostTensor> copies = copies(contents);

        Map<String, String> newer = new LinkedHashMap<>(contents.metadata());
        newer.put("version", "3");
        Safetensors.write(file, copies, newer);
        assertRefused(model, "version 2 is required, 3 came; 'thinkingvit calibrate --save' measures again");

        Safetensors.write(file, copies, Map.of("format", "pt"));
        assertRefused(model, "format thinkingvit-int8-ranges is required, pt came");

        Safetensors.write(file, copies, contents.metadata());
        assertThat(RangesFile.read(model)).isNotNull();
        for (String name : List.of("blocks.0.mlp.fc1.weight", "blocks.0.norm2.weight", "blocks.1.attn.proj.bias")) {
            Map<String, HostTensor> others = new LinkedHashMap<>(model.weights());
            others.put(name, changed(others.get(name)));
            assertRefused(
                    new ModelDirectory.Model(directory, model.config(), others),
                    "was measured with other weights than the model's");
        }
        Map<String, HostTensor> fitted = new LinkedHashMap<>(model.weights());
        fitted.put("pos_embed", changed(fitted.get("pos_embed")));
        assertThat(RangesFile.read(new ModelDirectory.Model(directory, model.config(), fitted)))
                .as("positions may be fitted to another size")
                .isNotNull();

        Map<String, HostTensor> weights = new LinkedHashMap<>(model.weights());
        weights.remove("blocks.0.mlp.fc1.weight");
        assertRefused(
                new ModelDirectory.Model(directory, model.config(), weights),
                "is about blocks.0.mlp.fc1.weight, which the model does not have");
    }

    @Test
    void rangesThatChangedAreRefused() {
        Path file = RangesFile.write(model, measured(), IMAGES);
        Safetensors.Contents contents = Safetensors.read(file);
        Map<String, HostTensor> copies = copies(contents);
        copies.compute("stage2.blocks.0.attn.qkv.weight", (name, tensor) -> changed(tensor));
        Safetensors.write(file, copies, contents.metadata());
        assertRefused(model, "is damaged: its values are not those that were written");
    }

    /** In memory, so that the file can be written over. */
    private static Map<String, HostTensor> copies(Safetensors.Contents contents) {
        Map<String, HostTensor> copies = new LinkedHashMap<>();
        contents.tensors()
                .forEach((name, tensor) -> copies.put(name, HostTensor.of(tensor.toFloats(), tensor.shape())));
        return copies;
    }

    private static HostTensor changed(HostTensor tensor) {
        float[] values = tensor.toFloats();
        values[7] += 1e-3f;
        return HostTensor.of(values, tensor.shape());
    }

    private static void assertRefused(ModelDirectory.Model model, String words) {
        assertThatThrownBy(() -> RangesFile.read(model))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(RangesFile.NAME)
                .hasMessageContaining(words);
    }
}
