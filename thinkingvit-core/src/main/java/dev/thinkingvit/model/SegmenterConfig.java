package dev.thinkingvit.model;

import dev.thinkingvit.picture.Bilinear;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a Thinking Segmenter: a ThinkingViT that looks at a crop of a picture, and a decoder that names the class of
 * each of its pixels (Strudel et al., "Segmenter", 2021; ThinkingViT, section 4).
 *
 * <p>{@code D} embedding width, {@code d_k} width of stage k, {@code P} patches of a crop, {@code C} classes.
 *
 * @param imageSize of a crop, any from one pixel on: it is filled up with zeros right and below to whole patches
 * @param encoder for that size, filled up; its classes are those of the pixels
 * @param decoder what reads the patches
 * @param decoderDepth blocks of a {@link Decoder#MASK} decoder, at least 1; 0 of a {@link Decoder#LINEAR} one
 */
public record SegmenterConfig(ImageSize imageSize, ThinkingViTConfig encoder, Decoder decoder, int decoderDepth)
        implements NetworkConfig {
    /** Epsilon of the published models' norms, decoder and all. */
    public static final double NORM_EPS = 1e-5;

    /** Blocks of the published mask transformer. */
    public static final int MASK_BLOCKS = 2;

    /** How configurations name it. */
    public static final Architecture ARCHITECTURE = new SegmenterArchitecture();

    static final String POSITIONS = SegmenterNetwork.ENCODER + "pos_embed";

    private static final int LARGEST = 4096; // pixels of a side: attention is quadratic in the patches

    /** What reads the patches. */
    public enum Decoder {
        /** A linear layer: each patch's classes from its own token. */
        LINEAR,
        /** A transformer among the patches and a learned token of each class; a pixel's logit is the likeness of the two. */
        MASK;

        /** As configurations spell it. */
        String id() {
            return name().toLowerCase(Locale.ROOT);
        }

        static Decoder named(String name) {
            return Stream.of(values())
                    .filter(each -> each.id().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("decoder must be one of "
                            + Stream.of(values()).map(Decoder::id).collect(Collectors.joining(", ")) + ", got "
                            + name));
        }
    }

    public SegmenterConfig {
        ImageSize filled = filled(imageSize, encoder.patchSize());
        if (!encoder.imageSize().equals(filled)) {
            throw new IllegalArgumentException("the encoder of crops of " + imageSize + " sees " + filled
                    + " pixels, came one of " + encoder.imageSize());
        }
        boolean fits = decoder == Decoder.MASK ? decoderDepth >= 1 && decoderDepth <= 64 : decoderDepth == 0;
        if (!fits) {
            throw new IllegalArgumentException("decoder_depth must "
                    + (decoder == Decoder.MASK ? "lie between 1 and 64" : "be 0 with a linear decoder") + ", got "
                    + decoderDepth);
        }
    }

    /**
     * Of crops of a size.
     *
     * @param imageSize any from one pixel on
     * @param stages heads of each stage, strictly growing
     * @throws IllegalArgumentException if there can be no such network: names the argument
     */
    public static SegmenterConfig of(
            ImageSize imageSize,
            int patchSize,
            int embedDim,
            int depth,
            int numHeads,
            List<Integer> stages,
            int numClasses,
            Decoder decoder) {
        return of(
                imageSize,
                patchSize,
                embedDim,
                depth,
                numHeads,
                stages,
                numClasses,
                NORM_EPS,
                decoder,
                decoder == Decoder.MASK ? MASK_BLOCKS : 0);
    }

    static SegmenterConfig of(
            ImageSize imageSize,
            int patchSize,
            int embedDim,
            int depth,
            int numHeads,
            List<Integer> stages,
            int numClasses,
            double normEps,
            Decoder decoder,
            int decoderDepth) {
        if (patchSize < 1 || patchSize > LARGEST) {
            throw new IllegalArgumentException("patch_size must lie between 1 and " + LARGEST + ", got " + patchSize);
        }
        return new SegmenterConfig(
                imageSize,
                new ThinkingViTConfig(
                        filled(imageSize, patchSize),
                        patchSize,
                        embedDim,
                        depth,
                        numHeads,
                        stages,
                        numClasses,
                        normEps),
                decoder,
                decoderDepth);
    }

    private SegmenterConfig with(ThinkingViTConfig other) {
        return new SegmenterConfig(imageSize, other, decoder, decoderDepth);
    }

    private static ImageSize filled(ImageSize size, int patch) {
        return new ImageSize(filled(size.height(), patch), filled(size.width(), patch));
    }

    private static int filled(int pixels, int patch) {
        return (pixels + patch - 1) / patch * patch;
    }

    /** A crop, filled up to whole patches. */
    public ImageSize filledSize() {
        return encoder.imageSize();
    }

    @Override
    public ImageSize grid() {
        return encoder.grid();
    }

    @Override
    public Architecture architecture() {
        return ARCHITECTURE;
    }

    @Override
    public SegmenterNetwork network() {
        return new SegmenterNetwork(this);
    }

    @Override
    public Readout readout() {
        return new MaskReadout(grid(), filledSize(), imageSize, numClasses());
    }

    /** Of each pixel over all classes; their mean decides for a crop. */
    @Override
    public String publishedRouter() {
        return "entropy";
    }

    @Override
    public int stages() {
        return encoder.stages();
    }

    @Override
    public int numClasses() {
        return encoder.numClasses();
    }

    @Override
    public String shorthand() {
        return encoder.shorthand();
    }

    @Override
    public int numFeatures() {
        return encoder.numFeatures();
    }

    @Override
    public Map<String, Object> shape() {
        Map<String, Object> shape = new LinkedHashMap<>(encoder.shape());
        shape.put("decoder", decoder.id());
        if (decoder == Decoder.MASK) {
            shape.put("decoder_depth", decoderDepth);
        }
        return shape;
    }

    @Override
    public Object stageHeads(int stage) {
        return encoder.stageHeads(stage);
    }

    @Override
    public SegmenterConfig withImageSize(ImageSize size) {
        if (size.height() > LARGEST || size.width() > LARGEST) {
            throw new IllegalArgumentException("pictures and windows of at most " + LARGEST
                    + " pixels a side go through whole, got " + size + "; smaller windows take larger pictures");
        }
        return of(
                size,
                encoder.patchSize(),
                encoder.embedDim(),
                encoder.depth(),
                encoder.numHeads(),
                encoder.thinkingStages(),
                numClasses(),
                encoder.normEps(),
                decoder,
                decoderDepth);
    }

    @Override
    public boolean takesAnySize() {
        return true;
    }

    /** With the positions resized bilinearly, corners not aligned, as the published code does. */
    @Override
    public Map<String, HostTensor> resized(Map<String, HostTensor> weights, NetworkConfig to) {
        if (!(to instanceof SegmenterConfig other)) {
            throw new IllegalArgumentException(to.architecture().name() + " is not " + ARCHITECTURE.name());
        }
        HostTensor positions = weights.get(POSITIONS); // (1, 1 + P, D)
        if (positions == null || other.grid().equals(grid())) {
            return weights;
        }
        int width = encoder.embedDim();
        float[] rows = positions.toFloats();
        float[] patches = Bilinear.resize(Arrays.copyOfRange(rows, width, rows.length), grid(), other.grid(), width);
        float[] fitted = Arrays.copyOf(rows, width + patches.length);
        System.arraycopy(patches, 0, fitted, width, patches.length);
        Map<String, HostTensor> all = new LinkedHashMap<>(weights);
        all.put(POSITIONS, HostTensor.of(fitted, 1, other.encoder.tokens(), width));
        return all;
    }

    /** A mask transformer is as wide as the whole network and reads all of what is made of a stage's tokens. */
    @Override
    public SegmenterConfig narrowest() {
        return decoder == Decoder.LINEAR ? with(encoder.narrowest()) : this;
    }

    /** Of any width, and so of one head. */
    @Override
    public SegmenterConfig plain(int numFeatures) {
        return with(encoder.plain(numFeatures));
    }

    /** Of a Segmenter; or of whatever a ThinkingViT starts from, which becomes its encoder. */
    @Override
    public WarmSource warmSource(Map<String, HostTensor> tensors, String library, @Nullable ImageSize seen) {
        if (tensors.keySet().stream().anyMatch(name -> name.startsWith(SegmenterNetwork.ENCODER))) {
            return WarmSource.of(tensors, this);
        }
        WarmSource encoded = encoder.warmSource(tensors, library, seen);
        Map<String, HostTensor> named = new LinkedHashMap<>();
        encoded.tensors().forEach((name, tensor) -> {
            if (!name.startsWith("head.")) { // of another task, on another token
                named.put(SegmenterNetwork.ENCODER + name, tensor);
            }
        });
        NetworkConfig source = encoded.shape();
        return new WarmSource(
                named,
                encoded.width(),
                source instanceof ThinkingViTConfig plain ? with(plain) : null,
                encoded.remarks());
    }
}
