package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** D = 4 wide, H = 2 heads of hd = 2. */
@NullUnmarked // a null fails the test
class GoogleViTNamesTest {
    private static final Path FILE = Path.of("vit.npz");
    private static final int D = 4;
    private static final int H = 2;
    private static final int HD = 2;
    private static final String BLOCK = "Transformer/encoderblock_11/";
    private static final String ATTENTION = BLOCK + "MultiHeadDotProductAttention_1/";

    @Test
    void queriesKeysAndValuesAreJoinedWithTheirOutputsFirst() {
        Map<String, HostTensor> google = google("");
        HostTensor qkv = toTimm(google).get("blocks.11.attn.qkv.weight");

        assertThat(qkv.shape()).containsExactly(3 * D, D);
        int row = 0;
        for (String part : new String[] {"query", "key", "value"}) {
            float[] kernel = google.get(ATTENTION + part + "/kernel").toFloats(); // [D, H, hd]
            for (int head = 0; head < H; head++) {
                for (int i = 0; i < HD; i++, row++) {
                    for (int input = 0; input < D; input++) {
                        assertThat(qkv.toFloats()[row * D + input]).isEqualTo(kernel[(input * H + head) * HD + i]);
                    }
                }
            }
        }
        HostTensor bias = toTimm(google).get("blocks.11.attn.qkv.bias");
        assertThat(bias.shape()).containsExactly(3 * D);
        assertThat(bias.toFloats()[D])
                .isEqualTo(google.get(ATTENTION + "key/bias").toFloats()[0]);
    }

    @Test
    void theProjectionTakesHeadsOneAfterTheOther() {
        Map<String, HostTensor> google = google("");
        float[] kernel = google.get(ATTENTION + "out/kernel").toFloats(); // [H, hd, D]
        HostTensor projection = toTimm(google).get("blocks.11.attn.proj.weight");

        assertThat(projection.shape()).containsExactly(D, D);
        for (int output = 0; output < D; output++) {
            for (int input = 0; input < D; input++) {
                assertThat(projection.toFloats()[output * D + input]).isEqualTo(kernel[input * D + output]);
            }
        }
    }

    @Test
    void patchesAreSeenChannelsFirst() {
        Map<String, HostTensor> google = google("");
        float[] kernel = google.get("embedding/kernel").toFloats(); // [2, 3, 3, D]: height, width, channels, outputs
        HostTensor patches = toTimm(google).get("patch_embed.proj.weight");

        assertThat(patches.shape()).containsExactly(D, 3, 2, 3);
        // Output 1, channel 2, row 1, column 0.
        assertThat(patches.toFloats()[((1 * 3 + 2) * 2 + 1) * 3]).isEqualTo(kernel[((1 * 3) * 3 + 2) * D + 1]);
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "none",
            value = {"''", "opt/target/", "params/", "params/img/"})
    void everythingHasTimmsName(String prefix) {
        assertThat(GoogleViTNames.matches(google(prefix).keySet())).isTrue();
        assertThat(toTimm(google(prefix)))
                .containsOnlyKeys(
                        "cls_token",
                        "pos_embed",
                        "patch_embed.proj.weight",
                        "patch_embed.proj.bias",
                        "blocks.11.norm1.weight",
                        "blocks.11.norm2.bias",
                        "blocks.11.attn.qkv.weight",
                        "blocks.11.attn.qkv.bias",
                        "blocks.11.attn.proj.weight",
                        "blocks.11.attn.proj.bias",
                        "blocks.11.mlp.fc1.weight",
                        "blocks.11.mlp.fc2.bias",
                        "norm.weight",
                        "head.weight",
                        prefix + "pre_logits/kernel");
    }

    @Test
    void bigVisionNumbersItsPartsDifferently() {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("params/embedding/kernel", tensor(2, 3, 3, D));
        tensors.put("params/pos_embedding", tensor(1, 5, D));
        String block = "params/Transformer/encoderblock_0/";
        tensors.put(block + "LayerNorm_1/scale", tensor(D));
        tensors.put(block + "MlpBlock_0/Dense_1/kernel", tensor(8, D));
        tensors.put(block + "MultiHeadDotProductAttention_0/out/bias", tensor(D));

        assertThat(toTimm(tensors))
                .containsOnlyKeys(
                        "patch_embed.proj.weight",
                        "pos_embed",
                        "blocks.0.norm2.weight",
                        "blocks.0.mlp.fc2.weight",
                        "blocks.0.attn.proj.bias");
    }

