package dev.thinkingvit.store;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How tensors are named: by which names a Vision Transformer is recognised, in whose manner, and how other networks give
 * themselves away.
 */
final class KnownNames {
    /** In whose manner a Vision Transformer's tensors are named. */
    enum Manner {
        /** timm's and the published checkpoints' own: {@code blocks.0.attn.qkv.weight}. */
        TIMM(
                "",
                "patch_embed.proj.weight",
                "(cls_token|dist_token|reg_token|mask_token|pos_embed|alpha\\.\\d{1,4}|proj_layer\\d{0,4}\\.(weight|bias)"
                        + "|patch_embed\\..+|blocks\\.\\d{1,4}\\..+|(norm|norm_pre|fc_norm|head|head_dist)\\.(weight|bias)"
                        + "|(pre_logits|attn_pool|score_predictor)\\..+)"),
        /** transformers': {@code encoder.layer.0.attention.attention.query.weight}. */
        TRANSFORMERS(
                "transformers'",
                "embeddings.patch_embeddings.projection.weight",
                "(embeddings\\..+|(encoder\\.layer|layers)\\.\\d{1,4}\\..+|pooler\\..+"
                        + "|(layernorm|classifier|cls_classifier|distillation_classifier)\\.(weight|bias))"),
        /** torchvision's: {@code encoder.layers.encoder_layer_0.self_attention.in_proj_weight}. */
        TORCHVISION(
                "torchvision's",
                "conv_proj.weight",
                "(class_token|conv_proj\\.(weight|bias)|encoder\\.pos_embedding|encoder\\.ln\\.(weight|bias)"
                        + "|encoder\\.layers\\.encoder_layer_\\d{1,4}\\..+|heads\\..+)"),
        /** A Segmenter's own: what looks at a crop and what reads it, {@code encoder.blocks.0.attn.qkv.weight}. */
        SEGMENTER("", "encoder.patch_embed.proj.weight", "(encoder|decoder)\\..+"),
        /** timm's and Microsoft's names of a Swin Transformer: {@code layers.0.blocks.0.attn.qkv.weight}. */
        SWIN(
                "",
                "patch_embed.proj.weight",
                "(absolute_pos_embed|alpha\\.\\d{1,4}|proj_layer\\d{0,4}\\..+|patch_embed\\..+|layers\\.\\d{1,4}\\..+"
                        + "|norm\\.(weight|bias)|head\\.(fc\\.)?(weight|bias))"),
        /** {@link #SWIN}, but that each level ends with its merging, not the next one begins with it. */
        MICROSOFT_SWIN("Microsoft's", SWIN.essential, SWIN.names.pattern()),
        /** transformers' of a Swin Transformer: {@code encoder.layers.0.blocks.0.attention.self.query.weight}. */
        TRANSFORMERS_SWIN(
                "transformers'",
                "embeddings.patch_embeddings.projection.weight",
                "(embeddings\\..+|encoder\\.layers\\.\\d{1,4}\\..+|pooler\\..+|(layernorm|classifier)\\.(weight|bias))");

        private final String owner;
        private final String essential;
        private final Pattern names;

        Manner(String owner, String essential, String names) {
            this.owner = owner;
            this.essential = essential;
            this.names = Pattern.compile(names);
        }

        /** Whose manner it is, for messages; empty for the one that needs no word. */
        String owner() {
            return owner;
        }

        /** The one tensor by which the manner is recognised: what embeds the patches. */
        String essential() {
            return essential;
        }

        /** Whether a name may be a Vision Transformer's tensor in this manner. */
        boolean knows(String name) {
            return names.matcher(name).matches();
        }
    }

    /** Where ema-pytorch keeps the weights themselves, beside their average. */
    static final String ONLINE = "online_model";

    private static final int LONGEST = 512;
    private static final int MOST_DOTS = 32;

    /** What is put around networks, and whose attribute is then in front of every name. */
    static final Set<String> WRAPPERS = Set.of(
            "_orig_mod",
            "module",
            "_forward_module",
            "_fsdp_wrapped_module",
            "_checkpoint_wrapped_module",
            "model",
            "base_model",
            "net",
            "network",
            "backbone",
            "encoder",
            "vit",
            "deit",
            "swin",
            "ema",
            "ema_model",
            "model_ema",
            "averaged_model",
            "swa_model",
            ONLINE);

