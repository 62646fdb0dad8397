package dev.thinkingvit.model;

import dev.thinkingvit.model.WarmStart.Kind;
import dev.thinkingvit.model.WarmStart.Remark;
import dev.thinkingvit.network.Cost;
import dev.thinkingvit.network.TokenPruning;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a ThinkingViT, or of a plain Vision Transformer, that leaves tokens out on the way (Rao et al., "DynamicViT:
 * Efficient Vision Transformers with Dynamic Token Sparsification", 2021; arXiv 2106.02034): before some blocks a predictor
 * scores the patches that are left, and the best of them go on.
 *
 * <p>{@code n} patches of an image, {@code d_k} width of stage k. Names are the published code's.
 *
 * @param vit the network that it is without predictors
 * @param pruningLoc blocks, from 0, before which tokens are left out, growing; empty if nowhere
 * @param tokenRatio share of the n patches that go on from each of them, between 0 and 1, none larger than the one before
 * @param prunedStages stages, from 1, that leave tokens out, growing; the others keep all
 */
public record DynamicViTConfig(
        ThinkingViTConfig vit, List<Integer> pruningLoc, List<Double> tokenRatio, List<Integer> prunedStages)
        implements ThinkingViTVariant {

    /** How configurations name it. */
    public static final Architecture ARCHITECTURE = new Configured();

    /** What begins the names of the predictors' tensors. */
    static final String PREDICTOR = "score_predictor.";

    private static final Map<DynamicViTConfig, List<Long>> MACS = new ConcurrentHashMap<>();

    public DynamicViTConfig {
        pruningLoc = List.copyOf(pruningLoc);
        tokenRatio = List.copyOf(tokenRatio);
        prunedStages = List.copyOf(prunedStages);
        int before = -1;
        for (int block : pruningLoc) {
            require(
                    block > before && block < vit.depth(),
                    "pruning_loc must grow strictly and name blocks from 0 to " + (vit.depth() - 1) + ", got "
                            + pruningLoc);
            before = block;
        }
        require(
                tokenRatio.size() == pruningLoc.size(),
                "token_ratio must name a share for each of pruning_loc " + pruningLoc + ", got " + tokenRatio);
        double left = 1;
        for (double ratio : tokenRatio) {
            require(
                    ratio > 0 && ratio < 1 && ratio <= left,
                    "token_ratio must lie between 0 and 1, without either, and none be larger than the one before, got "
                            + tokenRatio);
            left = ratio;
        }
        int stageBefore = 0;
        for (int stage : prunedStages) {
            require(
                    stage > stageBefore && stage <= vit.stages(),
                    "pruned_stages must grow strictly and name stages from 1 to " + vit.stages() + ", got "
                            + prunedStages);
            require(
                    vit.width(stage) % 4 == 0,
                    "a stage that leaves tokens out must be a multiple of 4 wide, stage " + stage + " is "
                            + vit.width(stage));
            stageBefore = stage;
        }
        require(!prunedStages.isEmpty(), "pruned_stages is empty: at least one stage is required");
    }

    /** One that leaves tokens out in its last stage, as published. */
    public DynamicViTConfig(ThinkingViTConfig vit, List<Integer> pruningLoc, List<Double> tokenRatio) {
        this(vit, pruningLoc, tokenRatio, List.of(vit.stages()));
    }

    /** Each of {@code count} predictors keeps the same share of what the one before kept: a base rate's powers. */
    public static List<Double> powers(double baseRate, int count) {
        require(baseRate > 0 && baseRate < 1, "base_rate must lie between 0 and 1, without either, got " + baseRate);
        return IntStream.rangeClosed(1, count)
                .mapToObj(power -> Math.pow(baseRate, power))
                .toList();
    }

    /**
     * The shape that some configuration is of, for what is there for this architecture alone.
     *
     * @throws IllegalArgumentException if it is of another
     */
    public static DynamicViTConfig of(NetworkConfig config) {
        if (config instanceof DynamicViTConfig own) {
            return own;
        }
        throw new IllegalArgumentException("this is there for the architecture " + ARCHITECTURE.name()
                + " alone, not for " + config.architecture().name());
    }

    @Override
    public TokenPruning pruning() {
        return new TokenPruning(vit.patches(), pruningLoc, tokenRatio, prunedStages);
    }

    @Override
    public ThinkingViTConfig unpruned() {
        return vit;
    }

    /** {@code "3H → 6H, 70/49/34 % of tokens"}. */
    @Override
    public String shorthand() {
        return pruningLoc.isEmpty()
                ? vit.shorthand()
                : tokenRatio.stream()
                        .map(ratio -> String.valueOf(Math.round(100 * ratio)))
                        .collect(Collectors.joining("/", vit.shorthand() + ", ", " % of tokens"));
    }

    @Override
    public Architecture architecture() {
        return ARCHITECTURE;
    }

    @Override
    public Map<String, Object> shape() {
        Map<String, Object> shape = new LinkedHashMap<>(vit.shape());
        shape.put("pruning_loc", pruningLoc);
        shape.put("token_ratio", tokenRatio);
        shape.put("pruned_stages", prunedStages);
        shape.put(
                "kept_patches",
                IntStream.range(0, pruningLoc.size())
                        .map(pruning()::kept)
                        .boxed()
                        .toList());
        return shape;
    }

    private DynamicViTConfig with(ThinkingViTConfig other) {
        return new DynamicViTConfig(other, pruningLoc, tokenRatio, prunedStages);
    }

    @Override
    public DynamicViTConfig withImageSize(ImageSize size) {
        return with(vit.withImageSize(size));
    }

    @Override
    public Map<String, HostTensor> resized(Map<String, HostTensor> weights, NetworkConfig to) {
        return vit.resized(weights, of(to).vit);
    }

    @Override
    public DynamicViTConfig narrowest() {
        return with(vit.narrowest());
    }

    /** One that keeps all of its tokens: what a source has of predictors is of this network's own widths. */
    @Override
    public DynamicViTConfig plain(int numFeatures) {
        return new DynamicViTConfig(vit.plain(numFeatures), List.of(), List.of(), List.of(1));
    }

    /** As a ThinkingViT's; what recycles tokens, and predictors, are taken where the source has them. */
    @Override
    public WarmSource warmSource(Map<String, HostTensor> tensors, String library, @Nullable ImageSize seen) {
        WarmSource fitted = WarmSource.keepingRecycling(vit, parameters(), tensors, library, seen);
        List<Remark> remarks = new ArrayList<>(fitted.remarks());
        if (!pruningLoc.isEmpty() && tensors.keySet().stream().noneMatch(ARCHITECTURE::owns)) {
            remarks.add(new Remark(
                    Kind.ADAPTED, "score_predictor", "score_predictor, of which the source has none, starts anew"));
        }
        return new WarmSource(fitted.tensors(), fitted.width(), fitted.shape(), remarks);
    }

    @Override
    public boolean hasMimeticDraw() {
        return true;
    }

    /** See {@link MimeticInit}. */
    @Override
    public Map<String, HostTensor> drawMimetic(long seed) {
        Map<String, HostTensor> weights = parameters().draw(seed);
        MimeticInit.apply(weights, vit, seed);
        return weights;
    }

    @Override
    public DynamicViTNetwork network() {
        return new DynamicViTNetwork(this);
    }

    /** Images of one stage cost the same: as many tokens of each go on. */
    @Override
    public long macs(int stage, Map<String, float[]> extras) {
        return MACS.computeIfAbsent(this, config -> IntStream.rangeClosed(1, stages())
                        .mapToObj(each -> Cost.macs(config.network(), each))
                        .toList())
                .get(stage - 1);
    }

    /** A ThinkingViT's arguments, where tokens are left out and how many go on. */
    private static final class Configured implements ThinkingViTVariant.Named {
        private static final String LOC = "pruning_loc";
        private static final String RATIO = "token_ratio";
        private static final String BASE = "base_rate";
        private static final String STAGES = "pruned_stages";

        @Override
        public String name() {
            return "thinkingvit_dynamicvit";
        }

        @Override
        public String title() {
            return "Thinking DynamicViT";
        }

        @Override
        public String plainTitle() {
            return "DynamicViT";
        }

        @Override
        public boolean answersTo(String architecture) {
            return architecture.equals(name()) || architecture.equals("dynamicvit");
        }

        @Override
        public boolean owns(String tensor) {
            return tensor.startsWith(PREDICTOR);
        }

        @Override
        public Set<String> insteadOf(String argument) {
            return switch (argument) {
                case RATIO -> Set.of(BASE);
                case BASE -> Set.of(RATIO);
                default -> Set.of();
            };
        }

        @Override
        public WeightsReader weights() {
            return new DynamicViTWeights();
        }

        @Override
        public List<String> sources() {
            return List.of("ViT", "DeiT", "ThinkingViT", title());
        }

        @Override
        public DynamicViTConfig read(Arguments arguments) {
            ThinkingViTConfig vit =
                    ThinkingViTArchitecture.read(arguments, name(), Set.of(LOC, RATIO, BASE, STAGES), true);
            List<Integer> blocks = arguments.integers(LOC);
            require(!blocks.isEmpty(), LOC + " is empty: at least one block is required");
            require(
                    arguments.has(RATIO) != arguments.has(BASE),
                    "either " + RATIO + " or " + BASE + " is required, got "
                            + (arguments.has(RATIO) ? "both" : "neither"));
            List<Double> ratios = arguments.has(RATIO)
                    ? arguments.numbers(RATIO)
                    : powers(arguments.number(BASE, Double.NaN), blocks.size());
            List<Integer> stages = arguments.has(STAGES) ? arguments.integers(STAGES) : List.of(vit.stages());
            return new DynamicViTConfig(vit, new ArrayList<>(blocks), ratios, stages);
        }

        @Override
        public Map<String, Object> write(NetworkConfig config) {
            DynamicViTConfig network = of(config);
            Map<String, Object> arguments = new LinkedHashMap<>(ThinkingViTConfig.ARCHITECTURE.write(network.vit));
            arguments.put(LOC, network.pruningLoc);
            arguments.put(RATIO, network.tokenRatio);
            arguments.put(STAGES, network.prunedStages);
            return arguments;
        }
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
