package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.RecipeFile;
import dev.thinkingvit.train.RecipeSource;
import dev.thinkingvit.train.ScheduleRecipe;
import dev.thinkingvit.train.TrainingException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What a training is, and which one goes on: what is told on the command line and what its folder holds already. */
final class RunOptions {
    private static final String DEFAULT_RECIPE = "cifar10-3h-6h";

    private static final List<String> FIXED = List.of("opt", "best_metric", "seed");

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it
    private CommandSpec spec;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description =
                    "Training pictures, one folder a class; or pictures and their labelled pixels, parts train and val"
                            + " (docs/segmentation.md). Needed unless a training goes on, of which it says the"
                            + " pictures' new place then.")
    private @Nullable Path data;

    @Option(
            names = "--val",
            paramLabel = "DIR",
            description = "Validation pictures, one folder a class; judged after every epoch.")
    private @Nullable Path val;

    @Option(
            names = "--holdout",
            paramLabel = "N",
            description = "Keep N training pictures back, evenly over the classes, and validate on them.")
    private int holdout;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where the training is kept.")
    @SuppressWarnings("NullAway.Init")
    private Path out;

    @Option(names = "--resume", description = "Go on with the training in OUT; begin one if there is none yet.")
    private boolean resume;

    @Option(
            names = "--force",
            description = "Begin anew where OUT holds a training already; that one is deleted. With --resume nothing is"
                    + " deleted: go on though the pictures are not those that the training began with.")
    private boolean force;

    @Option(
            names = "--recipe",
            paramLabel = "FILE",
            description = "A recipe, timm's args.yaml, or the name of one in recipes/. Default: " + DEFAULT_RECIPE
                    + ", or that of the" + " training that goes on.")
    private @Nullable String recipe;

    @Option(
            names = "--init",
            paramLabel = "FILE",
            description =
                    "Start from the weights of a plain ViT, DeiT or Swin, or of an elastic network of the same kind, whatever"
                            + " its width, grid and patches: a narrower one is laid into the leading slices, a wider one cut to them. What it lacks"
                            + " starts at random. With --epochs 0 the starting model is all that is written, to OUT/last.")
    private @Nullable Path init;

    @Option(
            names = "--init-recycling",
            description =
                    "Take what recycles tokens (alpha and proj_layer) from the --init too, to go on with a network of the"
                            + " same stages, or with some of a network's; else it starts anew, as the published"
                            + " trainings do.")
    private boolean initRecycling;

    @Option(
            names = "--teacher",
            paramLabel = "MODEL",
            description =
                    "Learn from this model's answers too: a model directory, a checkpoint file or an exported model"
                            + " that knows the data's classes. See --distillation-type.")
    private @Nullable Path teacher;

    @Option(
            names = "--no-lock",
            description =
                    "Go on where the file system of OUT has no locks. Nothing but you keeps a second training out of"
                            + " OUT then.")
    private boolean unlocked;

    // said by the process that trains, not by one that starts others
    private final List<String> notes = new ArrayList<>();

    private boolean otherVal;

    /** What should be said about the plan. */
    List<String> notes() {
        return List.copyOf(notes);
    }

    /** The folder of the training. */
    Path out() {
        return out;
    }

    /** Whether what recycles tokens is taken from first weights too. */
    boolean takesRecycling() {
        return initRecycling;
    }

    /** Whether the folder is to be locked. */
    boolean locks() {
        return !unlocked;
    }

    /** Whether what changed since the training began is to be taken as it is. */
    boolean force() {
        return force;
    }

    /** Whether another validation set than that of the training so far is asked for. */
    boolean otherVal() {
        return otherVal;
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /**
     * Decides what to do.
     *
     * @param processes that will train
     * @throws IOException if the folder holds something else than what was asked for
     */
    TrainingPlan plan(int processes) throws IOException {
        boolean goesOn = resume && RunRecord.isIn(out);
        RecipeSource source = source(goesOn, processes);
        if (goesOn) {
            RunFolder.requireState(out);
        } else {
            requireRoom();
        }
        RunRecord record = goesOn ? goneOnRecord() : newRecord(source);
        Recipe used = recipe(goesOn ? record.recipe(out) : null, source);
        boolean judges = record.val() != null || record.holdout() > 0 || SegmentationSet.isOne(Path.of(record.data()));
        if (used.schedule().sched() == ScheduleRecipe.Kind.PLATEAU && !judges) {
            throw usage("--sched plateau looks at the validation's accuracy: --val or --holdout is required");
        }
        if (!judges) {
            for (String key : List.of("eval_every", "best_metric", "checkpoint_hist")) {
                if (spec.findOption(RecipeOptions.option(key)).getValue() != null) {
                    throw usage(RecipeOptions.option(key) + " is about validation: --val or --holdout is required");
                }
            }
        }
        if (!used.distillation().hasTeacher()) {
            for (String key : List.of("distillation_alpha", "distillation_tau")) {
                if (spec.findOption(RecipeOptions.option(key)).getValue() != null) {
                    throw usage(RecipeOptions.option(key) + " is about a teacher: --teacher is required");
                }
            }
        }
        boolean finished = goesOn && isFinished(used, record);
        if (goesOn && !finished) {
            requireBest();
        }
        return new TrainingPlan(used, finished ? record : withTeacher(record.with(used), goesOn), goesOn, finished);
    }

    /** Whether a training may begin in the folder. */
    private void requireRoom() throws IOException {
        OutputFolder.requireFolder(out);
        if (RunRecord.isIn(out)) {
            if (!force) {
                throw new IOException(out + ": holds a training; --resume goes on with it, --force replaces it");
            }
        } else {
            List<String> remains = RunFolder.remains(out);
            if (!remains.isEmpty()) {
                throw new IOException(
                        out + ": holds " + String.join(", ", remains.subList(0, Math.min(4, remains.size())))
                                + (remains.size() > 4 ? ", ..." : "")
                                + " but no run.json, so that it is no training that --resume"
                                + " could go on with or --force replace; put run.json back, or train into another folder");
            }
        }
        OutputFolder.requireWritable(out);
    }

    /** What is remembered of the teacher; read now, so that what is wrong with it is said at once. */
    private RunRecord withTeacher(RunRecord record, boolean goesOn) {
        if (!goesOn) {
            return teacher == null ? record : record.with(TeacherRecord.of(Path.of(absolute(teacher))));
        }
        TeacherRecord before = record.teacher();
        if (before == null) {
            if (teacher != null) {
                throw usage(out + " goes on without a teacher, as it began; --teacher cannot change that");
            }
            return record;
        }
        TeacherRecord now = teacher == null ? before : before.at(Path.of(absolute(teacher)));
        if (force && Files.exists(Path.of(now.path()))) {
            TeacherRecord found = TeacherRecord.of(Path.of(now.path()));
            if (!found.fingerprint().equals(before.fingerprint())) {
                notes.add("forced: the training goes on with another teacher, " + found.path());
                return record.with(found);
            }
        }
        now.read();
        if (!now.equals(before)) {
            notes.add("note: the training goes on with its teacher in " + now.path());
        }
        return record.with(now);
    }

    /** The report is made of the best model, and a better one may never come. */
    private void requireBest() {
        try {
            RunFolder.requireBest(out, RunFolder.requireState(out));
        } catch (CheckpointException e) {
            if (!force) {
                throw new TrainingException(
                        e.getMessage() + "; it is the best model so far: put it back, or --resume --force"
                                + " goes on without, and the next validation's model takes its place");
            }
            notes.add("forced: the best model so far is lost (" + e.getMessage()
                    + "); the next validation's takes its place");
        }
    }

    /** Whether nothing is left to do, not even the report. */
    private boolean isFinished(Recipe used, RunRecord record) throws IOException {
        boolean reported = used.schedule().totalEpochs() == 0
                || (record.val() == null && record.holdout() == 0)
                || RunFolder.isReported(out);
        return reported
                && RunFolder.state(out)
                        .filter(state ->
                                state.position().epoch() >= used.schedule().totalEpochs())
                        .isPresent();
    }

    /** The recipe to begin or to go on with, before options change it. */
    private RecipeSource source(boolean goesOn, int processes) {
        if (recipe == null && goesOn) {
            return RecipeSource.read(out.resolve(RunFolder.RECIPE), processes);
        }
        String name = recipe == null ? DEFAULT_RECIPE : recipe;
        RecipeSource source = RecipeSource.read(RecipeOptions.file(name), processes, given());
        if (source.foreignModel() != null && spec.findOption("--stages").getValue() == null) {
            throw new CheckpointException(
                    RecipeOptions.file(name),
                    "model " + source.foreignModel() + " cannot be built, only ViTs of DeiT's form can; --stages 3,6"
                            + " trains one of those with the rest of this recipe");
        }
        for (RecipeSource.Note note : source.notes()) {
            boolean idle = !note.key().isEmpty()
                    && spec.findOption(RecipeOptions.option(note.key())).getValue() != null;
            if (!idle) {
                notes.add("note: " + note.text());
            }
        }
        return source;
    }

    private RunRecord newRecord(RecipeSource source) {
        RecipePlaces places = new RecipePlaces(source);
        String training = data == null ? places.training() : absolute(data);
        if (training == null) {
            String elsewhere =
                    source.data() == null ? "" : "; " + source.data() + ", which the recipe names, is not here";
            throw usage((resume
                            ? out + " holds no training to go on with; --data is required to begin one"
                            : "--data is required")
                    + elsewhere);
        }
        if (val != null && holdout > 0) {
            throw usage("--val and --holdout exclude each other");
        }
        if (holdout < 0) {
            throw usage("--holdout must not be negative, got " + holdout);
        }
        String validation = val != null ? absolute(val) : data == null && holdout == 0 ? places.validation() : null;
        if (data == null) {
            notes.add("note: pictures of " + training + (validation == null ? "" : " and " + validation)
                    + ", as the recipe says");
        }
        return new RunRecord(
                training,
                validation,
                holdout,
                init == null ? start(source) : absolute(init),
                null,
                BaseCommand.typed(spec),
                Version.text(),
                null,
                null,
                null);
    }

    /** The checkpoint that a recipe names. */
    private @Nullable String start(RecipeSource source) {
        String named = source.init();
        if (named == null) {
            return null;
        }
        if (!Files.exists(Path.of(named))) {
            throw usage("the recipe starts from " + named + ", which is not here; --init says where it is");
        }
        notes.add("note: starts from " + named + ", as the recipe says");
        return absolute(Path.of(named));
    }

    /** What the training was begun with; what it reads may lie elsewhere now. */
    private RunRecord goneOnRecord() throws IOException {
        RunRecord before = RunRecord.read(out);
        if ((holdout != 0 && holdout != before.holdout()) || (val != null && before.val() == null)) {
            throw usage(out + " goes on with the validation that it began with; --holdout and --val cannot change it");
        }
        if (init != null && !absolute(init).equals(before.init())) {
            throw usage(out + " goes on with the weights that it has; --init cannot change the first ones, "
                    + Objects.requireNonNullElse(before.init(), "drawn at random"));
        }
        RunRecord record =
                before.with(data == null ? before.data() : absolute(data), val == null ? before.val() : absolute(val));
        otherVal = !Objects.equals(record.val(), before.val());
        if (!record.equals(before)) {
            notes.add("note: the training goes on with the pictures in " + record.data()
                    + (record.val() == null ? "" : " and " + record.val()));
        }
        return record;
    }

    private static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }

    /** @param begun the recipe of the training that goes on; null where one begins */
    private Recipe recipe(@Nullable Recipe begun, RecipeSource source) {
        Recipe base = source.recipe();
        Recipe changed;
        try {
            changed = RecipeFile.with(base, withFittingTeaching(base, begun != null, withFittingWarmup(base, given())));
        } catch (IllegalArgumentException e) {
            throw usage(String.valueOf(e.getMessage()));
        }
        if (begun != null) {
            noteChanges(begun, changed);
        } else {
            requireTeacher(changed);
        }
        return changed;
    }

    private Map<String, @Nullable Object> given() {
        try {
            return RecipeOptions.given(spec);
        } catch (IllegalArgumentException e) {
            throw usage(String.valueOf(e.getMessage()));
        }
    }

    /** A short training wants a short warm-up; said, so that nobody wonders. */
    private Map<String, @Nullable Object> withFittingWarmup(Recipe base, Map<String, @Nullable Object> given) {
        if (given.containsKey("epochs") && !given.containsKey("warmup_epochs")) {
            int warmup = base.schedule().warmupEpochs();
            String epochs = String.valueOf(
                    spec.findOption(RecipeOptions.option("epochs")).<Object>getValue());
            int shorter = epochs.matches("\\d{1,6}") ? Integer.parseInt(epochs) / 4 : warmup;
            // --epochs 0 warms nothing up, and who goes on from there warms up as the recipe says
            if (shorter < warmup && !epochs.matches("0+")) {
                given.put("warmup_epochs", shorter);
                notes.add("note: " + shorter + " epochs of warm-up instead of the recipe's " + warmup);
            }
        }
        return given;
    }

    /** Who names a teacher wants to learn from it; said how, so that nobody wonders. */
    private Map<String, @Nullable Object> withFittingTeaching(
            Recipe base, boolean goesOn, Map<String, @Nullable Object> given) {
        if (!goesOn
                && teacher != null
                && !base.distillation().hasTeacher()
                && !given.containsKey("distillation_type")) {
            given.put("distillation_type", "soft");
            notes.add("note: soft distillation, since a teacher is given; --distillation-type can be hard");
        }
        return given;
    }

    private void requireTeacher(Recipe used) {
        if (used.distillation().hasTeacher() && teacher == null) {
            throw usage("distillation_type " + type(used) + " learns from a teacher: --teacher is required");
        }
        if (!used.distillation().hasTeacher() && teacher != null) {
            throw usage("--teacher is given, but distillation_type is none; soft and hard learn from it");
        }
    }

    private static String type(Recipe recipe) {
        return recipe.distillation().distillationType().name().toLowerCase(Locale.ROOT);
    }

    private void noteChanges(Recipe begun, Recipe changed) {
        List<String> keys = RecipeFile.differences(begun, changed);
        List<String> networks = keys.stream()
                .filter(key -> "network".equals(RecipeFile.sections().get(key)))
                .toList();
        if (!networks.isEmpty()) {
            throw new TrainingException(out + ": the network of a training that goes on cannot change, but "
                    + RecipeFile.inWords(networks, begun, changed) + " came with another value");
        }
        boolean averaged = begun.ema().modelEmaDecay() > 0;
        if (averaged != changed.ema().modelEmaDecay() > 0) {
            throw new TrainingException(out + ": a training that goes on keeps its moving average or has none;"
                    + " model_ema_decay cannot change from " + begun.ema().modelEmaDecay() + " to "
                    + changed.ema().modelEmaDecay());
        }
        if (begun.distillation().hasTeacher() != changed.distillation().hasTeacher()) {
            throw new TrainingException(
                    out + ": a training that goes on keeps its teacher or has none; distillation_type"
                            + " cannot change from " + type(begun) + " to " + type(changed)
                            + (begun.distillation().hasTeacher()
                                    ? " (distillation_alpha 0 learns from the labels alone)"
                                    : ""));
        }
        List<String> fixed = keys.stream().filter(FIXED::contains).toList();
        if (!fixed.isEmpty()) {
            throw new TrainingException(out + ": what a training that goes on remembers was made with the "
                    + String.join(", ", fixed) + " it began with, which cannot change: "
                    + RecipeFile.inWords(fixed, begun, changed));
        }
        if (!keys.isEmpty()) {
            notes.add("note: the training goes on with a change of " + RecipeFile.inWords(keys, begun, changed));
        }
    }
}
