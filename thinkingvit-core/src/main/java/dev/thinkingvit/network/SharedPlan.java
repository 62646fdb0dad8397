package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.Meeting;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Layers as plans for several threads that compute one image side by side. Each part has some of the image's tokens and does
 * to them whatever is done token by token: norms, linear layers, GELU, residuals. Where tokens look at each other, each part
 * writes what the others need into memory that they share, and they meet once; then each computes what its own tokens see.
 *
 * <p>Memory that was shared is written again only after one more meeting, when everybody has read it: a block needs one
 * meeting, and two such memories in turn.
 *
 * <p>Layers that need more than that (windows, tokens that are left out or halt) are {@linkplain NotSharedException not
 * there}: a network that has them is not computed this way.
 *
 * <p>{@code N} tokens of an image, {@code n} of a part, {@code d} features, {@code P} parts.
 */
final class SharedPlan extends SomeLayers<SharedPlan.Value> {
    private final DnnlWeights weights;
    private final long tokens;
    private final List<DnnlPlan> plans = new ArrayList<>(); // by part
    private final Meeting meeting;
    private final List<Shared> shared = new ArrayList<>();
    private int meetings;

    /** A network has a layer that is not computed this way. */
    static final class NotSharedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NotSharedException(String what) {
            super(what + " cannot be shared out by tokens", null, false, false);
        }
    }

    /** Some of an image's tokens, one after the other. */
    private record Range(long from, long count) {
        long end() {
            return from + count;
        }
    }

    /**
     * Which tokens each part has.
     *
     * @param total of the image
     * @param parts of each, ascending, none of them empty
     */
    private record Rows(long total, List<List<Range>> parts) {
        static Rows of(long total, List<Range> parts) {
            return new Rows(
                    total,
                    parts.stream()
                            .map(part -> part.count > 0 ? List.of(part) : List.<Range>of())
                            .toList());
        }

        long count(int part) {
            return parts.get(part).stream().mapToLong(Range::count).sum();
        }

        /** The only piece of a part; null if it has none. */
        @Nullable Range only(int part) {
            List<Range> own = parts.get(part);
            if (own.size() > 1) {
                throw new NotSharedException("tokens in several pieces");
            }
            return own.isEmpty() ? null : own.get(0);
        }
    }

    /** What flows: of each part what its tokens are, or, of images, what all see. */
    static final class Value {
        private final @Nullable Rows rows; // null if every part has all of it
        private final List<DnnlPlan.@Nullable Value> parts; // null where a part has none of it
        private boolean isLent; // it lies in shared memory, which will be written again

        private Value(@Nullable Rows rows, List<DnnlPlan.@Nullable Value> parts) {
            this.rows = rows;
            this.parts = parts;
        }

        private Rows rows() {
            if (rows == null) {
                throw new NotSharedException("images whose pixels are read other than as patches");
            }
            if (isLent) {
                throw new NotSharedException("what is read again after others have seen it");
            }
            return rows;
        }

        /** What a part has; null if it has nothing. */
        DnnlPlan.@Nullable Value of(int part) {
            return parts.get(part);
        }

        /** Rows of an image, counted as the first dimension of its values. */
        long total() {
            return rows == null ? 1 : rows.total;
        }

        /** Which row a part's first one is. */
        long from(int part) {
            Range only = rows == null ? null : rows.only(part);
            return only == null ? 0 : only.from;
        }
    }

    /** Memory that all parts write and read: (rows, …), of which a part sees what it writes, and all. */
    static final class Shared {
        private final DType dtype;
        private final long rows;
        private final long width;
        private final List<DnnlPlan.Value> all = new ArrayList<>(); // by part: (1, rows, width)
        private final List<Written> written = new ArrayList<>();
        private int free; // number of meetings after which it may be written again

        Shared(DType dtype, long rows, long width) {
            this.dtype = dtype;
            this.rows = rows;
            this.width = width;
        }

        DType dtype() {
            return dtype;
        }

        long rows() {
            return rows;
        }

        long width() {
            return width;
        }

        /** All of it, as a part sees it. */
        DnnlPlan.Value all(int part) {
            return all.get(part);
        }

        /** What a part writes. */
        List<Written> written(int part) {
            return written.stream().filter(each -> each.part == part).toList();
        }
    }

    /**
     * What a part writes of shared memory.
     *
     * @param own (1, n, width)
     * @param from its first row
     */
    record Written(int part, DnnlPlan.Value own, long from) {}

    /**
     * @param tokens N, by which the image is shared out, at least as many as parts
     * @param meeting of as many parts as there are to be
     */
    SharedPlan(DnnlWeights weights, long tokens, int parts, Meeting meeting) {
        this.weights = weights;
        this.tokens = tokens;
        this.meeting = meeting;
        for (int part = 0; part < parts; part++) {
            plans.add(new DnnlPlan(weights));
        }
    }

    /** A part's plan, to be written. */
    DnnlPlan plan(int part) {
        return plans.get(part);
    }

    /** All memory that is shared. */
    List<Shared> shared() {
        return shared;
    }

    /** How often the parts meet. */
    int meetings() {
        return meetings;
    }

    /** Something of which every part sees all, from outside. */
    Value whole(DType dtype, long... shape) {
        return new Value(
                null, plans.stream().map(plan -> plan.input(dtype, shape)).toList());
    }

    /** Tokens from outside, of which every part sees its own. */
    Value rows(DType dtype, long count, long width) {
        Rows rows = split(count);
        List<DnnlPlan.@Nullable Value> parts = none();
        for (int part = 0; part < plans.size(); part++) {
            if (rows.count(part) > 0) {
                parts.set(part, plans.get(part).input(dtype, 1, rows.count(part), width));
            }
        }
        return new Value(rows, parts);
    }

    /** Makes the value's memory the outside's, each part's its own. */
    Value output(Value value, DType dtype) {
        Rows rows = value.rows();
        for (int part = 0; part < plans.size(); part++) {
            rows.only(part);
        }
        return each(value, rows, (plan, own) -> plan.output(own, dtype));
    }

    /**
     * As {@link #output}, of what must not pass for certain where images are no numbers: see {@link DnnlPlan#said}.
     *
     * @param images as {@link #whole} made them
     */
    Value said(Value value, Value images) {
        Rows rows = value.rows();
        for (int part = 0; part < plans.size(); part++) {
            rows.only(part);
        }
        return eachPart(value, rows, (part, own) -> plans.get(part)
                .said(own, Objects.requireNonNull(images.of(part), "images are whole in each part")));
    }

    /**
     * Shares tokens out. Counted from the end, so that tokens and the patches without the class token before them are shared
     * out alike.
     */
    private Rows split(long total) {
        List<Range> ranges = new ArrayList<>();
        long from = 0;
        for (int part = 1; part <= plans.size(); part++) {
            long to = Math.max(from, total - tokens * (plans.size() - part) / plans.size());
            ranges.add(new Range(from, to - from));
            from = to;
        }
        return Rows.of(total, ranges);
    }

    private List<DnnlPlan.@Nullable Value> none() {
        return new ArrayList<>(Collections.nCopies(plans.size(), null));
    }

    private interface Step {
        DnnlPlan.Value of(int part, DnnlPlan.Value own);
    }

    /** What each part that has some of it makes of it. */
    private Value eachPart(Value x, Rows rows, Step step) {
        List<DnnlPlan.@Nullable Value> parts = none();
        for (int part = 0; part < plans.size(); part++) {
            DnnlPlan.Value own = x.of(part);
            if (own != null) {
                parts.set(part, step.of(part, own));
            }
        }
        return new Value(rows, parts);
    }

    private Value each(Value x, Rows rows, BiFunction<DnnlPlan, DnnlPlan.Value, DnnlPlan.Value> step) {
        return eachPart(x, rows, (part, own) -> step.apply(plans.get(part), own));
    }

    private Value each(Value x, BiFunction<DnnlPlan, DnnlPlan.Value, DnnlPlan.Value> step) {
        return each(x, x.rows(), step);
    }

    /** Memory to be shared, which nobody reads any more. */
    private Shared share(DType dtype, long rows, long width) {
        Shared memory = shared.stream()
                .filter(each -> each.dtype == dtype && each.rows == rows && each.width == width)
                .filter(each -> each.free <= meetings)
                .findFirst()
                .orElse(null);
        if (memory == null) {
            memory = new Shared(dtype, rows, width);
            for (DnnlPlan plan : plans) {
                memory.all.add(plan.input(dtype, 1, rows, width));
            }
            shared.add(memory);
        }
        memory.free = meetings + 2; // read after the next, by some until they come to the one after it
        return memory;
    }

    /** Lets a part write (1, n, width) into shared memory, and returns what is there until it is written again. */
    private DnnlPlan.Value write(int part, DnnlPlan.Value value, Shared memory, long from) {
        long count = value.size(1);
        Written place = memory.written(part).stream()
                .filter(each -> each.from == from && each.own.size(1) == count)
                .findFirst()
                .orElse(null);
        if (place == null) {
            place = new Written(part, plans.get(part).input(memory.dtype, 1, count, memory.width), from);
            memory.written.add(place);
        }
        plans.get(part).into(place.own, value);
        return place.own;
    }

    private void meet() {
        meetings++;
        for (int part = 0; part < plans.size(); part++) {
            int own = part;
            plans.get(part).call(() -> meeting.meet(own));
        }
    }

    @Override
    public Value patches(Value images, int patch) {
        if (images.rows != null) {
            throw new NotSharedException("patches of what is no image");
        }
        DnnlPlan.Value pixels = Objects.requireNonNull(images.of(0));
        long total = Layers.above(pixels.size(2), patch) * Layers.above(pixels.size(3), patch);
        Rows rows = split(total);
        List<DnnlPlan.@Nullable Value> parts = none();
        for (int part = 0; part < plans.size(); part++) {
            Range own = rows.only(part);
            DnnlPlan.Value seen = images.of(part);
            if (own != null && seen != null) {
                parts.set(part, plans.get(part).patches(seen, patch, own.from, own.count));
            }
        }
        return new Value(rows, parts);
    }

    @Override
    public Value tokens(Value patches, Parameter classToken, Parameter positions) {
        Rows before = patches.rows();
        List<Range> ranges = new ArrayList<>();
        List<DnnlPlan.@Nullable Value> parts = none();
        for (int part = 0; part < plans.size(); part++) {
            Range own = before.only(part);
            Range range = part == 0
                    ? new Range(0, own == null ? 1 : own.end() + 1)
                    : own == null ? new Range(0, 0) : new Range(own.from + 1, own.count);
            ranges.add(range);
            if (range.count > 0) {
                parts.set(
                        part, plans.get(part).tokens(patches.of(part), classToken, positions, range.from, range.count));
            }
        }
        return new Value(Rows.of(before.total + 1, ranges), parts);
    }

    @Override
    public Value linear(Value x, Linear layer) {
        return each(x, (plan, own) -> plan.linear(own, layer));
    }

    @Override
    public Value norm(Value x, Norm layer) {
        return each(x, (plan, own) -> plan.norm(own, layer));
    }

    @Override
    public Value gelu(Value x) {
        return each(x, DnnlPlan::gelu);
    }

    @Override
    public Value scale(Value x, Parameter factor) {
        return each(x, (plan, own) -> plan.scale(own, factor));
    }

    @Override
    public Value add(Value x, Value y) {
        Rows rows = x.rows();
        if (!rows.equals(y.rows())) {
            throw new NotSharedException("a sum of unlike tokens");
        }
        return eachPart(x, rows, (part, own) -> plans.get(part).add(own, Objects.requireNonNull(y.of(part))));
    }

    @Override
    public Value residual(Value x, Value branch) {
        return add(x, branch);
    }

    @Override
    public Value block(Value x, int index, UnaryOperator<Value> body) {
        return body.apply(x);
    }

    /** Keys and values are shared; where in memory a token's are does not matter, as long as they are at the same place. */
    @Override
    public Value attention(Value qkv, int heads) {
        return attention(qkv, heads, Math.toIntExact(qkv.rows().total));
    }

    /** Of whoever has the first token. */
    @Override
    public Value firstAttention(Value qkv, int heads) {
        return attention(qkv, heads, 1);
    }

    /** @param first how many of the first tokens ask */
    private Value attention(Value qkv, int heads, int first) {
        Rows rows = qkv.rows();
        Shared memory = share(weights.type(), rows.total, width(qkv));
        List<DnnlPlan.@Nullable Value> asking = none();
        long from = 0;
        for (int part = 0; part < plans.size(); part++) {
            DnnlPlan.Value own = qkv.of(part);
            if (own != null) {
                asking.set(part, write(part, own, memory, from));
                from += own.size(1);
            }
        }
        qkv.isLent = true;
        meet();
        Value all = new Value(rows, asking);
        Value some = first == rows.total ? all : section(all, 0, first);
        return eachPart(some, some.rows(), (part, own) -> plans.get(part).attention(own, memory.all(part), heads));
    }

    private static long width(Value x) {
        for (DnnlPlan.Value part : x.parts) {
            if (part != null) {
                return part.size(2);
            }
        }
        throw new IllegalStateException("nobody has any of it");
    }

    @Override
    public Value token(Value x, int index) {
        return piece(x, index, 1, (part, own, at) -> plans.get(part).token(own, Math.toIntExact(at.from)));
    }

    @Override
    public Value section(Value x, int from, int count) {
        return piece(x, from, count, (part, own, at) -> plans.get(part)
                .section(own, Math.toIntExact(at.from), Math.toIntExact(at.count)));
    }

    @Override
    public Value rest(Value x) {
        return section(x, 1, Math.toIntExact(x.rows().total - 1));
    }

    private interface Piece {
        /** @param at where it is among the part's own */
        DnnlPlan.Value of(int part, DnnlPlan.Value own, Range at);
    }

    /** Tokens {@code from} to {@code from + count} of the image, of whoever has them. */
    private Value piece(Value x, long from, long count, Piece of) {
        Rows rows = x.rows();
        List<List<Range>> left = new ArrayList<>();
        List<DnnlPlan.@Nullable Value> parts = none();
        for (int part = 0; part < plans.size(); part++) {
            List<Range> ranges = new ArrayList<>();
            long first = -1; // of those that are taken, among the part's own
            long taken = 0;
            long passed = 0;
            for (Range range : rows.parts.get(part)) {
                long start = Math.max(from, range.from);
                long end = Math.min(from + count, range.end());
                if (start < end) {
                    first = first < 0 ? passed + start - range.from : first;
                    taken += end - start;
                    ranges.add(new Range(start - from, end - start));
                }
                passed += range.count;
            }
            left.add(ranges);
            DnnlPlan.Value own = x.of(part);
            if (taken > 0 && own != null) {
                parts.set(part, of.of(part, own, new Range(first, taken)));
            }
        }
        return new Value(new Rows(count, left), parts);
    }

    /** Everybody gets some of them, lest the last part have them all. */
    @Override
    public Value append(Value x, Parameter learned) {
        Rows rows = x.rows();
        long count = learned.shape()[1];
        List<List<Range>> all = new ArrayList<>();
        List<DnnlPlan.@Nullable Value> parts = none();
        for (int part = 0; part < plans.size(); part++) {
            DnnlPlan.Value own = x.of(part);
            if (own == null) {
                throw new NotSharedException("tokens behind a part without any");
            }
            long from = count * part / plans.size();
            long to = count * (part + 1) / plans.size();
            List<Range> ranges = new ArrayList<>(rows.parts.get(part));
            if (to > from) {
                ranges.add(new Range(rows.total + from, to - from));
            }
            all.add(ranges);
            parts.set(part, plans.get(part).append(own, learned, from, to - from));
        }
        return new Value(new Rows(rows.total + count, all), parts);
    }

    @Override
    public Value unit(Value x) {
        return each(x, DnnlPlan::unit);
    }

    /** All of {@code y} is shared. */
    @Override
    public Value products(Value x, Value y) {
        Rows rows = y.rows();
        Shared memory = share(DType.F32, rows.total, width(y));
        for (int part = 0; part < plans.size(); part++) {
            DnnlPlan.Value own = y.of(part);
            Range range = rows.only(part);
            if (own != null && range != null) {
                write(part, own, memory, range.from);
            }
        }
        y.isLent = true;
        meet();
        return eachPart(x, x.rows(), (part, own) -> plans.get(part).products(own, memory.all(part)));
    }

    @Override
    public Value leading(Value x, int features) {
        return each(x, (plan, own) -> plan.leading(own, features));
    }

    @Override
    public Value logSoftmax(Value x) {
        return each(x, DnnlPlan::logSoftmax);
    }

    @Override
    public Value entry(Value x, int index) {
        return each(x, (plan, own) -> plan.entry(own, index));
    }

    @Override
    NotSharedException lacking(String what) {
        return new NotSharedException(what);
    }
}
