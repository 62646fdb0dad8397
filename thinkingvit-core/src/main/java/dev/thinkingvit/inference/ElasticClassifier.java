package dev.thinkingvit.inference;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.NoNumberException;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxRuntime;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureException;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.UnfitPictureException;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.RangesFile;
import dev.thinkingvit.store.Routing;
import dev.thinkingvit.tensor.Natives;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Classifies pictures, spending as much thought on each as it needs. The way in for most users:
 *
 * <pre>{@code
 * try (ElasticClassifier classifier = ElasticClassifier.open(Path.of("models/cifar10-3h-6h"))) {
 *     Classification seen = classifier.classify(Path.of("cat.jpg"));
 *     System.out.println(seen.best().name() + " after stage " + seen.stage());
 * }
 * }</pre>
 *
 * <p>Threading: safe from any number of threads. Calls take turns, a step of a few images per core at a time; so many may
 * wait ({@link ElasticClassifierBuilder#queue}). Owns the model's weights; close it once, on any thread. Results are plain Java
 * and outlive it. Every method that classifies or embeds throws, besides what it names,
 *
 * <ul>
 *   <li>{@link java.util.concurrent.CancellationException} if its thread is interrupted while it waits, and leaves the
 *       thread interrupted; what had not begun of it is never computed;
 *   <li>{@link dev.thinkingvit.tensor.QueueFullException} if as many calls wait as may;
 *   <li>{@link dev.thinkingvit.files.ShutdownException} once the process exits; closing is allowed then;
 *   <li>{@link IllegalStateException} if the classifier is closed;
 *   <li>{@link NullPointerException} that names the argument if one is null, or one in a list, before anything is read.
 * </ul>
 */
public final class ElasticClassifier implements AutoCloseable {
    /** Stops at this entropy where neither the model nor the caller says when; the published tables' mildest loss. */
    public static final double DEFAULT_THRESHOLD = 0.5;

    /** Pictures that a precision must have been compared on to be chosen by itself. */
    public static final int ENOUGH_IMAGES = 1000;

    /** From what width on a network is faster in eight bits than in BF16 where the processor multiplies tiles. */
    private static final int WIDE = 192;

    private static final int TOP = 5;

    private static final Logger log = LoggerFactory.getLogger(ElasticClassifier.class);
    private static final String MODEL_IS_NULL = "the model is null";
    private static final String PRECISION_IS_NULL = "the precision is null";
    private static final String POLICY_IS_NULL = "the policy is null";
    private static final String POOLING_IS_NULL = "the pooling is null";

    private final ModelConfig config;
    private final Precision precision;
    private final ElasticEngine engine;
    private final StopPolicy policy;

    private ElasticClassifier(ModelConfig config, StopPolicy policy, Precision precision, ElasticEngine engine) {
        this.config = config;
        this.precision = precision;
        this.engine = engine;
        this.policy = policy;
    }

    /**
     * Loads a model directory or a checkpoint file in the precision that {@link #precisionFor} chooses, or a model that was
     * exported to ONNX, in that of its export.
     *
     * @param path see {@link dev.thinkingvit.store.ModelImport#read}; what the weights cannot say must be in a directory's configuration
     * @return the caller's, who closes it
     * @throws dev.thinkingvit.checkpoint.CheckpointException if it cannot be read, or is changed meanwhile
     * @throws dev.thinkingvit.tensor.TensorException if native libraries are missing, naming what to add
     * @throws IllegalArgumentException if the system property {@value Natives#THREADS} is no number of threads
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; its flag stays set
     */
    public static ElasticClassifier open(Path path) {
        return builder().open(path);
    }

    /** For what is set rarely: how many threads, how long a queue, who is told. */
    public static ElasticClassifierBuilder builder() {
        return new ElasticClassifierBuilder();
    }

    /**
     * BF16 where this processor has instructions for it and a calibration has found it to predict what F32 does of at least
     * 1,000 images; else F32.
     */
    public static Precision precisionFor(ModelConfig config) {
        Objects.requireNonNull(config, "the model's configuration is null");
        Routing.Calibration calibration = config.routing().calibration();
        boolean same = calibration != null
                && calibration.bf16() != null
                && calibration.images(calibration.bf16()) >= ENOUGH_IMAGES
                && calibration.bf16().predictsTheSame();
        return same && Precision.BF16.isFastHere() ? Precision.BF16 : Precision.FP32;
    }

    /**
     * What {@link #precisionFor(ModelConfig)} chooses, or INT8 where it is faster on this processor, the model's folder has its ranges,
     * and a calibration has found it to predict nearly what F32 does of at least 1,000 images. It is faster where a product of its is;
     * where the choice is BF16 and the processor multiplies tiles (AMX), where all stages are at least 192 wide.
     */
    public static Precision precisionFor(ModelDirectory.Model model) {
        Objects.requireNonNull(model, MODEL_IS_NULL);
        Precision otherwise = precisionFor(model.config());
        Routing.Calibration calibration = model.config().routing().calibration();
        boolean nearly = calibration != null
                && calibration.int8() != null
                && calibration.images(calibration.int8()) >= ENOUGH_IMAGES
                && calibration.int8().predictsNearlyTheSame();
        if (!nearly || !isFasterThan(otherwise, model.config().network())) {
            return otherwise;
        }
        try {
            return RangesFile.read(model) == null ? otherwise : Precision.INT8;
        } catch (CheckpointException e) {
            log.warn("int8 is not used: {}", e.getMessage());
            return otherwise;
        }
    }

    private static boolean isFasterThan(Precision otherwise, NetworkConfig network) {
        return (otherwise == Precision.BF16 && Precision.hasTilesHere())
                ? isWide(network)
                : Precision.INT8.isFastHere() && Precision.INT8.gainHere() > otherwise.gainHere();
    }

    /**
     * Whether a network is faster in eight bits than in BF16 where there are tiles. They speed up products alone, and GELU and attention
     * take most of a narrow stage's time. Measured of ViTs: 0.7 to 0.93 times as fast at widths of 96 and 192, 1.05 to 1.09 times at 192
     * alone, 1.2 to 1.3 times at 192 and 384. A Swin, of which the width after its last level counts, was not measured.
     */
    static boolean isWide(NetworkConfig network) {
        return IntStream.rangeClosed(1, network.stages()).allMatch(stage -> network.stageWidth(stage) >= WIDE);
    }

    /**
     * Loads a model directory or a checkpoint file with matrix products in the given precision. A model that was exported to ONNX is run by
     * ONNX Runtime, in the precision of its export.
     *
     * @throws IllegalArgumentException if an exported model is to be run in another precision than it was exported in
     */
    public static ElasticClassifier open(Path path, Precision precision) {
        return builder().precision(precision).open(path);
    }

    /**
     * Opens an exported model with ONNX Runtime.
     *
     * @param precision the export's own
     * @throws dev.thinkingvit.tensor.TensorException if ONNX Runtime is not there
     */
    public static ElasticClassifier of(ExportedModel model, Precision precision) {
        return builder().of(model, precision);
    }

    static ElasticClassifier of(ExportedModel model, Precision precision, ElasticClassifierBuilder how) {
        Objects.requireNonNull(model, MODEL_IS_NULL);
        Objects.requireNonNull(precision, PRECISION_IS_NULL);
        Natives.load();
        if (how.isDynamic()) {
            throw new IllegalArgumentException(model.path() + ": exported models take pictures of "
                    + model.config().network().imageSize() + " pixels alone; dynamicImageSize takes the model itself");
        }
        if (precision != model.precision()) {
            throw new IllegalArgumentException(model.path() + ": was exported in "
                    + model.precision().name().toLowerCase(Locale.ROOT) + ", in which alone it computes; "
                    + precision.name().toLowerCase(Locale.ROOT) + " was asked for");
        }
        StopPolicy policy = policy(model.config(), model.path().resolve(ExportedModel.DESCRIPTION), "");
        return new ElasticClassifier(
                model.config(),
                policy,
                precision,
                how.engine(model.path(), () -> OnnxRuntime.open(model, how.mostThreads())));
    }

    /** Packs a model that has been read. */
    public static ElasticClassifier of(ModelDirectory.Model model, Precision precision) {
        return builder().of(model, precision);
    }

    static ElasticClassifier of(ModelDirectory.Model model, Precision precision, ElasticClassifierBuilder how) {
        Objects.requireNonNull(model, MODEL_IS_NULL);
        Objects.requireNonNull(precision, PRECISION_IS_NULL);
        Natives.load();
        ModelConfig config = model.config();
        StopPolicy policy = policy(config, model.path().resolve(ModelDirectory.CONFIG), "thinking.");
        ActivationRanges ranges = precision == Precision.INT8 ? ranges(model) : null;
        return new ElasticClassifier(
                config,
                policy,
                precision,
                how.engine(model.path(), () -> how.backbone(config.network(), model.weights(), precision, ranges)));
    }

    private static ActivationRanges ranges(ModelDirectory.Model model) {
        Precision.INT8.requireHere();
        return RangesFile.required(model);
    }

    /** The model's way to stop; refused before anything is packed if there is no such router or threshold. */
    private static StopPolicy policy(ModelConfig config, Path file, String place) {
        try {
            return policy(config.routing());
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, place + e.getMessage(), e);
        }
    }

    /** The model's configuration: its shape, labels, preprocessing, and how to stop. */
    public ModelConfig config() {
        return config;
    }

    /** Of the matrix products. */
    public Precision precision() {
        return precision;
    }

    /** What thinks, for inputs that are prepared already; the classifier's, which closes it. */
    public ElasticEngine engine() {
        return engine;
    }

    /** The model's own way to stop, which calls without a policy use. */
    public StopPolicy policy() {
        return policy;
    }

    /** What the model's classifier reads of the last tokens: the pooling of an embedding, unless another is asked for. */
    public Pooling pooling() {
        return Pooling.of(config.network().architecture());
    }

    private static StopPolicy policy(Routing routing) {
        Router router = Routers.named(routing.router());
        if (!routing.thresholds().isEmpty()) {
            return new StopPolicy(router, routing.thresholds());
        }
        // a threshold of an entropy means nothing to other routers
        return Routers.isEntropy(router.id())
                ? StopPolicy.of(router, DEFAULT_THRESHOLD)
                : StopPolicy.alwaysThink(router);
    }

    /**
     * Classifies one file, whose path is the result's {@link Classification#source}.
     *
     * @throws PictureException if it cannot be read
     */
    public Classification classify(Path file) throws IOException {
        return classify(Request.of(file));
    }

    /**
     * Classifies a picture file's bytes.
     *
     * @throws PictureException if they are no picture that can be read
     */
    public Classification classify(byte[] bytes) throws IOException {
        return classify(Request.of(bytes));
    }

    /**
     * Classifies a picture file's bytes from a stream, which is read to its end and not closed.
     *
     * @throws PictureException if it cannot be read, or holds no picture
     */
    public Classification classify(InputStream stream) throws IOException {
        return classify(Request.of(stream));
    }

    /**
     * Classifies an image of any type.
     *
     * @throws IllegalArgumentException if the model's preprocessing cannot take it
     */
    public Classification classify(BufferedImage image) {
        return classify(Picture.of(image), "picture");
    }

    /**
     * Classifies one picture, whatever it comes as, with its own way to stop.
     *
     * @throws PictureException if it cannot be read
     */
    public Classification classify(Request request) throws IOException {
        try {
            return classify(List.of(Objects.requireNonNull(request, "the request is null")))
                    .get(0);
        } catch (BrokenPicturesException e) {
            throw e.failures().values().iterator().next();
        }
    }

    /**
     * Classifies pictures together, whatever they come as, each with its own way to stop. They are read one after the
     * other and thought about as one batch, of {@value RequestReader#TOGETHER} at most at a time.
     *
     * @return one result a picture, in order
     * @throws BrokenPicturesException if some cannot be read; it has the results of all others
     * @throws NullPointerException if one is null, saying which; nothing has been read then
     * @throws IllegalArgumentException if a policy does not fit the model, saying whose; nothing has been read then
     */
    public List<Classification> classify(List<Request> requests) throws BrokenPicturesException {
        return new RequestReader<>(this, this::classify).all(requests, BrokenPicturesException::classifying);
    }

    private List<Classification> classify(RequestBatch batch) {
        List<Outcome> outcomes =
                engine.run(batch.inputs(), config.network().imageSize(), batch.policies(), batch.isFirst(), null);
        return IntStream.range(0, outcomes.size())
                .mapToObj(i -> classification(batch.names().get(i), outcomes.get(i)))
                .toList();
    }

    /** Classifies one picture. */
    public Classification classify(Picture picture, String name) {
        Objects.requireNonNull(picture, "the picture is null");
        Objects.requireNonNull(name, "the picture's name is null");
        return classify(List.of(picture), List.of(name), policy).get(0);
    }

    /**
     * Classifies pictures as one batch.
     *
     * @param names as many, for the results
     * @return one result a picture, in order
     */
    public List<Classification> classify(List<Picture> pictures, List<String> names, StopPolicy stop) {
        requireAll(pictures, "picture");
        requireAll(names, "name");
        Objects.requireNonNull(stop, POLICY_IS_NULL);
        if (pictures.size() != names.size()) {
            throw new IllegalArgumentException(pictures.size() + " pictures need as many names, got " + names.size());
        }
        if (pictures.isEmpty()) {
            return List.of();
        }
        Preprocessing preprocessing = config.preprocessing();
        int length = preprocessing.floatsPerPicture();
        float[] inputs = new float[Math.multiplyExact(pictures.size(), length)];
        for (int i = 0; i < pictures.size(); i++) {
            engine.requireNotInterrupted();
            try {
                preprocessing.normalizeInto(preprocessing.resizeAndCrop(pictures.get(i)), inputs, i * length);
            } catch (UnfitPictureException e) {
                throw new IllegalArgumentException(names.get(i) + ": does not fit: " + e.getMessage(), e);
            }
        }
        return classify(inputs, names, stop);
    }

    /**
     * Classifies prepared inputs as one batch.
     *
     * @param inputs B·3·h·w values, normalised, as {@link Preprocessing} makes them; nobody may change them before the end
     * @param names B of them, at least one
     * @return one result a picture, in order
     * @throws IllegalArgumentException if the sizes do not fit, or the policy does not fit the model
     */
    public List<Classification> classify(float[] inputs, List<String> names, StopPolicy stop) {
        return classify(inputs, config.network().imageSize(), names, stop);
    }

    /**
     * Classifies prepared inputs of another size than the model's own as one batch.
     *
     * @param inputs B·3·h·w values, as a {@link Preprocessing} of that size makes them
     * @param size of all of them
     * @param names B of them
     * @throws IllegalArgumentException if the model takes no pictures of that size: see
     *     {@link ElasticClassifierBuilder#dynamicImageSize}
     */
    public List<Classification> classify(float[] inputs, ImageSize size, List<String> names, StopPolicy stop) {
        check(inputs, names, stop);
        List<Outcome> outcomes = engine.run(inputs, size, Collections.nCopies(names.size(), stop));
        List<Classification> classifications = new ArrayList<>();
        for (int i = 0; i < outcomes.size(); i++) {
            classifications.add(classification(names.get(i), outcomes.get(i)));
        }
        return classifications;
    }

    /**
     * Classifies a stream of files, a batch at a time, as the result is consumed; see {@link #classify(Stream, int,
     * Consumer)}.
     */
    public Stream<Classification> classify(
            Stream<Path> files, int batchSize, StopPolicy stop, Consumer<IOException> onBroken) {
        Objects.requireNonNull(files, "the stream of files is null");
        Objects.requireNonNull(stop, POLICY_IS_NULL);
        Objects.requireNonNull(onBroken, "onBroken, who is told of broken pictures, is null");
        return classify(files.map(file -> Request.of(file).stoppingBy(stop)), batchSize, onBroken::accept);
    }

    /**
     * Classifies a stream of pictures, a batch at a time, as the result is consumed. Close the stream if its source needs
     * closing.
     *
     * @param batchSize pictures that are thought about together, at least 1
     * @param onBroken told of each picture that cannot be read; such a picture is left out
     */
    public Stream<Classification> classify(
            Stream<Request> requests, int batchSize, Consumer<PictureException> onBroken) {
        return new RequestReader<>(this, this::classify).stream(requests, batchSize, onBroken);
    }

    /**
     * What the classifier reads of one file after the stage that decided: a ViT's class token, the mean of a Swin's tokens.
     *
     * @throws PictureException if it cannot be read
     */
    public Embedding embed(Path file) throws IOException {
        return embed(Request.of(file), pooling());
    }

    /**
     * Embeds one picture: it is classified, and its tokens after the last stage that it went through are its embedding. No
     * later stage is computed; {@code StopPolicy.endingAt(k, stages)} as the request's policy takes stage k.
     *
     * @throws PictureException if it cannot be read
     */
    public Embedding embed(Request request, Pooling pooling) throws IOException {
        try {
            return embed(List.of(Objects.requireNonNull(request, "the request is null")), pooling)
                    .get(0);
        } catch (BrokenPicturesException e) {
            throw e.failures().values().iterator().next();
        }
    }

    /**
     * Embeds pictures together, as {@link #classify(List)} classifies them.
     *
     * @return one result a picture, in order
     * @throws BrokenPicturesException if some cannot be read; it has the results of all others
     */
    public List<Embedding> embed(List<Request> requests, Pooling pooling) throws BrokenPicturesException {
        return embedder(pooling).all(requests, BrokenPicturesException::embedding);
    }

    /**
     * Embeds a stream of pictures, a batch at a time, as the result is consumed. Close the stream if its source needs
     * closing.
     *
     * @param batchSize pictures that are thought about together, at least 1
     * @param onBroken told of each picture that cannot be read; such a picture is left out
     */
    public Stream<Embedding> embed(
            Stream<Request> requests, int batchSize, Pooling pooling, Consumer<PictureException> onBroken) {
        return embedder(pooling).stream(requests, batchSize, onBroken);
    }

    /**
     * Embeds prepared inputs as one batch.
     *
     * @param inputs B·3·h·w values, as {@link Preprocessing} makes them
     * @param names B of them
     * @throws NoNumberException if an embedding is no finite number
     */
    public List<Embedding> embed(float[] inputs, List<String> names, StopPolicy stop, Pooling pooling) {
        return embed(inputs, config.network().imageSize(), names, stop, pooling);
    }

    /**
     * Embeds prepared inputs of another size than the model's own as one batch.
     *
     * @param inputs B·3·h·w values, as a {@link Preprocessing} of that size makes them
     * @param size of all of them
     * @param names B of them
     * @throws NoNumberException if an embedding is no finite number
     * @throws IllegalArgumentException if the model takes no pictures of that size: see
     *     {@link ElasticClassifierBuilder#dynamicImageSize}
     */
    public List<Embedding> embed(float[] inputs, ImageSize size, List<String> names, StopPolicy stop, Pooling pooling) {
        check(inputs, names, stop);
        Objects.requireNonNull(pooling, POOLING_IS_NULL);
        return embed(inputs, size, names, Collections.nCopies(names.size(), stop), true, pooling);
    }

    private static void check(float[] inputs, List<String> names, StopPolicy stop) {
        Objects.requireNonNull(inputs, "the inputs are null");
        requireAll(names, "name");
        Objects.requireNonNull(stop, POLICY_IS_NULL);
    }

    private static void requireAll(List<?> list, String what) {
        Objects.requireNonNull(list, "the list of " + what + "s is null");
        for (int i = 0; i < list.size(); i++) {
            if (list.get(i) == null) {
                throw new NullPointerException(what + " " + (i + 1) + " of " + list.size() + " is null");
            }
        }
    }

    private RequestReader<Embedding> embedder(Pooling pooling) {
        Objects.requireNonNull(pooling, POOLING_IS_NULL);
        ImageSize size = config.network().imageSize();
        return new RequestReader<>(
                this, batch -> embed(batch.inputs(), size, batch.names(), batch.policies(), batch.isFirst(), pooling));
    }

    private List<Embedding> embed(
            float[] inputs,
            ImageSize size,
            List<String> names,
            List<StopPolicy> policies,
            boolean first,
            Pooling pooling) {
        Architecture architecture = config.network().architecture();
        pooling.check(architecture);
        Features features = new Features(names.size(), pooling, architecture.prefixTokens());
        List<Outcome> outcomes = engine.run(inputs, size, policies, first, features);
        return IntStream.range(0, outcomes.size())
                .mapToObj(i -> features.embedding(i, classification(names.get(i), outcomes.get(i))))
                .toList();
    }

    private Classification classification(String source, Outcome outcome) {
        List<Classification.Label> labels = new ArrayList<>();
        float[] probabilities = outcome.decisive().probabilities();
        for (int index : outcome.top(TOP)) {
            labels.add(new Classification.Label(index, config.label(index), probabilities[index]));
        }
        return new Classification(source, labels, outcome);
    }

    @Override
    public void close() {
        engine.close();
    }
}
