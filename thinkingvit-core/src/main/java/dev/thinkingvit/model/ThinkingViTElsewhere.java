package dev.thinkingvit.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A plain Vision Transformer in timm and transformers: a ThinkingViT of one stage. */
final class ThinkingViTElsewhere implements OtherLibraries {
    private static final Pattern TIMM =
            Pattern.compile("(vit|deit)((_[a-z0-9]+)*_(patch\\d+)(_[a-z0-9]+)*(\\.[\\w.]+)?)?");

    /** Heads of timm's models whose heads are not 64 wide. */
    private static final Map<String, Integer> HEADS = Map.of("huge", 16, "giant", 16, "gigantic", 16, "little", 5);

    /** What no shape of a timm model's weights would show. */
    private static final Map<String, String> DIFFERENCES = Map.of(
            "quickgelu",
            "computes another GELU",
            "distilled",
            "has a second class token",
            "relpos",
            "has relative positions");

    /** timm's plain networks: size, patch and picture, or the way they were trained in. */
    private static final Pattern VIT =
            Pattern.compile("(?<![a-z0-9])vit_[a-z]+_((patch|p)\\d+_(\\d+)|(augreg|orig_in21k))");

    private static final Pattern DEITS = Pattern.compile("(?<![a-z0-9])deit3?_[a-z]+");
    private static final Pattern LARGER = Pattern.compile("_(384|448|512)(?!\\d)");
    private static final List<Double> CLIP_MEAN = List.of(0.48145466, 0.4578275, 0.40821073);
    private static final List<Double> CLIP_STD = List.of(0.26862954, 0.26130258, 0.27577711);
    private static final List<Double> HALF = List.of(0.5, 0.5, 0.5);

    private static final Pattern SIZED =
            Pattern.compile("(?:deit|vit)_(tiny|small|base|large)_patch(\\d{1,3})_(\\d{1,4})(?:\\..*)?");
    private static final Map<String, Integer> SIZED_HEADS = Map.of("tiny", 3, "small", 6, "base", 12, "large", 16);

    private static final double TRANSFORMERS_EPS = 1e-12;
    private static final String DEIT = "deit";

    @Override
    public boolean isTimms(String name) {
        return TIMM.matcher(name).matches();
    }

    @Override
    public Map<String, Object> ofTimm(String name) {
        DIFFERENCES.forEach((part, what) -> {
            if (name.contains(part)) {
                throw new IllegalArgumentException(
                        "architecture " + name + " " + what + ", which is not supported; plain ViTs are");
            }
        });
        Map<String, Object> arguments = new LinkedHashMap<>();
        HEADS.forEach((size, heads) -> {
            if (name.contains("_" + size + "_")) {
                arguments.put("num_heads", heads);
            }
        });
        return arguments;
    }

    @Override
    public Map<String, Object> recipeOfTimm(String name) {
        Matcher sized = SIZED.matcher(name);
        if (!sized.matches()) {
            return Map.of();
        }
        return Map.of(
                "stages", List.of(SIZED_HEADS.getOrDefault(sized.group(1), 1)),
                "head_dim", 64,
                "depth", sized.group(1).equals("large") ? 24 : 12,
                "patch_size", Integer.valueOf(sized.group(2)),
                "img_size", Integer.valueOf(sized.group(3)));
    }

    @Override
    public Optional<Prepared> preparedByTimm(String name) {
        boolean large = LARGER.matcher(name).find();
        if (DEITS.matcher(name).find()) {
            boolean whole = large || (name.contains("deit3") && name.contains("22k"));
            return Optional.of(
                    new Prepared(Prepared.IMAGENET_MEAN, Prepared.IMAGENET_STD, whole ? 1.0 : 0.9, "bicubic"));
        }
        if (!VIT.matcher(name).find()) {
            return Optional.empty();
        }
        if (name.contains("_miil")) {
            return Optional.of(new Prepared(List.of(0.0, 0.0, 0.0), List.of(1.0, 1.0, 1.0), 0.875, "bilinear"));
        }
        if (name.matches(".*(clip|openai|laion|bamboo).*")) {
            return Optional.of(new Prepared(CLIP_MEAN, CLIP_STD, 1.0, "bicubic"));
        }
        boolean imagenets = name.matches(".*[._](dino|mae|[a-z0-9]*_?ijepa|dinov2|lvd142m)\\b.*")
                || name.matches(".*vit_small_patch8_224.*");
        return Optional.of(new Prepared(
                imagenets ? Prepared.IMAGENET_MEAN : HALF,
                imagenets ? Prepared.IMAGENET_STD : HALF,
                large ? 1.0 : 0.9,
                "bicubic"));
    }

    @Override
    public List<String> modelTypes() {
        return List.of("vit", DEIT);
    }

    @Override
    public Map<String, Object> ofTransformers(TransformersConfig config) {
        config.requireUsual();
        String width = config.text("hidden_size", "");
        double hidden = config.number("hidden_size", 0);
        if (!width.isEmpty() && config.number("intermediate_size", 4 * hidden) != 4 * hidden) {
            throw config.refused("intermediate_size", "4 times hidden_size " + width);
        }
        double heads = config.number("num_attention_heads", 0);
        if (hidden > 0 && heads > 0 && hidden % heads != 0) {
            throw new IllegalArgumentException(
                    "num_attention_heads must divide hidden_size " + width + ", got " + (int) heads);
        }
        Map<String, Object> arguments = new LinkedHashMap<>();
        config.copy("image_size", arguments, "img_size");
        config.copy("patch_size", arguments, "patch_size");
        config.copy("hidden_size", arguments, "embed_dim");
        config.copy("num_attention_heads", arguments, "num_heads");
        config.copy("num_hidden_layers", arguments, "depth");
        arguments.put("norm_eps", TRANSFORMERS_EPS);
        config.copy("layer_norm_eps", arguments, "norm_eps");
        return arguments;
    }

    @Override
    public Map<String, Object> preprocessor(String modelType) {
        if (!modelType.equals(DEIT)) {
            return OtherLibraries.super.preprocessor(modelType);
        }
        return Map.of(
                "size",
                256,
                "do_center_crop",
                true,
                "crop_size",
                224,
                "resample",
                3,
                "image_mean",
                List.of(0.485, 0.456, 0.406),
                "image_std",
                List.of(0.229, 0.224, 0.225));
    }
}
