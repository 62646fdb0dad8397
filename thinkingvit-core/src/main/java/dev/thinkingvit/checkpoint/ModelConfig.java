package dev.thinkingvit.checkpoint;

import dev.thinkingvit.data.Preprocessing;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.util.List;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a model's {@code config.json} says: the network's shape, how pictures are prepared for it, its labels, and how it
 * decides to stop.
 *
 * @param network shape of the network
 * @param preprocessing from a decoded picture to the network's input
 * @param labels name of each class, in order; empty if the file names none
 * @param routing how the model decides to stop
 * @param training how the model was trained, free in form; an empty object if the file does not say
 * @param source the file's tree as it was read, whose unknown keys survive a rewrite; empty for a new model
 */
public record ModelConfig(
        ThinkingViTConfig network,
        Preprocessing preprocessing,
        List<String> labels,
        Routing routing,
        ObjectNode training,
        ObjectNode source) {

    public ModelConfig {
        labels = List.copyOf(labels);
        if (!labels.isEmpty() && labels.size() != network.numClasses()) {
            throw new IllegalArgumentException(
                    "label_names must name all " + network.numClasses() + " classes, got " + labels.size());
        }
        if (preprocessing.size() != network.imageSize()) {
            throw new IllegalArgumentException("input_size " + preprocessing.size()
                    + " differs from the network's img_size " + network.imageSize());
        }
        routing.checkStages(network.stages());
        training = training.deepCopy();
        source = source.deepCopy();
    }

    /** A new model of that shape, with ImageNet's preprocessing and the published way to stop. */
    public static ModelConfig of(ThinkingViTConfig network) {
        return new ModelConfig(
                network,
                Preprocessing.imagenet(network.imageSize()),
                List.of(),
                Routing.DEFAULT,
                JsonNodeFactory.instance.objectNode(),
                JsonNodeFactory.instance.objectNode());
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

    public ModelConfig withTraining(ObjectNode changed) {
        return new ModelConfig(network, preprocessing, labels, routing, changed, source);
    }

    /** The name of class {@code index}; its number where the model names none. */
    public String label(int index) {
        return labels.isEmpty() ? Integer.toString(index) : labels.get(index);
    }
}
