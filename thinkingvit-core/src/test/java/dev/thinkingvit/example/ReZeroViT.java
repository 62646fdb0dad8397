package dev.thinkingvit.example;

import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
 * @param depth blocks
 * @param stageHeads heads of each stage; the last one's are all there are
 * @param recycles whether a stage takes what the one before left
 * @param numClasses C
 */
public record ReZeroViT(
        ImageSize imageSize,
        int patchSize,
        int headDim,
        int depth,
        List<Integer> stageHeads,
        boolean recycles,
        int numClasses)
        implements NetworkConfig {

    public ReZeroViT {
        stageHeads = List.copyOf(stageHeads);
        if (patchSize < 1 || imageSize.height() % patchSize != 0 || imageSize.width() % patchSize != 0) {
            throw new IllegalArgumentException(
                    "img_size " + imageSize + " is not a multiple of patch_size " + patchSize);
        }
        if (headDim < 1 || depth < 1 || numClasses < 1) {
            throw new IllegalArgumentException("head_dim, depth and num_classes must be at least 1, got " + headDim
                    + ", " + depth + " and " + numClasses);
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

    private int width(int stage) {
        return stageHeads.get(stage - 1) * headDim;
    }

    /** All tokens in one window, so that attention knows how far apart they are. */
    private Windows grid() {
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
                depth,
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
                imageSize, patchSize, headDim, depth, List.of(numFeatures / headDim), recycles, numClasses);
    }

    /** What {@code config.json} says of it. Found by {@code META-INF/services}. */
    public record Registered() implements Architecture {
        private static final Set<String> KNOWN =
                Set.of("img_size", "patch_size", "head_dim", "depth", "stage_heads", "recycles", "num_classes");

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
                    arguments.integer("depth"),
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
            arguments.put("depth", network.depth);
            arguments.put("stage_heads", network.stageHeads);
            arguments.put("recycles", network.recycles ? 1 : 0);
            return arguments;
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
        private final Norm norm;
        private final Linear head; // D → C
        private final List<Recycling> recyclings = new ArrayList<>();
        private final Parameters parameters;

        private record Block(
                Linear qkv, Parameter bias, Linear projection, Linear fc1, Linear fc2, List<Gates> gates) {}

        /** What a stage multiplies a block's branches by. */
        private record Gates(Parameter attention, Parameter mlp) {}

        private record Recycling(Linear projection, Parameter gate) {}

        Written(ReZeroViT config) {
            this.config = config;
            this.grid = config.grid();
            List<Integer> widths = config.stageHeads.stream()
                    .map(heads -> heads * config.headDim)
                    .toList();
            int width = config.numFeatures();
            Axis features = Axis.leading(width, widths);
            Axis hidden = Axis.leading(
                            MLP_RATIO * width,
                            widths.stream().map(each -> MLP_RATIO * each).toList())
                    .of(Meaning.HIDDEN);
            Axis patch = Axis.whole(CHANNELS * config.patchSize * config.patchSize);
            Axis heads = Axis.leading(config.heads(), config.stageHeads);
            int last = config.depth + 1;

            List<Parameter> inOrder = new ArrayList<>();
            this.embedding = Linear.of("embedding", 0, features, patch);
            embedding.addTo(inOrder);
            for (int i = 0; i < config.depth; i++) {
                String name = "blocks." + i + ".";
                Block block = new Block(
                        Linear.of(name + "qkv", i + 1, Axis.chunks(3, width, widths), features),
                        Parameter.of(name + "bias", Start.normal(0.02), i + 1, Axis.whole(grid.biasTable()), heads)
                                .undecayed(),
                        Linear.of(name + "projection", i + 1, features, features),
                        Linear.of(name + "fc1", i + 1, hidden, features),
                        Linear.of(name + "fc2", i + 1, features, hidden),
                        new ArrayList<>());
                block.qkv.addTo(inOrder);
                inOrder.add(block.bias);
                block.projection.addTo(inOrder);
                block.fc1.addTo(inOrder);
                block.fc2.addTo(inOrder);
                for (int stage = 1; stage <= config.stages(); stage++) {
                    Gates gates = new Gates(
                            gate(name + "attention_gate." + stage, i + 1, stage),
                            gate(name + "mlp_gate." + stage, i + 1, stage));
                    inOrder.add(gates.attention);
                    inOrder.add(gates.mlp);
                    block.gates.add(gates);
                }
                blocks.add(block);
            }
            this.norm = Norm.of("norm", config.depth, features, 1e-6);
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
            return config.depth;
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
            for (int i = 0; i < blocks.size(); i++) {
                Block block = blocks.get(i);
                x = on.block(x, i, input -> block(on, input, block, heads, block.gates.get(stage - 1)));
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
