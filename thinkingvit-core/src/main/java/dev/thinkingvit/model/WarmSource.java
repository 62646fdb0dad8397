package dev.thinkingvit.model;

import dev.thinkingvit.model.WarmStart.Kind;
import dev.thinkingvit.model.WarmStart.Remark;
import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tensors that a network starts from, under its own names and in its own geometry. What else they may come from, and how it
 * is brought to that, is the architecture's to know: {@link NetworkConfig#warmSource}.
 *
 * @param tensors by name, of any type; of what recycles tokens, which starts anew in most models, nothing but what {@link
 *     #keepingRecycling} keeps
 * @param width of the source, counted as {@link NetworkConfig#numFeatures()} counts; 0 if no tensor tells
 * @param shape what these tensors should be the weights of: a network of one stage and that width, else the one that starts;
 *     null if there can be none
 * @param remarks what was done
 */
public record WarmSource(
        Map<String, HostTensor> tensors,
        int width,
        @Nullable NetworkConfig shape,
        List<Remark> remarks) {
    private static final int LARGEST_WIDTH = 1 << 16;

    /** What recycles tokens in published checkpoints. */
    private static final Pattern PUBLISHED_RECYCLING = Pattern.compile("alpha\\..*|proj_layer.*");

    public WarmSource {
        remarks = List.copyOf(remarks);
    }

    /**
     * Tensors that need no change.
     *
     * @param tensors under the network's names; not changed
     * @param config of the network that starts
     */
    static WarmSource of(Map<String, HostTensor> tensors, NetworkConfig config) {
        return of(tensors, width(tensors, config), config, List.of(), name -> false);
    }

    /**
     * Tensors under published names, whose width is that of their last norm.
     *
     * @param remarks what was done to them before
     */
    static WarmSource published(Map<String, HostTensor> tensors, NetworkConfig config, List<Remark> remarks) {
        return published(tensors, width(tensors, config), config, remarks);
    }

    /**
     * Tensors under published names, of a known width. A source of more stages than the network has more that recycles.
     *
     * @param remarks what was done to them before
     */
    static WarmSource published(
            Map<String, HostTensor> tensors, int width, NetworkConfig config, List<Remark> remarks) {
        return of(tensors, width, config, remarks, PUBLISHED_RECYCLING.asMatchPredicate());
    }

    /**
     * As a ThinkingViT's, but that what recycles tokens is taken where the source has it: of a network that is a ThinkingViT
     * already but for what becomes of its tokens.
     *
     * @param parameters of the network that starts
     */
    static WarmSource keepingRecycling(
            ThinkingViTConfig vit,
            Parameters parameters,
            Map<String, HostTensor> tensors,
            String library,
            @Nullable ImageSize seen) {
        Map<String, HostTensor> rest = new LinkedHashMap<>(tensors);
        Map<String, HostTensor> recycling = new LinkedHashMap<>();
        for (Parameter parameter : parameters.all()) {
            HostTensor tensor = tensors.get(parameter.name());
            if (parameter.role() == Role.KEPT_RECYCLING && tensor != null) {
                recycling.put(parameter.name(), tensor);
                rest.remove(parameter.name());
            }
        }
        WarmSource fitted = vit.warmSource(rest, library, seen);
        Map<String, HostTensor> all = new LinkedHashMap<>(fitted.tensors);
        all.putAll(recycling);
        List<Remark> remarks = new ArrayList<>(fitted.remarks);
        if (vit.stages() > 1 && recycling.isEmpty()) {
            remarks.add(new Remark(
                    Kind.ADAPTED, "proj_layer", "alpha and proj_layer, of which the source has none, start anew"));
        }
        return new WarmSource(all, fitted.width, fitted.shape, remarks);
    }

    /**
     * This source, and what recycles tokens, which then does not start anew.
     *
     * @param recycling of the network's shapes
     * @param config of the network that starts
     */
    public WarmSource withRecycling(Map<String, HostTensor> recycling, NetworkConfig config) {
        Set<String> layers = new TreeSet<>();
        recycling.keySet().forEach(name -> layers.add(layer(name, config)));
        Map<String, HostTensor> all = new LinkedHashMap<>(tensors);
        all.putAll(recycling);
        List<Remark> others = new ArrayList<>(remarks);
        others.removeIf(remark -> layers.contains(remark.name()));
        if (!layers.isEmpty()) {
            others.add(recycles(layers, "is taken as it is", "are taken as they are"));
        }
        return new WarmSource(all, width, shape, others);
    }

    private static Remark recycles(Set<String> layers, String one, String several) {
        String names = String.join(", ", layers).replaceFirst(", ([^,]*)$", " and $1");
        return new Remark(
                Kind.ADAPTED,
                layers.iterator().next(),
                names
                        + (layers.size() == 1
                                ? ", which recycles tokens, " + one
                                : ", which recycle tokens, " + several));
    }

    private static WarmSource of(
            Map<String, HostTensor> tensors,
            int width,
            NetworkConfig config,
            List<Remark> remarks,
            Predicate<String> recycling) {
        Map<String, HostTensor> kept = new LinkedHashMap<>(tensors);
        List<Remark> all = new ArrayList<>(remarks);
        Set<String> layers = new TreeSet<>();
        for (String name : tensors.keySet()) {
            Parameter parameter = config.parameters().get(name);
            if (parameter == null ? recycling.test(name) : parameter.role() == Role.RECYCLING) {
                kept.remove(name);
                layers.add(layer(name, config));
            }
        }
        if (!layers.isEmpty()) {
            all.add(recycles(layers, "starts anew in every model", "start anew in every model"));
        }
        return new WarmSource(kept, width, width < 1 || width > LARGEST_WIDTH ? null : plain(config, width), all);
    }

    /** As much of a name's beginning as tells what recycles tokens from all else. */
    private static String layer(String name, NetworkConfig config) {
        int end = name.indexOf('.');
        while (end >= 0) {
            String start = name.substring(0, end + 1);
            if (config.parameters().all().stream()
                    .noneMatch(
                            each -> each.role() != Role.RECYCLING && each.name().startsWith(start))) {
                return name.substring(0, end);
            }
            end = name.indexOf('.', end + 1);
        }
        return name;
    }

    private static @Nullable NetworkConfig plain(NetworkConfig config, int width) {
        try {
            return config.plain(width);
        } catch (IllegalArgumentException e) {
            return null; // then nothing fits, and each tensor is remarked on
        }
    }

    /** What the deepest vector says that is as wide as the network: its last norm. */
    private static int width(Map<String, HostTensor> tensors, NetworkConfig config) {
        int width = 0;
        for (Parameter parameter : config.parameters().all()) {
            HostTensor tensor = tensors.get(parameter.name());
            if (parameter.role() == Role.BODY
                    && parameter.axes().size() == 1
                    && parameter.chunks() == 1
                    && parameter.axis(Axis.Meaning.FEATURES).isPresent()
                    && parameter.elements() == config.numFeatures()
                    && tensor != null
                    && tensor.dtype().isFloating()
                    && tensor.shape().length == 1) {
                width = Math.toIntExact(tensor.shape()[0]);
            }
        }
        return width;
    }
}
