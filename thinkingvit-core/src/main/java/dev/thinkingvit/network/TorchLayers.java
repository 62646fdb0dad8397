package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.IdentityHashMap;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A stage's layers by libtorch's operations, with gradients where the weights want them, on any device. Results belong to
 * the innermost scope. For one thread and one pass.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} features, {@code H} heads, {@code hd} width of a head.
 */
class TorchLayers implements Layers<Tensor> {
    private final IdentityHashMap<Parameter, Tensor> weights;
    private final ScalarType type;
    private final Branches branches;
    private int block;
    private int branch;

    /** What becomes of residual branches. */
    interface Branches {
        /** All of them are taken as they are. */
        Branches ALL = (branch, block, which) -> branch;

        /**
         * @param branch (B, …)
         * @param block from 0
         * @param which of the block's branches, from 0
         */
        Tensor apply(Tensor branch, int block, int which);
    }

    /**
     * @param weights what the stage reads of each of its parameters, as {@link Slice#cut} gives it, by identity
     * @param type of products
     */
    TorchLayers(IdentityHashMap<Parameter, Tensor> weights, ScalarType type, Branches branches) {
        this.weights = weights;
        this.type = type;
        this.branches = branches;
    }

    /** A stage's outputs as they leave it: tokens of the products' type, whatever is said F32. */
    final Network.Output<Tensor> outward(Network.Output<Tensor> outputs) {
        return outputs.map(tokens -> tokens.to(type), said -> said.to(ScalarType.Float));
    }

    @Override
    public final Tensor patches(Tensor images, int patch) {
        long batch = images.size(0);
        long rows = images.size(2) / patch;
        long columns = images.size(3) / patch;
        return images.reshape(batch, 3, rows, patch, columns, patch)
                .permute(0, 2, 4, 1, 3, 5) // (B, rows, columns, 3, p, p)
                .reshape(batch, rows * columns, 3L * patch * patch)
                .to(type);
    }

    @Override
    public final Tensor tokens(Tensor patches, Parameter classToken, Parameter positions) {
        Tensor first = weight(classToken).expand(patches.size(0), 1, patches.size(2));
        return torch.cat(new TensorVector(first, patches), 1).add(weight(positions)); // (B, N, d)
    }

    @Override
    public final Tensor linear(Tensor x, Linear layer) {
        Tensor weight = weight(layer.weight());
        Tensor matrix = weight.dim() > 2 ? weight.flatten(1, -1) : weight;
        Parameter bias = layer.bias();
        TensorOptional added = bias == null ? new TensorOptional() : new TensorOptional(weight(bias));
        return torch.linear(x.to(matrix.scalar_type()), matrix, added);
    }

    @Override
    public final Tensor norm(Tensor x, Norm layer) {
        return torch.layer_norm(
                x,
                new long[] {x.size(-1)},
                new TensorOptional(weight(layer.weight())),
                new TensorOptional(weight(layer.bias())),
                layer.eps(),
                false);
    }

    @Override
    public final Tensor gelu(Tensor x) {
        return torch.gelu(x);
    }

    @Override
    public final Tensor attention(Tensor qkv, int heads) {
        long batch = qkv.size(0);
        long tokens = qkv.size(1);
        long width = qkv.size(2) / 3;
        Tensor split = qkv.view(batch, tokens, 3, heads, width / heads).permute(2, 0, 3, 1, 4); // (3, B, H, N, hd)
        boolean fusedIsFaster = qkv.is_cuda() || Tensors.dtype(qkv) == DType.F32;
        Tensor mixed = fusedIsFaster ? fused(split) : byProducts(split); // (B, H, N, hd)
        return mixed.transpose(1, 2).reshape(batch, tokens, width);
    }

    // The fused CPU kernel is the faster one in F32 and by far the slower one in BF16.
    private static Tensor fused(Tensor split) {
        TensorVector qkv = split.unbind(0);
        return torch.scaled_dot_product_attention(
                qkv.get(0), qkv.get(1), qkv.get(2), new TensorOptional(), 0.0, false, new DoubleOptional(1.0), false);
    }

    private static Tensor byProducts(Tensor split) {
        long batch = split.size(1);
        long heads = split.size(2);
        long tokens = split.size(3);
        long headDim = split.size(4);
        // one copy for all three here, and one for their gradients on the way back
        TensorVector qkv = split.reshape(3, batch * heads, tokens, headDim).unbind(0);
        Tensor scores = qkv.get(0).bmm(qkv.get(1).transpose(1, 2)); // (BH, N, N)
        return scores.softmax(-1).bmm(qkv.get(2)).view(batch, heads, tokens, headDim);
    }

    @Override
    public final Tensor windows(Tensor x, Windows how) {
        long batch = x.size(0);
        long width = x.size(2);
        return filled(x, how)
                .permute(0, 1, 3, 2, 4, 5) // (B, down, across, w, w, d)
                .reshape(batch * how.count(), how.tokens(), width);
    }

