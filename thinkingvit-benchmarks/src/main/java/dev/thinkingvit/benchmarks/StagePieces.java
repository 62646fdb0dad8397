package dev.thinkingvit.benchmarks;

import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** The two stages of a network, each alone, on all cores. */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH fills the fields
public class StagePieces {
    @Param({"cifar", "224"})
    public String model;

    @Param({"FP32", "BF16", "INT8"})
    public Precision precision;

    @Param({"1", "8"})
    public int images;

    private PackedBackbone network;
    private NativeTensor pixels; // (B, 3, S, S)
    private NativeTensor tokens; // (B, N, d) of stage 1

    @Setup
    public void load() {
        InferenceBenchmark.Subject subject = Subjects.named(model);
        network = PackedBackbone.of(
                subject.network(), subject.weights(), precision, precision == Precision.INT8 ? subject.ranges() : null);
        float[] values = SyntheticBatch.draw(subject.network(), images, 1).images();
        int size = subject.network().imageSize().side();
        ComputeThread.call(() -> {
            try (Scope scope = new Scope()) {
                pixels = Scope.own(NativeArray.of(values, images, 3, size, size));
                tokens = Scope.own(network.run(1, pixels, null).tokens());
            }
            return null;
        });
    }

    @TearDown
    public void close() {
        pixels.close();
        tokens.close();
        network.close();
    }

    @Benchmark
    public float[] firstStage() {
        return ComputeThread.call(() -> {
            try (Scope scope = new Scope()) {
                return network.run(1, pixels, null).prediction().toFloats();
            }
        });
    }

    @Benchmark
    public float[] secondStage() {
        return ComputeThread.call(() -> {
            try (Scope scope = new Scope()) {
                return network.run(2, pixels, tokens).prediction().toFloats();
            }
        });
    }
}
