package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.CheckpointException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class ModelConfigJsonTest {
    private static final Path FILE = Path.of("config.json");

    private static final String ARGS = "\"thinking_stages\": [1, 2], \"img_size\": 32, \"patch_size\": 16,"
            + " \"embed_dim\": 64, \"num_heads\": 2, \"depth\": 1";

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"window_size\": 7 | model_args.window_size is not an argument of thinkingvit",
                "\"mlp_ratio\": 3 | model_args.mlp_ratio must be 4.0, got 3",
                "\"qkv_bias\": false | model_args.qkv_bias must be true, got false",
                "\"norm_eps\": \"small\" | norm_eps must be a number",
                "\"norm_eps\": 2 | norm_eps must lie between 0 and 1"
            })
    void anArgumentThatMeansAnotherNetworkIsRefused(String extra, String reason) {
        assertRefused("{\"num_classes\": 3, \"model_args\": {" + ARGS + ", " + extra + "}}", reason);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"depth\": 1 | \"depth\": 1.5 | depth must be a whole number, got 1.5",
                "\"depth\": 1 | \"depth\": \"1\" | depth must be a whole number",
                "\"depth\": 1 | \"depth\": 99999999999 | depth must be a whole number",
                "\"depth\": 1 | \"depth\": null | depth is missing",
                "\"img_size\": 32 | \"img_size\": [32, 40] | img_size 32 × 40 is not a multiple of patch_size 16",
                "\"img_size\": 32 | \"img_size\": [3, 32, 32] | img_size must be one number, or height and width",
                "\"img_size\": 32 | \"img_size\": [0, 32] | img_size must be at least 1, got [0,32]",
                "\"patch_size\": 16 | \"patch_size\": [16, 8] | patch_size must be square",
                "[1, 2] | \"1,2\" | thinking_stages must be a list",
                "[1, 2] | [1, true] | thinking_stages must hold whole numbers, got true",
                "[1, 2] | [] | thinking_stages is empty",
                "[1, 2] | [2, 2] | thinking_stages must grow strictly"
            })
    void anArgumentOfTheWrongTypeIsRefused(String right, String wrong, String reason) {
        assertRefused("{\"num_classes\": 3, \"model_args\": {" + ARGS.replace(right, wrong) + "}}", reason);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"architecture\": \"vit\" | architecture \"vit\" is not supported; supported are thinkingvit",
                "\"architecture\": {} | architecture {} is not supported",
                "\"global_pool\": \"avg\" | global_pool must be token",
                "\"num_features\": 63 | num_features must be 64, which is what model_args mean, got 63",
                "\"label_names\": [\"a\", \"b\"] | label_names must name all 3 classes, got 2",
                "\"label_names\": \"a\" | label_names must be a list",
                "\"global_pool\": [\"token\"] | global_pool must be token, got [\"token\"]",
                "\"global_pool\": {} | global_pool must be token, got {}",
                "\"label_names\": [\"a\", null, \"c\"] | label_names[1] must be a name, got null",
                "\"label_names\": [\"a\", \"b\", \" \"] | label_names[2] must be a name, got",
                "\"id2label\": {\"0\": \"a\", \"1\": null, \"2\": \"c\"} | id2label.1 must be a name, got null",
                "\"label_names\": [\"a\", {}, \"c\"] | label_names[1] must be a name, got {}",
                "\"pretrained_cfg\": {\"crop_pct\": [1]} | crop_pct must be a number, got [1]",
                "\"pretrained_cfg\": {\"interpolation\": [\"bicubic\"]} | interpolation must be bicubic or bilinear, got [",
                "\"pretrained_cfg\": {\"mean\": [null]} | mean must be a number, got null",
                "\"thinking\": {\"router\": [\"entropy\"]} | thinking.router must be a name, got [",
                "\"thinking\": {\"thresholds\": [null]} | thresholds must be a number, got null",
                "\"label_names\": [[], [], []] | label_names[0] must be a name, got []",
                "\"pretrained_cfg\": 5 | pretrained_cfg must be an object",
                "\"pretrained_cfg\": {\"input_size\": [1, 32, 32]} | input_size must be [3, height, width]",
                "\"pretrained_cfg\": {\"input_size\": [3, 32, 64]} | input_size 32 × 64 differs from the network's img_size 32",
                "\"pretrained_cfg\": {\"input_size\": [3, 64, 64]} | input_size 64 differs from the network's img_size 32",
                "\"pretrained_cfg\": {\"crop_pct\": \"0.9\"} | crop_pct must be a number",
                "\"pretrained_cfg\": {\"crop_pct\": 1.5} | crop_pct must be above 0 and at most 1",
                "\"pretrained_cfg\": {\"crop_mode\": \"squash\"} | crop_mode must be center",
                "\"pretrained_cfg\": {\"interpolation\": \"nearest\"} | interpolation must be bicubic or bilinear",
                "\"pretrained_cfg\": {\"mean\": [0, 0]} | 2 and 3",
                "\"pretrained_cfg\": {\"std\": [1, 1, 0]} | std positive",
                "\"thinking\": {\"treshold\": [1]} | thinking.treshold is unknown",
                "\"thinking\": {\"thresholds\": [1, 2]} | a model of 2 stages takes 1 or 1",
                "\"thinking\": {\"thresholds\": [\"low\"]} | thresholds must be a number",
                "\"thinking\": {\"calibration\": {\"curve\": 1}} | thinking.calibration",
                "\"thinking\": {\"calibration\": 5} | calibration must be an object, got 5",
                "\"thinking\": {\"calibration\": {\"curve\": []}} | thinking.calibration.data is missing; 'calibrate --save' writes it anew",
                "\"thinking\": {\"calibration\": {\"data\": null, \"images\": 9, \"target\": \"t\", \"curve\": []}} | thinking.calibration.data must be a text, got null",
                "\"thinking\": {\"calibration\": {\"data\": \"x\", \"images\": 9.5, \"target\": \"t\", \"curve\": []}} | thinking.calibration.images must be a whole number, got 9.5",
                "\"thinking\": {\"calibration\": {\"data\": \"x\", \"images\": 9, \"target\": \"t\", \"curve\": [3]}} | thinking.calibration.curve[0] must be an object of threshold, gmacs and top1, got 3",
                "\"thinking\": {\"calibration\": {\"data\": \"x\", \"images\": 9, \"target\": \"t\", \"curve\": [{\"threshold\": 1, \"gmacs\": \"1\", \"top1\": 1}]}} | thinking.calibration.curve[0].gmacs must be a number, got \"1\"",
                "\"thinking\": {\"calibration\": {\"data\": \"x\", \"images\": 9, \"target\": \"t\", \"curve\": [], \"bf16\": {}}} | thinking.calibration.bf16.sameTop1 is missing",
                "\"thinking\": {\"calibration\": {\"data\": \"x\", \"images\": 9, \"target\": \"t\", \"curve\": [], \"int8\": {\"sameTop1\": 99, \"top1Difference\": 0, \"images\": 0}}} | thinking.calibration.int8.images must be at least 1, got 0",
                "\"thinking\": {\"calibration\": {\"data\": \"x\", \"images\": 9, \"target\": \"t\", \"curve\": [], \"tokenDepth\": []}} | thinking.calibration.tokenDepth must be an object, got []",
                "\"depth\": 1, \"depth\": 1 | is not valid JSON: Duplicate"
            })
    void aKeyThatDoesNotFitIsRefused(String extra, String reason) {
        assertRefused("{\"num_classes\": 3, \"model_args\": {" + ARGS + "}, " + extra + "}", reason);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[] | must hold a JSON object",
                "{}{} | is not valid JSON: something follows after the end, where nothing may be",
                "{ | is not valid JSON",
                "`` | must hold a JSON object",
                "{} | model_args is missing",
                "{\"num_classes\": 3, \"model_args\": {}} | depth is missing"
            })
    void aFileThatIsNoConfigurationIsRefused(String text, String reason) {
        assertRefused(text, reason);
    }

    @Test
    void aKeyWithoutAValueMeansWhatItsAbsenceDoes() {
        ModelConfig config =
                read("{\"num_classes\": 3, \"architecture\": null, \"global_pool\": null, \"label_names\": null,"
                        + " \"thinking\": {\"router\": null}, \"model_args\": {" + ARGS + "}}");
        assertThat(config.labels()).isEmpty();
        assertThat(config.routing()).isEqualTo(Routing.of(config.network()));
    }

    @Test
    void whatIsNotUnderstoodSurvivesARewrite() {
        ModelConfig config = read("{\"num_classes\": 3, \"note\": {\"by\": [1]}, \"model_args\": {" + ARGS
                + ", \"drop_path_rate\": 0.1, \"dynamic_img_size\": true}, \"pretrained_cfg\": {\"url\": \"u\"}}");

        ObjectNode written = ModelConfigJson.write(config.withLabels(List.of("a", "b", "c")));

        assertThat(written.get("note").toString()).isEqualTo("{\"by\":[1]}");
        assertThat(written.get("model_args").get("drop_path_rate").asDouble()).isEqualTo(0.1);
        assertThat(written.get("model_args").get("dynamic_img_size").asBoolean())
                .isTrue();
        assertThat(written.get("pretrained_cfg").get("url").asString()).isEqualTo("u");
        ModelConfig again = ModelConfigJson.read(FILE, written);
        assertThat(again.network()).isEqualTo(config.network());
        assertThat(again.labels()).containsExactly("a", "b", "c");
        assertThat(ModelConfigJson.write(again)).isEqualTo(written);
    }

    private static ModelConfig read(String text) {
        return ModelConfigJson.read(FILE, ModelConfigJson.parse(FILE, text));
    }

    private static void assertRefused(String text, String reason) {
        assertThatThrownBy(() -> read(text))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("config.json: ")
                .hasMessageContaining(reason);
    }
}
