package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.ClassMap;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.ImageNetSet;
import dev.thinkingvit.data.PassedOver;
import dev.thinkingvit.data.RealLabels;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.ValidLabels;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.eval.Recording;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.Router;
import dev.thinkingvit.inference.Routers;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelFolders;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A model and the pictures to score it on, for the commands that record a data set. */
final class DataOptions {
    /** Pictures of a Segmenter that go through the network together. */
    static final int PIXEL_BATCH = 8;

    private static final int NAMED_SKIPPED = 5;
    private static final int NAMED_IN_JSON = 100;
    private static final int NAMED_CLASSES = 5;

    /** A set of which more than this share cannot be read is no longer the set. */
    private static final double LOST_SHARE = 0.05;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR",
            description = "Pictures, one folder a class, named as the model's labels, for ImageNet's classes also by"
                    + " synset (n01440764) or number; or a tar or a folder of tars: class folders in it, class tars,"
                    + " WebDataset shards (also 'shards-{000..009}.tar'). For a Segmenter: pictures with labelled pixels"
                    + " (images and annotations, ADE20K, Cityscapes, Pascal).")
    @SuppressWarnings("NullAway.Init")
    Path data;

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            description = "Model directory, checkpoint file or exported model. Default: the shipped model.")
    private @Nullable Path model;

    @Option(
            names = "--router",
            paramLabel = "NAME",
            description =
                    "What measures certainty: entropy_top10, entropy, entropy_inclusive, max_probability or margin. Default: the"
                            + " model's.")
    private @Nullable String router;

    @Option(names = "--limit", paramLabel = "N", description = "Use N pictures, spread evenly over all. Default: all.")
    private @Nullable Integer limit;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            description =
                    "Images that go through the network together. Default: ${DEFAULT-VALUE}; of a Segmenter at most"
                            + " " + PIXEL_BATCH + " pictures, with all of their windows.")
    int batchSize = 64;

    @Option(names = "--retry", description = "When memory ends, start again with half of the batch, down to 1.")
    private boolean retry;

    @Option(names = "--workers", paramLabel = "N", description = "Threads that load pictures. Default: one a core.")
    int workers = Runtime.getRuntime().availableProcessors();

    @Option(names = "--precision", paramLabel = "P", description = PrecisionChoice.DESCRIPTION)
    private PrecisionChoice precision = PrecisionChoice.AUTO;

    @Mixin
    final PreprocessingOptions preprocessing = new PreprocessingOptions();

    @Mixin
    final BackendOption backend = new BackendOption();

    @Option(
            names = "--dataset",
            paramLabel = "NAME",
            converter = ImageNetSetConverter.class,
            description = "Score as is usual for imagenet, imagenet-a, imagenet-r (200 classes may be predicted),"
                    + " imagenet-v2, imagenet-sketch or imagenet-real (reassessed labels).")
    @Nullable ImageNetSet dataset;

    @Option(
            names = "--class-map",
            paramLabel = "FILE",
            description = "Which label each folder stands for, where folders are not named as the model's labels.")
    private @Nullable Path classMap;

    @Option(
            names = "--valid-labels",
            paramLabel = "FILE",
            description = "The labels that may be predicted, where the data covers only some of them.")
    private @Nullable Path validLabels;

    @Option(
            names = "--real-labels",
            paramLabel = "FILE",
            description = "ReaL labels: any number of right answers a picture; pictures without one are not counted.")
    private @Nullable Path realLabels;

    private @Nullable ImageFolder listed;
    private @Nullable Path chosen;

    private static final class ImageNetSetConverter implements ITypeConverter<ImageNetSet> {
        @Override
        public ImageNetSet convert(String value) {
            try {
                return ImageNetSet.of(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    /** The precision that was asked for; null if none was. */
    @Nullable Precision precision() {
        return precision.precision();
    }

    /** The model's directory, the default one resolved. */
    Path modelDirectory() {
        return chosen != null ? chosen : Models.directory(model);
    }

    /** Chooses one of {@link #models}. */
    void choose(Path one) {
        chosen = one;
    }

    /** The files that are read besides pictures. */
    List<Path> files() {
        return Stream.of(modelDirectory(), data, classMap, validLabels, realLabels)
                .filter(Objects::nonNull)
                .toList();
    }

    /** The models that {@code --model} names: one, or those of a folder or a pattern, by name. */
    List<Path> models() throws IOException {
        return ModelFolders.models(modelDirectory(), ExportedModel::isIn);
    }

    /** Opens the model; the caller closes it. */
    ElasticClassifier open(PrintWriter err) throws IOException {
        return open(precision.precision(), err);
    }

    /** Opens the model in another precision than the one that was asked for; the caller closes it. */
    ElasticClassifier open(@Nullable Precision as, PrintWriter err) throws IOException {
        ElasticClassifier classifier = backend.open(modelDirectory(), as, preprocessing, err);
        try {
            BackendOption.tellNames(classifier.config(), err);
            ModelConfig config = classifier.config();
            if (dataset != null && !config.network().readout().isOfPixels()) {
                dataset.requireClasses(config.network().numClasses(), config.labels());
            }
            return classifier;
        } catch (IOException | RuntimeException e) {
            classifier.close();
            throw e;
        }
    }

    /** The router that was asked for, or the model's. */
    Router router(ModelConfig config) {
        return Routers.named(router == null ? config.routing().router() : router);
    }

    /** The model's own thresholds; none where another router than the model's measures, or there is but one stage. */
    List<Double> ownThresholds(ElasticClassifier classifier) {
        ModelConfig config = classifier.config();
        boolean own = config.network().stages() > 1
                && router(config).id().equals(classifier.policy().router().id());
        return own ? classifier.policy().thresholds() : List.of();
    }

    /** The data set, labelled as the model counts its classes; says what of the folder is not used. */
    ImageFolder folder(ModelConfig config, PrintWriter err) throws IOException {
        return labelled(listed(err), config, err);
    }

    /** Other pictures than {@link #data}, labelled and told of in the same way. */
    ImageFolder folder(Path other, ModelConfig config, PrintWriter err) throws IOException {
        return labelled(listed(other, err), config, err);
    }

    private ImageFolder labelled(ImageFolder folder, ModelConfig config, PrintWriter err) throws IOException {
        ImageFolder labelled;
        if (classMap != null && !folder.isFlat()) {
            labelled = folder.withLabels(ClassMap.read(classMap), labelNames(config));
        } else {
            labelled = config.label(folder, real(config));
            if (config.labels().isEmpty() || config.isImageNet()) {
                labelled.remarksOnOrder().forEach(line -> err.println(Printable.of(line)));
            }
        }
        remarks(config, labelled).forEach(line -> err.println(Printable.of(line)));
        return labelled;
    }

    /** The data set as its folders are named, which is listed once, however many models it is for. */
    ImageFolder listed(PrintWriter err) throws IOException {
        if (listed == null) {
            listed = listed(data, err);
        }
        return listed;
    }

    private ImageFolder listed(Path pictures, PrintWriter err) throws IOException {
        boolean byName = realLabels != null || (dataset != null && dataset.isLabelledByName());
        ImageFolder folder = byName ? ImageFolder.openFlat(pictures) : ImageFolder.open(pictures);
        folder.remarks().forEach(line -> err.println(Printable.of(line)));
        return folder;
    }

    /** What people should know of how a model's classes and the data's go together; refuses what does not. */
    private List<String> remarks(ModelConfig config, ImageFolder labelled) throws IOException {
        if (dataset != null) {
            dataset.requireOwn(labelled);
        }
        ImageNetSet known = config.isImageNet() ? ImageNetSet.withClasses(labelled) : null;
        if (known == null) {
            return labelled.remarksOnCover();
        }
        return dataset != null || validLabels != null
                ? List.of()
                : List.of("note: these are the classes of " + known + "; with --dataset " + known.id()
                        + " only they may be predicted, as is usual");
    }

    /** The pictures to use. */
    List<Sample> samples(ImageFolder folder) {
        return samples(folder.samples());
    }

    /** As many as were asked for. */
    List<Sample> samples(List<Sample> all) {
        return limit == null ? all : Recorder.spread(all, limit);
    }

    /** The first option that was given of those that are about classes of pictures; null if none was. */
    @Nullable String givenForClasses() {
        if (dataset != null) {
            return "--dataset";
        }
        if (classMap != null) {
            return "--class-map";
        }
        if (validLabels != null) {
            return "--valid-labels";
        }
        if (realLabels != null) {
            return "--real-labels";
        }
        return retry ? "--retry" : preprocessing.givenForCrops();
    }

    private static List<String> labelNames(ModelConfig config) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < config.network().numClasses(); i++) {
            names.add(config.label(i));
        }
        return names;
    }

    /** Which labels may be predicted; null for all. */
    @Nullable ValidLabels valid(ModelConfig config) throws IOException {
        if (validLabels != null) {
            return ValidLabels.read(validLabels, labelNames(config));
        }
        return dataset == null ? null : dataset.valid();
    }

    private @Nullable RealLabels real(ModelConfig config) throws IOException {
        if (realLabels != null) {
            return RealLabels.read(realLabels, config.network().numClasses());
        }
        return dataset == null ? null : dataset.real();
    }

    /** Runs every sample through all stages once, with a progress bar; says what was skipped. */
    Recording record(ElasticClassifier classifier, List<Sample> samples, PrintWriter err) throws IOException {
        ModelConfig config = classifier.config();
        Recorder.Options options =
                new Recorder.Options(router(config), batchSize, workers, valid(config), real(config));
        Recording recording;
        try (ProgressBar bar = Progress.of("evaluating", samples.size(), err)) {
            recording = retry
                    ? Recorder.recordHalving(
                            classifier.engine(),
                            config.preprocessing(),
                            samples,
                            options,
                            bar::stepTo,
                            smaller -> smaller(smaller, err))
                    : Recorder.record(classifier.engine(), config.preprocessing(), samples, options, bar::stepTo);
        }
        nameSkipped(recording.skipped(), err);
        tellLost(recording, samples, config, err);
        if (recording.uncounted() > 0) {
            err.println("note: " + recording.uncounted() + " of " + samples.size()
                    + " pictures have no right answer among the ReaL labels, and are not counted");
        }
        return recording;
    }

    private static void tellLost(Recording recording, List<Sample> samples, ModelConfig config, PrintWriter err) {
        int lost = recording.skipped().size();
        if (lost == 0) {
            return;
        }
        List<Integer> classes = recording.classesLost(samples);
        boolean many = lost > LOST_SHARE * samples.size() || !classes.isEmpty();
        err.println((many ? "warning: " : "note: ") + lost + " of " + samples.size()
                + " pictures could not be read; what follows is of the other "
                + recording.images().size());
        if (!classes.isEmpty()) {
            err.println("warning: none of the pictures of "
                    + classes.stream()
                            .limit(NAMED_CLASSES)
                            .map(label -> "'" + Printable.of(config.label(label)) + "'")
                            .collect(Collectors.joining(", "))
                    + (classes.size() > NAMED_CLASSES
                            ? " and " + (classes.size() - NAMED_CLASSES) + " other classes"
                            : "")
                    + " could be read; nothing here says how well "
                    + (classes.size() == 1 ? "it is" : "they are") + " known");
        }
    }

    private void smaller(int batch, PrintWriter err) {
        err.println("note: memory ended with --batch-size " + batchSize + "; trying again with " + batch);
        err.flush();
        batchSize = batch; // for whatever comes after
    }

    /** Adds what of a folder was not used to a JSON object. */
    static void putPassedOver(ObjectNode root, PassedOver passedOver) {
        ObjectNode node = root.putObject("passed_over");
        node.put("files", passedOver.count());
        ArrayNode kinds = node.putArray("kinds");
        for (PassedOver.Kind kind : passedOver.kinds()) {
            ObjectNode each = kinds.addObject();
            each.put("kind", kind.what()).put("files", kind.count());
            kind.first().forEach(path -> each.withArray("first").add(path.toString()));
        }
    }

    /** Adds the pictures that could not be read to a JSON object: how many, and the first few by name. */
    static void putSkipped(ObjectNode root, List<BatchLoader.Failure> skipped) {
        root.put("skipped", skipped.size());
        ArrayNode files = root.putArray("skipped_files");
        for (BatchLoader.Failure failure : skipped.subList(0, Math.min(NAMED_IN_JSON, skipped.size()))) {
            files.addObject().put("file", failure.sample().path().toString()).put("error", failure.message());
        }
    }

    /** Names the first few pictures that could not be read, and says how many more there are. */
    static void nameSkipped(List<BatchLoader.Failure> skipped, PrintWriter err) {
        Map<String, Integer> counts = new LinkedHashMap<>(); // of a tar that is gone all members say the same
        skipped.forEach(failure -> counts.merge(failure.message(), 1, Integer::sum));
        int named = 0;
        for (Map.Entry<String, Integer> each :
                counts.entrySet().stream().limit(NAMED_SKIPPED).toList()) {
            named += each.getValue();
            err.println("skipped: " + Printable.of(each.getKey())
                    + (each.getValue() == 1 ? "" : " (" + each.getValue() + " pictures)"));
        }
        if (skipped.size() > named) {
            err.println("skipped: " + (skipped.size() - named) + " more");
        }
    }
}
