package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Opaque;
import dev.thinkingvit.checkpoint.TestWeights;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class NamedWeightsTest {
    private static final Path FILE = Path.of("some.pth");

    private final Map<String, HostTensor> vit = TestWeights.of(TestWeights.SMALL);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "module.",
                "_orig_mod.",
                "module._orig_mod.",
                "_orig_mod.module.",
                "model.",
                "net.",
                "backbone.",
                "encoder.",
                "model.module._orig_mod.net.",
                "my_own_wrapper.",
                "1."
            })
    void prefixesComeOffAndAreTold(String prefix) {
        NamedWeights named = read(TestWeights.renamed(vit, name -> prefix + name), Weights.AUTO);

        assertThat(named.tensors()).isEqualTo(vit);
        if (!prefix.isEmpty()) {
            assertThat(named.notes()).singleElement().asString().contains("'" + prefix + "' (" + vit.size() + ")");
        }
    }

    @Test
    void partsMayHaveThemAndOthersNot() {
        Map<Object, Object> mixed =
                TestWeights.renamed(vit, name -> name.startsWith("head.") ? name : "model.backbone." + name);
        assertThat(read(mixed, Weights.AUTO).tensors()).isEqualTo(vit);

        Map<Object, Object> inner = TestWeights.renamed(
                vit, name -> name.replace("blocks.1.", "module.blocks.1._orig_mod._checkpoint_wrapped_module."));
        assertThat(read(inner, Weights.AUTO).tensors()).isEqualTo(vit);
    }

    @Test
    void countersAreSteppedOver() {
        Map<Object, Object> averaged = TestWeights.renamed(vit, name -> "module." + name);
        averaged.put("n_averaged", HostTensor.of(new long[] {5}));
        averaged.put("module.num_batches_tracked", HostTensor.of(new long[] {5}));
        averaged.put("_extra_state", new Opaque("io.BytesIO"));

        NamedWeights named = read(averaged, Weights.EMA);

        assertThat(named.tensors()).isEqualTo(vit);
        assertThat(named.notes()).contains("passed over: n_averaged, module.num_batches_tracked, _extra_state");
    }

    @ParameterizedTest
    @CsvSource({"AUTO, true", "EMA, true", "MODEL, false"})
    void ofWeightsAndTheirAverageBesideEachOtherOneIsChosen(Weights which, boolean average) {
        Map<String, HostTensor> other = TestWeights.of(TestWeights.SMALL);
        Map<Object, Object> lightning = TestWeights.renamed(vit, name -> "model." + name);
        lightning.putAll(TestWeights.renamed(other, name -> "ema_model.module." + name));

        NamedWeights named = read(lightning, which);

        assertThat(named.tensors()).isEqualTo(average ? other : vit);
        assertThat(named.notes()).first().asString().contains("'model.'", "'ema_model.module.'");
    }

    @Test
    void anAverageMustBeThereToBeAskedFor() {
        assertThatThrownBy(() -> read(TestWeights.renamed(vit, name -> name), Weights.EMA))
                .hasMessageContaining("no moving average");
        assertThatThrownBy(() -> read(TestWeights.renamed(vit, name -> "ema_model." + name), Weights.MODEL))
                .hasMessageContaining("only a moving average of the weights ('ema_model.')");
    }

    @Test
    void namesThatMeetAreAnErrorThatNamesBoth() {
        Map<Object, Object> twice = TestWeights.renamed(vit, name -> "module." + name);
        twice.put("head.bias", HostTensor.of(new float[3], 3));

        assertThatThrownBy(() -> read(twice, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("'module.head.bias' and 'head.bias'");
    }

    @Test
    void aWeightThatIsNoTensorIsNamedWithItsClass() {
        Map<Object, Object> odd = TestWeights.renamed(vit, name -> "module." + name);
        odd.put("module.head.bias", new Opaque("torch.float8_e4m3fn tensor"));

        assertThatThrownBy(() -> read(odd, Weights.AUTO))
                .hasMessageContaining("'module.head.bias' should be a tensor, is torch.float8_e4m3fn tensor");
    }

    @ParameterizedTest
    @ValueSource(strings = {"stages.0.blocks.0.norm.weight", "decoder_embed.weight", "layer1.0.conv1.weight"})
    void anotherNetworkKeepsItsNames(String name) {
        Map<Object, Object> other = TestWeights.renamed(vit, plain -> "encoder." + plain);
        other.put("module." + name, HostTensor.of(new float[1], 1));

        NamedWeights named = read(other, Weights.AUTO);

        assertThat(named.manner()).isNull();
        assertThat(named.tensors()).containsKeys("encoder.cls_token", "module." + name);
    }

    @Test
    void aSegmentersEncoderIsAPartOfItsNamesAndWhatIsPutAroundItIsNot() {
        Map<Object, Object> segmenter = TestWeights.renamed(vit, plain -> "module.encoder." + plain);
        segmenter.put("module.decoder.head.weight", HostTensor.of(new float[1], 1));

        NamedWeights named = read(segmenter, Weights.AUTO);

        assertThat(named.manner()).isEqualTo(KnownNames.Manner.SEGMENTER);
        assertThat(named.tensors()).containsKeys("encoder.cls_token", "decoder.head.weight");
    }

    @Test
    void whatHasAnotherPrefixThanTheNetworkIsLeftOver() {
        Map<Object, Object> two = TestWeights.renamed(vit, name -> "student." + name);
        two.put("teacher.head.bias", HostTensor.of(new float[3], 3));

        assertThat(read(two, Weights.AUTO).tensors()).hasSize(vit.size() + 1).containsKey("teacher.head.bias");
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit.", "deit.", "", "module.vit."})
    void transformersNamesAreTranslated(String prefix) {
        Map<Object, Object> theirs = new LinkedHashMap<>();
        Map<String, HostTensor> plain = new LinkedHashMap<>(vit);
        plain.keySet().removeIf(name -> name.startsWith("alpha") || name.startsWith("proj_layer"));
        plain.forEach((name, tensor) -> transformers(name, tensor, prefix, theirs));
        theirs.put(prefix + "pooler.dense.weight", HostTensor.of(new float[4], 2, 2));
        theirs.put(prefix + "embeddings.mask_token", HostTensor.of(new float[4], 4));

        NamedWeights named = TimmNames.of(FILE, read(theirs, Weights.AUTO));

        assertThat(named.tensors()).containsOnlyKeys(plain.keySet());
        plain.forEach((name, tensor) -> {
            assertThat(named.tensors().get(name)).as(name).hasToString(tensor.toString());
            assertThat(named.tensors().get(name).data()).as(name).isEqualTo(tensor.data());
        });
        assertThat(named.notes()).contains("transformers' names are read as timm's, queries, keys and values joined");

        theirs.remove(prefix + "encoder.layer.1.attention.attention.key.bias");
        assertThatThrownBy(() -> TimmNames.of(FILE, read(theirs, Weights.AUTO)))
                .hasMessageContaining("blocks.1.attn.qkv.bias lacks its key");
    }

    @Test
    void torchvisionsNamesAreTranslated() {
        Map<Object, Object> theirs = TestWeights.renamed(vit, name -> name.replace("cls_token", "class_token")
                .replace("pos_embed", "encoder.pos_embedding")
                .replace("patch_embed.proj", "conv_proj")
                .replaceFirst("^norm", "encoder.ln")
                .replaceFirst("^head", "heads.head")
                .replaceFirst("^blocks\\.(\\d)\\.", "encoder.layers.encoder_layer_$1.")
                .replace("attn.qkv.", "self_attention.in_proj_")
                .replace("attn.proj", "self_attention.out_proj")
                .replaceFirst("norm(\\d)", "ln_$1")
                .replace("mlp.fc1", "mlp.0")
                .replace("mlp.fc2", "mlp.3"));

        assertThat(TimmNames.of(FILE, read(theirs, Weights.AUTO)).tensors()).isEqualTo(vit);
    }

    @Test
    void aStrayNameThatATranslatedOneMeetsIsRefusedWithBoth() {
        for (String stray : new String[] {"cls_token", "blocks.1.attn.qkv.weight"}) {
            Map<Object, Object> theirs = new LinkedHashMap<>();
            vit.forEach((name, tensor) -> transformers(name, tensor, "vit.", theirs));
            theirs.put(stray, vit.get(stray));

            assertThatThrownBy(() -> TimmNames.of(FILE, read(theirs, Weights.AUTO)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("two tensors are " + stray)
                    .hasMessageContaining("'" + stray + "'")
                    .hasMessageContaining(stray.startsWith("cls") ? "embeddings.cls_token" : "attention.query.weight");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"criterion.weight", "loss.class_weights", "mean", "val.pos_table", "teacher.stem.weight"})
    void whatLiesOutsideOfTheNetworksWrapperIsPassedOver(String name) {
        Map<Object, Object> lightning = TestWeights.renamed(vit, plain -> "model." + plain);
        lightning.put(name, HostTensor.of(new float[3], 3));

        NamedWeights named = read(lightning, Weights.AUTO);

        assertThat(named.tensors()).isEqualTo(vit);
        assertThat(named.notes()).contains("passed over: " + name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.blocks.0.attn.qkv.lora_A.weight", "model.head_aux.weight", "other.head.bias"})
    void whatMayBelongToTheNetworkIsLeftOver(String name) {
        Map<Object, Object> lightning = TestWeights.renamed(vit, plain -> "model." + plain);
        lightning.put(name, HostTensor.of(new float[3], 3));

        NamedWeights named = read(lightning, Weights.AUTO);

        assertThat(named.tensors()).hasSize(vit.size() + 1);
    }

    @Test
    void aWholeTeacherBesideTheNetworkIsPassedOver() {
        Map<Object, Object> both = TestWeights.renamed(TestWeights.of(TestWeights.SMALL), name -> "teacher." + name);
        both.putAll(TestWeights.renamed(vit, name -> "model." + name));

        assertThat(read(both, Weights.AUTO).tensors()).isEqualTo(vit);
    }

    @ParameterizedTest
    @CsvSource({"AUTO, true", "EMA, true", "MODEL, false"})
    void averagingWrappersKeepBoth(Weights which, boolean average) {
        Map<String, HostTensor> other = TestWeights.of(TestWeights.SMALL);
        for (String prefix : new String[] {"", "ema."}) {
            Map<Object, Object> both = TestWeights.renamed(vit, name -> prefix + "online_model." + name);
            both.putAll(TestWeights.renamed(other, name -> prefix + "ema_model." + name));
            both.put(prefix + "initted", HostTensor.of(new float[] {1}, 1));
            both.put(prefix + "step", HostTensor.of(new long[] {1}, 1));
            if (!prefix.isEmpty()) {
                both.putAll(TestWeights.renamed(vit, name -> "model." + name));
            }

            assertThat(read(both, which).tensors()).isEqualTo(average ? other : vit);
        }
    }

    @Test
    void aFragmentOfAnAverageIsNone() {
        Map<Object, Object> lightning = TestWeights.renamed(vit, name -> "model." + name);
        lightning.putAll(TestWeights.renamed(vit, name -> "model_ema." + name.replace(".", "")));

        assertThat(read(lightning, Weights.AUTO).tensors()).isEqualTo(vit);
        assertThatThrownBy(() -> read(lightning, Weights.EMA)).hasMessageContaining("no moving average");
    }

    @Test
    void namesBeyondAllMeasureAreNotLookedInto() {
        Map<Object, Object> named = TestWeights.renamed(vit, name -> name);
        String dots = "module.".repeat(200_000) + "cls_token";
        String model = "model.".repeat(200_000) + "x";
        named.put(dots, HostTensor.of(new float[3], 3));
        named.put(model, HostTensor.of(new float[3], 3));

        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThat(read(named, Weights.AUTO).tensors()).containsKeys(dots, model));
    }

    private static void transformers(String name, HostTensor tensor, String prefix, Map<Object, Object> theirs) {
        String block = name.replaceFirst("^blocks\\.(\\d)\\..*", "encoder.layer.$1.");
        String ending = name.substring(name.lastIndexOf('.') + 1);
        if (name.contains(".attn.qkv.")) {
            String[] parts = {"query", "key", "value"};
            float[] values = tensor.toFloats();
            long[] shape = tensor.shape();
            shape[0] /= 3;
            for (int i = 0; i < 3; i++) {
                int length = values.length / 3;
                float[] part = java.util.Arrays.copyOfRange(values, i * length, (i + 1) * length);
                theirs.put(
                        prefix + block + "attention.attention." + parts[i] + "." + ending, HostTensor.of(part, shape));
            }
            return;
        }
        String theirName = name.startsWith("head.")
                ? name.replace("head.", "classifier.")
                : prefix
                        + name.replaceFirst("^blocks\\.\\d\\.", block)
                                .replace("attn.proj", "attention.output.dense")
                                .replace("mlp.fc1", "intermediate.dense")
                                .replace("mlp.fc2", "output.dense")
                                .replace("norm1", "layernorm_before")
                                .replace("norm2", "layernorm_after")
                                .replaceFirst("^norm\\.", "layernorm.")
                                .replace("cls_token", "embeddings.cls_token")
                                .replace("pos_embed", "embeddings.position_embeddings")
                                .replace("patch_embed.proj", "embeddings.patch_embeddings.projection");
        theirs.put(theirName, tensor);
    }

    private static NamedWeights read(Map<Object, Object> content, Weights which) {
        return NamedWeights.of(FILE, new WeightsEntry("", false, content, Map.of()), which);
    }
}
