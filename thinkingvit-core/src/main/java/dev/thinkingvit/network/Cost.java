package dev.thinkingvit.network;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What a stage costs: its layers, counted instead of computed. What flows is the shape of one image's values, (1, …).
 *
 * <p>Counted are multiply-accumulates of linear layers and of attention's two products, as the paper counts them; sums,
 * norms, GELU and softmax are not.
 */
public final class Cost implements Layers<long[]> {
    /** What attention's two products are called among layers, which have no parameter to be named after. */
    public static final String ATTENTION = "attention";

    /** What scalar products of tokens outside of attention are called among layers. */
    public static final String PRODUCTS = "products";

    private final int stage;
    private final int @Nullable [] active; // tokens that go into each block where tokens halt; null for all
    private final Map<String, Long> macs = new LinkedHashMap<>();
    private long largest;

    private Cost(int stage, int @Nullable [] active) {
        this.stage = stage;
        this.active = active;
    }

    /** Multiply-accumulates of one image at {@code stage} (from 1) alone. */
    public static long macs(Network network, int stage) {
        return counted(network, stage, null).sum();
    }

    /**
     * Multiply-accumulates of an image whose tokens halted.
     *
     * @param active how many tokens went into each block of {@link Layers#halting}
     */
    public static long macs(Network network, int stage, int[] active) {
        return counted(network, stage, active).sum();
    }

    private long sum() {
        return macs.values().stream().mapToLong(Long::longValue).sum();
    }

    /**
     * The same, layer by layer in the order in which they first compute, each under its name in PyTorch, such as
     * {@code blocks.0.attn.qkv}; {@link #ATTENTION} stands for all products of attention.
     */
    public static Map<String, Long> byLayer(Network network, int stage) {
        return counted(network, stage, null).macs;
    }

    /** Values of one image that go into the largest block of a stage: tokens times width. */
    public static long blockValues(Network network, int stage) {
        return counted(network, stage, null).largest;
    }

    private static Cost counted(Network network, int stage, int @Nullable [] active) {
        Cost cost = new Cost(stage, active);
        Network.Ports ports = network.ports(stage);
        network.stage(cost, stage, one(ports.images()), ports.previous() == null ? null : one(ports.previous()));
        return cost;
    }

    private static long[] one(@Nullable List<Long> shape) {
        if (shape == null) {
            throw new IllegalArgumentException("the stage has no such port");
        }
        long[] one = new long[shape.size() + 1];
        one[0] = 1;
        for (int i = 0; i < shape.size(); i++) {
            one[i + 1] = shape.get(i);
        }
        return one;
    }

    private void count(String layer, long more) {
        macs.merge(layer, more, Math::addExact);
    }

    private static String layer(Parameter weight) {
        String name = weight.name();
        return name.endsWith(".weight") ? name.substring(0, name.length() - ".weight".length()) : name;
    }

    private static long product(long[] shape) {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    @Override
    public long[] patches(long[] images, int patch) {
        return new long[] {
            images[0], Layers.above(images[2], patch) * Layers.above(images[3], patch), images[1] * patch * patch,
        };
    }

    @Override
    public long[] tokens(long[] patches, Parameter classToken, Parameter positions) {
        return new long[] {patches[0], patches[1] + 1, patches[2]};
    }

    @Override
    public long[] linear(long[] x, Linear layer) {
        long[] out = x.clone();
        out[out.length - 1] = layer.outputs(stage);
        count(layer(layer.weight()), product(x) * out[out.length - 1]);
        return out;
    }

    @Override
    public long[] norm(long[] x, Norm layer) {
        return x;
    }

    @Override
    public long[] gelu(long[] x) {
        return x;
    }

    @Override
    public long[] attention(long[] qkv, int heads) {
        long[] out = qkv.clone();
        out[2] /= 3;
        count(ATTENTION, 2 * product(out) * out[1]);
        return out;
    }

    @Override
    public long[] windows(long[] x, Windows how) {
        return new long[] {x[0] * how.count(), how.tokens(), x[2]};
    }

    @Override
    public long[] unwindow(long[] x, Windows how) {
        return new long[] {x[0] / how.count(), (long) how.rows() * how.columns(), x[2]};
    }

    @Override
    public long[] windowAttention(long[] qkv, int heads, Parameter bias, Windows how) {
        return attention(qkv, heads);
    }

    @Override
    public long[] merge(long[] x, int rows, int columns) {
        return new long[] {x[0], Windows.neighbours(rows, columns).count(), 4 * x[2]};
    }

    @Override
    public long[] upsample(long[] x, int rows, int columns, Parameter kernel) {
        long[] out = x.clone();
        out[1] *= kernel.shape()[2] * kernel.shape()[3];
        count(layer(kernel), product(out));
        return out;
    }

    @Override
    public long[] leading(long[] x, int features) {
        long[] out = x.clone();
        out[out.length - 1] = features;
        return out;
    }

    @Override
    public long[] mean(long[] x) {
        return new long[] {x[0], x[2]};
    }

    @Override
    public long[] scale(long[] x, Parameter factor) {
        return x;
    }

    @Override
    public long[] add(long[] x, long[] y) {
        return x;
    }

    @Override
    public long[] residual(long[] x, long[] branch) {
        return x;
    }

    @Override
    public long[] token(long[] x, int index) {
        return new long[] {x[0], x[2]};
    }

    @Override
    public long[] section(long[] x, int from, int count) {
        return new long[] {x[0], count, x[2]};
    }

    @Override
    public long[] append(long[] x, Parameter tokens) {
        return new long[] {x[0], x[1] + tokens.shape()[1], x[2]};
    }

    @Override
    public long[] unit(long[] x) {
        return x;
    }

    @Override
    public long[] products(long[] x, long[] y) {
        count(PRODUCTS, product(x) * y[1]);
        return new long[] {x[0], x[1], y[1]};
    }

    @Override
    public long[] block(long[] x, int index, UnaryOperator<long[]> body) {
        largest = Math.max(largest, product(x));
        return body.apply(x);
    }

    @Override
    public long[] rest(long[] x) {
        return new long[] {x[0], x[1] - 1, x[2]};
    }

    @Override
    public long[] halfMean(long[] x, long @Nullable [] chosen) {
        return x;
    }

    @Override
    public long[] logSoftmax(long[] x) {
        return x;
    }

    @Override
    public long[] entry(long[] x, int index) {
        return new long[] {x[0], x[1]};
    }

    @Override
    public long[] choose(long[] scores, int count, long @Nullable [] before) {
        return new long[] {scores[0], count};
    }

    @Override
    public long[] chosen(long[] x, long[] chosen) {
        return new long[] {x[0], 1 + chosen[1], x[2]};
    }

    @Override
    public long[] restored(long[] x, long[] chosen, long[] changed) {
        return x;
    }

    @Override
    public Halting.Outcome<long[]> halting(long[] x, Halting how, Halting.Body<long[]> body) {
        for (int i = 0; i < how.blocks(); i++) {
            long tokens = active == null ? x[1] : active[i];
            if (tokens > 0) {
                int index = i;
                block(new long[] {x[0], tokens, x[2]}, index, input -> body.apply(this, input, index));
            }
        }
        long[] each = {x[0], x[1]};
        return new Halting.Outcome<>(x, each, each, null);
    }
}
