package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.SwinConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

@NullUnmarked // a null fails the test
class ModelCardTest {
    private static final ThinkingViTConfig NETWORK = new ThinkingViTConfig(16, 8, 32, 2, 4, List.of(2, 4), 3, 1e-6);
    private static final String HOSTILE = "x\n---\nlicense: mit\n---\n# Own\n| `<script>` [a](b) ![c](d)";

    @TempDir
    private Path folder;

    private Path model;

    @BeforeEach
    void makeModel() throws IOException {
        model = model(folder.resolve("model"), List.of("owl", "dog", "cat"));
    }

    private static Path model(Path at, List<String> labels) throws IOException {
        ModelConfig config = ModelConfig.of(NETWORK)
                .withPreprocessing(Preprocessing.imagenet(16, 1.0))
                .withLabels(labels);
        try (NestedNetwork network = NestedNetwork.initialise(NETWORK, 1)) {
            ModelDirectory.write(at, config, network.stateDict());
        }
        return at;
    }

    private static ModelCard card(Path in) throws IOException {
        ModelImport.Imported read = ModelImport.read(in, null, Weights.AUTO);
        return ModelCard.of(in, read, read.model().config(), "1.2");
    }

    private static JsonNode head(String card) {
        return new YAMLMapper().readTree(card.substring(4, card.indexOf("\n---\n")));
    }

    @Test
    void theHeadSaysWhatAHubShows() throws IOException {
        JsonNode head = head(card(model).text());

        assertThat(head.get("pipeline_tag").asString()).isEqualTo("image-classification");
        assertThat(head.get("library_name").asString()).isEqualTo("thinkingvit");
        assertThat(head.get("tags").values()).extracting(JsonNode::asString).contains("image-classification");
        assertThat(head.has("license")).isFalse(); // nobody says it
        assertThat(head.has("datasets")).isFalse();
        assertThat(head.has("base_model")).isFalse();
    }

    @Test
    void theTextSaysWhatItWasMadeFromAndWhatItCosts() throws IOException {
        String text = card(model).text();
        byte[] weights = Files.readAllBytes(model.resolve("model.safetensors"));

        assertThat(text)
                .contains("Made from model.safetensors, ")
                .contains("SHA-256 `" + LocalHub.sha256(weights) + "`, by thinkingvit 1.2")
                .contains("3 classes: owl, dog, cat.")
                .contains(String.format("%,d parameters: 2 blocks, 32 wide", NETWORK.parameterCount()))
                .contains(String.format("| 1 | 2 | 16 | %.4f |", NETWORK.macs(1) / 1e9))
                .contains("centre crop of 16 × 16")
                .contains("No threshold is stored");
    }

    @Test
    void aModelOfOneStageIsCalledByItsArchitecture() throws IOException {
        SwinConfig swin =
                new SwinConfig(16, 2, 8, List.of(1, 1), List.of(2, 4), List.of(4, 2), List.of(List.of(2, 4)), 3);
        Path at = folder.resolve("swin");
        try (NestedNetwork network = NestedNetwork.initialise(swin, 1)) {
            ModelDirectory.write(at, ModelConfig.of(swin), network.stateDict());
        }
        String text = card(at).text();

        assertThat(text)
                .contains("# Swin Transformer (2,4)", "A Swin Transformer of one stage.")
                .contains("1, 1 blocks, 8 wide, 2, 4 heads of 4, patches of 2, windows of 4, 2 at 16 × 16")
                .doesNotContain("Vision Transformer", "hinkingViT ");
        assertThat(head(text).get("tags").values())
                .extracting(JsonNode::asString)
                .containsExactly("image-classification", "swin-transformer");
    }

    @Test
    void whatTheSourceSaysOfItselfIsKept() throws IOException {
        Files.writeString(
                model.resolve("README.md"),
                "---\nlicense: cc-by-nc-4.0\ndatasets:\n- imagenet-1k\n- 3\nbase_model: owner/base\n---\n# Mine\n");
        JsonNode head = head(card(model).text());
        assertThat(head.get("license").asString()).isEqualTo("cc-by-nc-4.0");
        assertThat(head.at("/datasets/0").asString()).isEqualTo("imagenet-1k");
        assertThat(head.get("datasets").size()).isEqualTo(1);
        assertThat(head.at("/base_model/0").asString()).isEqualTo("owner/base");

        ObjectNode config = (ObjectNode) new YAMLMapper().readTree(Files.readString(model.resolve("config.json")));
        config.withObject("pretrained_cfg").put("license", "apache-2.0");
        Files.writeString(model.resolve("config.json"), config.toString());
        assertThat(head(card(model).text()).get("license").asString()).isEqualTo("apache-2.0");
    }

    @Test
    void aHubsModelIsCalledByItsName() throws IOException {
        Path cached =
                model(folder.resolve("models--owner--name/snapshots/" + "0a".repeat(20)), List.of("owl", "dog", "cat"));
        String text = card(cached).text();
        assertThat(head(text).at("/base_model/0").asString()).isEqualTo("owner/name");
        assertThat(text).contains("Made from hf-hub:owner/name\\@" + "0a".repeat(20) + "/model.safetensors");
    }

    @Test
    void namesOfStrangersAreNoMarkup() throws IOException {
        Path evil = model(folder.resolve("evil"), List.of(HOSTILE, "```\n# x", "license: mit"));
        ObjectNode config = (ObjectNode) new YAMLMapper().readTree(Files.readString(evil.resolve("config.json")));
        config.put("license", HOSTILE).withObject("training").put("by", "```\n# Own\n````");
        Files.writeString(evil.resolve("config.json"), config.toString());
        Files.writeString(
                evil.resolve("README.md"), "---\nlicense: [\"mit\\nx: y\", \"no\"]\ndatasets: \"true\"\n---\n");

        String text = card(evil).text();

        JsonNode head = head(text);
        assertThat(head.get("license").asString()).isEqualTo("no");
        assertThat(head.get("license").isString()).isTrue();
        assertThat(head.get("datasets").values()).extracting(JsonNode::asString).containsExactly("true");
        assertThat(text.lines().filter(line -> line.startsWith("# "))).containsExactly("# ThinkingViT 2H → 4H");
        assertThat(text.lines().filter("---"::equals)).hasSize(2);
        assertThat(text).doesNotContain("<script>", "[a](b)");
        assertThat(text.lines().filter(line -> line.matches("`{3,}.*"))).contains("`````json", "`````");
    }

    @Test
    void aCardOfSomebodyElseIsKept() throws IOException {
        ModelCard card = card(model);
        Path out = Files.createDirectory(folder.resolve("out"));

        assertThat(card.write(out)).isTrue();
        assertThat(card.write(out)).isTrue(); // its own is replaced
        Files.writeString(out.resolve("README.md"), "# Mine");
        assertThat(card.write(out)).isFalse();
        assertThat(out.resolve("README.md")).hasContent("# Mine");
    }
}
