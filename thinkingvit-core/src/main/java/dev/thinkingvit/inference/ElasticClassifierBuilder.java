package dev.thinkingvit.inference;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.DynamicBackbone;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.ComputeClient;
import dev.thinkingvit.tensor.ComputeListener;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.TorchDevice;
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
    private @Nullable ActivationRanges watched;
    private boolean dynamicImageSize;
    private TorchDevice device = TorchDevice.CPU;

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
     * Finds out between which values lies what goes into the model's linear layers, as INT8 needs to know it, of all pictures
     * that the classifier thinks about to the end. In FP32, and slower; only of a model's own size.
     *
     * @param ranges to which it is added
     */
    public ElasticClassifierBuilder watching(ActivationRanges ranges) {
        this.watched = Objects.requireNonNull(ranges, "the ranges are null");
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
     * Computes on a CUDA device, by libtorch's operators, which need its libraries for one; in FP32 unless
     * {@link #precision} says BF16. Results come back to the processor's memory. An exported model and INT8 compute on
     * processors alone.
     *
     * @throws dev.thinkingvit.tensor.TensorException if the machine or this libtorch lacks the device
     */
    public ElasticClassifierBuilder device(TorchDevice where) {
        Objects.requireNonNull(where, "the device is null").require();
        this.device = where;
        return this;
    }

    /**
     * Loads a model; see {@link ElasticClassifier#open(Path)}.
     *
     * @throws CheckpointException if it cannot be read, or is changed meanwhile
     * @throws dev.thinkingvit.tensor.TensorException if native libraries are missing, naming what to add
     * @throws IllegalArgumentException if the system property {@value dev.thinkingvit.tensor.Natives#THREADS} is no number
     *     of threads, or an exported model is to be run in another precision than its own
     * @throws CancellationException if the thread is interrupted; its flag stays set
     */
    public ElasticClassifier open(Path path) {
        Objects.requireNonNull(path, "the model's path is null");
        Natives.begin();
        try {
            return read(path);
        } catch (RuntimeException | Error e) {
            Natives.load(); // what is missing is said before what else is wrong
            throw e;
        }
    }

    private ElasticClassifier read(Path path) {
        if (Thread.currentThread().isInterrupted()) { // which closes the channels that files are read through
            throw new CancellationException(path + ": not opened, since the thread that would is interrupted");
        }
        if (ExportedModel.isIn(path) && !Files.exists(path.resolve(ModelDirectory.CONFIG))) { // both: the model itself
            if (device.isCuda()) {
                throw new IllegalArgumentException(
                        path + ": is an exported model, which computes on the processor, not on " + device);
            }
            ExportedModel exported = ExportedModel.read(path);
            return of(exported, precision == null ? exported.precision() : precision);
        }
        ModelDirectory.Model model = ModelImport.read(path, null, Weights.AUTO).model();
        return of(model, precision == null ? precisionFor(model) : precision);
    }

    private Precision precisionFor(ModelDirectory.Model model) {
        return device.isCuda() ? Precision.FP32 : ElasticClassifier.precisionFor(model);
    }

    ElasticClassifier of(ExportedModel model, Precision products) {
        return ElasticClassifier.of(model, products, this);
    }

    /**
     * Packs a model that has been read.
     *
     * @throws CheckpointException if the precision is INT8 and the model has no ranges, or some of other weights
     */
    public ElasticClassifier of(ModelDirectory.Model model, Precision products) {
        return ElasticClassifier.of(model, products, this);
    }

    boolean isDynamic() {
        return dynamicImageSize;
    }

    /** @param ranges for INT8; null for others */
    Backbone backbone(
            NetworkConfig network,
            Map<String, HostTensor> weights,
            Precision products,
            @Nullable ActivationRanges ranges) {
        if (device.isCuda()) {
            return onDevice(network, weights, products);
        }
        ActivationRanges seen = watched;
        DynamicBackbone.Packer packer = (sized, them) -> seen == null
                ? PackedBackbone.of(sized, them, products, ranges)
                : PackedBackbone.watching(sized, them, seen);
        return dynamicImageSize || network.takesAnySize()
                ? DynamicBackbone.of(network, weights, packer)
                : packer.apply(network, weights);
    }

    private Backbone onDevice(NetworkConfig network, Map<String, HostTensor> weights, Precision products) {
        if (products == Precision.INT8 || watched != null) {
            throw new IllegalArgumentException(
                    "int8 computes on processors, not on " + device + ": fp32 or bf16 is required");
        }
        DynamicBackbone.Packer packer = (sized, them) -> NestedBackbone.of(sized, them, products, device);
        return dynamicImageSize || network.takesAnySize()
                ? DynamicBackbone.of(network, weights, packer)
                : packer.apply(network, weights);
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
