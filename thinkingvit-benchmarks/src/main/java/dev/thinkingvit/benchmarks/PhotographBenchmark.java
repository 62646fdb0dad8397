package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.Batch;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What decoding costs an evaluation: photographs in files recorded as {@code evaluate} does it, against the network alone
 * on the same photographs prepared before, and against preparing them with no network; in one process and in turns.
 */
final class PhotographBenchmark {
    private static final int PREPARED_BATCHES = 4;
    private static final int BATCHES_OF_A_RECORDING = 500;

    private final InferenceBenchmark.Subject subject;
    private final List<InferenceBenchmark.Way> ways;
    private final Photographs photographs;
    private final Turns turns;

    /** @param ways that are ours */
    PhotographBenchmark(
            InferenceBenchmark.Subject subject,
            List<InferenceBenchmark.Way> ways,
            Photographs photographs,
            Turns turns) {
        this.subject = subject;
        this.ways = List.copyOf(ways);
        this.photographs = photographs;
        this.turns = turns;
    }

    PhotographReport run(Turns.Listener listener) throws IOException {
        Preprocessing preprocessing = subject.config().preprocessing();
        Recorder.Options options = Recorder.Options.of(Routers.ENTROPY_TOP10);
        List<Sample> samples = photographs.samples(BATCHES_OF_A_RECORDING * options.batchSize());
        List<ElasticEngine> engines = new ArrayList<>();
        List<Contender> contenders = new ArrayList<>();
        try {
            PicturePreparation preparation =
                    new PicturePreparation(preprocessing, samples, options.batchSize(), options.workers());
            contenders.add(preparation);
            List<Batch> batches = new ArrayList<>();
            int distinct = (photographs.files().size() + options.batchSize() - 1) / options.batchSize();
            for (int i = 0; i < Math.min(PREPARED_BATCHES, distinct); i++) {
                batches.add(preparation.next());
            }
            for (InferenceBenchmark.Way way : ways) {
                ElasticEngine engine = subject.engine(way);
                engines.add(engine);
                String label = subject.name() + " " + way.label;
                contenders.add(new PreparedInference(label + ", network alone", engine, batches));
                contenders.add(
                        new EvaluationFromFiles(label + ", from files", engine, preprocessing, samples, options));
            }
            List<Measurement> measured = turns.measure(contenders, listener);
            List<PhotographReport.Row> rows = new ArrayList<>();
            for (int i = 0; i < ways.size(); i++) {
                rows.add(row(
                        ways.get(i),
                        options.batchSize(),
                        measured.get(0),
                        measured.get(2 * i + 1),
                        measured.get(2 * i + 2)));
            }
            return new PhotographReport(
                    photographs.origin(),
                    photographs.files().size(),
                    measured.get(0).rate(),
                    rows);
        } finally {
            contenders.forEach(Contender::close);
            engines.forEach(ElasticEngine::close);
        }
    }

    private PhotographReport.Row row(
            InferenceBenchmark.Way way, int batch, Measurement prepared, Measurement alone, Measurement fromFiles) {
        List<Double> shares = IntStream.range(0, turns.count())
                .mapToObj(turn -> fromFiles.rates().get(turn) / alone.rates().get(turn))
                .toList();
        return new PhotographReport.Row(
                subject.name(),
                way.label,
                batch,
                PhotographReport.Spread.of(fromFiles.rates()),
                PhotographReport.Spread.of(alone.rates()),
                PhotographReport.Spread.of(shares),
                prepared.rate() / (prepared.rate() + alone.rate()));
    }
}
