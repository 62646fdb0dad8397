package dev.thinkingvit.app.cli;

import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.eval.SweepRow;
import dev.thinkingvit.eval.ThresholdSweep;
import dev.thinkingvit.eval.Thresholds;
import dev.thinkingvit.report.EvaluationReport;
import dev.thinkingvit.run.RunFolder;
import dev.thinkingvit.run.RunJudge;
import dev.thinkingvit.store.ModelDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * The sweep and the report that {@code evaluate} makes, of a training's best model.
 *
 * @param judge of the training
 * @param err where progress is told
 */
record TrainingReport(RunJudge judge, PrintWriter err) {
    /** @return false if it was told to stop before */
    boolean write(RunFolder folder, BooleanSupplier asked) throws IOException {
        if (asked.getAsBoolean()) {
            return false;
        }
        folder.requireSame();
        try {
            Recording recording =
                    judge.record(ModelDirectory.read(folder.best()).weights(), asked);
            List<SweepRow> rows = new ThresholdSweep(recording)
                    .at(Thresholds.defaults(
                            judge.router(),
                            judge.config().network().numClasses(),
                            judge.config().network().stages()));
            EvaluationReport.About about = new EvaluationReport.About(
                    String.valueOf(folder.path().toAbsolutePath().normalize().getFileName()),
                    "validation",
                    judge.recipe().precision(judge.device()).name().toLowerCase(Locale.ROOT),
                    LocalDate.now(ZoneId.systemDefault()).toString(),
                    Version.text());
            err.println("wrote "
                    + new EvaluationReport(about, judge.config(), recording, rows, List.of()).write(folder.report()));
            return true;
        } catch (CancellationException e) {
            return false;
        }
    }
}
