package dev.thinkingvit.model;

import dev.thinkingvit.model.SegmenterConfig.Decoder;
import dev.thinkingvit.network.Axis;
import dev.thinkingvit.network.Axis.Meaning;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Linear;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Norm;
import dev.thinkingvit.network.Parameter;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.network.Start;
import dev.thinkingvit.picture.ImageSize;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Thinking Segmenter: a ThinkingViT whose patches, not whose class token, are read, by one decoder that all stages share.
 * A stage predicts the classes of the patches; what lies between them is a {@link MaskReadout}'s.
 *
 * <p>{@code B} crops, {@code N} tokens, {@code P} = N − 1 patches, {@code D} full width, {@code d} width of a stage,
 * {@code C} classes, {@code p} side of a patch.
 */
public final class SegmenterNetwork implements Network {
    static final String ENCODER = "encoder.";
    static final String LINEAR_HEAD = "decoder.head";
    static final String CLASS_TOKENS = "decoder.cls_emb";

    private static final double CLASS_STD = 0.02;

    private final SegmenterConfig config;
    private final ThinkingViTConfig encoder;
    private final ViTEncoder vit;
    private final @Nullable Linear head; // D → C, of a linear decoder
    private final @Nullable MaskTransformer mask;
    private final Parameters parameters;

    /** Segmenter, section 3.2: class tokens meet the patches; what they are then like is a pixel's class. */
    private record MaskTransformer(
            Linear in,
            Parameter classes,
            List<PreNormBlock> blocks,
            Norm norm,
            Linear patchProjection,
            Linear classProjection,
            Norm maskNorm) {}

    public SegmenterNetwork(SegmenterConfig config) {
        this.config = config;
        this.encoder = config.encoder();
        int last = encoder.depth() + 1; // what is as deep as the decoder
        this.vit = new ViTEncoder(encoder, ENCODER, (stage, features) -> recycling(stage, last));
        Axis features = vit.features();
        this.head = config.decoder() == Decoder.LINEAR
                ? Linear.of(LINEAR_HEAD, last, classes(), features)
                        .with(parameter -> parameter.uncast().as(Role.HEAD))
                : null;
        this.mask = config.decoder() == Decoder.MASK ? mask(features, last) : null;
        this.parameters = Parameters.of(inOrder());
    }

    private ViTEncoder.Recycling recycling(int stage, int layer) {
        Start start = Start.uniform(1 / Math.sqrt(encoder.width(stage - 1))); // PyTorch's default
        Axis to = Axis.whole(encoder.width(stage));
        String name = ENCODER + "_thinking_proj_layers." + (stage - 2);
        UnaryOperator<Parameter> own = parameter -> parameter.as(Role.RECYCLING).readBy(stage);
        Parameter alpha = Parameter.of(ENCODER + "_thinking_alphas." + (stage - 2), Start.ZEROS, layer, Axis.whole(1))
                .uncast();
        Linear projection = new Linear(
                Parameter.of(name + ".weight", start, layer, to, Axis.whole(encoder.width(stage - 1))),
                Parameter.of(name + ".bias", start, layer, to));
        return new ViTEncoder.Recycling(own.apply(alpha), projection.with(own));
    }

    private MaskTransformer mask(Axis features, int layer) {
        int width = encoder.embedDim();
        Axis whole = Axis.whole(width);
        Start projection = Start.normal(1 / Math.sqrt(width));
        List<PreNormBlock> own = new ArrayList<>();
        for (int i = 0; i < config.decoderDepth(); i++) {
            String name = "decoder.blocks." + i + ".";
            own.add(PreNormBlock.of(name, layer, width, List.of(), encoder.headDim(), encoder.normEps()));
        }
        return new MaskTransformer(
                Linear.of("decoder.proj_dec", layer, whole, features),
                Parameter.of(CLASS_TOKENS, Start.normal(CLASS_STD), layer, Axis.whole(1), classes(), whole)
                        .as(Role.HEAD),
                own,
                Norm.of("decoder.decoder_norm", layer, whole, encoder.normEps()),
                // F32: the norm after them magnifies small differences of cosines
                Linear.transposed(Parameter.of("decoder.proj_patch", projection, layer, whole, whole)
                        .uncast()),
                Linear.transposed(Parameter.of("decoder.proj_classes", projection, layer, whole, whole)
                        .uncast()),
                maskNorm(layer));
    }

    private Norm maskNorm(int layer) {
        Norm norm = Norm.of("decoder.mask_norm", layer, classes(), encoder.normEps());
        return new Norm(norm.weight().as(Role.HEAD), norm.bias().as(Role.HEAD), norm.eps());
    }

    private Axis classes() {
        return Axis.whole(config.numClasses()).of(Meaning.CLASSES);
    }

    private List<Parameter> inOrder() {
        List<Parameter> all = new ArrayList<>();
        vit.addTo(all);
        vit.addRecyclingTo(all);
        if (head != null) {
            head.addTo(all);
        }
        if (mask != null) {
            all.add(mask.classes);
            mask.patchProjection.addTo(all);
            mask.classProjection.addTo(all);
            mask.blocks.forEach(block -> block.addTo(all));
            mask.in.addTo(all);
            mask.norm.addTo(all);
            mask.maskNorm.addTo(all);
        }
        return all;
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    @Override
    public int stages() {
        return encoder.stages();
    }

    /** The encoder's: no branch of a decoder is ever left out. */
    @Override
    public int depth() {
        return encoder.depth();
    }

    @Override
    public Ports ports(int stage) {
        ImageSize size = config.imageSize();
        long tokens = encoder.tokens();
        return new Ports(
                List.of((long) ViTEncoder.CHANNELS, (long) size.height(), (long) size.width()),
                stage == 1 ? null : List.of(tokens, (long) encoder.width(stage - 1)),
                List.of(tokens, (long) encoder.width(stage)),
                List.of(tokens - 1, (long) config.numClasses()));
    }

    @Override
    public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
        T tokens = vit.tokens(on, stage, images, previous); // (B, N, d)
        T seen = on.section(tokens, 1, encoder.patches()); // (B, P, d)
        return new Output<>(tokens, head == null ? masks(on, seen) : on.linear(seen, head)); // (B, P, C)
    }

    /** (B, P, d) to (B, P, C). */
    private <T> T masks(Layers<T> on, T seen) {
        MaskTransformer with = mask;
        if (with == null) {
            throw new IllegalStateException("a decoder is linear or a mask transformer");
        }
        T x = on.append(on.linear(seen, with.in), with.classes); // (B, P + C, D)
        for (int i = 0; i < with.blocks.size(); i++) {
            PreNormBlock block = with.blocks.get(i);
            x = on.block(x, encoder.depth() + i, input -> block.run(on, input, encoder.numHeads(), on::add));
        }
        T normed = on.norm(x, with.norm);
        T patches = on.unit(on.linear(on.section(normed, 0, encoder.patches()), with.patchProjection)); // (B, P, D)
        T classes = on.section(normed, encoder.patches(), config.numClasses());
        T named = on.unit(on.linear(classes, with.classProjection)); // (B, C, D)
        return on.norm(on.products(patches, named), with.maskNorm); // (B, P, C)
    }
}
