package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.IdentityHashMap;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A stage's layers by libtorch's operations, with gradients where the weights want them, on any device. Results belong to
 * the innermost scope. For one thread and one pass.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} features, {@code H} heads, {@code hd} width of a head.
 */
class TorchLayers implements Layers<Tensor> {
    /** The published code's distance between scores of tokens that have halted and others; its exponential is 0. */
    private static final double FAR = 1000;

    private static final int TILE = 32; // features of BF16 that a tile holds of a row

    private final IdentityHashMap<Parameter, Tensor> weights;
    private final ScalarType type;
    private final Branches branches;
    private final @Nullable Choices choices;
    private int block;
    private int branch;
    private final boolean leavesOut;
    private @Nullable Tensor
            active; // (B, N, 1) F32 within halting blocks: 1 for tokens that go on, 0 for those that halted
    private @Nullable LeftRows rows; // within halting blocks where tokens are left out: those that are there

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
     * As inference has them.
     *
     * @param weights what the stage reads of each of its parameters, as {@link Slice#cut} gives it, by identity
     * @param type of products
     */
    TorchLayers(IdentityHashMap<Parameter, Tensor> weights, ScalarType type, Branches branches) {
        this(weights, type, branches, null, true);
    }

    /**
     * @param choices that chance makes while training; null for those that inference makes
     * @param leavesOut whether tokens that have halted are left out, instead of masked
     */
    TorchLayers(
            IdentityHashMap<Parameter, Tensor> weights,
            ScalarType type,
            Branches branches,
            @Nullable Choices choices,
            boolean leavesOut) {
        this.weights = weights;
        this.type = type;
        this.branches = branches;
        this.choices = choices;
        this.leavesOut = leavesOut;
    }

    /** A stage's outputs as they leave it: tokens of the products' type, whatever is said F32. */
    final Network.Output<Tensor> outward(Network.Output<Tensor> outputs) {
        return outputs.map(tokens -> tokens.to(type), said -> said.to(ScalarType.Float));
    }

    @Override
    public final Tensor patches(Tensor images, int patch) {
        long batch = images.size(0);
        long rows = Layers.above(images.size(2), patch);
        long columns = Layers.above(images.size(3), patch);
        long below = rows * patch - images.size(2);
        long right = columns * patch - images.size(3);
        Tensor filled = below == 0 && right == 0 ? images : torch.pad(images, 0, right, 0, below);
        return filled.reshape(batch, 3, rows, patch, columns, patch)
                .permute(0, 2, 4, 1, 3, 5) // (B, rows, columns, 3, p, p)
                .reshape(batch, rows * columns, 3L * patch * patch)
                .to(type);
    }

    @Override
    public final Tensor tokens(Tensor patches, Parameter classToken, Parameter positions) {
        Tensor first = weight(classToken).expand(patches.size(0), 1, patches.size(2));
        return torch.cat(new TensorVector(first, patches), 1).add(weight(positions)); // (B, N, d)
    }

    /**
     * By how many features rows are to be longer. With tiles (AMX) libtorch reads them 32 by 32 where there are more, and behind the
     * last row's end what follows, which times zero is NaN if it is. (So it does in the gradient of rows, where a NaN spoils those of the
     * weights anyway.)
     */
    static long beyondTile(long features) {
        return features > TILE ? Math.floorMod(-features, (long) TILE) : 0;
    }

    @Override
    public final Tensor linear(Tensor x, Linear layer) {
        Tensor weight = weight(layer.weight());
        Tensor flat = weight.dim() > 2 ? weight.flatten(1, -1) : weight;
        Tensor matrix = layer.isTransposed() ? flat.t() : flat;
        Parameter bias = layer.bias();
        TensorOptional added = bias == null ? new TensorOptional() : new TensorOptional(weight(bias));
        Tensor rows = x.to(matrix.scalar_type());
        long beyond = Tensors.dtype(matrix) == DType.BF16 && !rows.is_cuda() ? beyondTile(matrix.size(1)) : 0;
        if (beyond > 0) {
            return torch.linear(torch.pad(rows, 0, beyond), torch.pad(matrix, 0, beyond), added);
        }
        return torch.linear(rows, matrix, added);
    }

    @Override
    public final Tensor norm(Tensor x, Norm layer) {
        if (active == null) {
            return normed(x, layer);
        }
        Tensor going = active.to(x.scalar_type());
        return normed(x.mul(going), layer).mul(active);
    }

    private Tensor normed(Tensor x, Norm layer) {
        Tensor weight = weight(layer.weight());
        boolean mixes = !x.is_cuda(); // a CUDA device normalises in its weights' own type only
        Tensor normed = torch.layer_norm(
                mixes ? x : x.to(weight.scalar_type()),
                new long[] {x.size(-1)},
                new TensorOptional(weight),
                new TensorOptional(weight(layer.bias())),
                layer.eps(),
                false);
        return mixes ? normed : normed.to(x.scalar_type());
    }

    @Override
    public final Tensor gelu(Tensor x) {
        return torch.gelu(x);
    }

    @Override
    public final Tensor attention(Tensor qkv, int heads) {
        return attention(qkv, heads, null);
    }

    @Override
    public final Tensor attention(Tensor qkv, int heads, @Nullable Tensor chosen) {
        if (rows != null) {
            return rows.attention(qkv, (own, there) -> attention(own, heads, null, there));
        }
        return attention(qkv, heads, chosen, active);
    }

    /** @param going 1 for tokens that are attended to, 0 for others, B · N of them; null for all */
    private Tensor attention(Tensor qkv, int heads, @Nullable Tensor chosen, @Nullable Tensor going) {
        long batch = qkv.size(0);
        long tokens = qkv.size(1);
        long width = qkv.size(2) / 3;
        Tensor split = qkv.view(batch, tokens, 3, heads, width / heads).permute(2, 0, 3, 1, 4); // (3, B, H, N, hd)
        boolean fusedIsFaster = qkv.is_cuda() || Tensors.dtype(qkv) == DType.F32;
        Tensor apart =
                going == null ? null : apart(going).view(batch, 1, 1, tokens).to(qkv.scalar_type());
        Tensor mixed; // (B, H, N, hd)
        if (choices != null && chosen != null) {
            mixed = choices.attention(split, chosen);
        } else {
            mixed = fusedIsFaster ? fused(split, apart) : byProducts(split, apart);
        }
        return mixed.transpose(1, 2).reshape(batch, tokens, width);
    }

    // The fused CPU kernel is the faster one in F32 and by far the slower one in BF16.
    private static Tensor fused(Tensor split, @Nullable Tensor apart) {
        TensorVector qkv = split.unbind(0);
        return torch.scaled_dot_product_attention(
                qkv.get(0),
                qkv.get(1),
                qkv.get(2),
                apart == null ? new TensorOptional() : new TensorOptional(apart),
                0.0,
                false,
                new DoubleOptional(1.0),
                false);
    }

    /** What is added to scores so that nobody attends to a token that has halted. */
    private static Tensor apart(Tensor going) {
        return going.sub(new Scalar(1)).mul(new Scalar(FAR));
    }

    private static Tensor byProducts(Tensor split, @Nullable Tensor apart) {
        long batch = split.size(1);
        long heads = split.size(2);
        long tokens = split.size(3);
        long headDim = split.size(4);
        // one copy for all three here, and one for their gradients on the way back
        TensorVector qkv = split.reshape(3, batch * heads, tokens, headDim).unbind(0);
        Tensor scores = qkv.get(0).bmm(qkv.get(1).transpose(1, 2)); // (BH, N, N)
        if (apart != null) {
            scores = scores.view(batch, heads, tokens, tokens).add(apart).view(batch * heads, tokens, tokens);
        }
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
        int which = branch++;
        Tensor taken = rows == null
                ? branches.apply(of, block, which)
                : rows.scaled(of, images -> branches.apply(images, block, which));
        return taken.add_(x);
    }

    @Override
    public final Tensor token(Tensor x, int index) {
        return x.select(1, index);
    }

    @Override
    public final Tensor section(Tensor x, int from, int count) {
        return x.narrow(1, from, count);
    }

    @Override
    public final Tensor append(Tensor x, Parameter tokens) {
        Tensor learned = weight(tokens);
        Tensor each =
                learned.expand(x.size(0), learned.size(1), learned.size(2)).to(x.scalar_type());
        return torch.cat(new TensorVector(x, each), 1); // (B, N + n, d)
    }

    @Override
    public final Tensor unit(Tensor x) {
        Tensor exact = x.to(ScalarType.Float);
        Tensor lengths = exact.mul(exact)
                .sum(new long[] {-1}, true, new ScalarTypeOptional())
                .sqrt(); // (B, N, 1)
        return exact.div(lengths);
    }

    @Override
    public final Tensor products(Tensor x, Tensor y) {
        return x.bmm(y.transpose(1, 2)); // (B, N, n)
    }

    @Override
    public final Tensor block(Tensor x, int index, UnaryOperator<Tensor> body) {
        return run(x, input -> {
            block = index;
            branch = 0;
            return body.apply(input);
        });
    }

    @Override
    public final Halting.Outcome<Tensor> halting(Tensor x, Halting how, Halting.Body<Tensor> body) {
        return leavesOut ? leavingOut(x, how, body) : masking(x, how, body);
    }

    /**
     * As the published code trains: a token that has halted goes on as zeros, and what is learned of it passes through as if
     * it did not.
     */
    private Halting.Outcome<Tensor> masking(Tensor x, Halting how, Halting.Body<Tensor> body) {
        Tensor ones = torch.ones(x.size(0), x.size(1), 1).to(x.device(), ScalarType.Float); // (B, N, 1), as all below
        Tensor going = ones;
        Tensor left = ones; // of 1, which the scores sum to
        Tensor sum = ones.sub(ones);
        Tensor depth = ones;
        Tensor ponder = sum;
        Tensor output = null;
        TensorVector means = new TensorVector();
        Tensor out = x;
        for (int i = 0; i < how.blocks(); i++) {
            Tensor mask = i == 0 ? null : going;
            Tensor input = mask == null
                    ? out
                    : out.sub(out.mul(ones.sub(mask)).detach().to(out.scalar_type()));
            int index = i;
            out = block(input, index, value -> among(mask, null, () -> body.apply(this, value, index)));
            Tensor exact = out.to(ScalarType.Float);
            Tensor score = score(exact, how);
            means.push_back(score.mean(1)); // (B, 1)
            if (i == how.blocks() - 1) {
                score = last(score);
            }
            sum = sum.add(score.detach());
            Tensor on = sum.lt(new Scalar(how.limit())).to(ScalarType.Float);
            Tensor halts = going.sub(on);
            Tensor none = sum.sub(sum); // 0, or no number where there is none
            ponder = ponder.add(going).add(halts.mul(left)).add(none);
            Tensor weight = on.mul(score).add(halts.mul(left));
            output = output == null ? exact.mul(weight) : output.add(exact.mul(weight));
            left = left.sub(on.mul(score));
            depth = depth.add(on).add(none);
            going = on;
        }
        return new Halting.Outcome<>(
                output == null ? x : output, depth.squeeze(2), ponder.squeeze(2), torch.cat(means, 1));
    }

    /**
     * Rows of tokens that have halted are not there any more. Logits, depths, the ponder loss and their gradients are those
     * of masking; what masked tokens would have said is not known.
     */
    private Halting.Outcome<Tensor> leavingOut(Tensor x, Halting how, Halting.Body<Tensor> body) {
        long images = x.size(0);
        long tokens = x.size(1);
        long width = x.size(2);
        LeftRows there = LeftRows.all(images, tokens, x.device());
        Tensor depth = torch.ones(images * tokens, 1).to(x.device(), ScalarType.Float); // (B · N, 1)
        Tensor ponder = depth.sub(depth);
        Tensor output = torch.zeros(images * tokens, width).to(x.device(), ScalarType.Float); // (B · N, d)
        Tensor left = depth.clone(); // (R, 1): of 1, which the scores sum to
        Tensor sum = depth.sub(depth);
        Tensor out = x.reshape(1, images * tokens, width); // (1, R, d)
        for (int i = 0; i < how.blocks(); i++) {
            int index = i;
            LeftRows now = there;
            out = block(out, index, value -> among(null, now, () -> body.apply(this, value, index)));
            Tensor exact = out.to(ScalarType.Float).squeeze(0); // (R, d)
            Tensor score = score(exact, how); // (R, 1)
            if (i == how.blocks() - 1) {
                score = last(score);
            }
            sum = sum.add(score.detach());
            Tensor on = sum.lt(new Scalar(how.limit())).to(ScalarType.Float);
            Tensor halts = torch.ones_like(on).sub(on);
            Tensor none = sum.sub(sum); // 0, or no number where there is none
            Tensor weight = on.mul(score).add(halts.mul(left));
            output.index_add_(0, now.places(), exact.mul(weight));
            depth.index_add_(0, now.places(), on.add(none));
            ponder.index_add_(0, now.places(), halts.mul(left).add(none).add(new Scalar(1)));
            float[] going = Tensors.toFloats(on);
            int[] stay = IntStream.range(0, going.length)
                    .filter(row -> going[row] > 0)
                    .toArray();
            left = left.sub(on.mul(score));
            if (stay.length == 0) {
                break;
            }
            if (stay.length < going.length) {
                there = now.only(stay);
                Tensor kept = Tensors.longs(IntStream.of(stay).asLongStream().toArray())
                        .to(x.device(), ScalarType.Long);
                out = out.index_select(1, kept);
                left = left.index_select(0, kept);
                sum = sum.index_select(0, kept);
            }
        }
        return new Halting.Outcome<>(
                output.view(images, tokens, width), depth.view(images, tokens), ponder.view(images, tokens), null);
    }

    /** The gate's, of each token of (…, d): (…, 1). */
    private static Tensor score(Tensor exact, Halting how) {
        return exact.narrow(-1, 0, 1)
                .mul(new Scalar(how.gateScale()))
                .sub(new Scalar(how.gateCenter()))
                .sigmoid();
    }

    /** After the last block: 1, if it is a number. */
    private static Tensor last(Tensor score) {
        return score.sub(score).detach().add(new Scalar(1));
    }

    private Tensor among(@Nullable Tensor mask, @Nullable LeftRows there, Supplier<Tensor> computation) {
        active = mask;
        rows = there;
        try {
            return computation.get();
        } finally {
            active = null;
            rows = null;
        }
    }

    /** Runs a block on (B, N, d). */
    Tensor run(Tensor x, UnaryOperator<Tensor> body) {
        // What the way back does not need goes here, to be used again while it is in the caches.
        try (Scope scope = new Scope()) {
            return scope.keep(body.apply(x));
        }
    }

    @Override
    public final Tensor rest(Tensor x) {
        return x.narrow(1, 1, x.size(1) - 1);
    }

    @Override
    public final Tensor halfMean(Tensor x, @Nullable Tensor chosen) {
        long half = x.size(2) / 2;
        Tensor own = x.narrow(2, 0, half);
        Tensor others = x.narrow(2, half, half);
        Tensor mean = choices == null || chosen == null
                ? others.mean(new long[] {1}, true, new ScalarTypeOptional())
                : choices.mean(others, chosen); // (B, 1, d/2)
        return torch.cat(new TensorVector(own, mean.expand(x.size(0), x.size(1), half)), 2);
    }

    @Override
    public final Tensor logSoftmax(Tensor x) {
        return x.to(ScalarType.Float).log_softmax(-1);
    }

    @Override
    public final Tensor entry(Tensor x, int index) {
        return x.select(-1, index);
    }

    @Override
    public final Tensor choose(Tensor scores, int count, @Nullable Tensor before) {
        if (choices != null) {
            return choices.choose(scores, before);
        }
        // a sort that is stable, unlike topk: which of two equal tokens goes on must not depend on those beside them
        return scores.select(2, 0).sort(new BoolOptional(true), 1, true).get1().narrow(1, 0, count);
    }

    @Override
    public final Tensor chosen(Tensor x, Tensor chosen) {
        return choices == null ? x.gather(1, places(chosen, x.size(2))) : x;
    }

    @Override
    public final Tensor restored(Tensor x, Tensor chosen, Tensor changed) {
        return choices == null
                ? x.scatter(1, places(chosen, x.size(2)), changed.to(x.scalar_type()))
                : choices.restored(x, chosen, changed);
    }

    /** Places among all tokens, the class token's first: (B, count) to (B, 1 + count, d). */
    private static Tensor places(Tensor chosen, long width) {
        Tensor patches = chosen.add(new Scalar(1)); // (B, count)
        Tensor first = torch.zeros_like(patches.narrow(1, 0, 1));
        return torch.cat(new TensorVector(first, patches), 1)
                .unsqueeze(2)
                .expand(chosen.size(0), 1 + chosen.size(1), width);
    }

    private Tensor weight(Parameter parameter) {
        Tensor tensor = weights.get(parameter);
        if (tensor == null) {
            throw new IllegalStateException("the stage has no weight " + parameter.name());
        }
        return tensor;
    }
}
