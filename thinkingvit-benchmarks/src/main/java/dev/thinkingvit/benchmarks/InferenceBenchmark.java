package dev.thinkingvit.benchmarks;

import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxRuntime;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Compares ways to run the same weights on the same images, in one process and in turns: this library in each precision,
 * ONNX Runtime on the exported graphs, and a {@linkplain NaiveInference straightforward port}; beside them what the
 * machine's products reach at most.
 */
final class InferenceBenchmark {
    private static final double FLOP_PER_MAC = 2;
    private static final long SEED = 1;
    private static final int RANGES_OF = 8;

    /** Who runs the model. */
    enum Way {
        OURS_FP32("ours fp32", Precision.FP32),
        OURS_BF16("ours bf16", Precision.BF16),
        OURS_INT8("ours int8", Precision.INT8),
        ONNX("ONNX Runtime fp32", Precision.FP32),
        ONNX_INT8("ONNX Runtime int8", Precision.INT8),
        ONNX_DYNAMIC("ONNX Runtime dynamic int8", Precision.INT8),
        NAIVE("naive port fp32", Precision.FP32);

        final String label;
        final Precision precision;

        Way(String label, Precision precision) {
            this.label = label;
            this.precision = precision;
        }

        static Way named(String name) {
            return Arrays.stream(values())
                    .filter(way -> way.option().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no contender '" + name + "'; there are "
                            + Arrays.stream(values()).map(Way::option).collect(Collectors.joining(", "))));
        }

        String option() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /**
     * A model to run.
     *
     * @param name for the table
     */
    record Subject(String name, ModelConfig config, Map<String, HostTensor> weights) {
        NetworkConfig network() {
            return config.network();
        }

        /** What noise makes of what goes into linear layers: what int8 costs does not depend on it. */
        ActivationRanges ranges() {
            ActivationRanges ranges = new ActivationRanges();
            SyntheticBatch noise = SyntheticBatch.draw(network(), RANGES_OF, SEED);
            StopPolicy toTheEnd =
                    StopPolicy.endingAt(network().stages(), network().stages());
            try (ElasticEngine watching = new ElasticEngine(PackedBackbone.watching(network(), weights, ranges))) {
                watching.run(noise.images(), noise.size(), toTheEnd);
            }
            return ranges;
        }

        /** Why a way cannot run it here, naming the way; null if it can. */
        @Nullable String hindrance(Way way) {
            if (!way.precision.isFastHere()) {
                return way.label + ": this processor has no instructions for it";
            }
            if (way == Way.NAIVE && !(network() instanceof ThinkingViTConfig)) {
                return way.label + " of " + name + ": the port is of " + ThinkingViTConfig.ARCHITECTURE.title()
                        + "s, not of " + Words.a(network().architecture().title());
            }
            return way == Way.ONNX_DYNAMIC && !DynamicQuantization.isHere()
                    ? way.label + ": " + DynamicQuantization.REQUIRED
                    : null;
        }

        /** The engine of a way that is elastic; the caller closes it. */
        ElasticEngine engine(Way way) throws IOException {
            return switch (way) {
                case OURS_FP32, OURS_BF16 -> new ElasticEngine(PackedBackbone.of(network(), weights, way.precision));
                case OURS_INT8 -> new ElasticEngine(PackedBackbone.of(network(), weights, way.precision, ranges()));
                case ONNX, ONNX_INT8, ONNX_DYNAMIC -> {
                    try (SavedModel saved = SavedModel.of(this)) {
                        yield new ElasticEngine(OnnxRuntime.open(ExportedModel.read(saved.folder(way))));
                    }
                }
                case NAIVE -> throw new IllegalArgumentException("the naive port is not elastic");
            };
        }
    }

    /** @param gmacs of an image, on average */
    private record Entry(Subject subject, Way way, int batch, int goOn, Contender contender, double gmacs) {}

    private final List<Subject> subjects;
    private final Set<Way> ways;
    private final List<Integer> batches;
    private final List<Double> shares;
    private final Turns turns;
    private final List<String> skipped = new ArrayList<>();

