package dev.thinkingvit.app.cli;

import dev.thinkingvit.checkpoint.AtomicFiles;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.PassedOver;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.train.RunFolder;
import dev.thinkingvit.train.RunPictures;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Names each picture that cannot be read once, though every epoch meets it, and writes down what is not used. */
final class SkipNotes {
    private final PrintWriter err;
    private final List<String> classNames;
    private final int[] readable; // training pictures, by class
    private final Map<Path, PassedOver> passedOver;
    private final Set<String> noted = new HashSet<>();
    private final List<BatchLoader.Failure> failures = new ArrayList<>();

    /** @param passedOver what of each data set is no picture of its classes, by the set's folder */
    SkipNotes(PrintWriter err, RunPictures pictures, Map<Path, PassedOver> passedOver) {
        this.err = err;
        this.passedOver = passedOver;
        this.classNames = pictures.classNames();
        this.readable = new int[classNames.size()];
        for (Sample sample : pictures.training()) {
            readable[sample.label()]++;
        }
    }

    /** A training picture; says so when it was the last one of its class. */
    void note(BatchLoader.Failure failure) {
        int label = failure.sample().label();
        if (noted.add(failure.message())) {
            failures.add(failure);
            err.println("skipped: " + Printable.of(failure.message()));
            readable[label]--;
            if (readable[label] == 0) {
                err.println("warning: no picture of class '" + Printable.of(classNames.get(label))
                        + "' can be read; the model learns nothing of it");
            }
        }
    }

    /** A picture of the validation. */
    void noteJudged(BatchLoader.Failure failure) {
        if (noted.add(failure.message())) {
            failures.add(failure);
            err.println("skipped: " + Printable.of(failure.message()));
        }
    }

    /** Writes what of the data is not used into a run's folder. */
    void write(Path run) throws IOException {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        ArrayNode sets = root.putArray("data");
        passedOver.forEach((folder, others) ->
                DataOptions.putPassedOver(sets.addObject().put("folder", folder.toString()), others));
        DataOptions.putSkipped(root, failures);
        String json =
                JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsString(root);
        AtomicFiles.writeString(run.resolve(RunFolder.UNUSED), json + "\n");
    }
}
