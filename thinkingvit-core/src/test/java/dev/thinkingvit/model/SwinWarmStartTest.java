package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class SwinWarmStartTest {
    /** Two levels, 12 and 24 wide, of heads of 4. */
    private static final SwinConfig TARGET =
            swin(12, List.of(2, 1), List.of(3, 6), List.of(List.of(2, 4), List.of(3, 6)));

    private static SwinConfig swin(int width, List<Integer> depths, List<Integer> heads, List<List<Integer>> rounds) {
        return new SwinConfig(16, 4, width, depths, heads, List.of(2, 2), rounds, 3);
    }

    private static WarmStart start(Map<String, HostTensor> source, SwinConfig config) {
        return WarmStart.of(source, config, 7, ClassHead.of(WarmStart.classes(source, config), config.numClasses()));
    }

    /** Every tensor counts its elements from 1. */
    private static Map<String, HostTensor> counting(SwinConfig config) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        for (Parameter parameter : config.parameters().all()) {
            float[] values = new float[(int) parameter.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = i + 1;
            }
            tensors.put(parameter.name(), HostTensor.of(values, parameter.shape()));
        }
        return tensors;
    }

    @Test
    void allOfTheSameNetworkIsTakenButWhatRecyclesTokens() {
        Map<String, HostTensor> source = counting(TARGET);

        WarmStart start = start(source, TARGET);

        Map<String, HostTensor> drawn = TARGET.parameters().draw(7);
        for (Parameter parameter : TARGET.parameters().all()) {
            Map<String, HostTensor> from = parameter.role() == Role.RECYCLING ? drawn : source;
            assertThat(start.weights().get(parameter.name()).toFloats())
                    .as(parameter.name())
                    .containsExactly(from.get(parameter.name()).toFloats());
        }
        assertThat(start.share()).isEqualTo(1);
        assertThat(start.summary())
                .contains(
                        "note: alpha and proj_layer, which recycle tokens, start anew in every model",
                        "note: stage 2, as wide as the source (24), starts with all its weights")
                .noneMatch(line -> line.startsWith("warning"));
    }

    @Test
    void queriesKeysAndValuesOfANarrowerSourceStayOneBlockOfRowsAsItsRoundReadsThem() {
        SwinConfig narrower = swin(8, List.of(2, 1), List.of(2, 4), List.of(List.of(2, 4)));

        WarmStart start = start(counting(narrower), TARGET);

        float[] bias = start.weights().get("layers.0.blocks.1.attn.qkv.bias").toFloats();
        float[] weight =
                start.weights().get("layers.0.blocks.1.attn.qkv.weight").toFloats(); // (36, 12)
        for (int row = 0; row < 24; row++) {
            assertThat(bias[row]).isEqualTo(row + 1);
            for (int column = 0; column < 8; column++) {
                assertThat(weight[row * 12 + column]).isEqualTo(row * 8 + column + 1);
            }
        }
        assertThat(bias[24]).isZero();
        assertThat(start.weights()
                        .get("layers.1.blocks.0.attn.relative_position_bias_table")
                        .toFloats())
                .startsWith(1, 2, 3, 4)
                .containsSubsequence(5, 6, 7, 8);
        assertThat(start.values()).isEqualTo(narrower.parameterCount());
        assertThat(start.width()).isEqualTo(16);
        assertThat(start.summary())
                .contains("note: the source is 16 wide, the model 24: it goes to the leading slices")
                .noneMatch(line -> line.startsWith("warning"));
    }

    /** Its leading rows of queries, keys and values together are other ones. */
    @Test
    void aWiderSourceIsRefusedWhereLeadingSlicesMeanSomethingElse() {
        SwinConfig narrower = swin(8, List.of(2, 1), List.of(2, 4), List.of(List.of(1, 2), List.of(2, 4)));

        assertThatThrownBy(() -> start(counting(TARGET), narrower))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("embed_dim 12 do not become a Thinking Swin of embed_dim 8")
                .hasMessageContaining("embed_dim 8 or less is required");
    }

    @Test
    void aSourceOfOtherLevelsIsRefusedByTheirNumberAndOneOfAnotherKindIsLeftToWhoReadsIt() {
        SwinConfig deeper = new SwinConfig(
                32, 4, 12, List.of(2, 1, 1), List.of(3, 6, 12), List.of(2, 2, 2), List.of(List.of(3, 6, 12)), 3);

        assertThatThrownBy(() -> start(counting(deeper), TARGET))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("weights of 3 levels do not become a Thinking Swin of 2: as many are required");
        Map<String, HostTensor> wide = Map.of("norm.weight", HostTensor.of(new float[192], 192));
        assertThat(TARGET.warmSource(wide, "", null).tensors()).hasSize(1);
    }

    @Test
    void blocksThatAreMissingOrLeftOverAreWarnedOfByLevel() {
        SwinConfig deeper = swin(12, List.of(1, 3), List.of(3, 6), List.of(List.of(3, 6)));

        assertThat(start(counting(TARGET), deeper).summary())
                .contains(
                        "warning: layers.1.blocks.1.* is missing in the source and stays random",
                        "warning: layers.1.blocks.2.* is missing in the source and stays random",
                        "warning: layers.0.blocks.1.* of the source is left over: the model computes without it");
    }

    @Test
    void tablesOfOtherWindowsAreResizedAsTheLibraryOfTheirFileDoes() {
        SwinConfig source =
                new SwinConfig(32, 4, 12, List.of(2, 1), List.of(3, 6), List.of(3, 2), List.of(List.of(3, 6)), 3);
        Map<String, HostTensor> tensors = counting(source);
        String table = SwinConfig.biasTable(0, 1);
        float[] values = tensors.get(table).toFloats();

        for (BiasTables.Manner manner : BiasTables.Manner.values()) {
            String library = manner == BiasTables.Manner.TIMM ? "" : "Microsoft's";
            WarmSource fitted = TARGET.warmSource(tensors, library, null);
            assertThat(fitted.tensors().get(table).toFloats())
                    .containsExactly(BiasTables.resized(values, ImageSize.square(3), ImageSize.square(2), 3, manner));
            assertThat(fitted.remarks())
                    .extracting(WarmStart.Remark::line)
                    .containsExactly(
                            "relative_position_bias_table of 2 blocks is resized from windows of 3 × 3 to 2 × 2, as "
                                    + (library.isEmpty() ? "timm does" : "Microsoft's code does"));
        }
        assertThat(start(tensors, TARGET).share()).isEqualTo(1);
    }

    @Test
    void aTableOfNoSquareWindowStaysRandomAndIsNamed() {
        Map<String, HostTensor> tensors = counting(TARGET);
        String table = SwinConfig.biasTable(0, 0);
        tensors.put(table, HostTensor.of(new float[15 * 3], 15, 3));

        assertThat(start(tensors, TARGET).summary())
                .contains("warning: tensor " + table + " stays random: expected [9, 3], the source has F32 [15, 3]");
    }

    @Test
    void patchesOfAnotherSizeAreResampled() {
        SwinConfig source =
                new SwinConfig(8, 2, 12, List.of(2, 1), List.of(3, 6), List.of(2, 2), List.of(List.of(3, 6)), 3);

        WarmStart start = start(counting(source), TARGET);

        assertThat(start.copied()).contains("patch_embed.proj.weight");
        assertThat(start.summary())
                .contains("note: patch_embed is resampled from patches of 2 × 2 pixels to 4 × 4")
                .noneMatch(line -> line.startsWith("warning"));
    }
}
