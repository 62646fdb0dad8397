package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.AtomicFiles;
import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.FolderLock;
import dev.thinkingvit.checkpoint.ModelConfig;
import dev.thinkingvit.checkpoint.ModelDirectory;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where a training keeps what it made. Everything in it is replaced as a whole or not at all:
 *
 * <pre>
 * recipe.yaml          the resolved recipe
 * inventory.json.gz    the pictures it began with, by class, name and size
 * last/                model directory after the last epoch
 * last/state.safetensors  everything needed to go on
 * best/                model directory of the best validation
 * bests/epoch-0007/    model directories of the best validations, if more than one is kept
 * history/epoch-0007/  model directories of the last epochs
 * last.pth.tar model_best.pth.tar  the same two for Python, where wanted
 * </pre>
 *
 * <p>One training at a time: an open folder is locked. Close it.
 */
public final class RunFolder implements AutoCloseable {
    /** Name of the recipe in a run's folder. */
    public static final String RECIPE = "recipe.yaml";

    /** What of the data is not used: passed over, or not readable. */
    public static final String UNUSED = "unused.json";

    private static final String LAST = "last";
    private static final String STATE = "state.safetensors";
    // what says that there is a training comes first: the rest may then go in any order
    private static final List<String> BELONGINGS = List.of(
            "run.json",
            RECIPE,
            RunInventory.NAME,
            LAST,
            "best",
            "bests",
            "history",
            TimmCheckpoint.LAST,
            TimmCheckpoint.BEST,
            "epochs.csv",
            "steps.csv",
            "tensorboard",
            "training.html",
            UNUSED,
            "report");

    private static final List<String> WRITTEN_FIRST = List.of(RECIPE, RunInventory.NAME);

    private final Path path;
    private final FolderLock lock;

    private RunFolder(Path path, FolderLock lock) {
        this.path = path;
        this.lock = lock;
    }

    /**
     * Opens a folder, made if it is missing, and clears away the halves of files that a killed training left.
     *
     * @throws IOException if it cannot be written to, or another training is at work in it
     */
    public static RunFolder open(Path path) throws IOException {
        Files.createDirectories(path);
        FolderLock lock = FolderLock.take(path)
                .orElseThrow(() -> new IOException(
                        path + ": another training is at work in it; wait for its end, or train elsewhere"));
        try {
            AtomicFiles.deleteDrafts(path);
        } catch (IOException e) {
            lock.close();
            throw e;
        }
        return new RunFolder(path, lock);
    }

    /** Whether {@code path} is missing, empty, or holds only what a training leaves that was killed as it began. */
    public static boolean isBlank(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return !Files.exists(path);
        }
        try (Stream<Path> content = Files.list(path)) {
            return content.allMatch(entry -> FolderLock.isLock(entry)
                    || AtomicFiles.isDraft(entry)
                    || WRITTEN_FIRST.contains(String.valueOf(entry.getFileName())));
        }
    }

    public Path path() {
        return path;
    }

    /** The recipe that the run was begun with. */
    public Recipe recipe() {
        return RecipeFile.read(path.resolve(RECIPE));
    }

    public void writeRecipe(Recipe recipe) throws IOException {
        RecipeFile.write(path.resolve(RECIPE), recipe);
    }

    /** Forgets an earlier training in this folder, for a new one. */
    public void reset() throws IOException {
        for (String name : BELONGINGS) {
            if (Files.exists(path.resolve(name))) {
                delete(path.resolve(name));
            }
        }
    }

    /** Deletes the report of an earlier end of the training. */
    public void forgetReport() throws IOException {
        if (Files.exists(path.resolve("report"))) {
            delete(path.resolve("report"));
        }
    }

    /** Where the training got to; empty before its first save. */
    public Optional<TrainerState> state() {
        return state(path);
    }

    /** Where the training in {@code path} got to; empty before its first save. */
    public static Optional<TrainerState> state(Path path) {
        Path file = path.resolve(LAST).resolve(STATE);
        return Files.exists(file) ? Optional.of(TrainerState.read(file)) : Optional.empty();
    }

    /** Keeps what is needed to go on. */
    public void saveState(TrainerState state) {
        try {
            Files.createDirectories(last());
        } catch (IOException e) {
            throw new CheckpointException(last(), "cannot be made: " + Reasons.of(e), e);
        }
        state.write(last().resolve(STATE));
    }

    /** The model after the last epoch. */
    public Path last() {
        return path.resolve(LAST);
    }

    /** The model of the best validation. */
    public Path best() {
        return path.resolve("best");
    }

    /**
     * Keeps an epoch's model in the history and forgets the oldest ones.
     *
     * @param epoch from 0
     * @param keep how many to keep; 0 for none
     */
    public void saveHistory(int epoch, int keep, ModelConfig config, Map<String, HostTensor> weights)
            throws IOException {
        Path history = path.resolve("history");
        if (keep > 0) {
            ModelDirectory.write(history.resolve(name(epoch)), config, weights);
        }
        List<Path> kept = epochs(history);
        for (Path old : kept.subList(0, Math.max(0, kept.size() - keep))) {
            delete(old);
        }
    }

    /**
     * Keeps an epoch's model among the best ones and forgets those that are no longer.
     *
     * @param epoch from 0
     * @param bests the epochs whose models to keep
     */
    void saveBest(int epoch, List<Integer> bests, ModelConfig config, Map<String, HostTensor> weights)
            throws IOException {
        Path folder = path.resolve("bests");
        ModelDirectory.write(folder.resolve(name(epoch)), config, weights);
        for (Path old : epochs(folder)) {
            if (!bests.contains(number(old) - 1)) {
                delete(old);
            }
        }
    }

    private static String name(int epoch) {
        return String.format(Locale.ROOT, "epoch-%04d", epoch + 1);
    }

    /** What {@link #name} gave, the earliest first. */
    private static List<Path> epochs(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> String.valueOf(entry.getFileName()).matches("epoch-\\d+"))
                    .sorted(Comparator.comparingInt(RunFolder::number))
                    .toList();
        }
    }

    private static int number(Path entry) {
        return Integer.parseInt(String.valueOf(entry.getFileName()).substring("epoch-".length()));
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
