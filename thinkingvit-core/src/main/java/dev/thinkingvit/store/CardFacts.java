package dev.thinkingvit.store;

import dev.thinkingvit.files.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * What is known of a model besides its numbers, from its configuration and the card beside it. Only what has the form that
 * a hub requires is taken; nothing is guessed.
 *
 * @param license a hub's name for it, such as {@code apache-2.0}; none if nothing says it
 * @param datasets a hub's names of what it was trained on
 * @param baseModels a hub's names of the models that it was made from
 */
record CardFacts(Optional<String> license, List<String> datasets, List<String> baseModels) {
    private static final long MAX_CARD_BYTES = 1 << 20;
    private static final Pattern LICENSE = Pattern.compile("[a-z0-9][a-z0-9.-]{0,63}");
    private static final Pattern REPOSITORY = Pattern.compile("(?:[A-Za-z0-9][\\w.-]{0,95}/)?[A-Za-z0-9][\\w.-]{0,95}");
    private static final Pattern FRONT_MATTER = Pattern.compile("(?s)\\A---\\R(.*?)\\R---(?:\\R.*)?\\z");

    /**
     * @param in what the model was read from
     * @param config as it was read
     */
    static CardFacts of(Path in, ModelConfig config) {
        JsonNode said = frontMatter(in.resolve(ModelCard.FILE));
        JsonNode source = JsonTrees.read(config.source().text());
        List<String> licenses = new ArrayList<>(names(source.path("license"), LICENSE));
        licenses.addAll(names(source.path("pretrained_cfg").path("license"), LICENSE));
        licenses.addAll(names(said.path("license"), LICENSE));
        Optional<HubModel> hub = HubModel.inCache(in);
        return new CardFacts(
                licenses.stream().findFirst(),
                names(said.path("datasets"), REPOSITORY),
                hub.map(model -> List.of(model.repository())).orElse(names(said.path("base_model"), REPOSITORY)));
    }

    /** Of a model that was made of several: a licence only if it is that of each, all that any was trained on or made from. */
    static CardFacts common(List<CardFacts> all) {
        Optional<String> license = all.get(0).license();
        return new CardFacts(
                all.stream().allMatch(each -> each.license().equals(license)) ? license : Optional.empty(),
                all.stream()
                        .flatMap(each -> each.datasets().stream())
                        .distinct()
                        .toList(),
                all.stream()
                        .flatMap(each -> each.baseModels().stream())
                        .distinct()
                        .toList());
    }

    private static JsonNode frontMatter(Path card) {
        JsonNode nothing = JsonNodeFactory.instance.missingNode();
        if (!Files.isRegularFile(card)) {
            return nothing;
        }
        try {
            return FRONT_MATTER
                    .matcher(TextFile.read(card, MAX_CARD_BYTES))
                    .results()
                    .findFirst()
                    .map(found -> new YAMLMapper().readTree(found.group(1)))
                    .orElse(nothing);
        } catch (IOException | JacksonException e) { // a card that cannot be read says nothing
            return nothing;
        }
    }

    /** A text or a list of texts, those that are of the form. */
    private static List<String> names(JsonNode value, Pattern form) {
        List<String> names = new ArrayList<>();
        for (JsonNode each :
                value.isArray() ? value : JsonNodeFactory.instance.arrayNode().add(value)) {
            if (each.isString() && form.matcher(each.asString()).matches()) {
                names.add(each.asString());
            }
        }
        return List.copyOf(names);
    }
}
