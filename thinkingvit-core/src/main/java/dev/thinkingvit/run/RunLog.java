package dev.thinkingvit.run;

import dev.thinkingvit.files.Presence;
import dev.thinkingvit.train.Judgement;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.DoubleStream;

/**
 * What a run writes down for people and tools: {@code epochs.csv}, {@code steps.csv} and TensorBoard's event files in
 * {@code tensorboard/}. A training that goes on drops what was written beyond the state it goes on from.
 *
 * <p>The opener closes it.
 */
public final class RunLog implements TrainingRun.Listener, Closeable {
    /** Name of the table of epochs in a run's folder. */
    public static final String EPOCHS = "epochs.csv";

    private static final String STEPS = "steps.csv";
    private static final String EVENTS = "tensorboard";
    private static final int STEPS_BETWEEN_ROWS = 10;
    private static final double PERCENT = 100;

    private final RunFolder folder;
    private final Consumer<String> trouble;
    private final TrainingLog epochs;
    private final TrainingLog steps;
    private final EventFile events;
    private final boolean taught;

    private RunLog(
            RunFolder folder,
            Consumer<String> trouble,
            TrainingLog epochs,
            TrainingLog steps,
            EventFile events,
            boolean taught) {
        this.folder = folder;
        this.trouble = trouble;
        this.epochs = epochs;
        this.steps = steps;
        this.events = events;
        this.taught = taught;
    }

    /**
     * @param folder the run's; stays the caller's
     * @param stages of the model
     * @param epoch the first that will be logged, from 0; in the tables epochs count from 1
     * @param totalUpdates made so far
     * @param trouble told a line about what was written before and is not there any more
     */
    public static RunLog open(
            RunFolder folder, Recipe recipe, int stages, int epoch, long totalUpdates, Consumer<String> trouble)
            throws IOException {
        List<String> ofEpochs = new ArrayList<>(List.of("epoch", "step"));
        List<String> ofSteps = new ArrayList<>(List.of("step", "epoch"));
        for (int stage = 1; stage <= stages; stage++) {
            ofEpochs.add("stage" + stage + "_loss");
            ofSteps.add("stage" + stage + "_loss");
        }
        for (int stage = 1; recipe.distillation().hasTeacher() && stage <= stages; stage++) {
            ofSteps.add("stage" + stage + "_distillation");
        }
        for (int stage = 1; stage <= stages; stage++) {
            ofEpochs.add("stage" + stage + "_top1");
        }
        for (int stage = 1; stage <= stages; stage++) {
            ofEpochs.add("stage" + stage + "_val_loss");
        }
        ofEpochs.addAll(List.of("learning_rate", "images_per_second", "waiting_share"));
        ofEpochs.addAll(List.of("images", "unreadable", "updates_passed_over", "val_images", "val_unreadable"));
        ofSteps.addAll(List.of("learning_rate", "gradient_norm"));
        Path epochsFile = folder.path().resolve(EPOCHS);
        Path stepsFile = folder.path().resolve(STEPS);
        Path eventsFolder = folder.path().resolve(EVENTS);
        if (totalUpdates > 0 && !Presence.of(eventsFolder)) {
            trouble.accept(eventsFolder + ": is gone; its curves begin anew at update " + (totalUpdates + 1));
        }
        TrainingLog epochs = TrainingLog.open(epochsFile, ofEpochs, epoch + 1);
        requireRows(epochsFile, epochs, epoch, "epochs", trouble);
        TrainingLog steps = TrainingLog.open(stepsFile, ofSteps, totalUpdates + 1);
        requireRows(stepsFile, steps, totalUpdates / STEPS_BETWEEN_ROWS, "rows", trouble);
        EventFile events = EventFile.open(eventsFolder, totalUpdates + 1);
        events.text("recipe", totalUpdates + 1, "```\n" + RecipeFile.text(recipe) + "```\n");
        return new RunLog(
                folder, trouble, epochs, steps, events, recipe.distillation().hasTeacher());
    }

    private static void requireRows(Path file, TrainingLog log, long all, String what, Consumer<String> trouble) {
        if (log.rows() < all) {
            trouble.accept(String.format(
                    "%s: lacks %,d of the %,d %s so far, whose numbers are lost; it goes on with the next",
                    file, all - log.rows(), all, what));
        }
    }

