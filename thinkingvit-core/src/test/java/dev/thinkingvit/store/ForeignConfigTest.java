package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.TestWeights;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Resampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class ForeignConfigTest {
    private static final String VIT = "\"model_type\": \"vit\", \"hidden_size\": 128, \"num_hidden_layers\": 1,"
            + " \"num_attention_heads\": 2, \"intermediate_size\": 512, \"image_size\": 16, \"patch_size\": 8";
    private static final ThinkingViTConfig PLAIN =
            new ThinkingViTConfig(16, 8, 128, 1, 2, List.of(2), 3, ThinkingViTConfig.DEFAULT_NORM_EPS);

    @TempDir
    Path directory;

    @Test
    void transformersConfigurationIsOfOneStage() throws IOException {
        write(
                "config.json",
                "{" + VIT + ", \"layer_norm_eps\": 1e-12, \"id2label\":"
                        + " {\"2\": \"two\", \"10\": \"x\", \"0\": \"zero\", \"1\": \"one\"}}"
                                .replace("\"10\": \"x\", ", ""));
        write(
                "preprocessor_config.json",
                "{\"image_mean\": [0.1, 0.2, 0.3], \"image_std\": [0.5, 0.5, 0.5], \"resample\": 3,"
                        + " \"size\": {\"shortest_edge\": 18}, \"do_center_crop\": true, \"crop_size\": 16}");

        ModelConfig config = read();

        assertThat(ThinkingViTConfig.of(config.network()).thinkingStages()).containsExactly(2);
        assertThat(ThinkingViTConfig.of(config.network()).normEps()).isEqualTo(1e-12);
        assertThat(config.labels()).containsExactly("zero", "one", "two");
        assertThat(config.preprocessing().mean()).containsExactly(0.1f, 0.2f, 0.3f);
        assertThat(config.preprocessing().interpolation()).isEqualTo(Resampling.BICUBIC);
        assertThat(Math.floor(16 / config.preprocessing().cropPct())).isEqualTo(18);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"model_type\": \"vit\" | \"model_type\": \"beit\" | model_type must be vit, deit or swin, got beit",
                "heads\": 2 | heads\": 3 | num_attention_heads must divide hidden_size 128, got 3",
                "512 | 256 | intermediate_size must be 4 times hidden_size 128, got 256",
                "\"patch_size\" | \"hidden_act\": \"quick_gelu\", \"patch_size\" | hidden_act must be gelu",
                "\"patch_size\" | \"qkv_bias\": false, \"patch_size\" | qkv_bias must be true, got false",
                "\"patch_size\" | \"id2label\": {\"0\": \"a\"}, \"patch_size\" | id2label must name all 3 classes, got 1"
            })
    void transformersOtherNetworksAreRefusedByKey(String right, String wrong, String reason) throws IOException {
        write("config.json", "{" + VIT.replace(right, wrong) + "}");

        assertThatThrownBy(this::read).isInstanceOf(CheckpointException.class).hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource({
        "3, BICUBIC",
        "3.0, BICUBIC",
        "'\"3\"', BICUBIC",
        "'\"bicubic\"', BICUBIC",
        "2, BILINEAR",
        "null, BILINEAR"
    })
    void aFilterIsNumberedOrNamed(String said, Resampling meant) throws IOException {
        write("config.json", "{" + VIT + "}");
        write("preprocessor_config.json", "{\"size\": 16, \"resample\": " + said + "}");

        assertThat(read().preprocessing().interpolation()).isEqualTo(meant);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"resample\": 1 | resample must be 2 (bilinear) or 3 (bicubic), got 1",
                "\"resample\": \"lanczos\" | resample must be 2 (bilinear) or 3 (bicubic), got \"lanczos\"",
                "\"resample\": [3] | resample must be 2 (bilinear) or 3 (bicubic), got [3]",
                "\"do_resize\": false | do_resize must be true, got false",
                "\"do_rescale\": false | do_rescale must be true, got false",
                "\"do_normalize\": \"yes\" | do_normalize must be true or false, got \"yes\"",
                "\"do_center_crop\": 1 | do_center_crop must be true or false, got 1",
                "\"rescale_factor\": [1] | rescale_factor must be 1/255, got [1]"
            })
    void preparingThatCannotBeKeptIsRefusedByKey(String said, String reason) throws IOException {
        write("config.json", "{" + VIT + "}");
        write("preprocessor_config.json", "{\"size\": 16, " + said + "}");

        assertThatThrownBy(this::read).isInstanceOf(CheckpointException.class).hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource({"vit_tiny_patch16_224", "deit_tiny_patch16_224.fb_in1k", "vit_base_patch16_224.augreg_in21k", "vit"})
    void timmsPlainArchitecturesAreOfOneStage(String architecture) throws IOException {
        write(
                "config.json",
                "{\"architecture\": \"" + architecture + "\", \"num_classes\": 3, \"global_pool\":"
                        + " \"token\", \"pretrained_cfg\": {\"mean\": null, \"std\": [0.5, 0.5, 0.5], \"input_size\": null}}");

        ModelConfig config = read();

        assertThat(config.network()).isEqualTo(PLAIN);
        assertThat(config.preprocessing().mean()).containsExactly(0.485f, 0.456f, 0.406f);
        assertThat(config.preprocessing().std()).containsExactly(0.5f, 0.5f, 0.5f);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"swin_tiny_patch4_window7_224\" | holds no Swin Transformer",
                "\"vit_base_patch16_clip_quickgelu_224\" | computes another GELU",
                "\"vit_tiny_patch16_224\", \"global_pool\": \"avg\" | global_pool must be token",
                "\"vit_tiny_patch16_224\", \"model_args\": {\"reg_tokens\": 4} | model_args.reg_tokens must be 0, got 4",
                "\"vit_tiny_patch16_224\", \"pretrained_cfg\": {\"mean\": [NaN, 0, 0]} | mean must be a finite number, got NaN"
            })
    void whatMeansAnotherNetworkIsRefused(String architecture, String reason) throws IOException {
        write("config.json", "{\"architecture\": " + architecture + "}");

        assertThatThrownBy(this::read)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(reason)
                .message()
                .doesNotContain("ALLOW_", "`");
    }

    @Test
    void aByteOrderMarkIsSkipped() throws IOException {
        write("config.json", "\uFEFF{\"architecture\": \"thinkingvit\"}");

        assertThat(read().network()).isEqualTo(PLAIN);
        assertThat(ModelDirectory.isOwn(directory)).isTrue();
        write("config.json", "{" + VIT + "}");
        assertThat(ModelDirectory.isOwn(directory)).isFalse();
    }

    private ModelConfig read() {
        Safetensors.write(directory.resolve("model.safetensors"), TestWeights.of(PLAIN), java.util.Map.of());
        return ModelDirectory.read(directory).config();
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(directory.resolve(name), text);
    }
}
