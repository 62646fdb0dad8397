package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.train.Recipe;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Compares this library's training with the {@linkplain NaiveTraining straightforward one} and with what the machine's
 * products reach at most, all in one process and in turns.
 */
final class TrainingBenchmark {
    /** Floating point operations of a multiply-accumulate: two forward, two for each of the gradients. */
    private static final double FLOP_PER_MAC = 6;

    private static final long SEED = 1;

    /**
     * A network to train.
     *
     * @param name for the table
     * @param recipe of the training, its batch size included
     * @param classes C
     * @param baselineBatch images of an update of the baseline
     * @param pictures to train on from files, besides images in memory; null for none
     */
    record Subject(
            String name,
            Recipe recipe,
            int classes,
            int baselineBatch,
            @Nullable ImageFolder pictures) {}

    /** @param macs that a pass forward takes of an image */
    private record Entry(
            Subject subject, String how, Precision precision, int batch, Contender contender, double macs) {}

    private final List<Subject> subjects;
    private final Set<Precision> precisions;
    private final Turns turns;
    private final List<String> skipped;

    /** @param skipped what the caller left out already, for the report */
    TrainingBenchmark(List<Subject> subjects, Set<Precision> precisions, Turns turns, List<String> skipped) {
        this.subjects = List.copyOf(subjects);
        this.precisions = Set.copyOf(precisions);
        this.turns = turns;
        this.skipped = new ArrayList<>(skipped);
    }

    TrainingReport run(Turns.Listener listener) throws IOException {
        List<Contender> contenders = new ArrayList<>();
        try {
            Map<Precision, Contender> products = new EnumMap<>(Precision.class);
            for (Precision precision : Precision.values()) {
                if (!precisions.contains(precision)) {
                    continue;
                }
                if (!precision.isFastHere()) {
                    skipped.add(precision + ": this processor has no instructions for it");
                    continue;
                }
                products.put(precision, opened(contenders, new GemmRate(precision)));
            }
            List<Entry> entries = new ArrayList<>();
            for (Subject subject : subjects) {
                open(subject, products.keySet(), entries, contenders);
            }
            List<Measurement> measured = turns.measure(contenders, listener);
            Map<Contender, Measurement> of = new LinkedHashMap<>();
            for (int i = 0; i < contenders.size(); i++) {
                of.put(contenders.get(i), measured.get(i));
            }
            Map<Precision, Double> limits = new EnumMap<>(Precision.class);
            products.forEach((precision, contender) ->
                    limits.put(precision, measurement(of, contender).fastest() / 1e9));
            return report(entries, of, limits);
        } finally {
            contenders.forEach(Contender::close);
        }
    }

    private static Contender opened(List<Contender> contenders, Contender contender) {
        contenders.add(contender);
        return contender;
    }

    private void open(Subject subject, Set<Precision> precisions, List<Entry> entries, List<Contender> contenders) {
        NetworkConfig config = subject.recipe().network().config(subject.classes());
        Map<String, HostTensor> weights = config.equals(DrawnHalting.NETWORK)
                ? DrawnHalting.weights()
                : config.parameters().draw(SEED);
        if (!(config instanceof ThinkingViTConfig ported)) {
            skipped.add("baseline of " + subject.name() + ": it is the port of a "
                    + ThinkingViTConfig.ARCHITECTURE.title() + ", not of "
                    + Words.a(config.architecture().title()));
        } else if (precisions.contains(Precision.FP32)) {
            SyntheticBatch batch = SyntheticBatch.draw(config, subject.baselineBatch(), SEED);
            Contender naive = opened(
                    contenders,
                    new NaiveTraining(subject.name() + " baseline", subject.recipe(), ported, weights, batch));
            entries.add(new Entry(subject, "baseline, in memory", Precision.FP32, batch.size(), naive, macs(config)));
        }
        int batchSize = subject.recipe().optimizer().batchSize();
        SyntheticBatch batch = SyntheticBatch.draw(config, batchSize, SEED);
        for (Precision precision : Precision.values()) {
            if (!precisions.contains(precision)) {
                continue;
            }
            String type = precision.name().toLowerCase(Locale.ROOT);
            Recipe recipe = subject.recipe().with("precision", type);
            // the baseline drops no paths
            Contender inMemory = opened(
                    contenders,
                    new OursInMemory(
                            subject.name() + " ours " + type, recipe.with("drop_path", 0.0), config, weights, batch));
            entries.add(new Entry(subject, "ours, in memory", precision, batchSize, inMemory, macs(config)));
            if (config.halting() != null && recipe.halting().distrPriorAlpha() == 0) {
                Contender removing = opened(
                        contenders,
                        new OursInMemory(
                                subject.name() + " ours, halted tokens removed, " + type,
                                recipe.with("drop_path", 0.0).with("halted_tokens", "removed"),
                                config,
                                weights,
                                batch));
                double left = macsLeft(config, weights, batch);
                entries.add(new Entry(subject, "ours, halted removed", precision, batchSize, removing, left));
            }
            if (subject.pictures() != null) {
                Contender files = opened(
                        contenders,
                        new OursFromFiles(subject.name() + " from files " + type, recipe, subject.pictures()));
                entries.add(new Entry(subject, "ours, files, augmented", precision, batchSize, files, macs(config)));
            }
        }
    }

    private TrainingReport report(List<Entry> entries, Map<Contender, Measurement> of, Map<Precision, Double> limits) {
        Map<Subject, Double> baselines = new LinkedHashMap<>();
        List<TrainingReport.Row> rows = new ArrayList<>();
        for (Entry entry : entries) {
            Measurement measured = measurement(of, entry.contender());
            double rate = measured.rate();
            if (entry.contender() instanceof NaiveTraining) {
                baselines.put(entry.subject(), rate);
            }
            Double baseline = baselines.get(entry.subject());
            double gflops = rate * FLOP_PER_MAC * entry.macs() / 1e9;
            rows.add(new TrainingReport.Row(
                    entry.subject().name(),
                    entry.how(),
                    entry.precision(),
                    entry.batch(),
                    rate,
                    measured.slowest(),
                    measured.fastest(),
                    1e3 * measured.cpuSecondsPerUnit(),
                    gflops,
                    gflops / limits.getOrDefault(entry.precision(), Double.NaN),
                    baseline == null ? null : rate / baseline));
        }
        return new TrainingReport(Machine.here(), turns.count(), turns.seconds(), limits, rows, skipped);
    }

    private static double macs(NetworkConfig config) {
        double macs = 0;
        for (int stage = 1; stage <= config.stages(); stage++) {
            macs += config.macs(stage);
        }
        return macs;
    }

    /** Of tokens that have not halted. */
    private static double macsLeft(NetworkConfig config, Map<String, HostTensor> weights, SyntheticBatch batch) {
        try (ElasticEngine engine = new ElasticEngine(PackedBackbone.of(config, weights, Precision.FP32));
                ElasticInference all =
                        new ElasticInference("all", engine, batch.images(), batch.size(), batch.size())) {
            return 1e9 * all.gmacs();
        }
    }

    private static Measurement measurement(Map<Contender, Measurement> of, Contender contender) {
        Measurement measured = of.get(contender);
        if (measured == null) {
            throw new IllegalStateException(contender.name() + " was not measured");
        }
        return measured;
    }
}
