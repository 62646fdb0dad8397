package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.StateDict;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

@NullUnmarked // a null fails the test
class KnownPreprocessingTest {
    /** Name, first mean, first deviation and crop of timm 1.0.31's default configuration. */
    @ParameterizedTest
    @CsvSource({
        "vit_tiny_patch16_224, 0.5, 0.5, 0.9",
        "vit_tiny_patch16_384.augreg_in21k_ft_in1k, 0.5, 0.5, 1.0",
        "vit_base_patch16_224.orig_in21k_ft_in1k, 0.5, 0.5, 0.9",
        "vit_base_patch32_384.augreg_in1k, 0.5, 0.5, 1.0",
        "vit_base_patch16_224.sam_in1k, 0.5, 0.5, 0.9",
        "vit_base_patch16_224.mae, 0.485, 0.229, 0.9",
        "vit_small_patch8_224.dino, 0.485, 0.229, 0.9",
        "vit_base_patch16_224_miil.in21k_ft_in1k, 0.0, 1.0, 0.875",
        "vit_base_patch16_224.bamboo, 0.48145466, 0.26862954, 1.0",
        "deit_tiny_patch16_224.fb_in1k, 0.485, 0.229, 0.9",
        "deit_base_patch16_384.fb_in1k, 0.485, 0.229, 1.0",
        "deit3_small_patch16_224.fb_in1k, 0.485, 0.229, 0.9",
        "deit3_small_patch16_224.fb_in22k_ft_in1k, 0.485, 0.229, 1.0"
    })
    void aNameOfTimmsSaysWhatTimmDoes(String name, double mean, double std, double crop) {
        KnownPreprocessing known = KnownPreprocessing.byName(name, "its name");

        assertThat(known.mean().get(0)).isEqualTo(mean);
        assertThat(known.std().get(0)).isEqualTo(std);
        assertThat(known.cropPct()).isEqualTo(crop);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vit", "vit-3h-6h", "my_vit_run", "thinkingvit", "convit_tiny_patch16_224", "last.pth", ""})
    void aNameThatMayBeAnythingSaysNothing(String name) {
        assertThat(KnownPreprocessing.byName(name, "its name")).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "224x224 RGB, mean 0.5, std 0.5",
                "mean=[0.5, 0.5, 0.5] std=[0.5, 0.5, 0.5]",
                "mean/std 0.5",
                "Mean: (0.5 0.5 0.5), Std: (0.5 0.5 0.5)"
            })
    void wordsBesideTheTensorsCount(String words) {
        assertThat(of("/a/x.safetensors", Map.of("input", words)).mean()).containsExactly(0.5, 0.5, 0.5);
    }

    @Test
    void imagenetInWordsIsImagenets() {
        assertThat(of("/a/x.safetensors", Map.of("input", "224x224 RGB, ImageNet mean/std"))
                        .std())
                .containsExactly(0.229, 0.224, 0.225);
    }

    @Test
    void settingsInAFilesMetadataComeBeforeItsName() {
        Map<String, Object> facts = Map.of(
                "architecture", "deit_tiny_patch16_224",
                "pretrained_cfg", "{\"mean\": [0.1, 0.2, 0.3], \"std\": [0.4, 0.5, 0.6], \"crop_pct\": 0.95}");

        assertThat(of("/a/x.safetensors", facts).mean()).containsExactly(0.1, 0.2, 0.3);
        assertThat(of("/a/x.safetensors", facts).cropPct()).isEqualTo(0.95);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/a/vit-tiny-augreg-in21k-ft-in1k/model.safetensors",
                "/a/vit_tiny_patch16_224.augreg_in21k_ft_in1k-0123.pth",
                "/hub/models--timm--vit_tiny_patch16_224.augreg_in21k_ft_in1k/snapshots/0123"
            })
    void theNameOfAFileAFolderOrAHubsModelCounts(String path) {
        assertThat(of(path, Map.of()).mean()).containsExactly(0.5, 0.5, 0.5);
    }

    @Test
    void whatATrainerCallsTheModelCounts() {
        assertThat(of("/a/x.pth", Map.of("args", Map.of("model", "vit_tiny_patch16_224")))
                        .mean())
                .containsExactly(0.5, 0.5, 0.5);
        assertThat(of("/a/x.pth", Map.of("arch", "vit_tiny_patch16_224")).mean())
                .containsExactly(0.5, 0.5, 0.5);
    }

    @Test
    void aConfigurationsNameCountsWithItsTag() {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.putObject("training").put("architecture", "vit_base_patch16_224");
        root.putObject("pretrained_cfg").put("tag", "mae");

        assertThat(KnownPreprocessing.of(Path.of("/a/b"), root, state(Map.of())).mean())
                .containsExactly(0.485, 0.456, 0.406);
    }

    @Test
    void aTrainingsStartIsKnownToo() {
        StateDict weights = state(Map.of("arch", "vit_tiny_patch16_224"));

        assertThat(SourceConfig.of(Path.of("/a/x.pth"), weights).mean()).containsExactly(0.5, 0.5, 0.5);
        assertThat(SourceConfig.of(Path.of("/a/x.pth"), state(Map.of())).mean()).isEmpty();
    }

    @Test
    void nothingIsMadeUp() {
        assertThat(of("/a/x.safetensors", Map.of("format", "pt", "input", "224x224")))
                .isNull();
    }

    private static KnownPreprocessing of(String path, Map<String, Object> facts) {
        return KnownPreprocessing.of(Path.of(path), JsonNodeFactory.instance.objectNode(), state(facts));
    }

    private static StateDict state(Map<String, Object> facts) {
        return new StateDict(Path.of("x"), "", Map.of(), facts, List.of(), StateDict.Origin.TIMM);
    }
}
