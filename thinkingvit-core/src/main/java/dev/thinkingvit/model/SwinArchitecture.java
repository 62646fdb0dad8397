package dev.thinkingvit.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How configurations name a {@link SwinConfig}: timm's names and arguments, as far as they mean this network, and the
 * rounds.
 */
final class SwinArchitecture implements Architecture {
    private static final Pattern SIZED =
            Pattern.compile("swin_(tiny|small|base|large)_patch4_window(\\d{1,2})_(\\d{3})");
    private static final Pattern SEARCHED = Pattern.compile("swin_s3_(tiny|small|base)_(\\d{3})");
    private static final Map<String, List<Integer>> SHAPES = Map.of(
            "tiny", List.of(96, 3, 6),
            "small", List.of(96, 3, 18),
            "base", List.of(128, 4, 18),
            "large", List.of(192, 6, 18));
    private static final Pattern PUBLISHED = Pattern.compile("swin_[a-z0-9_]+(\\.\\w+)?");
    private static final Pattern BIASES =
            Pattern.compile("layers\\.\\d+\\.blocks\\.\\d+\\.attn\\.relative_position_bias_table");
    private static final Set<String> KNOWN = Set.of(
            "img_size", "patch_size", "embed_dim", "depths", "num_heads", "window_size", "head_rounds", "num_classes");
    private static final Map<String, Object> FIXED = Map.ofEntries(
            Map.entry("build_token_projector", true),
            Map.entry("mlp_ratio", 4.0),
            Map.entry("qkv_bias", true),
            Map.entry("in_chans", 3),
            Map.entry("global_pool", "avg"),
            Map.entry("act_layer", "gelu"),
            Map.entry("always_partition", false));
    private static final Set<String> TRAINING =
            Set.of("drop_rate", "drop_path_rate", "attn_drop_rate", "proj_drop_rate", "strict_img_size");

    @Override
    public String name() {
        return "thinkingswin";
    }

    @Override
    public String title() {
        return "Thinking Swin";
    }

    @Override
    public String plainTitle() {
        return "Swin Transformer";
    }

    @Override
    public boolean owns(String tensor) {
        return BIASES.matcher(tensor).matches();
    }

    @Override
    public boolean answersTo(String architecture) {
        return architecture.equals(name()) || PUBLISHED.matcher(architecture).matches();
    }

    /** timm's: {@code swin_small_patch4_window7_224}, {@code swin_s3_tiny_224}, tags included; one round. */
    @Override
    public Map<String, Object> implied(String architecture) {
        String name = architecture.replaceFirst("\\..*", "");
        Matcher plain = SIZED.matcher(name);
        Matcher searched = SEARCHED.matcher(name);
        List<Integer> shape = null; // width, heads of the first level, blocks of the third
        Object windows = null;
        String size = "";
        if (plain.matches()) {
            shape = SHAPES.get(plain.group(1));
            windows = Integer.valueOf(plain.group(2));
            size = plain.group(3);
        } else if (searched.matches()) {
            boolean base = searched.group(1).equals("base");
            shape = SHAPES.get(searched.group(1));
            shape = base ? List.of(96, 3, 30) : shape;
            windows = searched.group(1).equals("small") ? List.of(14, 14, 14, 7) : List.of(7, 7, 14, 7);
            size = searched.group(2);
        }
        if (shape == null || windows == null) {
            return Map.of();
        }
        int heads = shape.get(1);
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("img_size", Integer.valueOf(size));
        arguments.put("patch_size", 4);
        arguments.put("window_size", windows);
        arguments.put("embed_dim", shape.get(0));
        arguments.put("depths", List.of(2, 2, shape.get(2), 2));
        arguments.put("num_heads", List.of(heads, 2 * heads, 4 * heads, 8 * heads));
        return arguments;
    }

    @Override
    public String stagesArgument() {
        return "head_rounds";
    }

    @Override
    public WeightsReader weights() {
        return new SwinWeights();
    }

    @Override
    public OtherLibraries elsewhere() {
        return new SwinElsewhere();
    }

    @Override
    public List<String> sources() {
        return List.of(plainTitle(), title());
    }

    @Override
    public String globalPool() {
        return "avg";
    }

    @Override
    public int prefixTokens() {
        return 0;
    }

    @Override
    public SwinConfig read(Arguments arguments) {
        arguments.requireKnown(name(), KNOWN, FIXED, TRAINING);
        List<Integer> depths = arguments.integers("depths");
        List<Integer> heads = arguments.integers("num_heads"); // all of them where nobody names rounds
        return new SwinConfig(
                arguments.imageSize("img_size"),
                arguments.square("patch_size"),
                arguments.integer("embed_dim"),
                depths,
                heads,
                arguments.integers("window_size", depths.size()),
                arguments.has("head_rounds") ? arguments.lists("head_rounds", depths.size()) : List.of(heads),
                arguments.integer("num_classes"));
    }

    @Override
    public Map<String, Object> write(NetworkConfig config) {
        if (!(config instanceof SwinConfig network)) {
            throw new IllegalArgumentException(config.architecture().name() + " is not " + name());
        }
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("img_size", network.imageSize().argument());
        arguments.put("patch_size", network.patchSize());
        arguments.put("window_size", SwinConfig.oneForAll(network.windowSize()));
        arguments.put("embed_dim", network.embedDim());
        arguments.put("depths", network.depths());
        arguments.put("num_heads", network.numHeads());
        arguments.put("head_rounds", network.headRounds());
        return arguments;
    }
}
