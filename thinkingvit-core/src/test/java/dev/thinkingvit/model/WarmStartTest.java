package dev.thinkingvit.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class WarmStartTest {
    /** D 4 of two heads. */
    private static final ThinkingViTConfig TARGET = new ThinkingViTConfig(4, 2, 4, 1, 2, List.of(1, 2), 3, 1e-6);

    /** The same as a plain ViT of D 6. */
    private static final ThinkingViTConfig SOURCE = new ThinkingViTConfig(4, 2, 6, 1, 3, List.of(3), 3, 1e-6);

    @Test
    void everyTensorIsCutToItsLeadingSlice() {
        WarmStart start = WarmStart.of(counting(SOURCE), TARGET, 1);

        // element (i, j) of a source matrix with six columns holds 6 i + j
        assertThat(start.weights().get("blocks.0.attn.proj.weight").toFloats())
                .containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 18, 19, 20, 21);
        assertThat(start.weights().get("head.weight").toFloats())
                .containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15);
        assertThat(start.weights().get("head.bias").toFloats()).containsExactly(0, 1, 2);
        assertThat(start.weights().get("norm.weight").toFloats()).containsExactly(0, 1, 2, 3);
        assertThat(start.weights().get("cls_token").toFloats()).containsExactly(0, 1, 2, 3);
        assertThat(start.weights().get("pos_embed").toFloats())
                .containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 18, 19, 20, 21, 24, 25, 26, 27);
        // fc1 is (24, 6) → (16, 4), fc2 (6, 24) → (4, 16)
        float[] fc1 = start.weights().get("blocks.0.mlp.fc1.weight").toFloats();
        assertThat(fc1).hasSize(64).startsWith(0, 1, 2, 3, 6, 7).endsWith(90, 91, 92, 93);
        float[] fc2 = start.weights().get("blocks.0.mlp.fc2.weight").toFloats();
        assertThat(fc2).hasSize(64).startsWith(0, 1).endsWith(86, 87);
        // (6, 3, 2, 2) → (4, 3, 2, 2): whole rows
        float[] patch = start.weights().get("patch_embed.proj.weight").toFloats();
        assertThat(patch).hasSize(48).startsWith(0, 1, 2).endsWith(46, 47);
        assertThat(start.warnings()).isEmpty();
    }

    @Test
    void queriesKeysAndValuesAreCutEachForThemselves() {
        WarmStart start = WarmStart.of(counting(SOURCE), TARGET, 1);

        assertThat(start.weights().get("blocks.0.attn.qkv.bias").toFloats())
                .containsExactly(0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15);
        float[] weight = start.weights().get("blocks.0.attn.qkv.weight").toFloats();
        int[] rows = {0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15};
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < 4; j++) {
                assertThat(weight[i * 4 + j]).isEqualTo(6 * rows[i] + j);
            }
        }
    }

    @Test
    void whatThePlainNetworkLacksStaysAsTheSeedDrawsIt() {
        WarmStart start = WarmStart.of(counting(SOURCE), TARGET, 7);
        Map<String, HostTensor> drawn = Initialisation.draw(TARGET, 7);

        assertThat(start.weights().keySet()).isEqualTo(TARGET.parameterShapes().keySet());
        assertThat(start.weights().get("proj_layer.weight").toFloats())
                .containsExactly(drawn.get("proj_layer.weight").toFloats());
        assertThat(start.weights().get("alpha.0").toFloats()).containsExactly(0);
        assertThat(start.copied())
                .hasSize(SOURCE.parameterShapes().size())
                .doesNotContain("alpha.0", "proj_layer.weight", "proj_layer.bias");
    }

    @Test
    void smallerTensorsAreSkippedWithAWarningThatNamesThem() {
        Map<String, HostTensor> source = counting(SOURCE);
        source.put("norm.weight", HostTensor.of(new float[3], 3));
        source.put("head.weight", HostTensor.of(new float[2 * 6], 2, 6));

        WarmStart start = WarmStart.of(source, TARGET, 1);

        assertThat(start.summary())
                .containsExactly(
                        "tensor norm.weight is skipped and stays random: at least [4] is needed, the source has F32 [3]",
                        "tensor head.weight is skipped and stays random: at least [3, 4] is needed, the source has F32 [2, 6]");
        assertThat(start.weights().get("norm.weight").toFloats()).containsExactly(1, 1, 1, 1);
        assertThat(start.copied()).doesNotContain("norm.weight", "head.weight");
    }

    @Test
    void tensorsOfAnotherRankOrTypeAreSkippedToo() {
        Map<String, HostTensor> source = counting(SOURCE);
        source.put("cls_token", HostTensor.of(new float[6], 6));
        source.put("norm.bias", HostTensor.of(new long[6], 6));
        source.put("blocks.0.attn.qkv.bias", HostTensor.of(new float[19], 19));

        assertThat(WarmStart.of(source, TARGET, 1).summary())
                .hasSize(3)
                .anySatisfy(warning -> assertThat(warning).contains("cls_token").contains("F32 [6]"))
                .anySatisfy(warning -> assertThat(warning).contains("norm.bias").contains("I64"))
                .anySatisfy(warning -> assertThat(warning).contains("qkv.bias").contains("[19]"));
    }

    @Test
    void missingBlocksAndLeftOverTensorsAreWarnedOf() {
        ThinkingViTConfig deeper = new ThinkingViTConfig(4, 2, 4, 2, 2, List.of(1, 2), 3, 1e-6);
        Map<String, HostTensor> source = counting(SOURCE);
        source.put("head_dist.weight", HostTensor.of(new float[6], 1, 6));
        source.put("dist_token", HostTensor.of(new float[6], 1, 1, 6));
        source.remove("norm.bias");

        assertThat(WarmStart.of(source, deeper, 1).summary())
                .containsExactly(
                        "blocks.1.* is missing in the source: the block stays random",
                        "tensor norm.bias is missing in the source and stays random",
                        "tensor head_dist.weight of the source is left over: the model has no such parameter",
                        "tensor dist_token of the source is left over: the model has no such parameter");
    }

    @Test
    void losingClassesOrPositionsIsWarnedOf() {
        ThinkingViTConfig other = new ThinkingViTConfig(8, 2, 6, 1, 3, List.of(3), 5, 1e-6);

        assertThat(WarmStart.of(counting(other), TARGET, 1).summary())
                .containsExactly(
                        "tensor pos_embed is cut from [1, 17, 6] to [1, 5, 4]: only its first tokens are kept",
                        "tensor head.weight is cut from [5, 6] to [3, 4]: only its first classes are kept",
                        "tensor head.bias is cut from [5] to [3]: only its first classes are kept");
    }

    @Test
    void manyWarningsAreCountedAndTheFirstNamed() {
        Map<String, HostTensor> source = counting(SOURCE);
        for (int i = 1; i <= 7; i++) {
            source.put("blocks.1.norm" + i + ".weight", HostTensor.of(new float[6], 6));
        }
        source.remove("norm.bias");
        assertThat(WarmStart.of(source, TARGET, 1).summary()).hasSize(8);

        source.put("head.weight", HostTensor.of(new float[5 * 6], 5, 6));
        source.put("head.bias", HostTensor.of(new float[5], 5));
        WarmStart start = WarmStart.of(source, TARGET, 1);

        assertThat(start.warnings()).hasSize(10);
        assertThat(start.summary())
                .containsExactly(
                        "tensor norm.bias is missing in the source and stays random",
                        "2 tensors are cut by more than width: head.weight, head.bias",
                        "7 tensors of the source are left over: blocks.1.norm1.weight, blocks.1.norm2.weight,"
                                + " blocks.1.norm3.weight, …");
    }

    @Test
    void theShareIsOfValuesNotOfTensors() {
        Map<String, HostTensor> source = counting(SOURCE);
        assertThat(WarmStart.of(source, TARGET, 1).share())
                // alpha, and the projection of 2 columns with its bias
                .isEqualTo(1 - (1.0 + 4 * 2 + 4) / TARGET.parameterCount());

        source.keySet().retainAll(List.of("norm.bias", "head.bias"));
        assertThat(WarmStart.of(source, TARGET, 1).share()).isEqualTo((4.0 + 3) / TARGET.parameterCount());
        assertThat(WarmStart.of(Map.of(), TARGET, 1).share()).isZero();
    }

    /** Every tensor counts its elements from 0. */
    private static Map<String, HostTensor> counting(ThinkingViTConfig config) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        config.parameterShapes().forEach((name, shape) -> {
            int count = 1;
            for (long size : shape) {
                count *= (int) size;
            }
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = i;
            }
            tensors.put(name, HostTensor.of(values, shape));
        });
        return tensors;
    }
}