    /** The grid, rolled and filled up: (B, down, w, across, w, d). */
    private static Tensor filled(Tensor x, Windows how) {
        long batch = x.size(0);
        long width = x.size(2);
        Tensor grid = x.view(batch, how.rows(), how.columns(), width);
        Tensor rolled = how.isShifted() ? grid.roll(new long[] {-how.up(), -how.left()}, 1, 2) : grid;
        long below = (long) how.down() * how.windowRows() - how.rows();
        long right = (long) how.across() * how.windowColumns() - how.columns();
        Tensor filled = below == 0 && right == 0 ? rolled : torch.pad(rolled, 0, 0, 0, right, 0, below);
        return filled.view(batch, how.down(), how.windowRows(), how.across(), how.windowColumns(), width);
    }

    @Override
    public final Tensor unwindow(Tensor x, Windows how) {
        long width = x.size(2);
        long batch = x.size(0) / how.count();
        Tensor grid = x.view(batch, how.down(), how.across(), how.windowRows(), how.windowColumns(), width)
                .permute(0, 1, 3, 2, 4, 5)
                .reshape(batch, (long) how.down() * how.windowRows(), (long) how.across() * how.windowColumns(), width)
                .narrow(1, 0, how.rows())
                .narrow(2, 0, how.columns());
        Tensor rolled = how.isShifted() ? grid.roll(new long[] {how.up(), how.left()}, 1, 2) : grid;
        return rolled.reshape(batch, (long) how.rows() * how.columns(), width);
    }

    @Override
    public final Tensor windowAttention(Tensor qkv, int heads, Parameter bias, Windows how) {
        long rows = qkv.size(0); // B · windows
        long n = how.tokens();
        long width = qkv.size(2) / 3;
        double scale = 1 / Math.sqrt((double) width / heads);
        TensorVector parts = qkv.view(rows, n, 3, heads, width / heads)
                .permute(2, 0, 3, 1, 4) // (3, B·windows, H, n, hd)
                .unbind(0);
        Tensor scores =
                parts.get(0).mul(new Scalar(scale)).matmul(parts.get(1).transpose(-2, -1)); // (B·windows, H, n, n)
        Tensor biases = weight(bias)
                .index_select(0, Tensors.longs(how.biasRows()).to(qkv.device(), ScalarType.Long))
                .view(n, n, heads)
                .permute(2, 0, 1)
                .to(scores.scalar_type()); // (H, n, n)
        Tensor biased = scores.add(biases);
        float[] mask = how.mask();
        if (mask.length > 0) {
            Tensor apart = Tensors.floats(mask, 0, 1, how.count(), 1, n, n).to(qkv.device(), scores.scalar_type());
            biased = biased.view(rows / how.count(), how.count(), heads, n, n)
                    .add(apart)
                    .view(rows, heads, n, n);
        }
        Tensor mixed = biased.softmax(-1).matmul(parts.get(2)); // (B·windows, H, n, hd)
        return mixed.transpose(1, 2).reshape(rows, n, width);
    }

    @Override
    public final Tensor merge(Tensor x, int rows, int columns) {
        long batch = x.size(0);
        long width = x.size(2);
        Windows neighbours = Windows.neighbours(rows, columns);
        return filled(x, neighbours)
                .permute(0, 1, 3, 4, 2, 5) // (B, rows/2, columns/2, across, down, d)
                .reshape(batch, neighbours.count(), 4 * width);
    }

    @Override
    public final Tensor upsample(Tensor x, int rows, int columns, Parameter kernel) {
        long batch = x.size(0);
        long width = x.size(2);
        Tensor pattern = weight(kernel); // (d, 1, f, f)
        long factor = pattern.size(2);
        Tensor spread = pattern.permute(2, 1, 3, 0); // (f, 1, f, d)
        return x.view(batch, rows, 1, columns, 1, width)
                .mul(spread)
                .reshape(batch, rows * factor * columns * factor, width);
    }

    @Override
    public final Tensor leading(Tensor x, int features) {
        return features == x.size(-1) ? x : x.narrow(-1, 0, features);
    }

    @Override
    public final Tensor mean(Tensor x) {
        return x.to(ScalarType.Float).mean(1);
    }

    @Override
    public final Tensor scale(Tensor x, Parameter factor) {
        return x.mul(weight(factor).to(x.scalar_type()));
    }

    @Override
    public final Tensor add(Tensor x, Tensor y) {
        return x.add(y);
    }

    @Override
    public final Tensor residual(Tensor x, Tensor of) {
        return branches.apply(of, block, branch++).add_(x);
    }

    @Override
    public final Tensor token(Tensor x, int index) {
        return x.select(1, index);
    }

    @Override
    public final Tensor block(Tensor x, int index, UnaryOperator<Tensor> body) {
        return run(x, input -> {
            block = index;
            branch = 0;
            return body.apply(input);
        });
    }

    /** Runs a block on (B, N, d). */
    Tensor run(Tensor x, UnaryOperator<Tensor> body) {
        // What the way back does not need goes here, to be used again while it is in the caches.
        try (Scope scope = new Scope()) {
            return scope.keep(body.apply(x));
        }
    }

    private Tensor weight(Parameter parameter) {
        Tensor tensor = weights.get(parameter);
        if (tensor == null) {
            throw new IllegalStateException("the stage has no weight " + parameter.name());
        }
        return tensor;
    }
}
