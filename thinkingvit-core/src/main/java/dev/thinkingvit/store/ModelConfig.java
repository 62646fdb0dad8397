package dev.thinkingvit.store;

import dev.thinkingvit.data.ClassFinder;
import dev.thinkingvit.data.DatasetException;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.ImageNet;
import dev.thinkingvit.data.RealLabels;
import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.Preprocessing;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a model's {@code config.json} says: the network's shape, how pictures are prepared for it, its labels, and how it
 * decides to stop.
 *
 * @param network shape of the network
 * @param preprocessing from a decoded picture to the network's input
 * @param labels name of each class, in order; empty if the file names none
 * @param routing how the model decides to stop
 * @param training how the model was trained, free in form; an empty object if the file does not say
 * @param source the file's object as it was read, whose unknown keys survive a rewrite; empty for a new model
 */
public record ModelConfig(
        NetworkConfig network,
        Preprocessing preprocessing,
        List<String> labels,
        Routing routing,
        JsonText training,
        JsonText source) {

    public ModelConfig {
        Objects.requireNonNull(network, "the network is null");
        Objects.requireNonNull(preprocessing, "the preprocessing is null");
        Objects.requireNonNull(labels, "the labels are null");
        Objects.requireNonNull(routing, "the routing is null");
        Objects.requireNonNull(training, "what is said of the training is null");
        Objects.requireNonNull(source, "the source is null");
        labels = List.copyOf(labels);
        if (!labels.isEmpty() && labels.size() != network.numClasses()) {
            throw new IllegalArgumentException(
                    "label_names must name all " + network.numClasses() + " classes, got " + labels.size());
        }
        if (!preprocessing.size().equals(network.imageSize())) {
            throw new IllegalArgumentException("input_size " + preprocessing.size()
                    + " differs from the network's img_size " + network.imageSize());
        }
        routing.checkStages(network.stages());
    }

    /** A new model of that shape, with ImageNet's preprocessing and the published way to stop. */
    public static ModelConfig of(NetworkConfig network) {
        Objects.requireNonNull(network, "the network is null");
        return new ModelConfig(
                network,
                Preprocessing.imagenet(network.imageSize()),
                List.of(),
                Routing.of(network),
                JsonText.EMPTY,
                JsonText.EMPTY);
    }

    public ModelConfig withPreprocessing(Preprocessing changed) {
        return new ModelConfig(network, changed, labels, routing, training, source);
    }

    public ModelConfig withLabels(List<String> changed) {
        return new ModelConfig(network, preprocessing, changed, routing, training, source);
    }

    public ModelConfig withRouting(Routing changed) {
        return new ModelConfig(network, preprocessing, labels, changed, training, source);
    }

    public ModelConfig withTraining(JsonText changed) {
        return new ModelConfig(network, preprocessing, labels, routing, changed, source);
    }

    /**
     * The name of class {@code index}. Where the model names none, 1,000 classes are taken for ImageNet's, and others are
     * called by their number.
     *
     * @throws IndexOutOfBoundsException if there is no such class
     */
    public String label(int index) {
        if (index < 0 || index >= network.numClasses()) {
            throw new IndexOutOfBoundsException(
                    "class " + index + " does not exist: the model has classes 0 to " + (network.numClasses() - 1));
        }
        if (!labels.isEmpty()) {
            return labels.get(index);
        }
        return isImageNet() ? ImageNet.names().get(index) : Integer.toString(index);
    }

    /** As {@link #label}, but with the first name alone where the class is one of ImageNet's: {@code tench}. */
    public String shortLabel(int index) {
        return isImageNet() && ImageNet.isName(index, label(index))
                ? ImageNet.shortNames().get(index)
                : label(index);
    }

    /** WordNet's number of class {@code index}, {@code n01440764}; null where the classes are not ImageNet's. */
    public @Nullable String synset(int index) {
        return isImageNet() ? ImageNet.synsets().get(index) : null;
    }

    /** Whether the classes are those of ImageNet-1k, by {@linkplain ImageNet#is their names or their number}. */
    public boolean isImageNet() {
        return ImageNet.is(network.numClasses(), labels);
    }

    /**
     * The same pictures labelled as the model counts its classes, however the folders are called: see {@link ClassFinder}.
     *
     * @throws DatasetException if a folder with pictures is none of the model's classes
     */
    public ImageFolder label(ImageFolder folder) throws DatasetException {
        return label(folder, null);
    }

    /**
     * As {@link #label(ImageFolder)}; where the folders are not the model's classes, each picture has the label that goes
     * by its name.
     *
     * @param real the labels by name; null for none
     */
    public ImageFolder label(ImageFolder folder, @Nullable RealLabels real) throws DatasetException {
        Objects.requireNonNull(folder, "the folder is null");
        return new ClassFinder(network.numClasses(), labels)
                .label(folder, SourceConfig.namings(ModelConfigJson.tree(source)), real);
    }
}
