package dev.thinkingvit.benchmarks;

import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.Relabelling;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.inference.Segmentation;
import dev.thinkingvit.inference.SegmentationRecord;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.Prediction;
import dev.thinkingvit.model.SegmenterConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What a Segmenter does beside its network, on one core: a picture of 480 by 360 pixels in windows of 240. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH fills the fields
public class SegmentationPieces {
    private static final int WIDTH = 480;
    private static final int HEIGHT = 360;

    @Param({"11", "150"})
    private int classes;

    private ElasticSegmenter segmenter;
    private Prediction window;
    private SegmentationRecord record;

    @Setup
    public void think() {
        Random random = new Random(1);
        SegmenterConfig config = SegmenterConfig.of(
                ImageSize.square(240), 16, 96, 1, 3, List.of(1, 3), classes, SegmenterConfig.Decoder.LINEAR);
        segmenter = ElasticSegmenter.of(ElasticClassifier.of(
                new ModelDirectory.Model(
                        Path.of("drawn"),
                        ModelConfig.of(config),
                        config.parameters().draw(1)),
                Precision.FP32));
        byte[] levels = new byte[WIDTH * HEIGHT * 3];
        random.nextBytes(levels);
        record = segmenter
                .record(List.of(new Picture(WIDTH, HEIGHT, levels)), segmenter.options(), Routers.ENTROPY)
                .get(0);
        float[] logits = new float[225 * classes];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (4 * random.nextGaussian());
        }
        window = config.readout().read(logits, 0, logits.length);
    }

    @TearDown
    public void close() {
        segmenter.close();
    }

    @Benchmark
    public double entropyOfAWindow() {
        return window.entropyNats();
    }

    @Benchmark
    public Segmentation windowsPutTogether() {
        return record.endingAt(1);
    }

    @Benchmark
    public int[] everyEndOfAWindow() {
        Relabelling labels = record.relabelling();
        for (int i = 0; i < record.windows().size(); i++) {
            labels.end(i, 1, (pixel, before, after) -> {});
        }
        return labels.labels();
    }
}