    /**
     * The table of epochs so far.
     *
     * @return as {@link TrainingLog#read}
     */
    public Map<String, List<Double>> epochs() throws IOException {
        Path file = folder.path().resolve(EPOCHS);
        try {
            return TrainingLog.read(file);
        } catch (NoSuchFileException e) { // somebody has just deleted it
            mend();
            return TrainingLog.read(file);
        }
    }

    /** Looks that what is written now is not written to files that somebody deleted. */
    private void mend() throws IOException {
        folder.requireSame();
        say(epochs.mend(), EPOCHS);
        say(steps.mend(), STEPS);
        folder.room(EVENTS);
        say(events.mend(), EVENTS + "/" + events.file().getFileName());
    }

    private void say(String words, String name) {
        if (!words.isEmpty()) {
            trouble.accept(folder.path().resolve(name) + ": " + words);
        }
    }

    @Override
    public void onStep(Step step) throws IOException {
        if (step.totalSteps() % STEPS_BETWEEN_ROWS != 0) {
            return;
        }
        mend();
        List<Double> row = new ArrayList<>();
        row.add(step.epoch() + 1.0); // as people count
        row.addAll(step.losses());
        for (int k = 0; taught && k < step.losses().size(); k++) {
            double part = step.distillations().isEmpty()
                    ? Double.NaN
                    : step.distillations().get(k);
            row.add(part);
            events.scalar("distillation/stage" + (k + 1), step.totalSteps(), part);
        }
        row.add(step.learningRate());
        row.add(step.gradientNorm());
        steps.append(step.totalSteps(), array(row));
        for (int k = 0; k < step.losses().size(); k++) {
            events.scalar(
                    "loss/stage" + (k + 1), step.totalSteps(), step.losses().get(k));
        }
        events.scalar("learning_rate", step.totalSteps(), step.learningRate());
        events.scalar("gradient_norm", step.totalSteps(), step.gradientNorm());
    }

    @Override
    public void onValidated(Epoch epoch, Judgement judged, boolean best) throws IOException {
        mend();
        List<Double> row = new ArrayList<>();
        row.add((double) epoch.totalSteps());
        row.addAll(epoch.losses());
        int stages = epoch.losses().size();
        List<Double> unknown = Collections.nCopies(stages, Double.NaN);
        (judged.isEmpty() ? unknown : judged.accuracies()).forEach(accuracy -> row.add(PERCENT * accuracy));
        row.addAll(judged.isEmpty() ? unknown : judged.losses());
        row.addAll(List.of(epoch.learningRate(), epoch.imagesPerSecond(), epoch.loadingShare()));
        row.add((double) epoch.images());
        row.add((double) epoch.missed().pictures());
        row.add((double) epoch.missed().updates());
        row.add(judged.isEmpty() ? Double.NaN : judged.pictures());
        row.add(judged.isEmpty() ? Double.NaN : judged.unreadable());
        epochs.append(epoch.epoch() + 1, array(row));
        for (int k = 0; k < judged.accuracies().size(); k++) {
            events.scalar(
                    "top1/stage" + (k + 1),
                    epoch.totalSteps(),
                    PERCENT * judged.accuracies().get(k));
            events.scalar(
                    "val_loss/stage" + (k + 1),
                    epoch.totalSteps(),
                    judged.losses().get(k));
        }
        for (int k = 0; k < epoch.losses().size(); k++) {
            events.scalar(
                    "epoch_loss/stage" + (k + 1),
                    epoch.totalSteps(),
                    epoch.losses().get(k));
        }
        events.scalar("images_per_second", epoch.totalSteps(), epoch.imagesPerSecond());
        events.scalar("waiting_share", epoch.totalSteps(), epoch.loadingShare());
        epochs.flush();
        steps.flush();
        events.flush();
    }

    private static double[] array(List<Double> values) {
        return values.stream().flatMapToDouble(DoubleStream::of).toArray();
    }

    @Override
    public void close() throws IOException {
        try (epochs;
                steps) {
            events.close();
        }
    }
}