    /** Wrappers that also stand within a name, since they are put around single blocks as well. */
    private static final Pattern WITHIN = Pattern.compile(
            "(^|\\.)(_orig_mod|module|_forward_module|_fsdp_wrapped_module|_checkpoint_wrapped_module)(?=\\.)");

    private static final Set<String> AVERAGES = Set.of("ema", "ema_model", "model_ema", "averaged_model", "swa_model");

    /** Buffers of bookkeeping, which no output depends on. */
    private static final Pattern BOOKKEEPING =
            Pattern.compile("(.*\\.)?(n_averaged|num_batches_tracked|position_ids|_extra_state|initted"
                    + "|relative_position_index|attn_mask)");

    private record Foreign(Pattern names, String network) {
        Foreign(String names, String network) {
            this(Pattern.compile(names), network);
        }
    }

    private static final String SWIN = "a Swin Transformer";
    private static final String SEGMENTER = "a Segmenter";

    /** How tensors of other networks give themselves away, and whose they are; the surest first. */
    private static final List<Foreign> FOREIGN = List.of(
            new Foreign("(decoder|encoder\\._thinking_\\w+)\\..+", SEGMENTER),
            new Foreign("(decoder_embed|decoder_blocks)\\..+|decoder_pos_embed", "a masked autoencoder"),
            new Foreign("layers\\.\\d+\\.(blocks|downsample)\\..+|swin\\..+", SWIN),
            new Foreign("blocks\\.\\d+\\.attn\\.(relative_position_bias_table|[qv]_bias)", "a BEiT"),
            new Foreign("layer[1-4]\\.\\d+\\..+|resnet\\..+", "a ResNet"),
            new Foreign("(transformer\\.resblocks|visual\\.transformer|text_model)\\..+|logit_scale", "a CLIP model"),
            new Foreign("(stages|downsample_layers)\\.\\d+\\..+", "a ConvNeXt or another network in stages"),
            new Foreign("conv_stem\\..+|features\\.\\d+\\..+", "a convolutional network"));

    private KnownNames() {}

    /** The network that a tensor of this name belongs to, "a Swin Transformer"; null if it may be a Vision Transformer's. */
    static @Nullable String foreignNetwork(String name) {
        if (isAbsurd(name)) {
            return null;
        }
        String rest = withoutInner(name);
        while (true) {
            for (Foreign foreign : FOREIGN) {
                if (foreign.names().matcher(rest).matches()) {
                    return foreign.network();
                }
            }
            int dot = rest.indexOf('.');
            String head = dot < 0 ? "" : rest.substring(0, dot);
            if (!WRAPPERS.contains(head) || head.equals("encoder")) {
                return null;
            }
            rest = rest.substring(dot + 1);
        }
    }

    /** Whether a name belongs to a Swin Transformer for sure. */
    static boolean isSwin(String name) {
        return SWIN.equals(foreignNetwork(name));
    }

    /** Whether a name belongs to a Segmenter for sure. */
    static boolean isSegmenter(String name) {
        return SEGMENTER.equals(foreignNetwork(name));
    }

    /** Whether a name is longer than any network's; looking into it would take for ever, where many are. */
    static boolean isAbsurd(String name) {
        return name.length() > LONGEST
                || name.chars().filter(c -> c == '.').limit(MOST_DOTS + 1).count() > MOST_DOTS;
    }

    /** The name without the wrappers that may stand anywhere in it. */
    static String withoutInner(String name) {
        String plain = WITHIN.matcher(name).replaceAll("");
        return plain.startsWith(".") ? plain.substring(1) : plain;
    }

    /** Whether a name, whatever is in front of it, is the tensor by which some manner is recognised. */
    static boolean isEssential(String name) {
        for (Manner manner : Manner.values()) {
            if (name.equals(manner.essential) || name.endsWith("." + manner.essential)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a prefix, with its dots, is of a moving average's wrapper. */
    static boolean isAverage(String prefix) {
        if (isOnline(prefix)) {
            return false;
        }
        for (String part : prefix.split("\\.", -1)) {
            if (AVERAGES.contains(part)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a prefix, with its dots, is of the weights that an averaging wrapper keeps beside their average. */
    static boolean isOnline(String prefix) {
        return ("." + prefix).contains("." + ONLINE + ".");
    }

    static boolean isBookkeeping(String name) {
        return BOOKKEEPING.matcher(name).matches();
    }
}
