package dev.thinkingvit.app.cli;

import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.RunInventory;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.TrainerState;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A run's folder, and the training that is to begin or to go on in it.
 *
 * @param folder open; its opener closes it
 * @param recipe of this training
 * @param record of this training
 * @param inventory of what it reads
 * @param goesOn whether what the folder holds is this training's
 */
record OpenRun(RunFolder folder, Recipe recipe, RunRecord record, RunInventory inventory, boolean goesOn) {
    /** Where the training got to. */
    Optional<TrainerState> state() {
        return goesOn ? Optional.of(folder.state()) : Optional.empty();
    }

    /** The recipe of the training so far; null where one begins. Gone once this one has begun. */
    @Nullable Recipe recipeSoFar() throws IOException {
        return goesOn ? RunRecord.read(folder.path()).recipe(folder.path()) : null;
    }

    /**
     * Makes the folder this training's; to be called when nothing speaks against the training any more.
     *
     * @param state where it begins or goes on
     */
    void begin(TrainerState state) throws IOException {
        if (!goesOn) {
            folder.reset();
            folder.saveState(state); // a training without one has lost it
        }
        folder.forgetReport(); // of an earlier end
        folder.writeRecipe(recipe);
        inventory.write(folder.path());
        // the record comes last: with it there is a training to go on with
        record.write(folder.path());
        folder.begun();
    }
}
