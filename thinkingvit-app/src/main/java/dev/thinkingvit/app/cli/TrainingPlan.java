package dev.thinkingvit.app.cli;

import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What all processes of a training must agree on.
 *
 * @param goesOn whether there was a training to go on with
 * @param finished whether it had nothing left to do
 */
record TrainingPlan(Recipe recipe, RunRecord record, boolean goesOn, boolean finished) {
    private static final String SEPARATOR = "\0";

    /** The same with another record. */
    TrainingPlan with(RunRecord other) {
        return new TrainingPlan(recipe, other, goesOn, finished);
    }

    byte[] bytes() {
        return String.join(SEPARATOR, RecipeFile.text(recipe), record.text(), goesOn + "", finished + "")
                .getBytes(StandardCharsets.UTF_8);
    }

    static TrainingPlan of(byte[] bytes) {
        List<String> parts = List.of(new String(bytes, StandardCharsets.UTF_8).split(SEPARATOR, -1));
        return new TrainingPlan(
                RecipeFile.ofText(parts.get(0)),
                RunRecord.ofText(parts.get(1)),
                Boolean.parseBoolean(parts.get(2)),
                Boolean.parseBoolean(parts.get(3)));
    }
}
