package dev.thinkingvit.model;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How configurations name a {@link ThinkingViTConfig}: the arguments of timm's models, as far as they mean this network, and the stages. */
final class ThinkingViTArchitecture implements Architecture {
    private static final Set<String> KNOWN = Set.of(
            "thinking_stages", "img_size", "patch_size", "embed_dim", "num_heads", "depth", "norm_eps", "num_classes");
    /** Arguments that timm's models take and that this network leaves at one value. */
    private static final Map<String, Object> FIXED = Map.ofEntries(
            Map.entry("mlp_ratio", 4.0),
            Map.entry("qkv_bias", true),
            Map.entry("in_chans", ThinkingViTConfig.CHANNELS),
            Map.entry("class_token", true),
            Map.entry("global_pool", "token"),
            Map.entry("act_layer", "gelu"),
            Map.entry("reg_tokens", 0),
            Map.entry("init_values", "null"),
            Map.entry("qk_norm", false),
            Map.entry("pre_norm", false),
            Map.entry("fc_norm", false),
            Map.entry("no_embed_class", false));
    /** Arguments that matter while training only, and whether other sizes are taken, which whoever opens it says. */
    private static final Set<String> PASSED_OVER = Set.of(
            "drop_rate",
            "drop_path_rate",
            "attn_drop_rate",
            "proj_drop_rate",
            "pos_drop_rate",
            "patch_drop_rate",
            "dynamic_img_size");

    @Override
    public String name() {
        return "thinkingvit";
    }

    @Override
    public String title() {
        return "ThinkingViT";
    }

    @Override
    public String plainTitle() {
        return "Vision Transformer";
    }

    @Override
    public boolean answersTo(String architecture) {
        return architecture.equals(name());
    }

    @Override
    public WeightsReader weights() {
        return new ThinkingViTWeights();
    }

    @Override
    public OtherLibraries elsewhere() {
        return new ThinkingViTElsewhere();
    }

    @Override
    public List<String> sources() {
        return List.of("ViT", "DeiT", title());
    }

    @Override
    public String stagesArgument() {
        return "thinking_stages";
    }

    @Override
    public List<String> recipeKeys() {
        return List.of("stages", "head_dim", "depth", "img_size", "patch_size");
    }

    /** As wide as its last stage. */
    @Override
    public Map<String, Object> described(Map<String, Object> keys) {
        Arguments said = new Arguments(keys);
        List<Integer> stages = said.integers("stages");
        int heads = stages.get(stages.size() - 1);
        Map<String, Object> arguments = new LinkedHashMap<>(keys);
        arguments.keySet().removeAll(List.of("stages", "head_dim"));
        arguments.put("thinking_stages", stages);
        arguments.put("num_heads", heads);
        arguments.put("embed_dim", heads * said.integer("head_dim"));
        return arguments;
    }

    @Override
    public String globalPool() {
        return "token";
    }

    @Override
    public int prefixTokens() {
        return 1;
    }

    @Override
    public ThinkingViTConfig read(Arguments arguments) {
        return read(arguments, name(), Set.of(), false);
    }

    /**
     * Understands the arguments of a ThinkingViT, or of a network that is made of one.
     *
     * @param architecture its name
     * @param more arguments that are not read here
     * @param plain whether one that names no stages thinks once
     */
    static ThinkingViTConfig read(Arguments arguments, String architecture, Set<String> more, boolean plain) {
        Set<String> known = new HashSet<>(KNOWN);
        known.addAll(more);
        arguments.requireKnown(architecture, known, FIXED, PASSED_OVER);
        int depth = arguments.integer("depth");
        int embedDim = arguments.integer("embed_dim");
        int numHeads = arguments.integer("num_heads");
        boolean once = plain && !arguments.has("thinking_stages");
        return new ThinkingViTConfig(
                arguments.imageSize("img_size"),
                arguments.square("patch_size"),
                embedDim,
                depth,
                numHeads,
                once ? List.of(numHeads) : arguments.integers("thinking_stages"),
                arguments.integer("num_classes"),
                arguments.number("norm_eps", ThinkingViTConfig.DEFAULT_NORM_EPS));
    }

    @Override
    public Map<String, Object> write(NetworkConfig config) {
        ThinkingViTConfig network = ThinkingViTConfig.of(config);
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("thinking_stages", network.thinkingStages());
        arguments.put("img_size", network.imageSize().argument());
        arguments.put("patch_size", network.patchSize());
        arguments.put("embed_dim", network.embedDim());
        arguments.put("num_heads", network.numHeads());
        arguments.put("depth", network.depth());
        arguments.put("norm_eps", network.normEps());
        return arguments;
    }
}
