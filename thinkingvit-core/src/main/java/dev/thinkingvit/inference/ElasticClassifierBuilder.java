package dev.thinkingvit.inference;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.DynamicBackbone;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.ComputeClient;
import dev.thinkingvit.tensor.ComputeListener;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Opens classifiers that are set up otherwise than {@link ElasticClassifier#open(Path)} does it:
 *
 * <pre>{@code
 * ElasticClassifier classifier = ElasticClassifier.builder()
 *         .threads(2)
 *         .queue(64)
 *         .listener((images, queued, waitedNanos, computedNanos) -> timer.record(computedNanos, NANOSECONDS))
 *         .open(Path.of("models/cifar10-3h-6h"));
 * }</pre>
 *
 * <p>Not for use by several threads. Holds nothing, and opens any number of classifiers.
 */
public final class ElasticClassifierBuilder {
    private int threads = Integer.MAX_VALUE;
    private int queue = ComputeClient.QUEUE;
    private ComputeListener listener = ComputeListener.NONE;
    private @Nullable Precision precision;
    private boolean dynamicImageSize;

    ElasticClassifierBuilder() {}

    /**
     * How many threads compute at most, never more than the machine's cores, than the system property
     * {@value dev.thinkingvit.tensor.Natives#THREADS}, or than the environment's {@code OMP_NUM_THREADS}. Small work uses
     * fewer.
     *
     * @throws IllegalArgumentException if it is not at least 1
     */
    public ElasticClassifierBuilder threads(int most) {
        this.threads = atLeastOne("threads", most);
        return this;
    }

    /**
     * How many calls may wait, {@value ComputeClient#QUEUE} by default; each holds its pictures' inputs.
     *
     * @throws IllegalArgumentException if it is not at least 1
     */
    public ElasticClassifierBuilder queue(int calls) {
        this.queue = atLeastOne("queue", calls);
        return this;
    }

    /** Who is told of each call. */
    public ElasticClassifierBuilder listener(ComputeListener told) {
        this.listener = Objects.requireNonNull(told, "the listener is null");
        return this;
    }

    /** Of the matrix products, instead of what {@link ElasticClassifier#precisionFor} chooses. */
    public ElasticClassifierBuilder precision(Precision products) {
        this.precision = Objects.requireNonNull(products, "the precision is null");
        return this;
    }

    /**
     * Takes prepared inputs of other sizes than the model's own, too, as far as its architecture can, as timm's argument of
     * that name does: a ViT any multiple of its patch size, whose position embedding is resampled; a Swin any that
     * its configuration takes, whose biases are resized where windows are of another size. Each of the last few sizes has packed weights of its own, and the weights stay in Java's memory.
     */
    public ElasticClassifierBuilder dynamicImageSize() {
        this.dynamicImageSize = true;
        return this;
    }

    /**
     * Loads a model; see {@link ElasticClassifier#open(Path)}.
     *
     * @throws CheckpointException if it cannot be read, or is changed meanwhile
     * @throws dev.thinkingvit.tensor.TensorException if native libraries are missing, naming what to add
     * @throws IllegalArgumentException if the system property {@value dev.thinkingvit.tensor.Natives#THREADS} is no number
     *     of threads, or an exported model is to be run in another precision than F32
     * @throws CancellationException if the thread is interrupted; its flag stays set
     */
    public ElasticClassifier open(Path path) {
        Objects.requireNonNull(path, "the model's path is null");
        Natives.load(); // before anything is read
        if (Thread.currentThread().isInterrupted()) { // which closes the channels that files are read through
            throw new CancellationException(path + ": not opened, since the thread that would is interrupted");
        }
        if (ExportedModel.isIn(path) && !Files.exists(path.resolve(ModelDirectory.CONFIG))) { // both: the model itself
            return of(ExportedModel.read(path), precision == null ? Precision.FP32 : precision);
        }
        ModelDirectory.Model model = ModelImport.read(path, null, Weights.AUTO).model();
        return of(model, precision == null ? ElasticClassifier.precisionFor(model.config()) : precision);
    }

    ElasticClassifier of(ExportedModel model, Precision products) {
        return ElasticClassifier.of(model, products, this);
    }

    ElasticClassifier of(ModelDirectory.Model model, Precision products) {
        return ElasticClassifier.of(model, products, this);
    }

    boolean isDynamic() {
        return dynamicImageSize;
    }

    Backbone backbone(NetworkConfig network, Map<String, HostTensor> weights, Precision products) {
        return dynamicImageSize
                ? DynamicBackbone.of(network, weights, (sized, them) -> PackedBackbone.of(sized, them, products))
                : PackedBackbone.of(network, weights, products);
    }

    int mostThreads() {
        return Math.min(threads, Natives.threadLimit());
    }

    /** @param path of the model, whose folder's name the queue has */
    ElasticEngine engine(Path path, Supplier<Backbone> backbone) {
        ComputeClient client = new ComputeClient(path.toString(), queue, listener);
        try {
            return new ElasticEngine(backbone.get(), client, threads);
        } catch (RuntimeException | Error e) {
            client.close();
            throw e;
        }
    }

    private static int atLeastOne(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, got " + value);
        }
        return value;
    }
}
