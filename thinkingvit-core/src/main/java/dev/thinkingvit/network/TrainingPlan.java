package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.DnnlView;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.TrainingSteps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Layers as a plan of what oneDNN is to do for a micro-batch forward and back. Each layer writes its forward steps down
 * and notes how its gradient is passed on; {@link #back} then writes the way back, last layer first. As all lifetimes
 * are known beforehand, memory is laid out once: values that the way back wants keep theirs, everything else shares.
 *
 * <p>In BF16 operands of products are, with the weights, what lies between the products of a branch, and its gradients. F32
 * are blocks' residual stream and its gradient, scores, statistics, gradients of weights, and all that comes from outside or
 * goes there.
 *
 * <p>A linear layer waits for what follows it, so that a residual is added while the product is in registers. Gradients that
 * pass a sum unchanged are not copied: several values have the same memory until something is added for one of them alone.
 *
 * <p>Layers of tokens that are cut into windows, chosen or halt are {@linkplain NotPlannedException not there}: libtorch's
 * operators train such networks ({@link TorchLayers}).
 *
 * <p>{@code G} images of the micro-batch, {@code N} tokens, {@code d} features, {@code H} heads, {@code hd} width of a head.
 */
final class TrainingPlan extends SomeLayers<TrainingPlan.Value> {
    /** Gradients of attention's scores that are there at a time: what stays in a core's cache. */
    private static final long SCORES = 1 << 17;

    private static final int BRANCHES = 2; // of a block

    private final int stage;
    private final DType type; // of products' operands
    private final int dropped;
    private final List<PlannedMemory> memories = new ArrayList<>();
    private final List<Consumer<TrainingSteps>> steps = new ArrayList<>();
    private final List<Entry> tape = new ArrayList<>();
    private final Map<Parameter, PlannedMemory> weights = new LinkedHashMap<>();
    private final Map<Parameter, PlannedMemory> gradients = new LinkedHashMap<>();
    private final Constants ones;
    private @Nullable PlannedMemory factors; // (branches, G)
    private int forwardSteps = -1;
    private int block;
    private int branch;

    /** A network has a layer that is not computed this way. */
    static final class NotPlannedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NotPlannedException(String what) {
            super(what + " is trained by operators", null, false, false);
        }
    }

    /** Memory full of ones, at least as long as it is asked for, F32 or BF16. */
    interface Constants {
        NativeArray ones(DType dtype, long length);
    }

    /** How a layer passes on the gradient of what it gave. */
    private record Entry(Value output, Runnable back) {}

    /** A gradient that one value has, or several until something is added for one of them. */
    private static final class Gradient {
        private final PlannedMemory memory;
        private int users = 1;

        Gradient(PlannedMemory memory) {
            this.memory = memory;
        }
    }

    /** A linear layer that waits for what follows it. */
    private record Pending(Value x, Linear layer) {}

    /** What flows. */
    static final class Value {
        private final DType dtype;
        private final long[] shape;
        private final boolean learns; // whether a gradient is of use
        private @Nullable PlannedMemory memory;
        private @Nullable Pending pending;
        private @Nullable Gradient gradient; // F32 if the value is; may be, else

        private Value(DType dtype, boolean learns, long... shape) {
            this.dtype = dtype;
            this.learns = learns;
            this.shape = shape;
        }

        private long size(int dim) {
            return shape[dim];
        }

        private long last() {
            return shape[shape.length - 1];
        }

        PlannedMemory memory() {
            if (memory == null) {
                throw new IllegalStateException("a product that was never written");
            }
            return memory;
        }

        DnnlView view() {
            return memory().view();
        }

        private DnnlView rows() {
            return TrainingPlan.rows(memory());
        }
    }

    /**
     * @param type of products' operands: F32 or BF16
     * @param blocks of the stage whose branches stochastic depth may leave out; 0 if it leaves out none
     * @param ones asked while the plan is made
     */
    TrainingPlan(int stage, DType type, int blocks, Constants ones) {
        this.stage = stage;
        this.type = type;
        this.dropped = blocks;
        this.ones = ones;
    }

    // -- memory

    private PlannedMemory memory(DType dtype, boolean external, long... shape) {
        PlannedMemory memory = new PlannedMemory(dtype, shape, external);
        memories.add(memory);
        return memory;
    }

    private PlannedMemory fresh(DType dtype, long... shape) {
        return memory(dtype, false, shape);
    }

    private Value value(DType dtype, boolean learns, long... shape) {
        Value value = new Value(dtype, learns, shape);
        value.memory = fresh(dtype, shape);
        return value;
    }

    private void step(Consumer<TrainingSteps> step, PlannedMemory... touched) {
        for (PlannedMemory memory : touched) {
            memory.touch(steps.size());
        }
        steps.add(step);
    }

    private static long elements(long... shape) {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    private static DnnlView rows(PlannedMemory memory) {
        long[] shape = memory.shape;
        long last = shape[shape.length - 1];
        return memory.view().reshape(elements(shape) / last, last);
    }

    private static DnnlView ones(TrainingSteps program, NativeArray all, long rows, long columns) {
        return program.constant(all).narrow(0, 0, rows * columns).reshape(rows, columns);
    }

    private DType typeOf(Parameter parameter) {
        return parameter.cast() ? type : DType.F32;
    }

    private PlannedMemory weight(Parameter parameter) {
        return weights.computeIfAbsent(parameter, each -> memory(typeOf(each), true, each.shape(stage)));
    }

    private PlannedMemory gradient(Parameter parameter) {
        return gradients.computeIfAbsent(parameter, each -> memory(DType.F32, true, each.shape(stage)));
    }

    /** What comes from outside, (G, …) F32, bound before a run. */
    Value input(boolean learns, long... shape) {
        Value value = new Value(DType.F32, learns, shape);
        value.memory = memory(DType.F32, true, shape);
        return value;
    }

    /** The value, F32, in memory of the outside's. */
    Value output(Value value) {
        Value out = in(DType.F32, value);
        if (out.memory().external) {
            throw new NotPlannedException("a network that leaves what it was shown, or the same twice,");
        }
        out.memory().external = true;
        return out;
    }

    /** Memory of an output's gradient that comes from outside, F32, and is not read there again. */
    PlannedMemory gradientInput(Value value) {
        PlannedMemory memory = memory(DType.F32, true, value.shape);
        value.gradient = new Gradient(memory);
        return memory;
    }

    /** Writes the way back; nothing is added to the plan after it. */
    void back() {
        forwardSteps = steps.size();
        for (int i = tape.size() - 1; i >= 0; i--) {
            Entry entry = tape.get(i);
            Gradient gradient = entry.output.gradient;
            if (gradient != null) {
                entry.back.run();
                entry.output.gradient = null;
                gradient.users--;
            }
        }
    }

    /** Copies an input's gradient to the outside's memory, F32; zeros if it has none. After {@link #back}. */
    PlannedMemory gradientOutput(Value value) {
        PlannedMemory out = memory(DType.F32, true, value.shape);
        Gradient gradient = value.gradient;
        if (gradient == null) {
            step(program -> program.zero(out.view()), out);
        } else {
            step(program -> program.copy(gradient.memory.view(), out.view()), gradient.memory, out);
        }
        return out;
    }

    /** By parameter: what the stage reads of it, bound before a run. */
    Map<Parameter, PlannedMemory> weights() {
        return weights;
    }

    /** By parameter: where its gradient is added to, bound before a run. */
    Map<Parameter, PlannedMemory> gradients() {
        return gradients;
    }

    /** (branches, G): by what each image's branches are multiplied; null if no branch is ever left out. */
    @Nullable PlannedMemory factors() {
        return factors;
    }

    /** Bytes that values take which are not the outside's. */
    long layOut() {
        return PlannedMemory.layOut(own());
    }

    private List<PlannedMemory> own() {
        return memories.stream()
                .filter(memory -> !memory.external && memory.last >= 0)
                .toList();
    }

    /**
     * Writes one half of the steps; views of external memory are to be bound before a run, and the arena. Both halves are
     * bound to the same arena's memory. After {@link #layOut}.
     *
     * @param bytes as {@link #layOut} said
     * @param external is told the views of external memory
     */
    DnnlProgram.Arena write(DnnlProgram program, boolean back, long bytes, Map<PlannedMemory, DnnlView> external) {
        int from = back ? forwardSteps : 0;
        int to = back ? steps.size() : forwardSteps;
        DnnlProgram.Arena arena = program.externalArena(bytes);
        for (PlannedMemory memory : memories) {
            memory.view = null;
            if (memory.last < from || memory.first >= to) {
                continue;
            }
            if (memory.external) {
                memory.view = program.external(memory.dtype, memory.shape);
                external.put(memory, memory.view);
            } else {
                memory.view = arena.view(memory.offset, memory.dtype, memory.shape);
            }
        }
        TrainingSteps written = new TrainingSteps(program);
        steps.subList(from, to).forEach(step -> step.accept(written));
        return arena;
    }

    // -- gradients

    /** Passes a gradient on unchanged. */
    private void pass(Value value, PlannedMemory gradient, Gradient whose) {
        if (!value.learns) {
            return;
        }
        if (value.gradient == null) {
            value.gradient = whose;
            whose.users++;
        } else {
            PlannedMemory sum = writable(value);
            step(program -> program.add(sum.view(), gradient.view()), sum, gradient);
        }
    }

    /**
     * Adds to a value's gradient.
     *
     * @param write writes what is to be added
     * @param add adds it; null if it can only be written, and is added afterwards
     */
    private void give(Value value, Into write, @Nullable Into add, PlannedMemory... read) {
        if (!value.learns) {
            return;
        }
        Gradient known = value.gradient;
        if (known != null && known.users == 1 && add != null) {
            step(program -> add.at(program, known.memory.view()), with(known.memory, read));
            return;
        }
        PlannedMemory own = fresh(value.dtype, value.shape);
        step(program -> write.at(program, own.view()), with(own, read));
        if (known == null) {
            value.gradient = new Gradient(own);
        } else if (known.users == 1) {
            step(program -> program.add(known.memory.view(), own.view()), known.memory, own);
        } else {
            step(program -> program.add(own.view(), known.memory.view()), own, known.memory);
            known.users--;
            value.gradient = new Gradient(own);
        }
    }

    private interface Into {
        void at(TrainingSteps program, DnnlView gradient);
    }

    private static PlannedMemory[] with(PlannedMemory first, PlannedMemory... others) {
        PlannedMemory[] all = Arrays.copyOf(others, others.length + 1);
        all[others.length] = first;
        return all;
    }

    /** A value's gradient, of which it is the only user; zeros if it had none. */
    private PlannedMemory writable(Value value) {
        Gradient known = value.gradient;
        if (known != null && known.users == 1) {
            return known.memory;
        }
        PlannedMemory own = fresh(known == null ? value.dtype : known.memory.dtype, value.shape);
        if (known == null) {
            step(program -> program.zero(own.view()), own);
        } else {
            step(program -> program.copy(known.memory.view(), own.view()), known.memory, own);
            known.users--;
        }
        value.gradient = new Gradient(own);
        return own;
    }

    private void onTape(Value output, Consumer<Gradient> back) {
        tape.add(new Entry(output, () -> {
            Gradient gradient = output.gradient;
            if (gradient != null) {
                back.accept(gradient);
            }
        }));
    }

    /** {@code sum} += the sum of the rows. */
    private void addRows(PlannedMemory gradient, PlannedMemory sum) {
        long rows = elements(gradient.shape) / gradient.shape[gradient.shape.length - 1];
        NativeArray all = ones.ones(gradient.dtype, rows);
        step(
                program -> program.addProduct(
                        ones(program, all, 1, rows), rows(gradient), sum.view().reshape(1, elements(sum.shape))),
                gradient,
                sum);
    }

    // -- layers

    /** The value in memory. */
    private Value ready(Value value) {
        Pending pending = value.pending;
        if (pending != null) {
            value.pending = null;
            value.memory = fresh(value.dtype, value.shape);
            product(pending, value.memory, null);
        }
        return value;
    }

    /** The value in memory, in that type: a product writes it, of anything else it is a copy. */
    private Value in(DType dtype, Value value) {
        if (value.dtype == dtype) {
            return ready(value);
        }
        Value out = value(dtype, value.learns, value.shape);
        Pending pending = value.dtype == DType.F32 ? ready(value).pending : value.pending;
        if (pending != null) {
            product(pending, out.memory(), null);
        } else {
            step(program -> program.copy(value.view(), out.view()), value.memory(), out.memory());
        }
        onTape(out, gradient -> {
            PlannedMemory from = gradient.memory;
            if (value.dtype == DType.F32 && from.dtype != DType.F32) { // to which others are added
                give(value, (program, to) -> program.copy(from.view(), to), null, from);
            } else {
                pass(value, from, gradient);
            }
        });
        return out;
    }

    /** The same in that type; a copy if it has another. */
    private PlannedMemory in(DType dtype, PlannedMemory memory) {
        if (memory.dtype == dtype) {
            return memory;
        }
        PlannedMemory own = fresh(dtype, memory.shape);
        step(program -> program.copy(memory.view(), own.view()), memory, own);
        return own;
    }

    private void product(Pending pending, PlannedMemory out, @Nullable PlannedMemory addend) {
        PlannedMemory in = pending.x.memory();
        product(
                pending.layer,
                () -> rows(in),
                addend == null ? null : () -> rows(addend),
                () -> rows(out),
                addend == null ? new PlannedMemory[] {in, out} : new PlannedMemory[] {in, addend, out});
    }

    /** Rows whose memory is known when a program is written. */
    private interface PlacedRows {
        DnnlView view();
    }

    private void product(
            Linear layer, PlacedRows in, @Nullable PlacedRows addend, PlacedRows out, PlannedMemory... touched) {
        PlannedMemory weight = weight(layer.weight());
        PlannedMemory bias = layer.bias() == null ? null : weight(layer.bias());
        PlannedMemory[] all = with(weight, touched);
        step(
                program -> program.linear(
                        in.view(),
                        matrix(layer, weight, true),
                        bias == null ? null : bias.view(),
                        addend == null ? null : addend.view(),
                        out.view()),
                bias == null ? all : with(bias, all));
    }

    /** @param forward whether (in, out) is wanted, or (out, in) */
    private DnnlView matrix(Linear layer, PlannedMemory weight, boolean forward) {
        long first = weight.shape[0];
        DnnlView stored = weight.view().reshape(first, elements(weight.shape) / first);
        return layer.isTransposed() == forward ? stored : stored.permute(1, 0);
    }

    @Override
    public Value patches(Value images, int patch) {
        long count = images.size(0);
        long rows = images.size(2) / patch;
        long columns = images.size(3) / patch;
        if (rows * patch != images.size(2) || columns * patch != images.size(3)) {
            throw new NotPlannedException("an image that is no multiple of a patch");
        }
        Value in = ready(images);
        Value out = value(type, false, count, rows * columns, 3L * patch * patch);
        step(
                program -> program.copy(
                        in.view().reshape(count, 3, rows, patch, columns, patch).permute(0, 2, 4, 1, 3, 5),
                        out.view().reshape(count, rows, columns, 3, patch, patch)),
                in.memory(),
                out.memory());
        return out;
    }

    @Override
    public Value tokens(Value patches, Parameter classToken, Parameter positions) {
        Pending pending = patches.pending;
        Value in = pending == null ? patches : pending.x;
        long images = patches.size(0);
        long count = patches.size(1);
        long width = patches.last();
        PlannedMemory first = weight(classToken);
        PlannedMemory places = weight(positions);
        Value out = value(DType.F32, true, images, count + 1, width);
        PlannedMemory start = fresh(type, 1, width);
        NativeArray all = ones.ones(type, images);
        NativeArray exact = ones.ones(DType.F32, images);
        step(
                program -> {
                    program.sum(first.view().reshape(1, width), places.view().select(1, 0), start.view());
                    program.product(
                            ones(program, all, images, 1),
                            start.view(),
                            out.view().select(1, 0));
                },
                first,
                places,
                start,
                out.memory());
        // Image by image, since a class token lies between the patches of two: oneDNN has no fast sum for that.
        for (int i = 0; i < images; i++) {
            int image = i;
            PlacedRows to = () -> out.view().select(0, image).narrow(0, 1, count);
            PlacedRows from = () -> in.view().select(0, image);
            PlacedRows at = () -> places.view().select(0, 0).narrow(0, 1, count);
            if (pending == null) {
                step(
                        program -> {
                            program.copy(from.view(), to.view());
                            program.add(to.view(), at.view());
                        },
                        in.memory(),
                        places,
                        out.memory());
            } else {
                product(pending.layer, from, at, to, in.memory(), places, out.memory());
            }
        }
        onTape(out, gradient -> {
            PlannedMemory from = gradient.memory;
            PlannedMemory ofFirst = gradient(classToken);
            PlannedMemory ofPlaces = gradient(positions);
            step(
                    program -> {
                        DnnlView each = ones(program, exact, 1, images);
                        program.addProduct(
                                each, from.view().select(1, 0), ofFirst.view().reshape(1, width));
                        program.addProduct(
                                each,
                                from.view().reshape(images, (count + 1) * width),
                                ofPlaces.view().reshape(1, (count + 1) * width));
                    },
                    from,
                    ofFirst,
                    ofPlaces);
            give(patches, (program, to) -> program.copy(from.view().narrow(1, 1, count), to), null, from);
        });
        return out;
    }

    @Override
    public Value linear(Value x, Linear layer) {
        DType operands = typeOf(layer.weight());
        Value in = in(operands, x);
        long[] shape = in.shape.clone();
        shape[shape.length - 1] = layer.outputs(stage);
        Value out = new Value(operands, true, shape);
        out.pending = new Pending(in, layer);
        onTape(out, gradient -> {
            PlannedMemory from = in(operands, gradient.memory);
            PlannedMemory weight = weight(layer.weight());
            PlannedMemory ofWeight = gradient(layer.weight());
            step(
                    program -> {
                        DnnlView left = layer.isTransposed() ? in.rows() : rows(from);
                        DnnlView right = layer.isTransposed() ? rows(from) : in.rows();
                        program.addProduct(
                                left.permute(1, 0), right, ofWeight.view().reshape(left.size(1), right.size(1)));
                    },
                    in.memory(),
                    from,
                    ofWeight);
            if (layer.bias() != null) {
                addRows(gradient.memory, gradient(layer.bias()));
            }
            long inputs = in.last();
            give(
                    in,
                    (program, to) -> program.product(
                            rows(from),
                            matrix(layer, weight, false),
                            to.reshape(elements(to.shape()) / inputs, inputs)),
                    (program, to) -> program.addProduct(
                            rows(from),
                            matrix(layer, weight, false),
                            to.reshape(elements(to.shape()) / inputs, inputs)),
                    from,
                    weight);
        });
        return out;
    }

    @Override
    public Value norm(Value x, Norm layer) {
        Value in = ready(x);
        if (!in.learns) {
            throw new NotPlannedException("a network that normalises what it is shown");
        }
        if (typeOf(layer.weight()) != DType.F32 || typeOf(layer.bias()) != DType.F32) {
            throw new NotPlannedException("a network whose norms are cast");
        }
        long width = in.last();
        Value out = value(type, true, in.shape);
        PlannedMemory weight = weight(layer.weight());
        PlannedMemory bias = weight(layer.bias());
        PlannedMemory statistics = fresh(DType.F32, 2, elements(in.shape) / width);
        step(
                program -> program.layerNorm(
                        in.rows(), weight.view(), bias.view(), layer.eps(), statistics.view(), out.rows()),
                in.memory(),
                weight,
                bias,
                statistics,
                out.memory());
        onTape(out, gradient -> {
            PlannedMemory from = in(out.dtype, gradient.memory);
            PlannedMemory ofWeight = fresh(DType.F32, width);
            PlannedMemory ofBias = fresh(DType.F32, width);
            give(
                    in,
                    (program, to) -> program.layerNormGradient(
                            in.rows(),
                            weight.view(),
                            layer.eps(),
                            statistics.view(),
                            rows(from),
                            to.reshape(elements(to.shape()) / width, width),
                            ofWeight.view(),
                            ofBias.view()),
                    null,
                    in.memory(),
                    weight,
                    statistics,
                    from,
                    ofWeight,
                    ofBias);
            PlannedMemory allOfWeight = gradient(layer.weight());
            PlannedMemory allOfBias = gradient(layer.bias());
            step(
                    program -> {
                        program.add(allOfWeight.view(), ofWeight.view());
                        program.add(allOfBias.view(), ofBias.view());
                    },
                    allOfWeight,
                    ofWeight,
                    allOfBias,
                    ofBias);
        });
        return out;
    }

    @Override
    public Value gelu(Value x) {
        Value in = ready(x);
        Value out = value(in.dtype, in.learns, in.shape);
        step(program -> program.gelu(in.rows(), out.rows()), in.memory(), out.memory());
        onTape(out, gradient -> {
            PlannedMemory from = in(out.dtype, gradient.memory);
            if (in.gradient == null && gradient.users == 1 && from == gradient.memory) { // in place
                step(program -> program.geluGradient(in.rows(), rows(from), rows(from)), in.memory(), from);
                pass(in, from, gradient);
            } else {
                long width = in.last();
                give(
                        in,
                        (program, to) -> program.geluGradient(
                                in.rows(), rows(from), to.reshape(elements(to.shape()) / width, width)),
                        null,
                        in.memory(),
                        from);
            }
        });
        return out;
    }

    @Override
    public Value attention(Value qkv, int heads) {
        return attention(qkv, heads, qkv.size(1));
    }

    @Override
    public Value firstAttention(Value qkv, int heads) {
        return attention(qkv, heads, 1);
    }

    /** @param asking how many tokens' queries are asked, the first ones */
    private Value attention(Value qkv, int heads, long asking) {
        Value in = in(type, qkv);
        long images = in.size(0);
        long tokens = in.size(1);
        long width = in.last() / 3;
        long head = width / heads;
        Value out = value(type, true, images, asking, width);
        PlannedMemory shares = fresh(type, images, heads, asking, tokens);
        long together = Math.max(1, Math.min(images, SCORES / (heads * asking * tokens)));
        PlannedMemory scores = type == DType.F32 ? null : fresh(DType.F32, together, heads, asking, tokens);
        PlannedMemory[] touched = {in.memory(), shares, out.memory()};
        step(
                program -> eachPart(images, together, (from, count) -> {
                    Parts parts = Parts.of(in.view().narrow(0, from, count), heads, head);
                    DnnlView own = shares.view().narrow(0, from, count);
                    DnnlView exact = scores == null ? own : scores.view().narrow(0, 0, count);
                    program.product(parts.queries(asking), parts.keys.permute(0, 1, 3, 2), exact);
                    program.softmax(exact, own);
                    program.product(own, parts.values, byHead(out.view().narrow(0, from, count), heads));
                }),
                scores == null ? touched : with(scores, touched));
        onTape(out, gradient -> {
            PlannedMemory from = in(type, gradient.memory);
            PlannedMemory ofScores = fresh(type, together, heads, asking, tokens);
            give(
                    in,
                    (program, to) -> {
                        if (asking < tokens) { // whose queries nobody asked
                            program.zero(to);
                        }
                        eachPart(images, together, (first, count) -> {
                            Parts parts = Parts.of(in.view().narrow(0, first, count), heads, head);
                            Parts grads = Parts.of(to.narrow(0, first, count), heads, head);
                            DnnlView own = shares.view().narrow(0, first, count); // (G, H, n, N)
                            DnnlView ofOwn = ofScores.view().narrow(0, 0, count);
                            DnnlView ofOut = byHead(from.view().narrow(0, first, count), heads); // (G, H, n, hd)
                            program.product(ofOut, parts.values.permute(0, 1, 3, 2), ofOwn);
                            program.product(own.permute(0, 1, 3, 2), ofOut, grads.values);
                            program.softmaxGradient(own, ofOwn, ofOwn);
                            program.product(ofOwn, parts.keys, grads.queries(asking));
                            program.product(ofOwn.permute(0, 1, 3, 2), parts.queries(asking), grads.keys);
                        });
                    },
                    null,
                    in.memory(),
                    shares,
                    ofScores,
                    from);
        });
        return out;
    }

    private interface Part {
        void of(long from, long count);
    }

    private static void eachPart(long all, long together, Part part) {
        for (long from = 0; from < all; from += together) {
            part.of(from, Math.min(together, all - from));
        }
    }

    /** Queries, keys and values, (G, H, N, hd) each. */
    private record Parts(DnnlView queries, DnnlView keys, DnnlView values) {
        /** (G, H, n, hd): of the first {@code n} tokens. */
        DnnlView queries(long n) {
            return queries.narrow(2, 0, n);
        }

        /** @param qkv (G, N, 3d) */
        static Parts of(DnnlView qkv, long heads, long head) {
            long width = heads * head;
            return new Parts(
                    byHead(qkv.narrow(2, 0, width), heads),
                    byHead(qkv.narrow(2, width, width), heads),
                    byHead(qkv.narrow(2, 2 * width, width), heads));
        }
    }

    /** (G, N, d) as (G, H, N, hd). */
    private static DnnlView byHead(DnnlView x, long heads) {
        return x.split(2, heads).permute(0, 2, 1, 3);
    }

    @Override
    public Value scale(Value x, Parameter factor) {
        Value in = ready(x);
        Value out = value(in.dtype, true, in.shape);
        PlannedMemory by = weight(factor);
        step(
                program -> program.scale(in.rows(), by.view().reshape(1, 1), null, out.rows()),
                in.memory(),
                by,
                out.memory());
        onTape(out, gradient -> {
            PlannedMemory from = gradient.memory;
            PlannedMemory sum = gradient(factor);
            long width = in.last();
            long rows = elements(in.shape) / width;
            PlannedMemory products = fresh(from.dtype, in.shape);
            PlannedMemory sums = fresh(DType.F32, 1, width);
            NativeArray all = ones.ones(from.dtype, rows);
            NativeArray exact = ones.ones(DType.F32, width);
            step(
                    program -> {
                        program.scale(rows(from), in.rows(), null, rows(products));
                        program.product(ones(program, all, 1, rows), rows(products), sums.view());
                        program.addProduct(
                                sums.view(),
                                ones(program, exact, width, 1),
                                sum.view().reshape(1, 1));
                    },
                    in.memory(),
                    from,
                    products,
                    sums,
                    sum);
            PlannedMemory cast = in(in.dtype, from);
            give(
                    in,
                    (program, to) -> program.scale(rows(cast), by.view().reshape(1, 1), null, to.reshape(rows, width)),
                    null,
                    cast,
                    by);
        });
        return out;
    }

    @Override
    public Value add(Value x, Value y) {
        return summed(ready(x), y);
    }

    /** The sum; {@code y}'s product takes it along if it is still to be written. */
    private Value summed(Value in, Value y) {
        boolean swaps = in.dtype != y.dtype && in.dtype != DType.F32; // oneDNN's sum is of the first one's type
        Value out = value(swaps ? y.dtype : in.dtype, true, in.shape);
        Pending pending = y.pending;
        if (pending != null) {
            product(pending, out.memory(), in.memory());
        } else {
            Value first = swaps ? y : in;
            Value second = swaps ? in : y;
            step(
                    program -> program.sum(first.rows(), second.rows(), out.rows()),
                    in.memory(),
                    y.memory(),
                    out.memory());
        }
        onTape(out, gradient -> {
            pass(in, gradient.memory, gradient);
            pass(y, gradient.memory, gradient);
        });
        return out;
    }

    @Override
    public Value residual(Value x, Value of) {
        Value in = in(DType.F32, x);
        int which = block * BRANCHES + branch++;
        if (dropped == 0 || block == 0) {
            return summed(in, of);
        }
        Value added = in(in.dtype, of);
        long images = in.size(0);
        long values = elements(in.shape) / images;
        Value out = value(in.dtype, true, in.shape);
        PlannedMemory scales = factors == null ? memory(DType.F32, true, (long) dropped * BRANCHES, images) : factors;
        factors = scales;
        step(
                program -> program.scale(
                        added.view().reshape(images, values),
                        factor(scales, which),
                        in.view().reshape(images, values),
                        out.view().reshape(images, values)),
                added.memory(),
                in.memory(),
                scales,
                out.memory());
        onTape(out, gradient -> {
            PlannedMemory from = gradient.memory;
            give(
                    added,
                    (program, to) -> program.scale(
                            from.view().reshape(images, values),
                            factor(scales, which),
                            null,
                            to.reshape(images, values)),
                    null,
                    from,
                    scales);
            pass(in, from, gradient);
        });
        return out;
    }

    /** Of each image: (G, 1). */
    private static DnnlView factor(PlannedMemory factors, int which) {
        return factors.view().select(0, which).reshape(factors.shape[1], 1);
    }

    @Override
    public Value token(Value x, int index) {
        Value in = ready(x);
        Value out = value(in.dtype, in.learns, in.size(0), in.last());
        step(program -> program.copy(in.view().select(1, index), out.view()), in.memory(), out.memory());
        onTape(out, gradient -> {
            PlannedMemory sum = writable(in);
            step(program -> program.add(sum.view().select(1, index), gradient.memory.view()), sum, gradient.memory);
        });
        return out;
    }

    @Override
    public Value section(Value x, int from, int count) {
        Value in = ready(x);
        Value out = value(in.dtype, in.learns, in.size(0), count, in.last());
        step(program -> program.copy(in.view().narrow(1, from, count), out.view()), in.memory(), out.memory());
        onTape(out, gradient -> {
            PlannedMemory sum = writable(in);
            step(
                    program -> program.add(sum.view().narrow(1, from, count), gradient.memory.view()),
                    sum,
                    gradient.memory);
        });
        return out;
    }

    @Override
    public Value block(Value x, int index, UnaryOperator<Value> body) {
        block = index;
        branch = 0;
        return body.apply(in(DType.F32, x));
    }

    @Override
    NotPlannedException lacking(String what) {
        return new NotPlannedException("a network with " + what);
    }
}
