package dev.thinkingvit.store;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * A YAML that a trainer writes beside its checkpoints, which says what weights do not. Python's tags in it, such as that of a
 * tuple, are passed over; nothing of it is executed.
 */
final class CompanionFile {
    private static final long MAX_BYTES = 1 << 20;

    private CompanionFile() {}

    /**
     * The weights with what the file beside them says among their facts, under the file's name; as they are if there is none.
     *
     * @param name of the file
     * @param notes a line is added where there is one
     * @throws CheckpointException if it cannot be read, or is no YAML
     */
    static StateDict told(StateDict weights, String name, List<String> notes) {
        Path file = weights.file().resolveSibling(name);
        if (!Files.isRegularFile(file)) {
            return weights;
        }
        JsonNode said;
        try {
            said = new YAMLMapper().readTree(TextFile.read(file, MAX_BYTES));
        } catch (IOException | JacksonException e) {
            throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
        }
        notes.add("the " + name + " beside it is taken as its own");
        Map<String, @Nullable Object> facts = new LinkedHashMap<>(weights.facts());
        facts.put(name, JsonTrees.plain(said));
        return new StateDict(
                weights.file(), weights.entry(), weights.tensors(), facts, weights.notes(), weights.origin());
    }
}
