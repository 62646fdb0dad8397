package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.store.Checkpoints;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Starts from published forms, against what timm and the published loader make of them. */
@NullUnmarked // a null fails the test
class WarmStartReferenceTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final Path NARROW = REFERENCE.resolve("init-from-narrow");
    private static final Path GEOMETRY = REFERENCE.resolve("init-geometry");
    private static final double AGREEMENT = 1e-5;

    /** 3H → 6H of heads of 8, 48 pixels in patches of 8. */
    private static final ThinkingViTConfig WIDE = new ThinkingViTConfig(48, 8, 48, 4, 6, List.of(3, 6), 16, 1e-6);

    /** Three heads of 8; a grid of 8 × 8 patches of 8 pixels. */
    private static final ThinkingViTConfig EIGHT = new ThinkingViTConfig(64, 8, 24, 2, 3, List.of(3), 7, 1e-6);

    @Test
    void theStageOfANarrowerSourcesWidthIsTheSource() {
        Map<String, HostTensor> expected = expected(NARROW);
        List<HostTensor> outputs = outputs(WIDE, narrowStart("deit.pth"), expected.get("input"));

        assertAgrees(outputs.get(0), expected.get("plain.logits"));
        assertAgrees(outputs.get(1), expected.get("plain.tokens"));
        assertAgrees(outputs.get(2), expected.get("stage2.logits"));
        assertAgrees(outputs.get(3), expected.get("stage2.tokens"));
    }

    @Test
    void aWiderSourceGivesWhatThePublishedLoaderCutsFromIt() {
        Map<String, HostTensor> expected = expected(NARROW);
        List<HostTensor> outputs = outputs(WIDE, narrowStart("tiny-in-base.pth"), expected.get("input"));

        assertAgrees(outputs.get(0), expected.get("base.stage1.logits"));
        assertAgrees(outputs.get(0), expected.get("plain.logits"));
        assertAgrees(outputs.get(2), expected.get("base.stage2.logits"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain-8x8",
                "plain-14x14",
                "plain-4x4",
                "distilled-8x8",
                "no-class-position-8x8",
                "patch-16",
                "patch-4"
            })
    void otherGeometriesAreResampledAsTimmDoes(String name) {
        Map<String, HostTensor> source = geometry(name);
        WarmStart start = WarmStart.of(source, EIGHT, 1, ClassHead.of(7, 7));
        Map<String, HostTensor> expected = expected(GEOMETRY);

        assertAgrees(start.weights().get("pos_embed"), expected.get(name + ".pos_embed"));
        String patches = "patch_embed.proj.weight";
        assertAgrees(start.weights().get(patches), expected.getOrDefault(name + "." + patches, source.get(patches)));
        assertThat(start.copied()).containsAll(EIGHT.parameterShapes().keySet());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "plain-14x14 | pos_embed is resampled from 14 × 14 patches to 8 × 8",
                "distilled-8x8 | pos_embed loses the rows of other tokens than class and patches: 1",
                "distilled-8x8 | the source's distillation token and its head are dropped",
                "no-class-position-8x8 | the source gives its class token no position: that row of pos_embed starts at"
                        + " zero",
                "patch-16 | patch_embed is resampled from patches of 16 × 16 pixels to 8 × 8"
            })
    void whatIsAdaptedIsSaid(String name, String line) {
        List<String> summary =
                WarmStart.of(geometry(name), EIGHT, 1, ClassHead.of(7, 7)).summary();

        assertThat(summary).contains("note: " + line).noneMatch(said -> said.startsWith("warning"));
    }

    @Test
    void gridAndWidthMayDifferAtOnce() {
        ThinkingViTConfig wider = new ThinkingViTConfig(64, 8, 48, 2, 6, List.of(3, 6), 7, 1e-6);

        float[] positions = WarmStart.of(geometry("plain-14x14"), wider, 1, ClassHead.of(7, 7))
                .weights()
                .get("pos_embed")
                .toFloats();

        float[] expected = expected(GEOMETRY).get("plain-14x14.pos_embed").toFloats();
        float[] leading = new float[expected.length];
        for (int i = 0; i < leading.length; i++) {
            leading[i] = positions[i / 24 * 48 + i % 24];
        }
        assertAgrees(HostTensor.of(leading, expected.length), HostTensor.of(expected, expected.length));
    }

    @Test
    void aGridThatIsNoSquareStaysRandomWithOneLine() {
        Map<String, HostTensor> source = geometry("plain-8x8");
        source.put("pos_embed", HostTensor.of(new float[(1 + 7 * 9) * 24], 1, 1 + 7 * 9, 24)); // 64 would be 8 × 8
        assertThat(WarmStart.of(source, EIGHT, 1, ClassHead.of(7, 7)).copied()).contains("pos_embed");

        source.put("pos_embed", HostTensor.of(new float[(1 + 6 * 9) * 24], 1, 1 + 6 * 9, 24));
        WarmStart start = WarmStart.of(source, EIGHT, 1, ClassHead.of(7, 7));

        assertThat(start.copied()).doesNotContain("pos_embed").contains("cls_token");
        assertThat(start.summary())
                .containsOnlyOnce(
                        "warning: tensor pos_embed stays random: pos_embed is of shape [1, 55, 24]: no row of a"
                                + " class token and a square of patches");
    }

    @Test
    void rowsOfRegisterTokensAreDropped() {
        Map<String, HostTensor> source = geometry("plain-8x8");
        float[] plain = source.get("pos_embed").toFloats();
        float[] rows = new float[plain.length + 4 * 24];
        System.arraycopy(plain, 0, rows, 0, 24);
        System.arraycopy(plain, 24, rows, 5 * 24, plain.length - 24);
        source.put("pos_embed", HostTensor.of(rows, 1, 69, 24));
        source.put("reg_token", HostTensor.of(new float[4 * 24], 1, 4, 24));

        WarmStart start = WarmStart.of(source, EIGHT, 1, ClassHead.of(7, 7));

        assertThat(start.weights().get("pos_embed").toFloats()).containsExactly(plain);
        assertThat(start.summary())
                .contains(
                        "note: pos_embed loses the rows of other tokens than class and patches: 4",
                        "warning: tensor reg_token of the source is left over: the model computes without it");
    }

    private static Map<String, HostTensor> narrowStart(String file) {
        Map<String, HostTensor> source =
                Checkpoints.read(NARROW.resolve(file), Weights.AUTO).tensors();
        Map<String, HostTensor> drawn =
                Safetensors.read(NARROW.resolve("model.safetensors")).tensors();
        return WarmStart.of(WIDE.warmSource(source, "", null), WIDE, drawn, ClassHead.of(16, 16))
                .weights();
    }

    /** Logits and tokens of each stage. */
    private static List<HostTensor> outputs(
            ThinkingViTConfig config, Map<String, HostTensor> weights, HostTensor input) {
        List<HostTensor> outputs = new ArrayList<>();
        try (NestedNetwork model = NestedNetwork.of(config, weights);
                Scope scope = new Scope()) {
            for (Network.Output<Tensor> output :
                    model.forward(Tensors.toNative(input), Precision.FP32, DropPath.NONE)) {
                outputs.add(Tensors.toHost(output.prediction()));
                outputs.add(Tensors.toHost(output.tokens()));
            }
        }
        return outputs;
    }

    private static Map<String, HostTensor> geometry(String name) {
        return new LinkedHashMap<>(
                Safetensors.read(GEOMETRY.resolve(name + ".safetensors")).tensors());
    }

    private static Map<String, HostTensor> expected(Path folder) {
        return Safetensors.read(folder.resolve("expected.safetensors")).tensors();
    }

    private static void assertAgrees(HostTensor came, HostTensor expected) {
        assertThat(came.elements()).isEqualTo(expected.elements());
        float[] values = came.toFloats();
        float[] wanted = expected.toFloats();
        double largest = 0;
        for (int i = 0; i < values.length; i++) {
            largest = Math.max(largest, Math.abs((double) values[i] - wanted[i]));
        }
        assertThat(largest).isLessThan(AGREEMENT);
    }
}
