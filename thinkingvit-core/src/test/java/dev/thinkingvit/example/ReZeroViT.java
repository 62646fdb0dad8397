package dev.thinkingvit.example;

import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.BareWeights;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.WeightsReader;
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
import dev.thinkingvit.network.Windows;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A nested Vision Transformer without norms in its blocks and without a class token: each stage multiplies each branch by a
 * number of its own that starts at 0 (Bachlechner et al., "ReZero is All You Need", 2020), positions are told by a bias on attention's
 * scores, the prediction is read from the mean of the tokens. Besides, the head says what each place of the picture shows.
 * Stages either recycle the tokens of the stage before or begin anew.
 *
 * <p>{@code B} images, {@code N} tokens, {@code D} full width, {@code d} width of a stage, {@code C} classes.
 *
 * @param imageSize of the input
 * @param patchSize height and width of a patch in pixels
 * @param headDim width of a head
 * @param depths blocks of each stage: the first so many of all there are
 * @param stageHeads heads of each stage; the last one's are all there are
 * @param recycles whether a stage takes what the one before left
 * @param numClasses C
 */
public record ReZeroViT(
        ImageSize imageSize,
        int patchSize,
        int headDim,
        List<Integer> depths,
        List<Integer> stageHeads,
        boolean recycles,
        int numClasses)
        implements NetworkConfig {

    private static final Pattern GATE = Pattern.compile("blocks\\.\\d{1,3}\\.attention_gate\\.(\\d{1,2})");

    public ReZeroViT {
        depths = List.copyOf(depths);
        stageHeads = List.copyOf(stageHeads);
        if (patchSize < 1 || imageSize.height() % patchSize != 0 || imageSize.width() % patchSize != 0) {
            throw new IllegalArgumentException(
                    "img_size " + imageSize + " is not a multiple of patch_size " + patchSize);
        }
        if (headDim < 1 || numClasses < 1) {
            throw new IllegalArgumentException(
                    "head_dim and num_classes must be at least 1, got " + headDim + " and " + numClasses);
        }
        if (depths.size() != stageHeads.size() || depths.stream().anyMatch(depth -> depth < 1)) {
            throw new IllegalArgumentException(
                    "depths must be at least 1, one for each of stage_heads " + stageHeads + ", got " + depths);
        }
        if (stageHeads.isEmpty()
                || stageHeads.get(0) < 1
                || !stageHeads.equals(stageHeads.stream().sorted().toList())) {
            throw new IllegalArgumentException("stage_heads must be at least 1 and grow, got " + stageHeads);
        }
    }

    private int heads() {
        return stageHeads.get(stageHeads.size() - 1);
    }

    private int depth() {
        return Collections.max(depths);
    }

    private int width(int stage) {
        return stageHeads.get(stage - 1) * headDim;
    }

    /** All tokens in one window, so that attention knows how far apart they are. */
    private Windows window() {
        int rows = imageSize.height() / patchSize;
        int columns = imageSize.width() / patchSize;
        return new Windows(rows, columns, rows, columns, 0, 0);
    }

    @Override
    public Architecture architecture() {
        return new Registered();
    }

    @Override
    public Network network() {
        return new Written(this);
    }

    @Override
    public int stages() {
        return stageHeads.size();
    }

    @Override
    public String shorthand() {
        return "ReZero " + stageHeads;
    }

    @Override
    public int numFeatures() {
        return heads() * headDim;
    }

    @Override
    public Map<String, Object> shape() {
        return Map.of(
                "depth",
                depths,
                "width",
                numFeatures(),
                "heads",
                heads(),
                "head_width",
                headDim,
                "patch_size",
                patchSize);
    }

    @Override
    public Object stageHeads(int stage) {
        return stageHeads.get(stage - 1);
    }

    /** There are no others: a bias for each distance on the grid is learned for one grid. */
    @Override
    public ReZeroViT withImageSize(ImageSize size) {
        if (!size.equals(imageSize)) {
            throw new IllegalArgumentException("img_size must be " + imageSize + ", got " + size);
        }
        return this;
    }

    @Override
    public Map<String, HostTensor> resized(Map<String, HostTensor> weights, NetworkConfig to) {
        return weights;
    }

    @Override
    public ReZeroViT plain(int numFeatures) {
        if (numFeatures < headDim || numFeatures % headDim != 0) {
            throw new IllegalArgumentException(
                    "the width must be a multiple of head_dim " + headDim + ", got " + numFeatures);
        }
        return new ReZeroViT(
                imageSize, patchSize, headDim, List.of(depth()), List.of(numFeatures / headDim), recycles, numClasses);
    }

    /** What {@code config.json} says of it. Found by {@code META-INF/services}. */
    public record Registered() implements Architecture {
        private static final Set<String> KNOWN =
                Set.of("img_size", "patch_size", "head_dim", "depths", "stage_heads", "recycles", "num_classes");

        @Override
        public String name() {
            return "rezerovit";
        }

        @Override
        public String title() {
            return "nested ReZero ViT";
        }

        @Override
        public boolean answersTo(String architecture) {
            return architecture.equals(name());
        }

        @Override
        public boolean owns(String tensor) {
            return GATE.matcher(tensor).matches();
        }

        @Override
        public WeightsReader weights() {
            return new FromWeights();
        }

        @Override
        public String stagesArgument() {
            return "stage_heads";
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
        public ReZeroViT read(Arguments arguments) {
            arguments.requireKnown(name(), KNOWN, Map.of(), Set.of());
            return new ReZeroViT(
                    arguments.imageSize("img_size"),
                    arguments.square("patch_size"),
                    arguments.integer("head_dim"),
                    arguments.integers("depths"),
                    arguments.integers("stage_heads"),
                    arguments.integer("recycles") == 1,
                    arguments.integer("num_classes"));
        }

        @Override
        public Map<String, Object> write(NetworkConfig config) {
            ReZeroViT network = (ReZeroViT) config;
            Map<String, Object> arguments = new LinkedHashMap<>();
            arguments.put("img_size", network.imageSize.argument());
            arguments.put("patch_size", network.patchSize);
            arguments.put("head_dim", network.headDim);
            arguments.put("depths", network.depths);
            arguments.put("stage_heads", network.stageHeads);
            arguments.put("recycles", network.recycles ? 1 : 0);
            return arguments;
        }
    }

    /** What weights say of it that no configuration is with. */
    private record FromWeights() implements WeightsReader {
        private static final String BIAS = "blocks.0.bias"; // [(2r − 1)(2c − 1), H]
        private static final String HEAD = "head.weight"; // [C, D]

        @Override
        public void complete(Map<String, @Nullable Object> arguments, BareWeights weights, List<String> notes) {
            WeightsReader.kept(new Registered().stagesArgument()).complete(arguments, weights, notes);
            if (arguments.get("img_size") == null) {
                int patch = side(weights.size("embedding.weight", 1, -1, -1) / 3); // [D, 3p²]
                arguments.putIfAbsent("patch_size", patch);
                arguments.put("img_size", patch * (side(weights.size(BIAS, 0, -1, -1)) + 1) / 2);
            }
            arguments.putIfAbsent("head_dim", headWidth(weights));
            arguments.putIfAbsent("depths", depths(weights));
            arguments.putIfAbsent("recycles", 1);
            arguments.putIfAbsent("num_classes", weights.size(HEAD, 0, -1, -1));
            if (arguments.get("stage_heads") == null) {
                arguments.put("stage_heads", stageHeads(weights));
            }
        }

        private static int side(int area) {
            int side = (int) Math.round(Math.sqrt(area));
            if (side * side != area) {
                throw new IllegalArgumentException("embedding.weight and " + BIAS
                        + " are of no squares; --config must say img_size and patch_size");
            }
            return side;
        }

        /** A stage has a gate for each of its blocks. */
        private static List<Integer> depths(BareWeights weights) {
            List<Integer> depths = new ArrayList<>();
            for (String name : weights.tensors().keySet()) {
                Matcher gate = GATE.matcher(name);
                int stage = gate.matches() ? Integer.parseInt(gate.group(1)) : 0;
                while (depths.size() < stage) {
                    depths.add(0);
                }
                if (stage > 0) {
                    depths.set(stage - 1, depths.get(stage - 1) + 1);
                }
            }
            return depths;
        }

        /** What is recycled is as wide as the stage that it is from. */
        private List<Integer> stageHeads(BareWeights weights) {
            List<Integer> heads = new ArrayList<>();
            for (int stage = 2; stage <= depths(weights).size(); stage++) {
                heads.add(weights.size("recycle" + stage + ".weight", 1, -1, -1) / headWidth(weights));
            }
            heads.add(weights.size(BIAS, 1, -1, -1));
            return heads;
        }

        @Override
        public int headWidth(BareWeights weights) {
            return weights.size(HEAD, 1, -1, -1) / weights.size(BIAS, 1, -1, -1);
        }
    }

    /** Its parameters, and its forward pass. */
    private static final class Written implements Network {
        private static final int CHANNELS = 3;
        private static final int MLP_RATIO = 2;

        /** What is said of each place of the picture: class logits, row by row. */
        private static final String PLACES = "places";

        /** What the prediction is read from. */
        private static final String SUMMARY = "summary";

        private final ReZeroViT config;
        private final Windows grid;
        private final Linear embedding; // 3p² → D
        private final List<Block> blocks = new ArrayList<>();
        private final List<List<Gates>> gates = new ArrayList<>(); // of each stage, a block each
        private final Norm norm;
        private final Linear head; // D → C
        private final List<Recycling> recyclings = new ArrayList<>();
        private final Parameters parameters;

        private record Block(Linear qkv, Parameter bias, Linear projection, Linear fc1, Linear fc2) {}

        /** What a stage multiplies a block's branches by. */
        private record Gates(Parameter attention, Parameter mlp) {}

        private record Recycling(Linear projection, Parameter gate) {}

        Written(ReZeroViT config) {
            this.config = config;
            this.grid = config.window();
            List<Integer> widths = config.stageHeads.stream()
                    .map(heads -> heads * config.headDim)
                    .toList();
            int width = config.numFeatures();
            Axis features = Axis.leading(width, widths);
            Axis patch = Axis.whole(CHANNELS * config.patchSize * config.patchSize);
            int last = config.depth() + 1;

            List<Parameter> inOrder = new ArrayList<>();
            this.embedding = Linear.of("embedding", 0, features, patch);
            embedding.addTo(inOrder);
            widths.forEach(stage -> gates.add(new ArrayList<>()));
            for (int i = 0; i < config.depth(); i++) {
                String name = "blocks." + i + ".";
                List<Integer> within = running(i, widths);
                Axis inner = Axis.leading(width, within);
                Axis hidden = Axis.leading(
                                MLP_RATIO * width,
                                within.stream().map(each -> MLP_RATIO * each).toList())
                        .of(Meaning.HIDDEN);
                Axis heads = Axis.leading(config.heads(), running(i, config.stageHeads));
                Block block = new Block(
                        Linear.of(name + "qkv", i + 1, Axis.chunks(3, width, within), inner),
                        Parameter.of(name + "bias", Start.normal(0.02), i + 1, Axis.whole(grid.biasTable()), heads)
                                .undecayed(),
                        Linear.of(name + "projection", i + 1, inner, inner),
                        Linear.of(name + "fc1", i + 1, hidden, inner),
                        Linear.of(name + "fc2", i + 1, inner, hidden));
                block.qkv.addTo(inOrder);
                inOrder.add(block.bias);
                block.projection.addTo(inOrder);
                block.fc1.addTo(inOrder);
                block.fc2.addTo(inOrder);
                for (int stage = 1; stage <= config.stages(); stage++) {
                    if (i < depth(stage)) {
                        Gates own = new Gates(
                                gate(name + "attention_gate." + stage, i + 1, stage),
                                gate(name + "mlp_gate." + stage, i + 1, stage));
                        inOrder.add(own.attention);
                        inOrder.add(own.mlp);
                        gates.get(stage - 1).add(own);
                    }
                }
                blocks.add(block);
            }
            this.norm = Norm.of("norm", config.depth(), features, 1e-6);
            norm.addTo(inOrder);
            this.head = Linear.of("head", last, Axis.whole(config.numClasses).of(Meaning.CLASSES), features)
                    .with(parameter -> parameter.uncast().as(Role.HEAD));
            head.addTo(inOrder);
            for (int stage = 2; config.recycles && stage <= config.stages(); stage++) {
                int reader = stage;
                Linear projection = Linear.of("recycle" + stage, last, features, Axis.whole(config.width(stage - 1)))
                        .with(parameter -> parameter.as(Role.RECYCLING).readBy(reader));
                Parameter gate = gate("recycle" + stage + ".gate", last, stage).as(Role.RECYCLING);
                projection.addTo(inOrder);
                inOrder.add(gate);
                recyclings.add(new Recycling(projection, gate));
            }
            this.parameters = Parameters.of(inOrder);
        }

        /** What the stages that run a block read of it; the others read nothing. */
        private List<Integer> running(int block, List<Integer> leading) {
            return IntStream.range(0, leading.size())
                    .mapToObj(i -> block < config.depths.get(i) ? leading.get(i) : 0)
                    .toList();
        }

        /** One number, which a stage has of its own. */
        private static Parameter gate(String name, int layer, int stage) {
            return Parameter.of(name, Start.ZEROS, layer, Axis.whole(1))
                    .uncast()
                    .readBy(stage);
        }

        @Override
        public Parameters parameters() {
            return parameters;
        }

        @Override
        public int stages() {
            return config.stages();
        }

        @Override
        public int depth() {
            return config.depth();
        }

        @Override
        public int depth(int stage) {
            return config.depths.get(stage - 1);
        }

        @Override
        public Ports ports(int stage) {
            long tokens = grid.tokens();
            long classes = config.numClasses;
            Map<String, List<Long>> extras = new LinkedHashMap<>();
            extras.put(PLACES, List.of(tokens, classes));
            extras.put(SUMMARY, List.of((long) config.width(stage)));
            return new Ports(
                    List.of((long) CHANNELS, (long) config.imageSize.height(), (long) config.imageSize.width()),
                    stage == 1 || !config.recycles ? null : List.of(tokens, (long) config.width(stage - 1)),
                    List.of(tokens, (long) config.width(stage)),
                    List.of(classes),
                    extras);
        }

        @Override
        public <T> Output<T> stage(Layers<T> on, int stage, T images, @Nullable T previous) {
            T x = on.linear(on.patches(images, config.patchSize), embedding); // (B, N, d)
            if (previous != null) {
                Recycling recycling = recyclings.get(stage - 2);
                x = on.add(x, on.scale(on.linear(previous, recycling.projection), recycling.gate));
            }
            int heads = config.stageHeads.get(stage - 1);
            for (int i = 0; i < depth(stage); i++) {
                Block block = blocks.get(i);
                Gates own = gates.get(stage - 1).get(i);
                x = on.block(x, i, input -> block(on, input, block, heads, own));
            }
            T tokens = on.norm(x, norm); // (B, N, d)
            T summary = on.mean(tokens); // (B, d)
            Map<String, T> extras = new LinkedHashMap<>();
            extras.put(PLACES, on.linear(tokens, head)); // (B, N, C)
            extras.put(SUMMARY, summary);
            return new Output<>(tokens, on.linear(summary, head), extras); // (B, C)
        }

        private <T> T block(Layers<T> on, T x, Block block, int heads, Gates gates) {
            T mixed = on.windowAttention(on.linear(x, block.qkv), heads, block.bias, grid); // (B, N, d)
            T attended = on.residual(x, on.scale(on.linear(mixed, block.projection), gates.attention));
            T hidden = on.gelu(on.linear(attended, block.fc1)); // (B, N, 2d)
            return on.residual(attended, on.scale(on.linear(hidden, block.fc2), gates.mlp));
        }
    }
}
