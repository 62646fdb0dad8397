package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.CheckpointException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a file says about a training: a recipe, in its own form or as the flat {@code args.yaml} that timm's trainer
 * writes, which says more than a recipe.
 *
 * @param recipe complete
 * @param notes what was made of the file and should be said, a line each; none for a recipe in its own form
 * @param foreignModel the model that the file names and that no {@link NetworkRecipe} describes; null if it does
 * @param init checkpoint that gives the first weights, as the file names it; null for none
 * @param data folder of the data set, as the file names it; null for none
 * @param trainSplit folder of the training pictures in {@code data}
 * @param valSplit folder of the validation pictures in {@code data}
 */
public record RecipeSource(
        Recipe recipe,
        List<Note> notes,
        @Nullable String foreignModel,
        @Nullable String init,
        @Nullable String data,
        String trainSplit,
        String valSplit) {
    /**
     * What was made of something in the file.
     *
     * @param key of the recipe, or the option's name with underscores, that makes the note idle when it is given besides;
     *     "" for none
     * @param text a line
     */
    public record Note(String key, String text) {}

    public RecipeSource {
        notes = List.copyOf(notes);
    }

    /**
     * Reads a file.
     *
     * @param processes that will train; timm's batch size is that of one
     * @throws CheckpointException if the file cannot be read, has an unknown key, or a value that does not do
     */
    public static RecipeSource read(Path file, int processes) {
        return read(file, processes, Map.of());
    }

    /**
     * Reads a file that options are to change.
     *
     * @param processes that will train; timm's batch size is that of one
     * @param options by key, without section: already in the recipe where the file's values do not do without them
     * @throws CheckpointException if the file cannot be read, has an unknown key, or a value that does not do even so
     */
    public static RecipeSource read(Path file, int processes, Map<String, ? extends @Nullable Object> options) {
        String text = RecipeFile.yaml(file);
        JsonNode tree = RecipeFile.tree(file, text);
        try {
            return TimmArgs.isFlat(tree)
                    ? new TimmArgs(String.valueOf(file.getFileName()), tree, processes, options).source()
                    : new RecipeSource(
                            RecipeFile.of(tree, options), List.of(), null, null, null, "train", "validation");
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, YamlLines.named(text, String.valueOf(e.getMessage())), e);
        }
    }
}
