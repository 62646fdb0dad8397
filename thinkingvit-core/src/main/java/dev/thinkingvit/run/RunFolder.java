package dev.thinkingvit.run;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.FolderLock;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.TrainerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
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
 * earlier-bests/epoch-0007/  what was the best until then, by a validation set that was given up
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

    private static final String RECORD = "run.json";
    private static final String LAST = "last";
    private static final String BEST = "best";
    private static final String REPORT = "report";
    private static final String STATE = "state.safetensors";
    private static final String EARLIER = "earlier-bests";
    // what says that there is a training comes first: the rest may then go in any order
    private static final List<String> BELONGINGS = List.of(
            RECORD,
            RECIPE,
            RunInventory.NAME,
            LAST,
            BEST,
            "bests",
            EARLIER,
            "history",
            TimmCheckpoint.LAST,
            TimmCheckpoint.BEST,
            "epochs.csv",
            "steps.csv",
            "tensorboard",
            "training.html",
            UNUSED,
            REPORT);

    private static final List<String> FOLDERS = List.of(LAST, BEST, "bests", EARLIER, "history", "tensorboard", REPORT);

    private static final List<String> WRITTEN_FIRST = List.of(RECIPE, RunInventory.NAME);

    private final Path path;
    private final FolderLock lock;
    private final RunFolderGuard guard;

    private RunFolder(Path path, FolderLock lock, RunFolderGuard guard) {
        this.path = path;
        this.lock = lock;
        this.guard = guard;
    }

    /**
     * Opens a folder, made if it is missing, and clears away the halves of files that a killed training left.
     *
     * @throws IOException if it cannot be written to, or another training is at work in it
     */
    public static RunFolder open(Path path) throws IOException {
        return open(path, true);
    }

    /**
     * As {@link #open(Path)}.
     *
     * @param locks whether to lock it; without, where its file system cannot, others are not kept out
     */
    public static RunFolder open(Path path, boolean locks) throws IOException {
        Files.createDirectories(path);
        FolderLock lock = (locks ? FolderLock.take(path) : FolderLock.takeHere(path))
                .orElseThrow(() -> new IOException(
                        path + ": another training is at work in it; wait for its end, or train elsewhere"));
        try {
            AtomicFiles.deleteDrafts(path);
            RunFolder folder = new RunFolder(path, lock, RunFolderGuard.of(path));
            folder.check();
            return folder;
        } catch (IOException | RuntimeException e) {
            try (lock) {
                throw e;
            }
        }
    }

    /** Whether {@code path} is missing, empty, or holds only what a training leaves that was killed as it began. */
    public static boolean isBlank(Path path) throws IOException {
        return remains(path).isEmpty();
    }

    /**
     * What lies in {@code path} that a training does not leave that was killed as it began, by name.
     *
     * @throws IOException if it cannot be looked at, or is no folder
     */
    public static List<String> remains(Path path) throws IOException {
        if (!Presence.of(path)) {
            return List.of();
        }
        List<String> remains = new ArrayList<>();
        try (Stream<Path> content = Files.list(path)) {
            for (Path entry : content.sorted().toList()) {
                String name = String.valueOf(entry.getFileName());
                boolean first = name.equals(LAST) ? hasStateOnly(entry) : WRITTEN_FIRST.contains(name);
                if (!first && !FolderLock.isLock(entry) && !AtomicFiles.isDraft(entry)) {
                    remains.add(name);
                }
            }
        }
        return remains;
    }

    private static boolean hasStateOnly(Path last) throws IOException {
        try (Stream<Path> content = Files.list(last)) {
            return content.allMatch(entry -> AtomicFiles.isDraft(entry)
                    || String.valueOf(entry.getFileName()).equals(STATE));
        }
    }

    /**
     * Looks whether this still is the folder that was opened, and what the training will need lies there as it should.
     *
     * @return lines about what was put right
     * @throws CheckpointException if not: what is in memory must not be written to where it does not belong
     */
    List<String> check() {
        return guard.check(BELONGINGS, FOLDERS);
    }

    /**
     * Looks whether this still is the folder that was opened.
     *
     * @throws CheckpointException if not: what is in memory must not be written to where it does not belong
     */
    public void requireSame() {
        guard.requireSame();
    }

    /** As {@link #requireSame}, after something was not found in it. */
    void requireSameAfter(Throwable lost) {
        guard.requireSameAfter(lost);
    }

    /** A folder in it, made if it is missing; the run's own folder is not, since it would be another one. */
    Path room(String name) {
        requireSame();
        Path room = path.resolve(name);
        try {
            if (!Presence.of(room)) {
                Files.createDirectory(room);
            }
        } catch (IOException e) {
            throw new CheckpointException(room, "cannot be made: " + Reasons.of(e), e);
        }
        return room;
    }

    /** Replaces the model after the last epoch. */
    void saveLast(ModelConfig config, Map<String, HostTensor> weights) {
        ModelDirectory.write(room(LAST), config, weights);
    }

    /** Replaces the model of the best validation. */
    void saveBest(ModelConfig config, Map<String, HostTensor> weights) {
        ModelDirectory.write(room(BEST), config, weights);
    }

    /** Remembers what makes the folder a training's, which is written again if somebody deletes it. */
    public void begun() throws IOException {
        guard.remember(List.of(RECIPE, RunInventory.NAME, RECORD));
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
            if (Presence.of(path.resolve(name))) {
                delete(path.resolve(name));
            }
        }
    }

    /** Deletes the report of an earlier end of the training. */
    public void forgetReport() throws IOException {
        if (Presence.of(path.resolve(REPORT))) {
            delete(path.resolve(REPORT));
        }
    }

    /**
     * Where the training got to.
     *
     * @throws CheckpointException if that is not there or cannot be read
     */
    public TrainerState state() {
        return requireState(path);
    }

    /**
     * Where the training in {@code path} got to; empty where there is none.
     *
     * @throws CheckpointException if that cannot be told, or the state not be read
     */
    public static Optional<TrainerState> state(Path path) {
        Path file = path.resolve(LAST).resolve(STATE);
        try {
            return Presence.of(file) ? Optional.of(TrainerState.read(file)) : Optional.empty();
        } catch (IOException e) {
            throw new CheckpointException(file, Reasons.of(e) + "; the training in " + path + " goes on from it", e);
        }
    }

    /**
     * As {@link #state(Path)}, of a folder that holds a training: it has a state from its very beginning.
     *
     * @throws CheckpointException if the state is gone or cannot be read
     */
    public static TrainerState requireState(Path path) {
        return state(path)
                .orElseThrow(() -> new CheckpointException(
                        path.resolve(LAST).resolve(STATE),
                        "is gone, and the training in " + path + " cannot go on without it; put it back, or --force"
                                + " without --resume deletes what is left and begins anew"));
    }

    /**
     * The model of the best validation, which the report is made of, must be there once an epoch is judged.
     *
     * @throws CheckpointException if it is not, or cannot be read
     */
    public static void requireBest(Path path, TrainerState state) {
        boolean judged = state.scores().stream().anyMatch(score -> !score.isNaN());
        boolean unjudged = state.scores().isEmpty() && state.position().epoch() > 0;
        if (judged || unjudged) {
            ModelDirectory.read(path.resolve(BEST));
        }
    }

    /**
     * Keeps the best model by a validation set that is given up; another one takes its place.
     *
     * @param epoch the last that was judged by it, from 0
     */
    void setBestAside(int epoch) throws IOException {
        Path aside = path.resolve(EARLIER).resolve(name(epoch));
        if (hasBest() && !Presence.of(aside)) { // it is there where this is done again
            Files.createDirectories(path.resolve(EARLIER));
            Files.move(best(), aside, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Whether there is a {@link #best} model. */
    boolean hasBest() throws IOException {
        return Presence.of(best().resolve(ModelDirectory.CONFIG))
                && Presence.of(best().resolve(ModelDirectory.WEIGHTS));
    }

    /** Whether the report of the training in {@code path} is made. */
    public static boolean isReported(Path path) throws IOException {
        return Presence.of(path.resolve(REPORT).resolve("index.html"));
    }

    /** Where the report goes. */
    public Path report() {
        return path.resolve(REPORT);
    }

    /** Keeps what is needed to go on. */
    public void saveState(TrainerState state) {
        state.write(room(LAST).resolve(STATE));
    }

    /** The model after the last epoch. */
    public Path last() {
        return path.resolve(LAST);
    }

    /** The model of the best validation. */
    public Path best() {
        return path.resolve(BEST);
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
            ModelDirectory.write(room("history").resolve(name(epoch)), config, weights);
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
        Path folder = room("bests");
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
        if (!Presence.of(folder)) {
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
