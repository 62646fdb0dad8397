package dev.thinkingvit.train;

import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameters;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Which parameters an optimizer treats alike: weight decay spares what {@linkplain Parameter#decays says so}, as timm
 * spares tensors of at most one dimension, biases, positions and class tokens; a layer decay d scales the learning rate of
 * layer i of n by d^(n − i), {@linkplain Parameter#layer as deep as each lies}.
 *
 * @param shares each a list of groups with different treatments, of about as many values as another share
 */
record ParameterGroups(List<List<Group>> shares) {
    /**
     * How a parameter is treated.
     *
     * @param decayed whether weight decay applies to it
     * @param lrScale factor of the learning rate
     * @param pace which learning rate that is
     */
    record Treatment(boolean decayed, double lrScale, Pace pace) {
        double rate(double learningRate, double backbone) {
            return switch (pace) {
                case PREDICTOR -> lrScale * learningRate;
                case BACKBONE -> lrScale * backbone;
                case STILL -> 0;
            };
        }
    }

    /** Whose learning rate a parameter has. */
    enum Pace {
        /** The schedule's own. */
        PREDICTOR,
        /** That of all the rest. */
        BACKBONE,
        /** It does not learn. */
        STILL
    }

    /** @param parameters by name, in order */
    record Group(Treatment treatment, Map<String, Tensor> parameters) {}

    /**
     * @param declared all of the network's parameters
     * @param parameters their tensors by name
     * @param layerDecay null for none
     * @param trainEmbeddings whether class tokens and positions learn
     * @param trainRecycling whether what recycles tokens learns
     * @param count of shares
     */
    static ParameterGroups of(
            Parameters declared,
            Map<String, Tensor> parameters,
            @Nullable Double layerDecay,
            boolean trainEmbeddings,
            boolean trainRecycling,
            int count) {
        List<Map<Treatment, Group>> shares = new ArrayList<>();
        List<long[]> sizes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            shares.add(new LinkedHashMap<>());
            sizes.add(new long[] {0, i});
        }
        int deepest = declared.all().stream().mapToInt(Parameter::layer).max().orElse(0);
        parameters.forEach((name, tensor) -> {
            long[] least = Collections.min(sizes, Comparator.comparingLong((long[] size) -> size[0]));
            least[0] += tensor.numel();
            Treatment treatment =
                    treatment(declared.require(name), layerDecay, trainEmbeddings, trainRecycling, deepest);
            shares.get((int) least[1])
                    .computeIfAbsent(treatment, key -> new Group(key, new LinkedHashMap<>()))
                    .parameters()
                    .put(name, tensor);
        });
        return new ParameterGroups(
                shares.stream().map(share -> List.copyOf(share.values())).toList());
    }

    /** @param deepest layer of the network */
    static Treatment treatment(
            Parameter parameter,
            @Nullable Double layerDecay,
            boolean trainEmbeddings,
            boolean trainRecycling,
            int deepest) {
        double scale = layerDecay == null ? 1 : Math.pow(layerDecay, deepest - parameter.layer());
        boolean learns = (trainEmbeddings || !isEmbedding(parameter)) && (trainRecycling || !recycles(parameter));
        Pace pace =
                !learns ? Pace.STILL : parameter.role() == Parameter.Role.PREDICTOR ? Pace.PREDICTOR : Pace.BACKBONE;
        return new Treatment(parameter.decays(), scale, pace);
    }

    private static boolean recycles(Parameter parameter) {
        return parameter.role() == Parameter.Role.RECYCLING || parameter.role() == Parameter.Role.KEPT_RECYCLING;
    }

    /** Class tokens and positions: what is put beside the embedded patches, of several dimensions and undecayed. */
    private static boolean isEmbedding(Parameter parameter) {
        return parameter.layer() == 0 && !parameter.decays() && parameter.axes().size() > 1;
    }
}
