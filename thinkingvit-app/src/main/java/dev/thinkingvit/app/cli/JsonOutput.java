package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.inference.Classification;
import dev.thinkingvit.inference.StageOutcome;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.store.ModelConfig;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** What {@code --json} and {@code --jsonl} print; docs/output.md describes every key, and a test compares the two. */
final class JsonOutput {
    /** Raised when a key goes away or means something else; a new key is no reason. */
    static final int FORMAT = 1;

    private JsonOutput() {}

    /** The object that a command prints. */
    static ObjectNode root() {
        return JsonNodeFactory.instance.objectNode().put("format", FORMAT);
    }

    /** A number, the side of a square; else height and width. */
    static JsonNode size(ImageSize size) {
        return size.isSquare()
                ? JsonNodeFactory.instance.numberNode(size.side())
                : JsonNodeFactory.instance.arrayNode().add(size.height()).add(size.width());
    }

    /** Of a picture. */
    static ObjectNode of(Classification picture, ModelConfig config) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.put("file", picture.source());
        node.put("label", picture.best().name());
        node.put("label_index", picture.best().index());
        putSynset(node, config, picture.best().index());
        node.put("probability", picture.best().probability());
        node.put("stage", picture.stage());
        node.put("gmacs", picture.gmacs());
        ArrayNode entropies = node.putArray("entropies");
        ArrayNode measures = node.putArray("measures");
        for (StageOutcome stage : picture.outcome().stages()) {
            entropies.add(stage.entropyNats());
            measures.add(stage.measure());
        }
        ArrayNode top = node.putArray("top");
        for (Classification.Label label : picture.labels()) {
            ObjectNode one = top.addObject();
            one.put("index", label.index());
            one.put("name", label.name());
            one.put("probability", label.probability());
            putSynset(one, config, label.index());
        }
        return node;
    }

    /** WordNet's number of a class, where the classes are ImageNet's. */
    private static void putSynset(ObjectNode node, ModelConfig config, int index) {
        String synset = config.synset(index);
        if (synset != null) {
            node.put("synset", synset);
        }
    }

    /** Of a picture that could not be read. */
    static ObjectNode of(BatchLoader.Failure failure) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("file", failure.sample().path().toString())
                .put("error", failure.message());
    }
}
