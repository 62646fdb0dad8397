package dev.thinkingvit.onnx;

import static dev.thinkingvit.onnx.OnnxGraph.attribute;

import dev.thinkingvit.model.ThinkingViTConfig;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One stage as an ONNX graph: images and the tokens of the stage before in, logits and tokens out.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} width of this stage, {@code d'} width of the stage before, {@code H}
 * heads, {@code hd} their width. Between the embedding and the end, tokens are the rows of one matrix (B·N, d), so that
 * each layer is one Gemm with its bias inside; what runtimes fuse (GELU of Erf, LayerNormalization) is written as they
 * look for it.
 */
final class StageGraph {
    private final ThinkingViTConfig config;
    private final int stage;
    private final int width;
    private final int heads;
    private final int tokens;
    private final OnnxGraph graph;

    private StageGraph(ThinkingViTConfig config, int stage, GraphConstants constants) {
        this.config = config;
        this.stage = stage;
        this.width = config.width(stage);
        this.heads = config.heads(stage);
        this.tokens = config.tokens();
        this.graph = new OnnxGraph("stage" + stage, constants);
    }

    /** @param ports the graph's inputs and outputs, as the export's description has them */
    static OnnxGraph build(ThinkingViTConfig config, ExportedModel.Stage ports, GraphConstants constants) {
        return new StageGraph(config, ports.stage(), constants).build(ports);
    }

    private OnnxGraph build(ExportedModel.Stage ports) {
        ports.inputs().forEach(graph::input);
        ports.outputs().forEach(graph::output);
        sharedConstants();
        String x = embed(); // (B·N, d)
        for (int i = 0; i < config.depth(); i++) {
            x = block(x, "blocks." + i + ".");
        }
        String normed = norm(x, "norm");
        String all = graph.node("Reshape", ExportedModel.TOKENS, List.of(normed, "shape.tokens")); // (B, N, d)
        String classToken = graph.node("Gather", "class_token", List.of(all, "zero"), attribute("axis", 1)); // (B, d)
        String weight = graph.constant("head.weight", width, config.numClasses());
        String bias = graph.constant("head.bias", config.numClasses());
        graph.node("Gemm", ExportedModel.LOGITS, List.of(classToken, weight, bias)); // (B, C)
        return graph;
    }

    private void sharedConstants() {
        graph.integers("shape.rows", -1, width);
        graph.integers("shape.tokens", -1, tokens, width);
        graph.integers("shape.heads", -1, tokens, heads, config.headDim());
        graph.index("zero", 0);
        graph.scalar("gelu.sqrt2", (float) Math.sqrt(2));
        graph.scalar("gelu.one", 1);
        graph.scalar("gelu.half", 0.5f);
    }

    private String embed() {
        int patch = config.patchSize();
        String kernel = graph.constant("patch_embed.proj.weight", width, 3, patch, patch);
        String grid = graph.node(
                "Conv",
                "patch_embed.grid",
                List.of(ExportedModel.IMAGES, kernel),
                attribute("kernel_shape", List.of(patch, patch)),
                attribute("strides", List.of(patch, patch))); // (B, d, S/p, S/p)
        graph.integers("shape.patches", -1, width, config.patches());
        String columns = graph.node("Reshape", "patch_embed.columns", List.of(grid, "shape.patches")); // (B, d, N-1)
        String patches =
                graph.node("Transpose", "patch_embed.patches", List.of(columns), attribute("perm", List.of(0, 2, 1)));
        // a row of zeros in front makes room for the class token, which the embedding's first row holds
        graph.integers("pad.class_token", 0, 1, 0, 0, 0, 0);
        String padded = graph.node("Pad", "patch_embed.padded", List.of(patches, "pad.class_token")); // (B, N, d)
        String embedded = graph.node("Add", "embedded", List.of(padded, matrix("embedding", tokens, 1)));
        String rows = graph.node("Reshape", "embedded.rows", List.of(embedded, "shape.rows")); // (B·N, d)
        return stage == 1 ? rows : recycle(rows);
    }

    /** Token recycling (paper, section 3.2): + alpha · (W_p z + b_p), alpha being in the weights. */
    private String recycle(String x) {
        String name = ThinkingViTConfig.projectionName(stage);
        int previous = config.width(stage - 1);
        graph.integers("shape.recycled", -1, previous);
        String rows = graph.node("Reshape", "recycled.rows", List.of(ExportedModel.PREVIOUS_TOKENS, "shape.recycled"));
        String weight = graph.constant(name + ".weight", previous, width);
        String bias = graph.constant(name + ".bias", width);
        String projected = graph.node("Gemm", name, List.of(rows, weight, bias)); // (B·N, d)
        return graph.node("Add", "recycled", List.of(x, projected));
    }

    private String block(String x, String name) {
        String mixed = attention(norm(x, name + "norm1"), name + "attn."); // (B·N, d)
        String projected = linear(mixed, name + "attn.proj", 1, 1);
        String attended = graph.node("Add", name + "attended", List.of(x, projected));
        String expanded = linear(norm(attended, name + "norm2"), name + "mlp.fc1", 1, ThinkingViTConfig.mlpWidth(1));
        String reduced = linear(gelu(expanded, name + "mlp."), name + "mlp.fc2", ThinkingViTConfig.mlpWidth(1), 1);
        return graph.node("Add", name + "output", List.of(attended, reduced));
    }

    private String attention(String x, String name) {
        String queries = byHead(x, name + "q", List.of(0, 2, 1, 3)); // (B, H, N, hd)
        String keys = byHead(x, name + "k", List.of(0, 2, 3, 1)); // (B, H, hd, N)
        String values = byHead(x, name + "v", List.of(0, 2, 1, 3)); // (B, H, N, hd)
        String scores = graph.node("MatMul", name + "scores", List.of(queries, keys)); // (B, H, N, N)
        String shares = graph.node("Softmax", name + "shares", List.of(scores), attribute("axis", -1));
        String mixed = graph.node("MatMul", name + "mixed", List.of(shares, values)); // (B, H, N, hd)
        String joined =
                graph.node("Transpose", name + "joined", List.of(mixed), attribute("perm", List.of(0, 2, 1, 3)));
        return graph.node("Reshape", name + "rows", List.of(joined, "shape.rows")); // (B·N, d)
    }

    private String byHead(String x, String name, List<Integer> order) {
        String rows = linear(x, name, 1, 1); // (B·N, d)
        String split = graph.node("Reshape", name + ".split", List.of(rows, "shape.heads")); // (B, N, H, hd)
        return graph.node("Transpose", name + ".heads", List.of(split), attribute("perm", order));
    }

    /** x · (1 + erf(x / √2)) / 2. */
    private String gelu(String x, String name) {
        String scaled = graph.node("Div", name + "gelu.scaled", List.of(x, "gelu.sqrt2"));
        String erf = graph.node("Erf", name + "gelu.erf", List.of(scaled));
        String shifted = graph.node("Add", name + "gelu.shifted", List.of(erf, "gelu.one"));
        String product = graph.node("Mul", name + "gelu.product", List.of(x, shifted));
        return graph.node("Mul", name + "gelu", List.of(product, "gelu.half"));
    }

    private String norm(String x, String name) {
        String weight = graph.constant(name + ".weight", width);
        String bias = graph.constant(name + ".bias", width);
        return graph.node(
                "LayerNormalization",
                name,
                List.of(x, weight, bias),
                attribute("axis", -1),
                attribute("epsilon", (float) config.normEps()));
    }

    /** A layer of {@code out}·d features from {@code in}·d features. */
    private String linear(String x, String name, int in, int out) {
        String weight = matrix(name + ".weight", (long) in * width, out);
        return graph.node("Gemm", name, List.of(x, weight, graph.constant(name + ".bias", (long) out * width)));
    }

    /** The stage's part of a matrix: whole, or the leading rows of its bands, which runtimes join when they load. */
    private String matrix(String name, long rows, int multiple) {
        if (graph.folded()) {
            return graph.constantOf(NestedConstants.whole(name, stage), name, rows, (long) multiple * width);
        }
        List<String> bands = IntStream.rangeClosed(1, stage)
                .mapToObj(k -> {
                    int before = k == 1 ? 0 : config.width(k - 1);
                    return graph.constant(
                            NestedConstants.band(name, k), rows, (long) multiple * (config.width(k) - before));
                })
                .toList();
        return stage == 1 ? bands.get(0) : graph.node("Concat", name, bands, attribute("axis", 1));
    }
}
