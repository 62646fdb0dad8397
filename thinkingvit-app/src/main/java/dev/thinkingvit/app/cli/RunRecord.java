package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.JsonRecords;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.TextFile;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a training was begun with besides its recipe, so that it can go on without being told again.
 *
 * @param data training pictures
 * @param val validation pictures; null for none, or for some of the training pictures
 * @param holdout training pictures kept back for validation
 * @param init checkpoint that gave the first weights
 * @param teacher whom it learns from; null for nobody
 * @param command line that began it
 * @param version of the program
 * @param recipe of the training so far, which the file that people edit is compared with; null where older programs
 *     began it
 * @param unreadable what could not be read so far; null where older programs began it
 * @param keeping what it saves and when; null where older programs began it
 */
record RunRecord(
        String data,
        @Nullable String val,
        int holdout,
        @Nullable String init,
        @Nullable TeacherRecord teacher,
        String command,
        String version,
        @Nullable Map<String, @Nullable Object> recipe,
        @Nullable Unreadable unreadable,
        @Nullable Keeping keeping) {
    /**
     * @param training pictures
     * @param validation pictures
     * @param updatesPassedOver since none of their pictures could be read
     */
    record Unreadable(int training, int validation, long updatesPassedOver) {}

    /**
     * @param history epochs of which the models are kept
     * @param saveSeconds how often it is saved within an epoch
     * @param savePth whether it is kept for Python too
     */
    record Keeping(int history, double saveSeconds, boolean savePth) {
        /** Of who says nothing about it. */
        static final Keeping USUAL = new Keeping(3, 300, false);

        Keeping {
            if (history < 0 || !(saveSeconds > 0 && saveSeconds <= MAX_SECONDS)) {
                throw new IllegalArgumentException("keeping has a value that a training cannot have");
            }
        }
    }

    /** A year; the longest time between two saves. */
    static final double MAX_SECONDS = Duration.ofDays(365).toSeconds();

    private static final String NAME = "run.json";

    RunRecord {
        require(data, "data");
        require(command, "command");
        require(version, "version");
        if (holdout < 0 || (val != null && val.isBlank()) || (init != null && init.isBlank())) {
            throw new IllegalArgumentException("holdout, val or init has a value that a training cannot begin with");
        }
    }

    // JSON has what it has
    static void require(@Nullable String value, String name) {
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException(name + " is missing");
        }
    }

    /** The same with pictures in another place. */
    RunRecord with(String otherData, @Nullable String otherVal) {
        return new RunRecord(
                otherData, otherVal, holdout, init, teacher, command, version, recipe, unreadable, keeping);
    }

    /** The same with what is known of the teacher now. */
    RunRecord with(@Nullable TeacherRecord known) {
        return new RunRecord(data, val, holdout, init, known, command, version, recipe, unreadable, keeping);
    }

    /** The same with the recipe that is used now. */
    RunRecord with(Recipe used) {
        return new RunRecord(
                data, val, holdout, init, teacher, command, version, RecipeFile.sections(used), unreadable, keeping);
    }

    /** The same with what could not be read so far. */
    RunRecord with(Unreadable sofar) {
        return new RunRecord(data, val, holdout, init, teacher, command, version, recipe, sofar, keeping);
    }

    /** The same, saving so from here on. */
    RunRecord with(Keeping other) {
        return new RunRecord(data, val, holdout, init, teacher, command, version, recipe, unreadable, other);
    }

    /** The recipe of the training in a folder so far; where it was not kept apart, what the recipe's file says. */
    Recipe recipe(Path folder) {
        if (recipe == null) {
            return RecipeFile.read(folder.resolve(RunFolder.RECIPE));
        }
        try {
            return RecipeFile.of(recipe);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(folder.resolve(NAME), "is damaged: recipe: " + Reasons.of(e), e);
        }
    }

    /** What is read beside pictures, by the option that names it. */
    Map<String, Path> sources() {
        return init == null ? Map.of() : Map.of("init", Path.of(init));
    }

    /** @throws IOException if this user may not look */
    static boolean isIn(Path folder) throws IOException {
        return Presence.of(folder.resolve(NAME));
    }

    static RunRecord read(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        try {
            return ofText(TextFile.read(file));
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, "is damaged: " + Reasons.of(e), e);
        }
    }

    static RunRecord ofText(String json) {
        return JsonRecords.read(json, RunRecord.class);
    }

    String text() {
        return JsonRecords.text(this);
    }

    void write(Path folder) throws IOException {
        AtomicFiles.writeString(folder.resolve(NAME), text());
    }
}
