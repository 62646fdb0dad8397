package dev.thinkingvit.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.Form;
import dev.thinkingvit.model.NoNumberException;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Dnnl;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@NullUnmarked // a null fails the test
class EightBitExportTest {
    private static final Drawn DRAWN = Drawn.of(Drawn.THREE_STAGES);
    private static final int IMAGES = 8;
    private static ActivationRanges ranges;

    @TempDir
    private Path folder;

    @BeforeAll
    static void watch() {
        ranges = Form.ranges(DRAWN.config().network(), DRAWN.weights());
    }

    private ExportedModel export(OnnxExport.Layout layout) {
        return OnnxExport.write(folder, DRAWN.config(), DRAWN.weights(), ranges, layout, "test", true);
    }

    /** Nearly every value; one in many lies between two whole numbers, and is rounded to the other by another sum's last bit. */
    @ParameterizedTest
    @EnumSource(OnnxExport.Layout.class)
    void anExportGivesWhatTheLibraryGivesInEightBits(OnnxExport.Layout layout) {
        assumeTrue(Precision.INT8.isHere(), "this processor has no instructions for int8");
        List<float[]> exported;
        List<float[]> ours;
        List<float[]> exact;
        try (Backbone onnx = OnnxRuntime.open(export(layout), 1);
                Backbone packed = PackedBackbone.of(DRAWN.config().network(), DRAWN.weights(), Precision.INT8, ranges);
                Backbone wide = DRAWN.packed()) {
            exported = Drawn.run(onnx, IMAGES);
            ours = Drawn.run(packed, IMAGES);
            exact = Drawn.run(wide, IMAGES);
        }

        for (int i = 0; i < ours.size(); i++) {
            double apart = difference(exported.get(i), ours.get(i));
            double rounding = difference(ours.get(i), exact.get(i));
            assertThat(rounding).as("what eight bits change of output " + i).isPositive();
            assertThat(apart).as("of output " + i).isLessThan(rounding);
        }
    }

    /** Of one block nothing is left but what lies between two whole numbers; each further block spreads that. */
    @Test
    void ofOneBlockNearlyEveryValueIsTheLibrarys() {
        assumeTrue(Precision.INT8.isHere(), "this processor has no instructions for int8");
        Drawn shallow = Drawn.of(new ThinkingViTConfig(40, 8, 60, 1, 5, List.of(5), 13, 1e-5));
        ActivationRanges known = Form.ranges(shallow.config().network(), shallow.weights());
        ExportedModel exported = OnnxExport.write(
                folder, shallow.config(), shallow.weights(), known, OnnxExport.Layout.SHARED, "test", true);
        try (Backbone onnx = OnnxRuntime.open(exported, 1);
                Backbone packed =
                        PackedBackbone.of(shallow.config().network(), shallow.weights(), Precision.INT8, known);
                Backbone wide = shallow.packed()) {
            List<float[]> ours = Drawn.run(packed, IMAGES);
            double rounding = difference(ours.get(1), Drawn.run(wide, IMAGES).get(1));
            double apart = difference(ours.get(1), Drawn.run(onnx, IMAGES).get(1));

            // where all else is bf16 in the library, that is what the two differ by
            assertThat(apart).isLessThan(rounding * (Dnnl.isFast(DType.BF16) ? 0.75 : 0.2));
        }
    }

    /** Root of the mean square. */
    private static double difference(float[] one, float[] other) {
        double squares = 0;
        for (int i = 0; i < one.length; i++) {
            squares += Math.pow(one[i] - other[i], 2);
        }
        return Math.sqrt(squares / one.length);
    }

    @Test
    void matricesAreBytes() throws IOException {
        ExportedModel exported = export(OnnxExport.Layout.FOLDED);
        long bytes = exported.weights().bytes();
        Path wide = Files.createDirectory(folder.resolve("wide"));

        assertThat(bytes)
                .isLessThan(
                        DRAWN.export(wide, OnnxExport.Layout.FOLDED).weights().bytes() / 2);
        String graph = Files.readString(exported.graph(3), StandardCharsets.ISO_8859_1);
        assertThat(graph).contains("QuantizeLinear", "DequantizeLinear", "blocks.1.mlp.fc2.int8");
    }

    @Test
    void theDescriptionSaysSoAndIsReadAgain() throws IOException {
        ExportedModel written = export(OnnxExport.Layout.SHARED);

        assertThat(ExportedModel.read(folder)).isEqualTo(written);
        assertThat(written.precision()).isEqualTo(Precision.INT8);
        Path file = folder.resolve("thinkingvit.json");
        String text = Files.readString(file);
        Files.writeString(file, text.replace("\"int8\"", "\"int4\""));
        assertThatThrownBy(() -> ExportedModel.read(folder))
                .hasMessage(file + ": precision must be int8, or not be there, got int4");
    }

    @Test
    void aClassifierComputesInTheTypeOfTheExportAndNoOther() {
        export(OnnxExport.Layout.SHARED);

        try (ElasticClassifier classifier = ElasticClassifier.open(folder)) {
            assertThat(classifier.precision()).isEqualTo(Precision.INT8);
        }
        assertThatThrownBy(() -> ElasticClassifier.open(folder, Precision.FP32))
                .hasMessage(folder + ": was exported in int8, in which alone it computes; fp32 was asked for");
    }

    /** Rounding makes a number of it, unless the graph says otherwise. */
    @Test
    void anImageThatIsNoNumberGetsNoNumbers() {
        export(OnnxExport.Layout.SHARED);
        float[] images = Drawn.images(1, 40);
        try (ElasticClassifier classifier = ElasticClassifier.open(folder)) {
            assertThat(classifier.classify(images, List.of("sound"), classifier.policy()))
                    .hasSize(1);
            images[3] = Float.NaN;
            assertThatThrownBy(() -> classifier.classify(images, List.of("spoilt"), classifier.policy()))
                    .isInstanceOf(NoNumberException.class);
        }
    }

    @Test
    void rangesThatKnowNothingAreRefused() {
        assertThatThrownBy(() -> OnnxExport.write(
                        folder,
                        DRAWN.config(),
                        DRAWN.weights(),
                        new ActivationRanges(),
                        OnnxExport.Layout.SHARED,
                        "test",
                        true))
                .hasMessage("int8 needs the ranges of what goes into the network's linear layers");
    }
}
