package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.TestWeights;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class WidthCutTest {
    private static final Path WIDE = Path.of("src/test/resources/reference/vit-wide");

    @ParameterizedTest
    @CsvSource({
        "2 3, 5742185",
        "2 6, 22100201",
        "3 6, 22124777",
        "3 9, 49111913",
        "3 12, 86715881",
        "2 3 6, 22174314",
        "3 6 12, 87011562"
    })
    void thePublishedShapesHaveThePublishedParameters(String stages, long parameters) {
        List<Integer> heads =
                List.of(stages.split(" ")).stream().map(Integer::valueOf).toList();
        ThinkingViTConfig wide = new ThinkingViTConfig(224, 16, 768, 12, 12, heads, 1000, 1e-6);

        assertThat(wide.narrowest().parameterCount()).isEqualTo(parameters);
    }

    @Test
    void queriesKeysAndValuesAreCutEachForItself() {
        ThinkingViTConfig network = new ThinkingViTConfig(8, 4, 8, 1, 4, List.of(1, 2), 3, 1e-6);
        Map<String, HostTensor> wide = TestWeights.of(network);
        ModelDirectory.Model cut = WidthCut.of(new ModelDirectory.Model(Path.of("x"), ModelConfig.of(network), wide));

        float[] before = wide.get("blocks.0.attn.qkv.bias").toFloats();
        assertThat(cut.weights().get("blocks.0.attn.qkv.bias").toFloats())
                .containsExactly(
                        before[0],
                        before[1],
                        before[2],
                        before[3],
                        before[8],
                        before[9],
                        before[10],
                        before[11],
                        before[16],
                        before[17],
                        before[18],
                        before[19]);
        assertThat(cut.config().network()).isEqualTo(network.narrowest());
        assertThat(WidthCut.of(cut)).isSameAs(cut);
    }

    @Test
    void theFirstReleaseIsReadByItsArgumentsAndItsSurplusAlphasAreLeftOut() {
        ModelImport.Imported read = ModelImport.read(WIDE.resolve("checkpoint.pth.tar"), null, Weights.AUTO);

        assertThat(read.model().config().network())
                .isEqualTo(
                        ModelDirectory.readConfig(WIDE.resolve("config.json")).network());
        assertThat(read.notes()).contains("left out: alpha.1 to alpha.11, which no stage of 3H → 6H uses");
        assertThat(read.model().weights()).containsKey("alpha.0").doesNotContainKey("alpha.1");
    }

    @Test
    void withoutArgumentsTheLastStageOfTheFirstReleaseIsAskedFor() {
        ThinkingViTConfig network = new ThinkingViTConfig(8, 4, 256, 2, 4, List.of(1, 2), 3, 1e-6);
        Map<String, HostTensor> tensors = new LinkedHashMap<>(TestWeights.of(network));
        tensors.put("alpha.1", HostTensor.of(new float[1], 1));
        StateDict bare = new StateDict(Path.of("x.pth"), "", tensors, Map.of());

        assertThatThrownBy(() -> ModelImport.of(Path.of("x.pth"), bare, null))
                .hasMessageContaining("the last stage is unknown")
                .hasMessageContaining("{\"thinking_stages\": [1, …]}");

        for (List<Integer> args : List.of(List.of(1, 1), List.of(1, 99), List.of(3, 4))) {
            StateDict wrong =
                    new StateDict(Path.of("x.pth"), "", tensors, Map.of("args", Map.of("thinking_stages", args)));
            assertThatThrownBy(() -> ModelImport.of(Path.of("x.pth"), wrong, null))
                    .hasMessageContaining("its args name the stages " + args + ", which do not fit");
        }

        for (Object args : new Object[] {List.of(1, 2), List.of("1", "2"), "1,2", "[1, 2]"}) {
            StateDict said =
                    new StateDict(Path.of("x.pth"), "", tensors, Map.of("args", Map.of("thinking_stages", args)));
            assertThat(ModelImport.of(Path.of("x.pth"), said, null)
                            .model()
                            .config()
                            .network())
                    .isEqualTo(network);
        }
    }
}
