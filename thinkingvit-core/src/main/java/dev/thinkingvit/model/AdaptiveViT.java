package dev.thinkingvit.model;

import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.network.Layers;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.Parameter.Role;
import dev.thinkingvit.network.Parameters;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A-ViT (arXiv 2112.07658): a Vision Transformer whose tokens halt one by one, each after as many blocks as it needs; or a
 * ThinkingViT whose last stage does so, in which tokens halt and images stop. Weights are the Vision Transformer's: the
 * gate is read from each token's first feature and has none.
 *
 * <p>Its last stage says of each of the {@code N} tokens, the class token first, {@link Halting#TOKEN_DEPTH}, the block from 1
 * after which it halted, and {@link Halting#RHO_TOKEN}, the blocks that it used and its last score (ρ of section 3.2, which the
 * ponder loss averages).
 *
 * @param vit all but the gate; tokens halt in its last stage
 * @param gateScale what a token's first feature is multiplied by, above 0
 * @param gateCenter what is subtracted then, before the sigmoid
 * @param haltingEps a token halts where its scores sum to 1 − haltingEps or more; between 0 and 1
 */
public record AdaptiveViT(ThinkingViTConfig vit, double gateScale, double gateCenter, double haltingEps)
        implements ThinkingViTVariant {
    /** How configurations name it. */
    public static final Architecture ARCHITECTURE = new Configured();

    /** The published code's ε. */
    public static final double DEFAULT_EPS = 0.01;

    public AdaptiveViT {
        require(gateScale > 0 && Double.isFinite(gateScale), "gate_scale must be a finite number above 0", gateScale);
        require(Double.isFinite(gateCenter), "gate_center must be a finite number", gateCenter);
        require(haltingEps > 0 && haltingEps < 1, "halting_eps must lie between 0 and 1", haltingEps);
    }

    private static void require(boolean holds, String required, double came) {
        if (!holds) {
            throw new IllegalArgumentException(required + ", got " + came);
        }
    }

    private AdaptiveViT with(ThinkingViTConfig other) {
        return other.equals(vit) ? this : new AdaptiveViT(other, gateScale, gateCenter, haltingEps);
    }

    @Override
    public Architecture architecture() {
        return ARCHITECTURE;
    }

    @Override
    public Network network() {
        return new Tokens(this);
    }

    @Override
    public Halting halting() {
        return new Halting(vit.depth(), gateScale, gateCenter, haltingEps);
    }

    @Override
    public String shorthand() {
        return vit.shorthand() + " halting";
    }

    @Override
    public Map<String, Object> shape() {
        Map<String, Object> shape = new LinkedHashMap<>(vit.shape());
        shape.put("gate_scale", gateScale);
        shape.put("gate_center", gateCenter);
        shape.put("halting_eps", haltingEps);
        return shape;
    }

    @Override
    public AdaptiveViT withImageSize(ImageSize size) {
        return with(vit.withImageSize(size));
    }

    @Override
    public Map<String, HostTensor> resized(Map<String, HostTensor> weights, NetworkConfig to) {
        if (!(to instanceof AdaptiveViT other)) {
            throw new IllegalArgumentException(to.architecture().name() + " is not " + ARCHITECTURE.name());
        }
        return vit.resized(weights, other.vit);
    }

    @Override
    public AdaptiveViT narrowest() {
        return with(vit.narrowest());
    }

    @Override
    public boolean hasMimeticDraw() {
        return vit.hasMimeticDraw();
    }

    @Override
    public Map<String, HostTensor> drawMimetic(long seed) {
        return vit.drawMimetic(seed);
    }

    @Override
    public AdaptiveViT plain(int numFeatures) {
        return with(vit.plain(numFeatures));
    }

    /**
     * Of whatever a ThinkingViT can start from: the published ones start from a DeiT. What recycles tokens is taken where the
     * source has it.
     */
    @Override
    public WarmSource warmSource(Map<String, HostTensor> tensors, String library, @Nullable ImageSize seen) {
        return WarmSource.keepingRecycling(vit, parameters(), tensors, library, seen);
    }

    /** Of the last stage: what its tokens took that were there. */
    @Override
    public long macs(int stage, Map<String, float[]> extras) {
        float[] depths = extras.get(Halting.TOKEN_DEPTH);
        if (depths == null) {
            return macs(stage);
        }
        int[] active = new int[vit.depth()];
        for (float depth : depths) {
            for (int block = 0; block < depth; block++) { // none where it is no number
                active[block]++;
            }
        }
        return Cost.macs(network(), stage, active);
    }

    /** The forward pass: a ThinkingViT's, with tokens that halt in its last stage. */
    private static final class Tokens implements Network {
        private final AdaptiveViT config;
        private final ThinkingViTNetwork vit;
        private final Halting halting;

        Tokens(AdaptiveViT config) {
            this.config = config;
            this.vit = new ThinkingViTNetwork(config.vit, Role.KEPT_RECYCLING);
            this.halting = config.halting();
        }

        @Override
        public Parameters parameters() {
            return vit.parameters();
        }

        @Override
        public int stages() {
            return vit.stages();
        }

        @Override
        public int depth() {
            return vit.depth();
        }

        @Override
        public boolean halts(int stage) {
            return stage == stages();
        }

        @Override
        public Ports ports(int stage) {
            Ports ports = vit.ports(stage);
            if (!halts(stage)) {
                return ports;
            }
            Map<String, List<Long>> extras = new LinkedHashMap<>();
            List<Long> tokens = List.of((long) config.vit.tokens());
            extras.put(Halting.TOKEN_DEPTH, tokens);
            extras.put(Halting.RHO_TOKEN, tokens);
            return new Ports(ports.images(), ports.previous(), ports.tokens(), ports.prediction(), extras);
        }

        @Override
        public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
            if (!halts(stage)) {
                return vit.stage(on, stage, images, previous);
            }
            T x = vit.encoder().embedded(on, stage, images, previous); // (B, N, d)
            Halting.Outcome<T> halted = on.halting(
                    x, halting, (layers, left, block) -> vit.encoder().inBlock(layers, stage, block, left));
            Map<String, T> extras = new LinkedHashMap<>();
            extras.put(Halting.TOKEN_DEPTH, halted.depth());
            extras.put(Halting.RHO_TOKEN, halted.ponder());
            T scores = halted.scores();
            if (scores != null) {
                extras.put(Halting.HALTING_SCORES, scores);
            }
            return vit.read(on, vit.encoder().normed(on, halted.tokens()), extras);
        }

        /** Only where no tokens halt. */
        @Override
        public boolean begins(int stage) {
            return !halts(stage);
        }

        @Override
        public <T> Output<T> begin(Layers<T> on, int stage, T images, @Nullable T previous) {
            return begins(stage) ? vit.begin(on, stage, images, previous) : stage(on, stage, images, previous);
        }

        @Override
        public <T> T finish(Layers<T> on, int stage, T begun) {
            return begins(stage) ? vit.finish(on, stage, begun) : begun;
        }
    }

    /** A ThinkingViT's arguments, of which {@code thinking_stages} may be missing, and the gate's. */
    private static final class Configured implements ThinkingViTVariant.Named {
        private static final Set<String> GATE = Set.of("gate_scale", "gate_center", "halting_eps");

        @Override
        public String name() {
            return "avit";
        }

        @Override
        public String title() {
            return "A-ViT in stages";
        }

        @Override
        public String plainTitle() {
            return "A-ViT";
        }

        @Override
        public boolean answersTo(String architecture) {
            return architecture.equals(name());
        }

        @Override
        public boolean claims(String file, Map<String, @Nullable Object> facts) {
            return AdaptiveViTWeights.claims(file, facts);
        }

        @Override
        public WeightsReader weights() {
            return new AdaptiveViTWeights();
        }

        @Override
        public List<String> sources() {
            return ThinkingViTConfig.ARCHITECTURE.sources();
        }

        @Override
        public AdaptiveViT read(Arguments arguments) {
            return new AdaptiveViT(
                    ThinkingViTArchitecture.read(arguments, name(), GATE, true),
                    arguments.number("gate_scale"),
                    arguments.number("gate_center"),
                    arguments.number("halting_eps", DEFAULT_EPS));
        }

        @Override
        public Map<String, Object> write(NetworkConfig config) {
            if (!(config instanceof AdaptiveViT network)) {
                throw new IllegalArgumentException(config.architecture().name() + " is not " + name());
            }
            Map<String, Object> arguments = new LinkedHashMap<>(ThinkingViTConfig.ARCHITECTURE.write(network.vit));
            arguments.put("gate_scale", network.gateScale);
            arguments.put("gate_center", network.gateCenter);
            arguments.put("halting_eps", network.haltingEps);
            return arguments;
        }
    }
}
