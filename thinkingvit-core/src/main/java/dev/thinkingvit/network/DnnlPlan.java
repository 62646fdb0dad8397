package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlMatrix;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.DnnlProgram.After;
import dev.thinkingvit.tensor.DnnlView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Layers as a plan of what oneDNN is to do for a group of images: written down first, so that what follows a product is
 * done while its result is still in registers (GELU, the sum of a residual), a residual is added in place, and values that
 * are never there at the same time share memory. {@link #write} makes it a program.
 *
 * <p>In BF16 the operands of products are BF16; sums, residuals, norms and attention's scores are F32.
 *
 * <p>{@code G} images of the group, {@code N} tokens, {@code d} features, {@code H} heads, {@code hd} width of a head.
 */
final class DnnlPlan implements Layers<DnnlPlan.Value> {
    /** Scores of attention that are there at a time, at most: many tokens would make gigabytes of them. */
    private static final long SCORES = 1 << 20;

    private static final long ALIGNMENT = 64;

    private final DnnlWeights weights;
    private final DType type;
    private final List<Storage> storages = new ArrayList<>();
    private final List<Consumer<DnnlProgram>> steps = new ArrayList<>();

    DnnlPlan(DnnlWeights weights) {
        this.weights = weights;
        this.type = weights.type();
    }

    /** Memory of a value, from the step that first touches it to the last that does. */
    private static final class Storage {
        private final DType dtype;
        private final long[] shape;
        private boolean external;
        private int first = Integer.MAX_VALUE;
        private int last = -1;
        private long offset = -1;
        private @Nullable DnnlView view;

        Storage(DType dtype, long[] shape, boolean external) {
            this.dtype = dtype;
            this.shape = shape;
            this.external = external;
        }

        long bytes() {
            return Arrays.stream(shape).reduce(dtype.bytes(), Math::multiplyExact);
        }

        boolean meets(Storage other) {
            return first <= other.last && other.first <= last;
        }

        DnnlView view() {
            if (view == null) {
                throw new IllegalStateException("memory is not laid out yet");
            }
            return view;
        }
    }

    /** A linear layer that waits for what follows it. */
    private record Pending(
            Value x,
            Linear layer,
            @Nullable Parameter factor,
            After after,
            @Nullable Spread spread) {}

    /** Tokens (G, rows · columns, d) that wait to be spread over f × f places each. */
    private record Spread(Value x, int rows, int columns, long factor, Parameter pattern) {}

    /** What flows: something in memory, or a product that is still to be written. */
    static final class Value {
        private DType dtype;
        private final long[] shape;
        private @Nullable Storage storage;
        private @Nullable Pending pending;
        private @Nullable Spread spread;
        private boolean addedTo;

        private Value(DType dtype, long... shape) {
            this.dtype = dtype;
            this.shape = shape;
        }

        private static Value of(Storage storage) {
            Value value = new Value(storage.dtype, storage.shape);
            value.storage = storage;
            return value;
        }

        long size(int dim) {
            return shape[dim];
        }

        private long last() {
            return shape[shape.length - 1];
        }

        private long rows() {
            return Arrays.stream(shape).limit(shape.length - 1L).reduce(1, (a, b) -> a * b);
        }

        DnnlView view() {
            if (storage == null) {
                throw new IllegalStateException("a product that was never written");
            }
            return storage.view();
        }

        private DnnlView asRows() {
            return view().reshape(rows(), last());
        }
    }

    /** Something that comes from outside, row-major. */
    Value input(DType dtype, long... shape) {
        return Value.of(storage(dtype, shape, true));
    }

    /** Makes the value's memory the outside's; a copy's, if it is the outside's already. */
    Value output(Value value, DType dtype) {
        Value ready = ready(value, dtype);
        Value own = ready;
        if (storage(ready).external) {
            own = fresh(dtype, ready.shape);
            copy(ready, own);
        }
        storage(own).external = true;
        return own;
    }

    private void copy(Value from, Value to) {
        step(program -> program.copy(from.view(), to.view()), from, to);
    }

    /** Lays memory out and writes the steps; views of inputs and outputs are to be bound before a run. */
    void write(DnnlProgram program) {
        List<Storage> own = new ArrayList<>();
        for (Storage storage : storages) {
            if (storage.external) {
                storage.view = program.external(storage.dtype, storage.shape);
            } else if (storage.last >= 0) {
                own.add(storage);
            }
        }
        long bytes = layOut(own);
        if (bytes > 0) {
            DnnlProgram.Arena arena = program.arena(bytes);
            for (Storage storage : own) {
                storage.view = arena.view(storage.offset, storage.dtype, storage.shape);
            }
        }
        steps.forEach(step -> step.accept(program));
    }

    /** Gives each a place, the largest first, beside those that are there at the same time; returns the end. */
    private static long layOut(List<Storage> storages) {
        List<Storage> placed = new ArrayList<>();
        long end = 0;
        for (Storage storage : storages.stream()
                .sorted(Comparator.comparingLong(Storage::bytes).reversed())
                .toList()) {
            storage.offset = 0;
            for (Storage other : placed) { // by offset
                if (storage.meets(other) && storage.offset + storage.bytes() > other.offset) {
                    long after = other.offset + other.bytes();
                    storage.offset = Math.max(storage.offset, (after + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
                }
            }
            placed.add(storage);
            placed.sort(Comparator.comparingLong(each -> each.offset));
            end = Math.max(end, storage.offset + storage.bytes());
        }
        return end;
    }

    private Storage storage(DType dtype, long[] shape, boolean external) {
        Storage storage = new Storage(dtype, shape, external);
        storages.add(storage);
        return storage;
    }

    private static Storage storage(Value value) {
        Storage storage = value.storage;
        if (storage == null) {
            throw new IllegalStateException("a product that was never written");
        }
        return storage;
    }

    private Value fresh(DType dtype, long... shape) {
        return Value.of(storage(dtype, shape, false));
    }

    /** Writes a step down that touches these values. */
    private void step(Consumer<DnnlProgram> step, Value... touched) {
        for (Value value : touched) {
            touch(storage(value));
        }
        steps.add(step);
    }

    private void touch(Storage storage) {
        storage.first = Math.min(storage.first, steps.size());
        storage.last = Math.max(storage.last, steps.size());
    }

    /** The value in memory. */
    private Value ready(Value value) {
        if (value.addedTo) {
            throw new IllegalStateException("a value is read after a residual was added to it in place");
        }
        Pending pending = value.pending;
        if (pending != null) {
            if (pending.spread != null) {
                throw new IllegalStateException("what is spread is added to something");
            }
            value.pending = null;
            value.storage = storage(value.dtype, value.shape, false);
            product(pending, value, value::asRows, pending.after);
        }
        return value;
    }

    private Value ready(Value value, DType dtype) {
        Value there = ready(value);
        if (there.dtype == dtype) {
            return there;
        }
        Value cast = fresh(dtype, there.shape);
        copy(there, cast);
        return cast;
    }

    private interface Place {
        DnnlView view();
    }

    private void product(Pending pending, Value out, Place place, After after) {
        DnnlMatrix matrix = matrix(pending);
        Value x = ready(pending.x, pending.layer.weight().cast() ? type : DType.F32);
        step(program -> program.linear(x.asRows(), matrix, place.view(), after), x, out);
    }

    private DnnlMatrix matrix(Pending pending) {
        long rows = pending.x.rows();
        return weights.matrix(
                pending.layer, pending.factor, pending.spread == null ? null : pending.spread.pattern, rows);
    }

    @Override
    public Value patches(Value images, int patch) {
        long count = images.size(0);
        long rows = images.size(2) / patch;
        long columns = images.size(3) / patch;
        Value pixels = ready(images);
        Value out = fresh(type, count, rows * columns, 3L * patch * patch);
        step(
                program -> program.copy(
                        pixels.view()
                                .reshape(count, 3, rows, patch, columns, patch)
                                .permute(0, 2, 4, 1, 3, 5),
                        out.view().reshape(count, rows, columns, 3, patch, patch)),
                pixels,
                out);
        return out;
    }

    /** Image by image, since what lies between the patches of two images is a class token. */
    @Override
    public Value tokens(Value patches, Parameter classToken, Parameter positions) {
        Pending pending = pending(patches);
        DnnlMatrix matrix = matrix(pending);
        Tensor start = weights.tokens(classToken, positions);
        long images = patches.size(0);
        long count = patches.size(1);
        Value x = ready(pending.x);
        Value out = fresh(DType.F32, images, count + 1, patches.last()); // (G, N, d)
        step(
                program -> {
                    DnnlView first = program.constant(start);
                    for (int image = 0; image < images; image++) {
                        DnnlView own = out.view().select(0, image); // (N, d)
                        program.copy(first, own);
                        program.linear(x.view().select(0, image), matrix, own.narrow(0, 1, count), After.ADD);
                    }
                },
                x,
                out);
        return out;
    }

    private static Pending pending(Value value) {
        Pending pending = value.pending;
        if (pending == null || pending.after != After.NONE) {
            throw new IllegalStateException("oneDNN's plan adds linear layers only");
        }
        return pending;
    }

    @Override
    public Value linear(Value x, Linear layer) {
        long[] shape = x.shape.clone();
        shape[shape.length - 1] = layer.weight().shape(weights.stage())[0];
        Value out = new Value(layer.weight().cast() ? type : DType.F32, shape);
        Spread spread = x.spread;
        out.pending = new Pending(spread == null ? x : spread.x, layer, null, After.NONE, spread);
        return out;
    }

    @Override
    public Value gelu(Value x) {
        Pending pending = pending(x);
        Value out = new Value(x.dtype, x.shape);
        out.pending = new Pending(pending.x, pending.layer, pending.factor, After.GELU, pending.spread);
        return out;
    }

    @Override
    public Value scale(Value x, Parameter factor) {
        Pending pending = pending(x);
        Value out = new Value(x.dtype, x.shape);
        out.pending = new Pending(pending.x, pending.layer, factor, After.NONE, pending.spread);
        return out;
    }

    @Override
    public Value norm(Value x, Norm layer) {
        Value in = ready(exact(x));
        Value out = fresh(type, in.shape);
        Tensor weight = weights.vector(layer.weight());
        Tensor bias = weights.vector(layer.bias());
        step(program -> program.layerNorm(in.asRows(), weight, bias, layer.eps(), out.asRows()), in, out);
        return out;
    }

    @Override
    public Value add(Value x, Value y) {
        return residual(x, y);
    }

    @Override
    public Value residual(Value x, Value branch) {
        Value before = ready(exact(x), DType.F32);
        Value sum = Value.of(storage(before));
        Pending pending = branch.pending;
        if (pending == null) {
            Value added = ready(branch);
            step(program -> program.add(sum.view(), added.view()), sum, added);
        } else if (pending.spread == null) {
            product(pending, sum, sum::asRows, After.ADD);
        } else {
            addSpread(pending, pending.spread, sum);
        }
        x.addedTo = true;
        before.addedTo = true;
        return sum;
    }

    private void addSpread(Pending pending, Spread spread, Value sum) {
        long images = sum.size(0);
        long width = sum.last();
        long factor = spread.factor;
        Value spreadOut = fresh(DType.F32, images * spread.rows * spread.columns, factor * factor * width);
        product(pending, spreadOut, spreadOut::asRows, After.NONE);
        // Put in order first: a sum of two orders has no fast kernel, and took a sixteenth of a Swin-S's time.
        Value ordered = fresh(DType.F32, sum.shape);
        step(
                program -> program.copy(
                        spreadOut.view().reshape(images, spread.rows, spread.columns, factor, factor, width),
                        ordered.view()
                                .reshape(images, spread.rows, factor, spread.columns, factor, width)
                                .permute(0, 1, 3, 2, 4, 5)),
                spreadOut,
                ordered);
        step(program -> program.add(sum.view(), ordered.view()), sum, ordered);
    }

    /** What sums and norms read is F32, if it is still to be written. */
    private static Value exact(Value x) {
        if (x.pending != null) {
            x.dtype = DType.F32;
        }
        return x;
    }

    @Override
    public Value token(Value x, int index) {
        Value in = ready(x);
        Value out = fresh(DType.F32, in.size(0), in.last());
        step(program -> program.copy(in.view().select(1, index), out.view()), in, out);
        return out;
    }

    @Override
    public Value block(Value x, int index, UnaryOperator<Value> body) {
        return body.apply(x);
    }

    /** Image by image, so that an image's scores stay in the cache. */
    @Override
    public Value attention(Value qkv, int heads) {
        Value in = ready(qkv);
        long images = in.size(0);
        long tokens = in.size(1);
        long width = in.last() / 3;
        Value out = fresh(type, images, tokens, width);
        long headsAtOnce = Math.max(1, Math.min(heads, SCORES / (tokens * tokens)));
        long queriesAtOnce = Math.max(1, Math.min(tokens, SCORES / tokens));
        Value scores = fresh(DType.F32, headsAtOnce * queriesAtOnce * tokens);
        Value probabilities = type == DType.F32 ? scores : fresh(type, headsAtOnce * queriesAtOnce * tokens);
        step(
                program -> {
                    DnnlView all = in.view().reshape(images, tokens, 3, heads, width / heads);
                    DnnlView mixed = out.view().reshape(images, tokens, heads, width / heads);
                    for (int image = 0; image < images; image++) {
                        for (long head = 0; head < heads; head += headsAtOnce) {
                            long count = Math.min(headsAtOnce, heads - head);
                            DnnlView own = all.select(0, image).narrow(2, head, count); // (N, 3, h, hd)
                            DnnlView to = mixed.select(0, image).narrow(1, head, count); // (N, h, hd)
                            attention(program, own, to.permute(1, 0, 2), scores, probabilities, queriesAtOnce);
                        }
                    }
                },
                in,
                out,
                scores,
                probabilities);
        return out;
    }

    /** Attention of some heads (N, 3, h, hd) to (h, N, hd), a part of the queries at a time. */
    private static void attention(
            DnnlProgram program, DnnlView own, DnnlView out, Value scores, Value probabilities, long queriesAtOnce) {
        DnnlView queries = own.select(1, 0).permute(1, 0, 2); // (h, N, hd)
        DnnlView keys = own.select(1, 1).permute(1, 2, 0); // (h, hd, N)
        DnnlView values = own.select(1, 2).permute(1, 0, 2); // (h, N, hd)
        long tokens = own.size(0);
        for (long from = 0; from < tokens; from += queriesAtOnce) {
            long count = Math.min(queriesAtOnce, tokens - from);
            long[] shape = {queries.size(0), count, tokens};
            long elements = queries.size(0) * count * tokens;
            DnnlView weighed = scores.view().narrow(0, 0, elements).reshape(shape); // (h, n, N)
            DnnlView rounded = probabilities.view().narrow(0, 0, elements).reshape(shape);
            program.product(queries.narrow(1, from, count), keys, weighed);
            program.softmax(weighed, rounded);
            program.product(rounded, values, out.narrow(1, from, count));
        }
    }

    @Override
    public Value windows(Value x, Windows how) {
        Value in = ready(x);
        long width = in.last();
        long images = in.size(0);
        Value out = fresh(in.dtype, images * how.count(), how.tokens(), width);
        if (how.isPlain()) {
            step(program -> program.copy(cut(in.view(), images, how), cutUp(out.view(), images, how)), in, out);
            return out;
        }
        Value grid = filled(in, how);
        step(program -> program.copy(cut(grid.view(), images, how), cutUp(out.view(), images, how)), grid, out);
        return out;
    }

    /** The grid, rolled and filled up: (G, down · w, across · w, d). */
    private Value filled(Value in, Windows how) {
        long width = in.last();
        long images = in.size(0);
        long below = (long) how.down() * how.windowRows();
        long right = (long) how.across() * how.windowColumns();
        Value grid = fresh(in.dtype, images, below, right, width);
        Tensor nothing = below > how.rows() || right > how.columns()
                ? weights.zeros(in.dtype, images, below, right, width)
                : null;
        step(
                program -> {
                    if (nothing != null) {
                        program.copy(program.constant(nothing), grid.view());
                    }
                    DnnlView from = in.view().reshape(images, how.rows(), how.columns(), width);
                    rolled(
                            how,
                            (row, column, toRow, toColumn, rows, columns) -> program.copy(
                                    part(from, row, column, rows, columns),
                                    part(grid.view(), toRow, toColumn, rows, columns)));
                },
                in,
                grid);
        return grid;
    }

    @Override
    public Value unwindow(Value x, Windows how) {
        Value in = ready(x);
        long width = in.last();
        long images = in.size(0) / how.count();
        long below = (long) how.down() * how.windowRows();
        long right = (long) how.across() * how.windowColumns();
        Value out = fresh(in.dtype, images, (long) how.rows() * how.columns(), width);
        if (how.isPlain()) {
            step(program -> program.copy(cutUp(in.view(), images, how), cut(out.view(), images, how)), in, out);
            return out;
        }
        Value grid = fresh(in.dtype, images, below, right, width);
        step(program -> program.copy(cutUp(in.view(), images, how), cut(grid.view(), images, how)), in, grid);
        step(
                program -> {
                    DnnlView to = out.view().reshape(images, how.rows(), how.columns(), width);
                    rolled(
                            how,
                            (row, column, fromRow, fromColumn, rows, columns) -> program.copy(
                                    part(grid.view(), fromRow, fromColumn, rows, columns),
                                    part(to, row, column, rows, columns)));
                },
                grid,
                out);
        return out;
    }

    /** A part of the grid, where it is before the roll and after it. */
    private interface Part {
        void at(long row, long column, long rolledRow, long rolledColumn, long rows, long columns);
    }

    private static void rolled(Windows how, Part part) {
        int up = how.up();
        int left = how.left();
        for (int down = 0; down < (up == 0 ? 1 : 2); down++) {
            long rows = down == 0 ? how.rows() - up : up;
            for (int across = 0; across < (left == 0 ? 1 : 2); across++) {
                long columns = across == 0 ? how.columns() - left : left;
                part.at(
                        down == 0 ? up : 0,
                        across == 0 ? left : 0,
                        down == 0 ? 0 : how.rows() - up,
                        across == 0 ? 0 : how.columns() - left,
                        rows,
                        columns);
            }
        }
    }

    private static DnnlView part(DnnlView grid, long row, long column, long rows, long columns) {
        return grid.narrow(1, row, rows).narrow(2, column, columns);
    }

    /** A grid as its windows: (G, down, across, w, w, d). */
    private static DnnlView cut(DnnlView grid, long images, Windows how) {
        return grid.reshape(
                        images,
                        how.down(),
                        how.windowRows(),
                        how.across(),
                        how.windowColumns(),
                        grid.size(grid.shape().length - 1))
                .permute(0, 1, 3, 2, 4, 5);
    }

    private static DnnlView cutUp(DnnlView windows, long images, Windows how) {
        return windows.reshape(
                images, how.down(), how.across(), how.windowRows(), how.windowColumns(), windows.size(2));
    }

    @Override
    public Value windowAttention(Value qkv, int heads, Parameter bias, Windows how) {
        Value in = ready(qkv);
        long n = how.tokens();
        long count = how.count();
        long images = in.size(0) / count;
        long width = in.last() / 3;
        double scale = 1 / Math.sqrt((double) width / heads);
        Tensor biases = weights.windowBias(bias, how);
        Value out = fresh(type, in.size(0), n, width);
        Value scores = fresh(DType.F32, count, heads, n, n);
        Value shares = type == DType.F32 ? scores : fresh(type, count, heads, n, n);
        step(
                program -> {
                    DnnlView addend = program.constant(biases);
                    DnnlView all = in.view().reshape(images, count, n, 3, heads, width / heads);
                    DnnlView mixed = out.view().reshape(images, count, n, heads, width / heads);
                    for (int image = 0; image < images; image++) {
                        DnnlView own = all.select(0, image); // (windows, n, 3, H, hd)
                        DnnlView queries = own.select(2, 0).permute(0, 2, 1, 3); // (windows, H, n, hd)
                        DnnlView keys = own.select(2, 1).permute(0, 2, 3, 1); // (windows, H, hd, n)
                        DnnlView values = own.select(2, 2).permute(0, 2, 1, 3);
                        program.product(queries, keys, scale, addend, scores.view());
                        program.softmax(scores.view(), shares.view());
                        program.product(
                                shares.view(), values, mixed.select(0, image).permute(0, 2, 1, 3));
                    }
                },
                in,
                out,
                scores,
                shares);
        return out;
    }

    @Override
    public Value merge(Value x, int rows, int columns) {
        Windows neighbours = Windows.neighbours(rows, columns);
        Value in = neighbours.isPlain() ? ready(x) : filled(ready(x), neighbours);
        long images = in.size(0);
        long width = in.last();
        long down = neighbours.down();
        long across = neighbours.across();
        Value out = fresh(in.dtype, images, neighbours.count(), 4 * width);
        step(
                program -> program.copy(
                        in.view().reshape(images, down, 2, across, 2, width).permute(0, 1, 3, 4, 2, 5),
                        out.view().reshape(images, down, across, 2, 2, width)),
                in,
                out);
        return out;
    }

    /** Waits for the linear layer after it, into whose weights the pattern goes. */
    @Override
    public Value upsample(Value x, int rows, int columns, Parameter kernel) {
        long factor = kernel.shape()[2];
        Value out = new Value(x.dtype, x.size(0), rows * factor * columns * factor, x.last());
        out.spread = new Spread(x, rows, columns, factor, kernel);
        return out;
    }

    @Override
    public Value leading(Value x, int features) {
        Value in = ready(x);
        long[] shape = in.shape.clone();
        shape[shape.length - 1] = features;
        Value out = fresh(DType.F32, shape);
        step(program -> program.copy(in.view().narrow(shape.length - 1, 0, features), out.view()), in, out);
        return out;
    }

    @Override
    public Value mean(Value x) {
        Value in = ready(x);
        Value out = fresh(DType.F32, in.size(0), in.last());
        step(program -> program.mean(in.view(), out.view().reshape(in.size(0), 1, in.last())), in, out);
        return out;
    }
}