    @Test
    void queriesWithoutKeysAreRefused() {
        Map<String, HostTensor> tensors = google("");
        tensors.remove(ATTENTION + "key/kernel");

        assertThatThrownBy(() -> toTimm(tensors))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("blocks.11.attn.qkv.weight lacks its key")
                .hasMessageContaining("'" + ATTENTION + "query/kernel'");
    }

    @Test
    void partsThatDoNotFitTogetherAreRefusedByName() {
        Map<String, HostTensor> type = google("");
        type.put(ATTENTION + "key/kernel", HostTensor.of(new long[D * H * HD], D, H, HD));
        Map<String, HostTensor> empty = google("");
        empty.put(ATTENTION + "key/kernel", tensor(0, H, HD));

        for (Map<String, HostTensor> tensors : List.of(type, empty)) {
            assertThatThrownBy(() -> toTimm(tensors))
                    .hasMessageContaining(
                            "blocks.11.attn.qkv.weight cannot be joined of '" + ATTENTION + "query/kernel'")
                    .hasMessageContaining("'" + ATTENTION + "key/kernel'");
        }
    }

    @Test
    void headsAreCountedAndMustAgree() {
        assertThat(GoogleViTNames.toTimm(FILE, google("")).heads()).isEqualTo(H);

        for (String part : List.of("key/kernel", "value/bias", "out/kernel")) {
            Map<String, HostTensor> other = google("");
            other.put(
                    ATTENTION + part,
                    part.endsWith("bias") ? tensor(4, 1) : part.startsWith("out") ? tensor(4, 1, D) : tensor(D, 4, 1));
            assertThatThrownBy(() -> toTimm(other))
                    .hasMessageContaining(part + "' has 4 heads")
                    .hasMessageContaining("has 2");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "cls_token, cls",
        "blocks.11.attn.qkv.weight, query/kernel",
        "blocks.11.norm1.weight, LayerNorm_0/scale",
        "Transformer/encoderblock_11/MultiHeadDotProductAttention_0/key/kernel, key/kernel"
    })
    void twoTensorsOfOnePlaceAreRefusedByName(String stray, String meant) {
        for (boolean first : new boolean[] {true, false}) {
            Map<String, HostTensor> tensors = new LinkedHashMap<>();
            if (first) {
                tensors.put(stray, tensor(D, H, HD));
            }
            tensors.putAll(google(""));
            tensors.put(stray, tensor(D, H, HD));

            assertThatThrownBy(() -> toTimm(tensors))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("two tensors are ")
                    .hasMessageContaining("'" + stray + "'")
                    .hasMessageContaining(meant + "'");
        }
    }

    @Test
    void otherNamesAreLeftAlone() {
        assertThat(GoogleViTNames.matches(Set.of("patch_embed.proj.weight", "embedding/kernel")))
                .isFalse();
    }

    private static Map<String, HostTensor> google(String prefix) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put(prefix + "cls", tensor(1, 1, D));
        tensors.put(prefix + "embedding/kernel", tensor(2, 3, 3, D));
        tensors.put(prefix + "embedding/bias", tensor(D));
        tensors.put(prefix + "Transformer/posembed_input/pos_embedding", tensor(1, 5, D));
        tensors.put(prefix + BLOCK + "LayerNorm_0/scale", tensor(D));
        tensors.put(prefix + BLOCK + "LayerNorm_2/bias", tensor(D));
        for (String part : new String[] {"query", "key", "value"}) {
            tensors.put(prefix + ATTENTION + part + "/kernel", tensor(D, H, HD));
            tensors.put(prefix + ATTENTION + part + "/bias", tensor(H, HD));
        }
        tensors.put(prefix + ATTENTION + "out/kernel", tensor(H, HD, D));
        tensors.put(prefix + ATTENTION + "out/bias", tensor(D));
        tensors.put(prefix + BLOCK + "MlpBlock_3/Dense_0/kernel", tensor(D, 8));
        tensors.put(prefix + BLOCK + "MlpBlock_3/Dense_1/bias", tensor(D));
        tensors.put(prefix + "Transformer/encoder_norm/scale", tensor(D));
        tensors.put(prefix + "pre_logits/kernel", tensor(D, D));
        tensors.put(prefix + "head/kernel", tensor(D, 10));
        return tensors;
    }

    private static Map<String, HostTensor> toTimm(Map<String, HostTensor> tensors) {
        return GoogleViTNames.toTimm(FILE, tensors).tensors();
    }

    private static int next;

    /** Values that are nowhere else. */
    private static HostTensor tensor(long... shape) {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        float[] values = new float[(int) elements];
        for (int i = 0; i < values.length; i++) {
            values[i] = next++;
        }
        return HostTensor.of(values, shape);
    }
}
