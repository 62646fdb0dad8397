package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlMatrix;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.DnnlProgram.After;
import dev.thinkingvit.tensor.DnnlView;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Quantizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Layers as a plan of what oneDNN is to do for a group of images: written down first, so that what follows a product is
 * done while its result is still in registers (GELU, the sum of a residual), a residual is added in place, and values that
 * are never there at the same time share memory. {@link #write} makes it a program.
 *
 * <p>In BF16 the operands of products are BF16; sums, residuals, norms and attention's scores are F32. In eight bits the
 * operands of those linear layers are that lie within branches, which are added to something: what begins a residual stream
 * itself is not rounded so. Norms and GELU leave eight bits where a linear layer asks for them, which is why norms wait for
 * what follows them.
 *
 * <p>{@code G} images of the group, {@code N} tokens, {@code d} features, {@code H} heads, {@code hd} width of a head.
 */
final class DnnlPlan implements Layers<DnnlPlan.Value> {
    /** Scores of attention that are there at a time, at most: many tokens would make gigabytes of them. */
    private static final long SCORES = 1 << 20;

    private final DnnlWeights weights;
    private final DType type;
    private final @Nullable Outside outside;
    private final List<PlannedMemory> storages = new ArrayList<>();
    private final List<Consumer<DnnlProgram>> steps = new ArrayList<>();
    private final List<Integer> cuts = new ArrayList<>();

    /** Who does what depends on values, between the parts of a plan. */
    interface Outside {
        /** See {@link Layers#attention}. */
        Value attention(DnnlPlan plan, Value qkv, int heads);

        /** See {@link Layers#halting}. */
        Halting.Outcome<Value> halting(DnnlPlan plan, Value x, Halting how, Halting.Body<Value> body);

        /** How many of {@code rows} are somebody's in the run that is under way, the first ones. */
        default int inUse(int rows) {
            return rows;
        }
    }

    DnnlPlan(DnnlWeights weights) {
        this(weights, null);
    }

    /** @param outside who is asked for what depends on values; null if nothing does */
    DnnlPlan(DnnlWeights weights, @Nullable Outside outside) {
        this.weights = weights;
        this.type = weights.type();
        this.outside = outside;
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

    /** A norm that waits for who reads it. */
    private record Normed(Value x, Norm layer) {}

    /** What flows: something in memory, or a product or a norm that is still to be written. */
    static final class Value {
        private DType dtype;
        private final long[] shape;
        private @Nullable PlannedMemory storage;
        private @Nullable Pending pending;
        private @Nullable Spread spread;
        private @Nullable Normed normed;
        private boolean exact;
        private boolean addedTo;

        private Value(DType dtype, long... shape) {
            this.dtype = dtype;
            this.shape = shape;
        }

        private static Value of(PlannedMemory storage) {
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

        private long elements() {
            return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
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

        /** Where the part that was written last has it; null if it has nothing to do with it. */
        @Nullable DnnlView viewOfPart() {
            return storage == null ? null : storage.view;
        }

        boolean liesIn(Value other) {
            return storage != null && storage == other.storage;
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

    /**
     * What is said of images, in F32 and the outside's memory. In eight bits what is no number becomes one: then it is said
     * that an image whose values are none has no numbers to say.
     */
    Value said(Value value, Value images) {
        Value out = output(value, DType.F32);
        if (weights.rounds()) {
            Value spoilt = fresh(DType.F32, images.size(0), 1);
            step(
                    program -> program.spoilt(
                            images.view().reshape(images.size(0), images.elements() / images.size(0)), spoilt.view()),
                    images,
                    spoilt);
            step(
                    program -> program.addToRows(
                            out.view().reshape(out.size(0), out.elements() / out.size(0)), spoilt.view()),
                    spoilt,
                    out);
        }
        return out;
    }

    private void copy(Value from, Value to) {
        step(program -> program.copy(from.view(), to.view()), from, to);
    }

    /** Lays memory out and writes the steps; views of inputs and outputs are to be bound before a run. */
    void write(DnnlProgram program) {
        List<PlannedMemory> own = new ArrayList<>();
        for (PlannedMemory storage : storages) {
            if (storage.external) {
                storage.view = program.external(storage.dtype, storage.shape);
            } else if (storage.last >= 0) {
                own.add(storage);
            }
        }
        long bytes = PlannedMemory.layOut(own);
        if (bytes > 0) {
            DnnlProgram.Arena arena = program.arena(bytes);
            for (PlannedMemory storage : own) {
                storage.view = arena.view(storage.offset, storage.dtype, storage.shape);
            }
        }
        steps.forEach(step -> step.accept(program));
    }

    /** Something of Java's between the steps before and those after it. */
    void call(Runnable work) {
        step(program -> program.call(work));
    }

    /** Ends a part: what follows is another program's. Only inputs and outputs are there in both. */
    void cut() {
        cuts.add(steps.size());
    }

    /**
     * Lays a part's memory out and writes its steps; views of inputs and outputs are to be bound before a run, and the arena.
     *
     * @param part from 0, of those that {@link #cut} ended and the last
     */
    DnnlProgram.Arena write(DnnlProgram program, int part) {
        int from = part == 0 ? 0 : cuts.get(part - 1);
        int to = part == cuts.size() ? steps.size() : cuts.get(part);
        List<PlannedMemory> own = new ArrayList<>();
        for (PlannedMemory storage : storages) {
            storage.view = null;
            if (storage.last < from || storage.first >= to) {
                continue;
            }
            if (storage.external) {
                storage.view = program.external(storage.dtype, storage.shape);
            } else if (storage.first < from || storage.last >= to) {
                throw new IllegalStateException(
                        "a value of " + Arrays.toString(storage.shape) + " is needed in two parts");
            } else {
                own.add(storage);
            }
        }
        DnnlProgram.Arena arena = program.externalArena(PlannedMemory.layOut(own));
        for (PlannedMemory storage : own) {
            storage.view = arena.view(storage.offset, storage.dtype, storage.shape);
        }
        steps.subList(from, to).forEach(step -> step.accept(program));
        return arena;
    }

    /** Makes two values the same memory: the first's, to which the second is copied if it is not there. */
    void into(Value first, Value second) {
        Pending pending = second.pending;
        if (pending != null && pending.spread == null && second.dtype == first.dtype) { // it need not be anywhere else
            second.pending = null;
            second.storage = storage(first);
            product(pending, first, first::asRows, pending.after, !second.exact);
            return;
        }
        Value ready = ready(second, first.dtype);
        if (!ready.liesIn(first)) {
            copy(ready, first);
        }
    }

    private PlannedMemory storage(DType dtype, long[] shape, boolean external) {
        PlannedMemory storage = new PlannedMemory(dtype, shape, external);
        storages.add(storage);
        return storage;
    }

    private static PlannedMemory storage(Value value) {
        PlannedMemory storage = value.storage;
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
            storage(value).touch(steps.size());
        }
        steps.add(step);
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
            product(pending, value, value::asRows, pending.after, !value.exact);
        }
        Normed normed = value.normed;
        if (value.storage == null && normed != null) {
            value.storage = storage(value.dtype, value.shape, false);
            normed(
                    normed,
                    value,
                    new Quantizer(weights.vector(normed.layer.weight()), weights.vector(normed.layer.bias())));
        }
        return value;
    }

    /** @param affine the norm's weight and bias, or what they become where {@code out} is in eight bits */
    private void normed(Normed normed, Value out, Quantizer affine) {
        Value in = ready(normed.x);
        step(
                program -> program.layerNorm(
                        in.asRows(), affine.scale(), affine.shift(), normed.layer.eps(), out.asRows()),
                in,
                out);
    }

    /** The value in eight bits, as a linear layer wants it. */
    private Value quantized(Value value, Quantizer how) {
        Value out = new Value(DType.U8, value.shape);
        out.storage = storage(DType.U8, value.shape, false);
        Pending pending = value.pending;
        Normed normed = value.normed;
        if (value.storage == null && normed != null) {
            normed(normed, out, weights.normed(normed.layer, how));
        } else if (pending != null && pending.spread == null && !value.exact) {
            product(pending, out, out::asRows, pending.after, true, how);
        } else {
            Value in = ready(value);
            step(program -> program.quantize(in.asRows(), how, out.asRows()), in, out);
        }
        return out;
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

    private void product(Pending pending, Value out, Place place, After after, boolean rounds) {
        product(pending, out, place, after, rounds, null);
    }

    /**
     * @param rounds whether the layer may be in eight bits
     * @param to how the product becomes eight bits; null if it does not
     */
    private void product(Pending pending, Value out, Place place, After after, boolean rounds, @Nullable Quantizer to) {
        DnnlWeights.Packed packed = packed(pending, rounds);
        DnnlMatrix matrix = packed.matrix();
        Value x = packed.inputs() == null
                ? ready(pending.x, pending.layer.weight().cast() ? type : DType.F32)
                : quantized(pending.x, packed.inputs());
        watch(pending.layer, x);
        if (to == null) {
            step(program -> program.linear(x.asRows(), matrix, place.view(), after), x, out);
        } else if (packed.inputs() == null) { // of a layer of which no ranges are known
            Value wide = fresh(type, out.shape);
            step(program -> program.linear(x.asRows(), matrix, wide.asRows(), after), x, wide);
            step(program -> program.quantize(wide.asRows(), to, place.view()), wide, out);
        } else {
            step(program -> program.linear(x.asRows(), matrix, after, to, place.view()), x, out);
        }
    }

    private void watch(Linear layer, Value x) {
        ActivationRanges watched = weights.watched();
        if (watched != null && layer.weight().cast()) {
            int stage = weights.stage();
            int features = Math.toIntExact(x.last());
            step(
                    program -> program.watch(
                            x.asRows(), rows -> watched.add(stage, layer, features, inUse(rows, features))),
                    x);
        }
    }

    private float[] inUse(float[] rows, int features) {
        return outside == null ? rows : Arrays.copyOf(rows, outside.inUse(rows.length / features) * features);
    }

    private DnnlWeights.Packed packed(Pending pending, boolean rounds) {
        long rows = pending.x.rows();
        Value x = pending.x;
        boolean normed = x.normed != null && x.storage == null;
        EightBits.Rounding how = normed ? EightBits.Rounding.BY_FEATURE : EightBits.Rounding.EVEN;
        return weights.matrix(
                pending.layer,
                pending.factor,
                pending.spread == null ? null : pending.spread.pattern,
                rows,
                rounds ? how : null);
    }

    @Override
    public Value patches(Value images, int patch) {
        long count = images.size(0);
        long rows = Layers.above(images.size(2), patch);
        long columns = Layers.above(images.size(3), patch);
        Value pixels = whole(ready(images), rows * patch, columns * patch);
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

    /**
     * Some of one image's patches.
     *
     * @param images (1, 3, h, w)
     * @param from the first, row by row
     * @return (1, count, 3p²)
     */
    Value patches(Value images, int patch, long from, long count) {
        long rows = Layers.above(images.size(2), patch);
        long columns = Layers.above(images.size(3), patch);
        Value pixels = whole(ready(images), rows * patch, columns * patch);
        Value out = fresh(type, 1, count, 3L * patch * patch);
        step(
                program -> {
                    DnnlView grid = pixels.view()
                            .reshape(3, rows, patch, columns, patch)
                            .permute(1, 3, 0, 2, 4); // (rows, columns, 3, p, p)
                    DnnlView all = out.view().reshape(count, 3, patch, patch);
                    long done = 0;
                    while (done < count) { // the rest of a row of the grid, whole rows, the beginning of one
                        long column = (from + done) % columns;
                        long across = Math.min(columns - column, count - done);
                        long down = across == columns ? (count - done) / columns : 1;
                        program.copy(
                                grid.narrow(0, (from + done) / columns, down).narrow(1, column, across),
                                all.narrow(0, done, down * across).reshape(down, across, 3, patch, patch));
                        done += down * across;
                    }
                },
                pixels,
                out);
        return out;
    }

    /** Images (G, 3, h, w), filled up with zeros right and below. */
    private Value whole(Value images, long height, long width) {
        if (images.size(2) == height && images.size(3) == width) {
            return images;
        }
        Value filled = fresh(images.dtype, images.size(0), images.size(1), height, width);
        NativeArray nothing = weights.zeros(images.dtype, filled.shape);
        step(
                program -> {
                    program.copy(program.constant(nothing), filled.view());
                    program.copy(
                            images.view(),
                            filled.view().narrow(2, 0, images.size(2)).narrow(3, 0, images.size(3)));
                },
                images,
                filled);
        return filled;
    }

    /** Image by image, since what lies between the patches of two images is a class token. */
    @Override
    public Value tokens(Value patches, Parameter classToken, Parameter positions) {
        Pending pending = pending(patches);
        DnnlMatrix matrix = packed(pending, false).matrix();
        NativeArray start = weights.tokens(classToken, positions);
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

    /**
     * Some of one image's tokens.
     *
     * @param patches (1, n, 3p²) that belong to the last of them; null if the class token is alone
     * @param from the first, the class token being 0
     * @return (1, count, d)
     */
    Value tokens(@Nullable Value patches, Parameter classToken, Parameter positions, long from, long count) {
        NativeArray start = weights.tokens(classToken, positions);
        Value out = fresh(DType.F32, 1, count, start.size(1));
        step(
                program -> program.copy(
                        program.constant(start).narrow(0, from, count),
                        out.view().select(0, 0)),
                out);
        if (patches != null) {
            Pending pending = pending(patches);
            DnnlMatrix matrix = packed(pending, false).matrix();
            Value x = ready(pending.x);
            long own = patches.size(1);
            step(
                    program -> program.linear(x.asRows(), matrix, out.asRows().narrow(0, count - own, own), After.ADD),
                    x,
                    out);
        }
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
        shape[shape.length - 1] = layer.outputs(weights.stage());
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
        Value out = new Value(type, in.shape);
        out.normed = new Normed(in, layer);
        return weights.rounds() ? out : ready(out);
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
            product(pending, sum, sum::asRows, After.ADD, true);
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
        product(pending, spreadOut, spreadOut::asRows, After.NONE, true);
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
            x.exact = true;
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
    public Value section(Value x, int from, int count) {
        Value in = ready(x);
        Value out = fresh(in.dtype, in.size(0), count, in.last());
        step(program -> program.copy(in.view().narrow(1, from, count), out.view()), in, out);
        return out;
    }

    @Override
    public Value append(Value x, Parameter tokens) {
        return append(x, tokens, 0, tokens.shape()[1]);
    }

    /** As {@link #append(Value, Parameter)}, of {@code behind} of the learned tokens from {@code first} on. */
    Value append(Value x, Parameter tokens, long first, long behind) {
        Value in = ready(exact(x));
        NativeArray learned = weights.vector(tokens); // (1, n, d)
        long before = in.size(1);
        Value out = fresh(DType.F32, in.size(0), before + behind, in.last());
        step(
                program -> {
                    program.copy(in.view(), out.view().narrow(1, 0, before));
                    if (behind == 0) {
                        return;
                    }
                    DnnlView last = program.constant(learned).narrow(1, first, behind);
                    for (int image = 0; image < in.size(0); image++) {
                        program.copy(last, out.view().narrow(0, image, 1).narrow(1, before, behind));
                    }
                },
                in,
                out);
        return out;
    }

    @Override
    public Value unit(Value x) {
        Value in = ready(exact(x), DType.F32);
        Value lengths = fresh(DType.F32, in.size(0), in.size(1), 1);
        Value out = fresh(DType.F32, in.shape);
        step(
                program -> {
                    program.lengths(in.view(), lengths.view());
                    program.divide(in.view(), lengths.view(), out.view());
                },
                in,
                lengths,
                out);
        return out;
    }

    @Override
    public Value products(Value x, Value y) {
        Value left = ready(x, DType.F32);
        Value right = ready(y, DType.F32);
        Value out = fresh(DType.F32, left.size(0), left.size(1), right.size(1));
        step(program -> program.product(left.view(), right.view().permute(0, 2, 1), out.view()), left, right, out);
        return out;
    }

    @Override
    public Value block(Value x, int index, UnaryOperator<Value> body) {
        return body.apply(x);
    }

    @Override
    public Value attention(Value qkv, int heads) {
        return outside == null ? attention(qkv, heads, qkv.size(1)) : outside.attention(this, qkv, heads);
    }

    @Override
    public Value firstAttention(Value qkv, int heads) {
        return outside == null ? attention(qkv, heads, 1) : Layers.super.firstAttention(qkv, heads);
    }

    /**
     * What the first tokens of an image see of all. Image by image, so that an image's scores stay in the cache.
     *
     * @param asking how many of them
     */
    private Value attention(Value qkv, int heads, long asking) {
        Value in = ready(qkv);
        long images = in.size(0);
        long tokens = in.size(1);
        long width = in.last() / 3;
        Value out = fresh(type, images, asking, width);
        long headsAtOnce = Math.max(1, Math.min(heads, SCORES / (asking * tokens)));
        long queriesAtOnce = Math.max(1, Math.min(asking, SCORES / tokens));
        Value scores = fresh(DType.F32, headsAtOnce * queriesAtOnce * tokens);
        Value probabilities = type == DType.F32 ? scores : fresh(type, headsAtOnce * queriesAtOnce * tokens);
        step(
                program -> {
                    DnnlView all = in.view().reshape(images, tokens, 3, heads, width / heads);
                    DnnlView mixed = out.view().reshape(images, asking, heads, width / heads);
                    for (int image = 0; image < images; image++) {
                        for (long head = 0; head < heads; head += headsAtOnce) {
                            long count = Math.min(headsAtOnce, heads - head);
                            DnnlView own = all.select(0, image).narrow(2, head, count); // (N, 3, h, hd)
                            DnnlView to = mixed.select(0, image).narrow(1, head, count); // (n, h, hd)
                            attention(
                                    program,
                                    own.narrow(0, 0, asking),
                                    own,
                                    to.permute(1, 0, 2),
                                    scores,
                                    probabilities,
                                    queriesAtOnce);
                        }
                    }
                },
                in,
                out,
                scores,
                probabilities);
        return out;
    }

    /**
     * What some tokens of an image see of all its tokens.
     *
     * @param asking (1, n, 3d), of which the queries are read
     * @param asked (1, N, 3d), of which keys and values are
     * @return (1, n, d)
     */
    Value attention(Value asking, Value asked, int heads) {
        long n = asking.size(1);
        long tokens = asked.size(1);
        long width = asked.last() / 3;
        Value out = fresh(type, 1, n, width);
        long headsAtOnce = Math.max(1, Math.min(heads, SCORES / (n * tokens)));
        long queriesAtOnce = Math.max(1, Math.min(n, SCORES / tokens));
        Value scores = fresh(DType.F32, headsAtOnce * queriesAtOnce * tokens);
        Value probabilities = type == DType.F32 ? scores : fresh(type, headsAtOnce * queriesAtOnce * tokens);
        step(
                program -> {
                    DnnlView own = asking.view().reshape(n, 3, heads, width / heads);
                    DnnlView all = asked.view().reshape(tokens, 3, heads, width / heads);
                    DnnlView mixed = out.view().reshape(n, heads, width / heads);
                    for (long head = 0; head < heads; head += headsAtOnce) {
                        long count = Math.min(headsAtOnce, heads - head);
                        attention(
                                program,
                                own.narrow(2, head, count),
                                all.narrow(2, head, count),
                                mixed.narrow(1, head, count).permute(1, 0, 2),
                                scores,
                                probabilities,
                                queriesAtOnce);
                    }
                },
                asking,
                asked,
                out,
                scores,
                probabilities);
        return out;
    }

    /** Attention of some heads, of tokens (n, 3, h, hd) among (N, 3, h, hd), to (h, n, hd), a part of the queries at a time. */
    private static void attention(
            DnnlProgram program,
            DnnlView asking,
            DnnlView own,
            DnnlView out,
            Value scores,
            Value probabilities,
            long queriesAtOnce) {
        DnnlView queries = asking.select(1, 0).permute(1, 0, 2); // (h, n, hd)
        DnnlView keys = own.select(1, 1).permute(1, 2, 0); // (h, hd, N)
        DnnlView values = own.select(1, 2).permute(1, 0, 2); // (h, N, hd)
        long tokens = own.size(0);
        for (long from = 0; from < queries.size(1); from += queriesAtOnce) {
            long count = Math.min(queriesAtOnce, queries.size(1) - from);
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
        NativeArray nothing = below > how.rows() || right > how.columns()
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
        NativeArray biases = weights.windowBias(bias, how);
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

    @Override
    public Value rest(Value x) {
        Value in = ready(exact(x));
        long rows = in.size(1) - 1;
        Value out = fresh(in.dtype, in.size(0), rows, in.last());
        step(program -> program.copy(in.view().narrow(1, 1, rows), out.view()), in, out);
        return out;
    }

    /** In place. A product with ones spreads the mean, since oneDNN's copies have no stride of 0. */
    @Override
    public Value halfMean(Value x, @Nullable Value chosen) {
        Value in = ready(exact(x), DType.F32);
        long images = in.size(0);
        long count = in.size(1);
        long half = in.last() / 2;
        NativeArray shares = weights.filled(1f / count, images, 1, count);
        NativeArray ones = weights.filled(1f, images, count, 1);
        Value mean = fresh(DType.F32, images, 1, half);
        Value out = Value.of(storage(in));
        step(
                program -> {
                    DnnlView others = out.view().narrow(2, half, half);
                    program.product(program.constant(shares), others, mean.view());
                    program.product(program.constant(ones), mean.view(), others);
                },
                out,
                mean);
        x.addedTo = true;
        in.addedTo = true;
        return out;
    }

    @Override
    public Value logSoftmax(Value x) {
        Value in = ready(exact(x), DType.F32);
        Value out = fresh(DType.F32, in.shape);
        step(program -> program.logSoftmax(in.view(), out.view()), in, out);
        return out;
    }

    @Override
    public Value entry(Value x, int index) {
        Value in = ready(x);
        Value out = fresh(DType.F32, in.size(0), in.size(1));
        step(program -> program.copy(in.view().select(2, index), out.view()), in, out);
        return out;
    }

    @Override
    public Value choose(Value scores, int count, @Nullable Value before) {
        Value in = ready(scores, DType.F32);
        Value out = fresh(DType.F32, in.size(0), count);
        step(program -> program.choose(in.view(), out.view()), in, out);
        return out;
    }

    @Override
    public Value chosen(Value x, Value chosen) {
        Value in = ready(exact(x));
        Value order = ready(chosen);
        Value out = fresh(in.dtype, in.size(0), 1 + order.size(1), in.last());
        step(program -> program.gather(in.view(), order.view(), out.view()), in, order, out);
        return out;
    }

    /** In place. */
    @Override
    public Value restored(Value x, Value chosen, Value changed) {
        Value in = ready(exact(x));
        Value order = ready(chosen);
        Value rows = ready(exact(changed), in.dtype);
        Value out = Value.of(storage(in));
        step(program -> program.scatter(out.view(), order.view(), rows.view()), out, order, rows);
        x.addedTo = true;
        in.addedTo = true;
        return out;
    }

    @Override
    public Halting.Outcome<Value> halting(Value x, Halting how, Halting.Body<Value> body) {
        if (outside == null) {
            throw new IllegalStateException("a plan's shapes do not depend on values");
        }
        return outside.halting(this, x, how, body);
    }
}
