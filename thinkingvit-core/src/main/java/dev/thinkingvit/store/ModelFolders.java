package dev.thinkingvit.store;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Folders of models: what several models are found by. */
public final class ModelFolders {
    private static final Pattern CHECKPOINT =
            Pattern.compile(".+\\.(safetensors|pth|pt|bin|ckpt|npz|pth\\.tar|pt\\.tar|ckpt\\.tar)");

    private static final Pattern PATTERN = Pattern.compile("[*?\\[{]");

    /** What trainers keep beside weights. */
    private static final Pattern STATE = Pattern.compile(
            "(?:optimizer|scheduler|scaler|rng_state|random_states|training_args)\\b.*|.*[._-]optim(?:izer)?\\..*");

    private ModelFolders() {}

    /**
     * Which of a folder's files its weights are: one of the usual name, else the only checkpoint there, of several the only
     * one of safetensors. Nothing is chosen between equals.
     *
     * @param names of the files
     */
    public static Optional<String> weights(Collection<String> names) {
        Optional<String> usual =
                Checkpoints.IN_DIRECTORY.stream().filter(names::contains).findFirst();
        if (usual.isPresent()) {
            return usual;
        }
        List<String> others = names.stream()
                .filter(name -> !name.startsWith(".") && !AtomicFiles.isDraft(Path.of(name)))
                .filter(name ->
                        CHECKPOINT.matcher(name.toLowerCase(Locale.ROOT)).matches())
                .filter(name -> !STATE.matcher(name.toLowerCase(Locale.ROOT)).matches())
                .toList();
        return only(others.stream()
                        .filter(name -> name.toLowerCase(Locale.ROOT).endsWith(".safetensors"))
                        .toList())
                .or(() -> only(others));
    }

    private static Optional<String> only(List<String> names) {
        return names.size() == 1 ? Optional.of(names.get(0)) : Optional.empty();
    }

    /**
     * The models that a path names: those of a folder that is no model itself, those that a pattern of names
     * ({@code *}, {@code ?}, {@code [ab]}, <code>{a,b}</code>) in its last part matches, else the path alone, whatever it is.
     *
     * @param isModel what further folders are models, besides those with a configuration or weights
     * @return by name; the path alone if nothing was found in it
     * @throws IOException if a folder cannot be listed, or nothing matches a pattern
     */
    public static List<Path> models(Path path, Predicate<Path> isModel) throws IOException {
        if (Files.isDirectory(path) && !isFolderOfOne(path, isModel)) {
            List<Path> found = list(path, "*", isModel);
            return found.isEmpty() ? List.of(path) : found;
        }
        String pattern = String.valueOf(path.getFileName());
        if (!Files.exists(path) && PATTERN.matcher(pattern).find()) {
            Path parent = path.getParent();
            List<Path> found = list(parent == null ? Path.of("") : parent, pattern, isModel);
            if (found.isEmpty()) {
                throw new IOException(path + ": no model or checkpoint matches");
            }
            return found;
        }
        return List.of(path);
    }

    private static boolean isFolderOfOne(Path folder, Predicate<Path> isModel) {
        return Files.exists(folder.resolve(ModelDirectory.CONFIG))
                || Checkpoints.hasWeights(folder)
                || isModel.test(folder);
    }

    private static List<Path> list(Path folder, String pattern, Predicate<Path> isModel) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
            for (Path entry : entries) {
                String name = String.valueOf(entry.getFileName()).toLowerCase(Locale.ROOT);
                boolean model = Files.isDirectory(entry)
                        ? isFolderOfOne(entry, isModel)
                        : CHECKPOINT.matcher(name).matches() && !name.startsWith(".") && !AtomicFiles.isDraft(entry);
                if (model) {
                    found.add(entry);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            throw new IOException(folder + ": " + Reasons.of(e), e);
        }
        found.sort(null);
        return found;
    }
}
