package dev.thinkingvit.store;

import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.HostTensors;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Cuts a model that is wider than its last stage, as the published first release is, to that stage's width. No stage reads
 * more than the leading features of any tensor, so that every output stays what it was, and every value keeps its bits.
 */
public final class WidthCut {
    private WidthCut() {}

    /** The model as wide as its last stage; itself if it is no wider. */
    public static ModelDirectory.Model of(ModelDirectory.Model model) {
        ModelConfig config = model.config();
        NetworkConfig narrow = config.network().narrowest();
        if (narrow.equals(config.network())) {
            return model;
        }
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        Map<String, HostTensor> wide = model.weights();
        for (Parameter parameter : narrow.parameters().all()) {
            HostTensor tensor = wide.get(parameter.name());
            if (tensor == null) {
                throw new IllegalStateException("no tensor " + parameter.name()); // a model has all of its network's
            }
            weights.put(parameter.name(), HostTensors.leading(tensor, parameter.chunks(), parameter.shape()));
        }
        return new ModelDirectory.Model(
                model.path(),
                new ModelConfig(
                        narrow,
                        config.preprocessing(),
                        config.labels(),
                        config.routing(),
                        config.training(),
                        config.source()),
                weights);
    }
}
