package dev.thinkingvit.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** A plain Swin Transformer in transformers: one round, in which all heads think. timm's names are the architecture's own. */
final class SwinElsewhere implements OtherLibraries {
    private static final Pattern TIMM = Pattern.compile("(?<![a-z0-9])swin_[a-z0-9]+_");
    private static final Pattern LARGER = Pattern.compile("_(384|448|512)(?!\\d)");

    @Override
    public Optional<Prepared> preparedByTimm(String name) {
        return !TIMM.matcher(name).find()
                ? Optional.empty()
                : Optional.of(new Prepared(
                        Prepared.IMAGENET_MEAN,
                        Prepared.IMAGENET_STD,
                        LARGER.matcher(name).find() ? 1.0 : 0.9,
                        "bicubic"));
    }

    @Override
    public List<String> modelTypes() {
        return List.of("swin");
    }

    @Override
    public Map<String, Object> ofTransformers(TransformersConfig config) {
        config.requireUsual();
        config.require("mlp_ratio", 4.0);
        config.require("layer_norm_eps", SwinConfig.NORM_EPS);
        config.require("use_absolute_embeddings", "false");
        Map<String, Object> arguments = new LinkedHashMap<>();
        config.copy("image_size", arguments, "img_size");
        config.copy("patch_size", arguments, "patch_size");
        for (String key : List.of("embed_dim", "depths", "num_heads", "window_size")) {
            config.copy(key, arguments, key);
        }
        if (!config.list("num_heads").isEmpty()) {
            arguments.put("head_rounds", List.of(config.list("num_heads")));
        }
        return arguments;
    }
}
