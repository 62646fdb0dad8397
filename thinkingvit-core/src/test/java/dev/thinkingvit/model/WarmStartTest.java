package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class WarmStartTest {
    /** D 4 of two heads. */
    private static final ThinkingViTConfig TARGET = new ThinkingViTConfig(4, 2, 4, 1, 2, List.of(1, 2), 3, 1e-6);

    /** A plain ViT of D 6. */
    private static final ThinkingViTConfig WIDER = plain(6, 1, 3);

    /** A plain ViT of D 2, which is stage 1's width. */
    private static final ThinkingViTConfig NARROWER = plain(2, 1, 3);

    private static ThinkingViTConfig plain(int width, int depth, int classes) {
        return new ThinkingViTConfig(4, 2, width, depth, 1, List.of(1), classes, 1e-6);
    }

    private static WarmStart start(Map<String, HostTensor> source, ThinkingViTConfig config) {
        return WarmStart.of(source, config, 7, ClassHead.of(WarmStart.classes(source, config), config.numClasses()));
    }

    private static float[] values(WarmStart start, String name) {
        return start.weights().get(name).toFloats();
    }

    @Test
    void everyTensorOfAWiderSourceIsCutToItsLeadingSlice() {
        WarmStart start = start(counting(WIDER), TARGET);

        // element (i, j) of a source matrix with six columns holds 6 i + j
        assertThat(values(start, "blocks.0.attn.proj.weight"))
                .containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 18, 19, 20, 21);
        assertThat(values(start, "head.weight")).containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15);
        assertThat(values(start, "head.bias")).containsExactly(0, 1, 2);
        assertThat(values(start, "norm.weight")).containsExactly(0, 1, 2, 3);
        assertThat(values(start, "cls_token")).containsExactly(0, 1, 2, 3);
        assertThat(values(start, "pos_embed"))
                .containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 18, 19, 20, 21, 24, 25, 26, 27);
        // fc1 is (24, 6) → (16, 4), fc2 (6, 24) → (4, 16)
        assertThat(values(start, "blocks.0.mlp.fc1.weight"))
                .hasSize(64)
                .startsWith(0, 1, 2, 3, 6, 7)
                .endsWith(90, 91, 92, 93);
        assertThat(values(start, "blocks.0.mlp.fc2.weight"))
                .hasSize(64)
                .startsWith(0, 1)
                .endsWith(86, 87);
        // (6, 3, 2, 2) → (4, 3, 2, 2): whole rows
        assertThat(values(start, "patch_embed.proj.weight"))
                .hasSize(48)
                .startsWith(0, 1, 2)
                .endsWith(46, 47);
        assertThat(start.share()).isEqualTo(1);
        assertThat(start.summary()).contains("note: the source is 6 wide, the model 4: its leading slices are taken");
    }

    @Test
    void everyTensorOfANarrowerSourceIsLaidIntoTheLeadingSlice() {
        WarmStart start = start(counting(NARROWER), TARGET);
        Map<String, HostTensor> drawn = TARGET.parameters().draw(7);

        float[] expected = drawn.get("blocks.0.attn.proj.weight").toFloats();
        expected[0] = 0;
        expected[1] = 1;
        expected[4] = 2;
        expected[5] = 3;
        assertThat(values(start, "blocks.0.attn.proj.weight")).containsExactly(expected);
        // fc2 is (2, 8) → (4, 16)
        expected = drawn.get("blocks.0.mlp.fc2.weight").toFloats();
        for (int i = 0; i < 8; i++) {
            expected[i] = i;
            expected[16 + i] = 8 + i;
        }
        assertThat(values(start, "blocks.0.mlp.fc2.weight")).containsExactly(expected);
        assertThat(start.values()).isEqualTo(NARROWER.parameterCount());
        assertThat(start.summary())
                .containsExactly(
                        "note: stage 1, as wide as the source (2), starts with all its weights",
                        "note: the head is kept: the source does not name its classes, so that only their number, 3,"
                                + " was compared");
    }

    @Test
    void queriesKeysAndValuesGoToTheirOwnThirds() {
        WarmStart cut = start(counting(WIDER), TARGET);
        WarmStart laid = start(counting(NARROWER), TARGET);

        assertThat(values(cut, "blocks.0.attn.qkv.bias")).containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15);
        assertThat(values(laid, "blocks.0.attn.qkv.bias")).containsExactly(0, 1, 0, 0, 2, 3, 0, 0, 4, 5, 0, 0);
        float[] wide = values(cut, "blocks.0.attn.qkv.weight");
        float[] narrow = values(laid, "blocks.0.attn.qkv.weight");
        for (int third = 0; third < 3; third++) {
            for (int row = 0; row < 2; row++) {
                for (int column = 0; column < 2; column++) {
                    int at = (third * 4 + row) * 4 + column;
                    assertThat(wide[at]).isEqualTo(6 * (third * 6 + row) + column);
                    assertThat(narrow[at]).isEqualTo(2 * (third * 2 + row) + column);
                }
            }
        }
    }

    @Test
    void aSourceMayBeNarrowerHereAndWiderThere() {
        Map<String, HostTensor> source = counting(NARROWER);
        source.put("blocks.0.mlp.fc1.weight", count(40, 2)); // of 16 × 4
        source.put("blocks.0.mlp.fc1.bias", count(40));
        source.put("blocks.0.mlp.fc2.weight", count(2, 40)); // of 4 × 16

        WarmStart start = start(source, TARGET);

        float[] fc1 = values(start, "blocks.0.mlp.fc1.weight");
        float[] fc2 = values(start, "blocks.0.mlp.fc2.weight");
        assertThat(fc1[15 * 4 + 1]).isEqualTo(31);
        assertThat(Arrays.copyOf(fc2, 16)).endsWith(14, 15);
        assertThat(fc2[16]).isEqualTo(40);
        assertThat(values(start, "blocks.0.mlp.fc1.bias")).endsWith(14, 15);
    }

    @Test
    void whatRecyclesTokensNeverComesFromASource() {
        Map<String, HostTensor> source = counting(TARGET);
        for (int i = 1; i < 12; i++) {
            source.put("alpha." + i, count(1)); // the first release has one a block
        }
        source.put("alpha.0", HostTensor.of(new float[] {-0.19f}, 1));
        source.put("proj_layer2.weight", count(4, 4));

        WarmStart start = start(source, TARGET);

        assertThat(values(start, "alpha.0")).containsExactly(0);
        assertThat(values(start, "proj_layer.weight"))
                .containsExactly(
                        TARGET.parameters().draw(7).get("proj_layer.weight").toFloats());
        assertThat(start.weights().keySet()).isEqualTo(TARGET.parameterShapes().keySet());
        assertThat(start.summary())
                .contains("note: alpha, proj_layer and proj_layer2, which recycle tokens, start anew in every model")
                .noneMatch(line -> line.startsWith("warning"));
    }

    @Test
    void aHeadOfOtherClassesStartsAnew() {
        WarmStart start = start(counting(plain(6, 1, 1000)), TARGET);
        Map<String, HostTensor> drawn = TARGET.parameters().draw(7);

        assertThat(values(start, "head.weight"))
                .containsExactly(drawn.get("head.weight").toFloats());
        assertThat(values(start, "head.bias")).containsExactly(0, 0, 0);
        assertThat(start.copied()).doesNotContain("head.weight", "head.bias").contains("norm.bias");
        assertThat(start.summary())
                .contains("note: the source's head has 1,000 classes, this model 3: it starts at random");
    }

    @Test
    void aHeadIsLaidRowByRowAsItsClassesAreOrdered() {
        Map<String, HostTensor> source = counting(NARROWER);

        WarmStart start = WarmStart.of(source, TARGET, 7, new ClassHead(List.of(2, 0, 1), "by name"));

        float[] head = values(start, "head.weight");
        assertThat(new float[] {head[0], head[1], head[4], head[5], head[8], head[9]})
                .containsExactly(4, 5, 0, 1, 2, 3);
        assertThat(values(start, "head.bias")).containsExactly(2, 0, 1);
    }

    @Test
    void tensorsThatContradictTheSourcesWidthAreSkippedWithAWarningThatNamesThem() {
        Map<String, HostTensor> source = counting(WIDER);
        source.put("norm.bias", HostTensor.of(new long[6], 6));
        source.put("blocks.0.attn.proj.bias", count(5));
        source.put("blocks.0.attn.qkv.bias", count(19));

        WarmStart start = start(source, TARGET);

        assertThat(start.summary())
                .contains(
                        "warning: tensor norm.bias stays random: expected [6], the source has I64 [6]",
                        "warning: tensor blocks.0.attn.proj.bias stays random: expected [6], the source has F32 [5]",
                        "warning: tensor blocks.0.attn.qkv.bias stays random: expected [18], the source has F32 [19]");
        assertThat(start.copied()).doesNotContain("norm.bias", "blocks.0.attn.qkv.bias");
        assertThat(values(start, "norm.bias")).containsExactly(0, 0, 0, 0);
    }

    @Test
    void picturesOfOtherChannelsAreNamed() {
        Map<String, HostTensor> source = counting(WIDER);
        source.put("patch_embed.proj.weight", count(6, 1, 2, 2));

        assertThat(start(source, TARGET).summary())
                .contains(
                        "warning: tensor patch_embed.proj.weight stays random: the source sees pictures of 1 channels,"
                                + " this model of 3 (patch_embed.proj.weight is of shape [6, 1, 2, 2])");
    }

    @Test
    void missingBlocksAndLeftOverTensorsAreWarnedOf() {
        ThinkingViTConfig deeper = new ThinkingViTConfig(4, 2, 4, 2, 2, List.of(1, 2), 3, 1e-6);
        Map<String, HostTensor> source = counting(WIDER);
        source.put("fc_norm.weight", count(6));
        source.remove("norm.bias");

        assertThat(start(source, deeper).summary())
                .contains(
                        "warning: blocks.1.* is missing in the source and stays random",
                        "warning: tensor norm.bias is missing in the source and stays random",
                        "warning: tensor fc_norm.weight of the source is left over: the model computes without it");
    }

    @Test
    void aSourceThatAveragesItsPatchesGivesAllButTheClassToken() {
        Map<String, HostTensor> source = counting(NARROWER);
        source.put("fc_norm.weight", source.remove("norm.weight"));
        source.put("fc_norm.bias", source.remove("norm.bias"));
        source.remove("cls_token");
        source.put("pos_embed", count(1, 4, 2));

        WarmStart start = start(source, NARROWER);

        assertThat(start.width()).isEqualTo(2);
        assertThat(start.share()).isGreaterThan(0.9);
        assertThat(values(start, "norm.weight")).containsExactly(0, 1);
        assertThat(values(start, "pos_embed")).containsExactly(0, 0, 0, 1, 2, 3, 4, 5, 6, 7);
        assertThat(start.summary())
                .contains(
                        "warning: tensor cls_token is missing in the source and stays random",
                        "note: the source classifies the average of its patches, this model its class token: fc_norm"
                                + " serves as norm")
                .noneMatch(line -> line.contains("norm.weight") || line.contains("do not fit"));
    }

    @Test
    void aBareSourcesWidthIsThatOfItsBlocksOrItsPatches() {
        Map<String, HostTensor> source = counting(NARROWER);
        List.of("cls_token", "norm.weight").forEach(source::remove);
        assertThat(start(source, TARGET).width()).isEqualTo(2);
        source.remove("blocks.0.norm1.weight");
        assertThat(start(source, TARGET).width()).isEqualTo(2);
        source.remove("patch_embed.proj.weight");
        assertThat(start(source, TARGET).width()).isZero();
    }

    @Test
    void manyWarningsOfAKindAreCountedAndTheFirstNamed() {
        WarmStart start = start(counting(plain(6, 7, 3)), TARGET);

        assertThat(start.summary())
                .hasSize(3)
                .contains("warning: 6 tensors or blocks of the source are left over: the model computes without them"
                        + " (blocks.1.*, blocks.2.*, blocks.3.*, …)");
    }

    @Test
    void aNarrowSourceFitsAWideModelAndAStrangerNone() {
        ThinkingViTConfig wide = new ThinkingViTConfig(4, 2, 48, 1, 24, List.of(1, 24), 3, 1e-6);
        assertThat(start(counting(NARROWER), wide).share()).isEqualTo(1);
        // next to nothing of a wide source is used, but all that stage 1 reads comes from it
        assertThat(start(counting(plain(48, 1, 3)), NARROWER).share()).isEqualTo(1);

        Map<String, HostTensor> stranger = new LinkedHashMap<>();
        stranger.put("layers.0.blocks.0.attn.qkv.weight", count(96, 32));
        stranger.put("norm.weight", count(32));
        assertThat(start(stranger, TARGET).share()).isLessThan(0.1);
        assertThat(start(Map.of(), TARGET).share()).isZero();
    }

    @Test
    void aSourceNarrowerThanEveryStageIsSaidToBe() {
        ThinkingViTConfig target = new ThinkingViTConfig(4, 2, 8, 1, 2, List.of(1, 2), 3, 1e-6);

        assertThat(start(counting(NARROWER), target).summary())
                .contains("note: the source is 2 wide, stage 1 already 4: each stage starts partly at random");
    }

    @Test
    void layerScaleIsFoldedIntoWhatItScales() {
        Map<String, HostTensor> source = counting(NARROWER);
        source.put("blocks.0.ls1.gamma", HostTensor.of(new float[] {10, 100}, 2));
        source.put("blocks.0.gamma_2", HostTensor.of(new float[] {-1, 2}, 2));
        source.put("blocks.0.mlp.fc2.bias", HostTensor.of(new float[] {3, 4}, 2));

        WarmStart start = start(source, NARROWER);

        assertThat(values(start, "blocks.0.attn.proj.weight")).containsExactly(0, 10, 200, 300);
        assertThat(values(start, "blocks.0.mlp.fc2.bias")).containsExactly(-3, 8);
        assertThat(start.summary())
                .contains("note: LayerScale is folded into attn.proj and mlp.fc2: 2 scales")
                .noneMatch(line -> line.startsWith("warning"));
    }

    private static WarmStart start(ThinkingViTConfig source, @Nullable ImageSize seen, ThinkingViTConfig config) {
        Map<String, HostTensor> drawn = config.parameters().draw(1);
        return WarmStart.of(config.warmSource(counting(source), "", seen), config, drawn, ClassHead.of(3, 3));
    }

    private static ThinkingViTConfig seeing(int height, int width) {
        return new ThinkingViTConfig(new ImageSize(height, width), 2, 4, 1, 2, List.of(1, 2), 3, 1e-6);
    }

    /** 2 × 8 patches are as many as 4 × 4. */
    @Test
    void positionsOfPicturesThatAreNoSquaresAreReadAsTheirSizeSays() {
        ThinkingViTConfig wide = seeing(4, 16);

        assertThat(values(start(wide, wide.imageSize(), wide), "pos_embed"))
                .containsExactly(counting(wide).get("pos_embed").toFloats());
        assertThat(start(wide, null, wide).summary())
                .contains("note: pos_embed is resampled from 4 × 4 patches to 2 × 8");
        assertThat(start(wide, wide.imageSize(), seeing(8, 8)).summary())
                .contains("note: pos_embed is resampled from 2 × 8 patches to 4 × 4");
        assertThat(start(seeing(8, 8), ImageSize.square(8), wide).summary())
                .contains("note: pos_embed is resampled from 4 × 4 patches to 2 × 8");
    }

    @Test
    void positionsThatCanBeNoSquareAreTheModelsOwnWhereThereAreAsMany() {
        ThinkingViTConfig wide = seeing(4, 10);

        assertThat(values(start(wide, null, wide), "pos_embed"))
                .containsExactly(counting(wide).get("pos_embed").toFloats());
        assertThat(start(wide, null, wide).summary()).noneMatch(line -> line.contains("pos_embed"));
    }

    @Test
    void aSizeThatTheTensorsContradictIsPassedOver() {
        for (ImageSize claimed : List.of(ImageSize.square(1), new ImageSize(1 << 30, 1 << 30), new ImageSize(4, 6))) {
            assertThat(values(start(seeing(8, 8), claimed, seeing(8, 8)), "pos_embed"))
                    .containsExactly(counting(seeing(8, 8)).get("pos_embed").toFloats());
        }
    }

    @Test
    void theDrawnWeightsAreNotChanged() {
        Map<String, HostTensor> drawn = TARGET.parameters().draw(3);
        float[] before = drawn.get("norm.weight").toFloats();

        WarmStart.of(TARGET.warmSource(counting(WIDER), "", null), TARGET, drawn, ClassHead.of(3, 3));

        assertThat(drawn.get("norm.weight").toFloats()).containsExactly(before, within(0f));
    }

    /** Every tensor counts its elements from 0. */
    private static Map<String, HostTensor> counting(ThinkingViTConfig config) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        config.parameterShapes().forEach((name, shape) -> tensors.put(name, count(shape)));
        return tensors;
    }

    private static HostTensor count(long... shape) {
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        return HostTensor.of(values, shape);
    }
}
