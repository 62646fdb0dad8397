package dev.thinkingvit.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How configurations name a {@link SegmenterConfig}: timm's arguments of its encoder, and its decoder. */
final class SegmenterArchitecture implements Architecture {
    private static final Set<String> KNOWN = Set.of(
            "thinking_stages",
            "img_size",
            "patch_size",
            "embed_dim",
            "num_heads",
            "depth",
            "norm_eps",
            "num_classes",
            "decoder",
            "decoder_depth");
    private static final Map<String, Object> FIXED = Map.of("mlp_ratio", 4.0, "qkv_bias", true, "in_chans", 3);
    private static final Set<String> TRAINING = Set.of("drop_rate", "drop_path_rate");

    @Override
    public String name() {
        return "thinkingvit_segmenter";
    }

    @Override
    public String title() {
        return "Thinking Segmenter";
    }

    @Override
    public String plainTitle() {
        return "Segmenter";
    }

    @Override
    public boolean answersTo(String architecture) {
        return architecture.equals(name());
    }

    @Override
    public boolean owns(String tensor) {
        return tensor.startsWith(SegmenterNetwork.ENCODER + "_thinking_")
                || tensor.equals(SegmenterNetwork.LINEAR_HEAD + ".weight")
                || tensor.equals(SegmenterNetwork.CLASS_TOKENS);
    }

    @Override
    public WeightsReader weights() {
        return new SegmenterWeights();
    }

    @Override
    public List<String> sources() {
        return List.of("ViT", "DeiT", "ThinkingViT", plainTitle(), title());
    }

    @Override
    public String stagesArgument() {
        return "thinking_stages";
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
    public SegmenterConfig read(Arguments arguments) {
        arguments.requireKnown(name(), KNOWN, FIXED, TRAINING);
        SegmenterConfig.Decoder decoder = SegmenterConfig.Decoder.named(arguments.word("decoder"));
        int usual = decoder == SegmenterConfig.Decoder.MASK ? SegmenterConfig.MASK_BLOCKS : 0;
        return SegmenterConfig.of(
                arguments.imageSize("img_size"),
                arguments.square("patch_size"),
                arguments.integer("embed_dim"),
                arguments.integer("depth"),
                arguments.integer("num_heads"),
                arguments.integers("thinking_stages"),
                arguments.integer("num_classes"),
                arguments.number("norm_eps", SegmenterConfig.NORM_EPS),
                decoder,
                arguments.has("decoder_depth") ? arguments.integer("decoder_depth") : usual);
    }

    @Override
    public Map<String, Object> write(NetworkConfig config) {
        if (!(config instanceof SegmenterConfig network)) {
            throw new IllegalArgumentException(config.architecture().name() + " is not " + name());
        }
        Map<String, Object> arguments = new LinkedHashMap<>(ThinkingViTConfig.ARCHITECTURE.write(network.encoder()));
        arguments.put("img_size", network.imageSize().argument());
        arguments.put("decoder", network.decoder().id());
        if (network.decoder() == SegmenterConfig.Decoder.MASK) {
            arguments.put("decoder_depth", network.decoderDepth());
        }
        return arguments;
    }
}