    /**
     * @param batches images that go through together
     * @param shares of the images that need more than the first stage
     */
    InferenceBenchmark(List<Subject> subjects, Set<Way> ways, List<Integer> batches, List<Double> shares, Turns turns) {
        this.subjects = List.copyOf(subjects);
        this.ways = Set.copyOf(ways);
        this.batches = List.copyOf(batches);
        this.shares = List.copyOf(shares);
        this.turns = turns;
        for (int batch : batches) {
            if (batch < 1) {
                throw new IllegalArgumentException("a batch has at least 1 image, got " + batch);
            }
        }
        for (double share : shares) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("a share lies between 0 and 1, got " + share);
            }
        }
    }

    InferenceReport run(Turns.Listener listener) throws IOException {
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            List<Contender> contenders = new ArrayList<>();
            Map<Precision, Contender> products = new EnumMap<>(Precision.class);
            for (Way way : Way.values()) {
                if (ways.contains(way) && way.precision.isFastHere() && !products.containsKey(way.precision)) {
                    Contender product = new OwnThread(() -> new GemmRate(way.precision));
                    opened.add(product);
                    contenders.add(product);
                    products.put(way.precision, product);
                }
            }
            List<Entry> entries = new ArrayList<>();
            for (Subject subject : subjects) {
                for (Way way : Way.values()) {
                    if (!ways.contains(way)) {
                        continue;
                    }
                    String hindrance = subject.hindrance(way);
                    if (hindrance == null) {
                        enter(subject, way, entries, opened);
                    } else if (!skipped.contains(hindrance)) { // once, however many subjects there are
                        skipped.add(hindrance);
                    }
                }
            }
            entries.forEach(entry -> contenders.add(entry.contender()));
            List<Measurement> measured = turns.measure(contenders, listener);
            Map<Contender, Measurement> of = new LinkedHashMap<>();
            for (int i = 0; i < contenders.size(); i++) {
                of.put(contenders.get(i), measured.get(i));
            }
            Map<Precision, Double> limits = new EnumMap<>(Precision.class);
            products.forEach((precision, contender) ->
                    limits.put(precision, found(of, contender).fastest() / 1e9));
            return report(entries, of, limits);
        } finally {
            for (int i = opened.size() - 1; i >= 0; i--) {
                close(opened.get(i));
            }
        }
    }

    private static void close(AutoCloseable opened) {
        try {
            opened.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private void enter(Subject subject, Way way, List<Entry> entries, List<AutoCloseable> opened) throws IOException {
        ElasticEngine engine = null;
        if (way != Way.NAIVE) {
            engine = subject.engine(way);
            opened.add(engine);
        }
        for (int batch : batches) {
            float[] images = SyntheticBatch.draw(subject.network(), batch, SEED).images();
            if (engine == null) {
                Contender naive = new OwnThread(() -> new NaiveInference(
                        label(subject, way, batch, batch),
                        ThinkingViTConfig.of(subject.network()),
                        subject.weights(),
                        images,
                        batch));
                opened.add(naive);
                entries.add(new Entry(subject, way, batch, batch, naive, allGmacs(subject)));
            } else {
                for (int goOn : goOn(batch)) {
                    ElasticInference elastic =
                            new ElasticInference(label(subject, way, batch, goOn), engine, images, batch, goOn);
                    opened.add(elastic);
                    entries.add(new Entry(subject, way, batch, goOn, elastic, elastic.gmacs()));
                }
            }
        }
    }

    private List<Integer> goOn(int batch) {
        return shares.stream()
                .map(share -> (int) Math.round(share * batch))
                .distinct()
                .toList();
    }

    private static String label(Subject subject, Way way, int batch, int goOn) {
        return subject.name() + " " + way.label + ", batch " + batch + ", " + goOn + " go on";
    }

    private InferenceReport report(List<Entry> entries, Map<Contender, Measurement> of, Map<Precision, Double> limits) {
        List<InferenceReport.Row> rows = new ArrayList<>();
        for (Entry entry : entries) {
            Measurement measured = found(of, entry.contender());
            double gmacs = entry.gmacs();
            double gflops = measured.rate() * gmacs * FLOP_PER_MAC;
            Entry whole = whole(entries, entry, entry.way());
            Entry onnx = whole(entries, entry, Way.ONNX);
            Entry naive = whole(entries, entry, Way.NAIVE);
            rows.add(new InferenceReport.Row(
                    entry.subject().name(),
                    entry.way().label,
                    entry.way().precision,
                    entry.batch(),
                    (double) entry.goOn() / entry.batch(),
                    measured.rate(),
                    measured.slowest(),
                    measured.fastest(),
                    measured.stepMillis(0.5),
                    measured.stepMillis(0.95),
                    measured.stepMillis(0.99),
                    gmacs,
                    gflops,
                    gflops / limits.getOrDefault(entry.way().precision, Double.NaN),
                    whole == null
                            ? null
                            : found(of, whole.contender()).rate() * whole.gmacs() / gmacs / measured.rate(),
                    onnx == null
                            ? null
                            : measured.rate() / found(of, onnx.contender()).rate(),
                    naive == null
                            ? null
                            : measured.rate() / found(of, naive.contender()).rate()));
        }
        return new InferenceReport(
                Machine.here(), turns.count(), turns.seconds(), limits, rows, null, List.of(), skipped);
    }

    /** Whoever ran all stages on every image of the same batch; null if nobody did. */
    private static @Nullable Entry whole(List<Entry> entries, Entry as, Way way) {
        return entries.stream()
                .filter(entry -> entry.subject().equals(as.subject()) && entry.batch() == as.batch())
                .filter(entry -> entry.way() == way && entry.goOn() == entry.batch())
                .findFirst()
                .orElse(null);
    }

    private static Measurement found(Map<Contender, Measurement> of, Contender contender) {
        return Objects.requireNonNull(of.get(contender), contender.name());
    }

    private static double allGmacs(Subject subject) {
        double all = 0;
        for (int stage = 1; stage <= subject.network().stages(); stage++) {
            all += subject.network().macs(stage);
        }
        return all / 1e9;
    }
}
