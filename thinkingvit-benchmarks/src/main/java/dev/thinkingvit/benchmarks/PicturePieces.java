package dev.thinkingvit.benchmarks;

import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What happens to a picture in Java, on one core: a photograph's way to the network, and the router's look at the result. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH fills the fields
public class PicturePieces {
    private static final int CLASSES = 1000;

    private final Preprocessing preprocessing = Preprocessing.imagenet(224);
    private final float[] input = new float[preprocessing.floatsPerPicture()];
    private final float[] probabilities = new float[CLASSES];
    private byte[] jpeg;
    private Picture picture;

    @Setup
    public void draw() throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        jpeg = Photographs.draw(1);
        picture = PictureDecoder.decode(jpeg, "drawn.jpg");
        float sum = 0;
        for (int i = 0; i < CLASSES; i++) {
            probabilities[i] = (float) random.nextDouble();
            sum += probabilities[i];
        }
        for (int i = 0; i < CLASSES; i++) {
            probabilities[i] /= sum;
        }
    }

    @Benchmark
    public Picture decodeJpeg() throws IOException {
        return PictureDecoder.decode(jpeg, "drawn.jpg");
    }

    @Benchmark
    public float[] resizeCropAndNormalise() {
        preprocessing.normalizeInto(preprocessing.resizeAndCrop(picture), input, 0);
        return input;
    }

    @Benchmark
    public double entropyOfTheTopTen() {
        return Routers.ENTROPY_TOP10.measure(probabilities);
    }
}
