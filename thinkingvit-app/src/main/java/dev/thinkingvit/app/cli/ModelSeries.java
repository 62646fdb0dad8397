package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.Sample;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.ResultsFile;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Scores several models on one data set, one after the other. */
final class ModelSeries {
    private final DataOptions input;
    private final PrintWriter out;
    private final PrintWriter err;

    ModelSeries(DataOptions input, PrintWriter out, PrintWriter err) {
        this.input = input;
        this.out = out;
        this.err = err;
    }

    /**
     * Scores each model at thresholds, and prints the sorted results. A model that cannot be scored is named and passed
     * over; one that names pixels is named and left out, as it belongs to other data.
     *
     * @param thresholds null for each model's own
     * @param file written anew after every model; null for none
     * @return the exit code: 1 if a model could not be scored, or none was
     */
    int score(List<Path> models, @Nullable List<List<Double>> thresholds, @Nullable Path file, boolean json)
            throws IOException {
        input.listed(err); // without pictures no model is to blame
        ResultsFile results = new ResultsFile();
        int failed = 0;
        int scored = 0;
        for (int i = 0; i < models.size(); i++) {
            Path model = models.get(i);
            err.println("model " + (i + 1) + " of " + models.size() + ": " + Printable.of(model.toString()));
            err.flush();
            try {
                if (score(model, thresholds, results)) {
                    scored++;
                }
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                failed++;
                String reason = Reasons.line(e);
                results.addFailed(model.toString(), reason);
                err.println("passed over: " + (reason.contains(model.toString()) ? "" : Printable.of(model + ": "))
                        + reason);
                err.flush();
            }
            if (file != null) {
                results.write(file);
            }
        }
        if (json) {
            out.println(results.json());
        } else if (scored > 0) {
            out.print(SweepTable.aligned(results.summary()));
        }
        out.flush();
        if (failed > 0) {
            err.println(failed + " of " + models.size() + " models could not be scored");
        } else if (scored == 0) {
            err.println("none of the models names pictures: nothing was scored");
        }
        return failed > 0 || scored == 0 ? 1 : 0;
    }

    /** Whether this model is one to score here: it names pictures. */
    private boolean score(Path model, @Nullable List<List<Double>> thresholds, ResultsFile results) throws IOException {
        input.choose(model);
        try (ElasticClassifier classifier = input.open(err)) {
            ModelConfig config = classifier.config();
            if (config.network().readout().isOfPixels()) {
                err.println("left out: " + Words.a(config.network().title())
                        + " names pixels and is not scored among models that name pictures; evaluate it alone");
                return false;
            }
            List<Sample> samples = input.samples(input.folder(config, err));
            Recording recording = input.record(classifier, samples, err);
            ThresholdSweep sweep = new ThresholdSweep(recording);
            List<SweepRow> rows =
                    thresholds == null ? List.of(sweep.at(input.ownThresholds(classifier))) : sweep.at(thresholds);
            results.add(model.toString(), config, classifier.precision(), recording, rows);
            return true;
        }
    }
}
