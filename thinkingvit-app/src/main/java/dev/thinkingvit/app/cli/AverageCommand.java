package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelCard;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.store.WeightAverage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Makes one model of several. */
@Command(
        name = "average",
        description = {
            "Make one model of several, each of its weights the mean of theirs (a model soup).",
            "It costs what one of them costs and often scores better than each, if they began alike: the models of a"
                    + " run's history/, a model and what a training made of it, trainings from one start. One that is named"
                    + " twice counts twice. 'evaluate' says what came of it, 'calibrate --save' finds its thresholds."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit average run/history/* --out averaged",
            "  thinkingvit average start run/best --out averaged",
            "  thinkingvit average a.pth.tar b.pth.tar --out averaged"
        })
final class AverageCommand extends BaseCommand {
    @Parameters(
            arity = "1..*",
            paramLabel = "MODELS",
            description =
                    "At least two model directories or checkpoint files, of one shape. --config and --weights are about all"
                            + " of them.")
    private List<Path> inputs = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "The directory to write.")
    @SuppressWarnings("NullAway.Init")
    private Path target;

    @Mixin
    private final CheckpointOptions checkpoint = new CheckpointOptions();

    @Mixin
    private final PreprocessingOptions preprocessing = new PreprocessingOptions();

    @Option(
            names = "--force",
            description = "Replace the model in DIR if there is one. A card that somebody else wrote is kept.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        if (inputs.size() < 2) {
            throw usage("an average is of at least 2 models, got " + inputs.size());
        }
        PreprocessingChange change = preprocessing.change();
        OutputFolder.refuseToOverwrite(target, force);
        for (Path input : inputs) {
            if (Files.exists(target) && Files.exists(input) && Files.isSameFile(target, input)) {
                throw usage(target + ": is one of the models, and would be lost; --out must name another folder");
            }
        }
        List<ModelImport.Imported> read = new ArrayList<>();
        Set<Path> files = new LinkedHashSet<>();
        Set<String> notes = new LinkedHashSet<>();
        for (Path input : inputs) {
            ModelImport.Imported imported = checkpoint.read(input);
            Path weights = imported.state().file();
            files.add(weights);
            files.add(weights.resolveSibling(ModelDirectory.CONFIG));
            notes.addAll(imported.notes(change));
            read.add(imported);
        }
        for (String written : List.of(ModelDirectory.WEIGHTS, ModelDirectory.CONFIG)) {
            OutputFolder.refuseInput(target.resolve(written), files);
        }
        CheckpointOptions.tell(notes, err());
        List<ModelDirectory.Model> models =
                read.stream().map(imported -> imported.model().with(change)).toList();
        WeightAverage average = WeightAverage.of(models);
        ModelConfig config = average.model().config().withTraining(provenance(models));
        ModelDirectory.Model made =
                new ModelDirectory.Model(target, config, average.model().weights());
        OutputFolder.write(target, made, ModelCard.ofAverage(inputs, read, config, Version.text()), err());
        tell(average, models);
        out().printf(
                        "wrote %s: %s, the average of %d models, %,d parameters%n",
                        target,
                        config.network().shorthand(),
                        models.size(),
                        config.network().parameterCount());
        return 0;
    }

    private void tell(WeightAverage average, List<ModelDirectory.Model> models) {
        String first = Models.given(inputs.get(0));
        ModelConfig firsts = models.get(0).config();
        for (int i = 1; i < models.size(); i++) {
            String each = Models.given(inputs.get(i));
            String cosine =
                    String.format(Locale.ROOT, "%.4f", average.likeness().get(i));
            out().println(Printable.of(each + ": cosine " + cosine + " to the weights of " + first));
            if (average.isStranger(i)) {
                err().println(Printable.of("warning: " + each + " and " + first
                        + " hardly began alike; the average of such weights means nothing: 'evaluate' it first"));
            }
            ModelConfig its = models.get(i).config();
            if (!its.preprocessing().equals(firsts.preprocessing())) {
                err().println(Printable.of(
                        "note: " + each + " crops or resizes pictures otherwise; the average does as " + first));
            }
            if (!its.routing().router().equals(firsts.routing().router())) {
                err().println(Printable.of(
                        "note: " + each + " stops by " + its.routing().router() + "; the average by "
                                + firsts.routing().router() + ", as " + first));
            }
        }
        if (models.stream()
                .anyMatch(model -> !model.config().routing().thresholds().isEmpty())) {
            err().println("note: the thresholds were those of the models, not of their average: none is stored until"
                    + " 'calibrate --save' has found them");
        }
    }

    /** With that of each model. */
    private JsonText provenance(List<ModelDirectory.Model> models) {
        ObjectNode training = JsonNodeFactory.instance.objectNode();
        training.put("command", typed(spec));
        training.put("version", Version.text());
        ArrayNode averaged = training.putArray("average");
        for (int i = 0; i < models.size(); i++) {
            ObjectNode each = averaged.addObject();
            each.put("name", withoutMachinesFolders(Models.given(inputs.get(i))));
            JsonText its = models.get(i).config().training();
            if (!its.isEmpty()) {
                each.set("training", JsonMapper.shared().readTree(its.text()));
            }
        }
        return new JsonText(training.toString());
    }
}
