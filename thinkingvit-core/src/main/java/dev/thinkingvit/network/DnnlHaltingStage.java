package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.DnnlView;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A stage whose tokens halt, as programs of oneDNN's primitives: a token that has halted is not there any more.
 *
 * <p>Tokens of all images lie one after the other, each image's from an offset on. What is done row by row (norms, linear
 * layers) is done to rows of several images together, attention to each image's own, however many are left. Java reads the
 * scores between two blocks, adds what a block left of each token to its result, and moves the tokens that go on together.
 * A program is written for a number of rows, of which there are few: multiples of {@value #STEP}, whose last rows may be
 * nobody's; and for each number of tokens that an image was left with. Nothing is allocated where all that is needed has
 * been needed before.
 *
 * <p>{@code B} images, {@code G} of them in a group, {@code N} tokens, {@code n} of an image that are left, {@code d} width,
 * {@code R} rows of some images.
 */
final class DnnlHaltingStage implements PackedStage {
    /** Rows that go through a block together: beyond, activations leave the cache; below, weights are read more often. */
    private static final int ROWS = 800;

    /** Numbers of rows that there are programs for are multiples of this. */
    private static final int STEP = 16;

    /** Tokens of a group, at first: enough that many are left after some blocks. */
    private static final int GROUP_TOKENS = 3300;

    private final Network network;
    private final int stage;
    private final DnnlWeights weights;
    private final int tokens; // N
    private final int width; // d
    private final Map<Integer, Deque<Workspace>> idle = new ConcurrentHashMap<>(); // by native threads

    DnnlHaltingStage(Network network, int stage, Map<String, HostTensor> source, Arithmetic arithmetic) {
        this.network = network;
        this.stage = stage;
        this.weights = new DnnlWeights(stage, source, arithmetic);
        List<Long> left = network.ports(stage).tokens();
        this.tokens = Math.toIntExact(left.get(0));
        this.width = Math.toIntExact(left.get(1));
        try {
            Ends ends = new Ends(); // asks for everything once
            for (int i = 0; i < ends.inside().how.blocks(); i++) {
                new Block(ends.inside(), i, roundedUp(Math.max(tokens, ROWS)));
            }
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
        weights.seal();
    }

    private static int roundedUp(int rows) {
        return (rows + STEP - 1) / STEP * STEP;
    }

    /** What the halting blocks are given, and what they leave. */
    private record Inside(
            DnnlPlan.Value begun,
            DnnlPlan.Value halted,
            DnnlPlan.Value depth,
            DnnlPlan.Value ponder,
            Halting how,
            Halting.Body<DnnlPlan.Value> body) {}

    /** An image's steps before the halting blocks, and after them. */
    private final class Ends implements DnnlPlan.Outside {
        private final DnnlPlan steps = new DnnlPlan(weights, this);
        private final DnnlPlan.Value images;
        private final DnnlPlan.@Nullable Value previous;
        private final Network.Output<DnnlPlan.Value> outputs;
        private @Nullable Inside inside;

        Ends() {
            Network.Ports ports = network.ports(stage);
            List<Long> before = ports.previous();
            this.images = steps.input(DType.F32, shape(1, ports.images()));
            this.previous = before == null ? null : steps.input(weights.type(), shape(1, before));
            Network.Output<DnnlPlan.Value> all = network.stage(steps, stage, images, previous);
            this.outputs = all.map(left -> steps.output(left, weights.type()), said -> {
                if (isOfTokens(said)) {
                    return said;
                }
                return said == all.prediction() ? steps.said(said, images) : steps.output(said, DType.F32);
            });
        }

        private boolean isOfTokens(DnnlPlan.Value said) {
            return said == inside().depth || said == inside().ponder;
        }

        Inside inside() {
            if (inside == null) {
                throw new IllegalStateException("no tokens halt in stage " + stage);
            }
            return inside;
        }

        @Override
        public DnnlPlan.Value attention(DnnlPlan plan, DnnlPlan.Value qkv, int heads) {
            throw new IllegalStateException("attention outside of halting blocks");
        }

        @Override
        public Halting.Outcome<DnnlPlan.Value> halting(
                DnnlPlan plan, DnnlPlan.Value x, Halting how, Halting.Body<DnnlPlan.Value> body) {
            if (inside != null) {
                throw new IllegalStateException("tokens of stage " + stage + " halt twice");
            }
            DnnlPlan.Value begun = plan.output(x, DType.F32);
            plan.cut();
            Inside own = new Inside(
                    begun,
                    plan.input(DType.F32, 1, tokens, width),
                    plan.input(DType.F32, 1, tokens),
                    plan.input(DType.F32, 1, tokens),
                    how,
                    body);
            inside = own;
            return new Halting.Outcome<>(own.halted, own.depth, own.ponder, null);
        }
    }

    /** A block's steps on R rows, cut where an image's tokens look at each other. */
    private final class Block implements DnnlPlan.Outside {
        private final DnnlPlan steps = new DnnlPlan(weights, this);
        private final int rows;
        private final DnnlPlan.Value x;
        private final List<Look> looks = new ArrayList<>();
        private int inUse;

        /** @param qkv (1, R, 3d') that a part leaves, of which the next one takes {@code mixed} (1, R, d') */
        private record Look(DnnlPlan.Value qkv, DnnlPlan.Value mixed, int heads) {}

        Block(Inside inside, int index, int rows) {
            this.rows = rows;
            this.x = steps.input(DType.F32, 1, rows, width);
            steps.into(x, inside.body.apply(steps, x, index));
        }

        @Override
        public DnnlPlan.Value attention(DnnlPlan plan, DnnlPlan.Value qkv, int heads) {
            DnnlPlan.Value asked = plan.output(qkv, weights.type());
            plan.cut();
            DnnlPlan.Value answered = plan.input(weights.type(), 1, rows, asked.size(2) / 3);
            looks.add(new Look(asked, answered, heads));
            return answered;
        }

        @Override
        public int inUse(int all) {
            return inUse;
        }

        @Override
        public Halting.Outcome<DnnlPlan.Value> halting(
                DnnlPlan plan, DnnlPlan.Value from, Halting how, Halting.Body<DnnlPlan.Value> body) {
            throw new IllegalStateException("tokens halt within a block");
        }
    }

    private static long[] shape(long images, List<Long> of) {
        return Stream.concat(Stream.of(images), of.stream())
                .mapToLong(Long::longValue)
                .toArray();
    }

    @Override
    public Network.Output<NativeTensor> run(NativeTensor images, @Nullable NativeTensor previousTokens) {
        try (Scope scope = new Scope()) {
            int batch = Math.toIntExact(images.size(0));
            NativeArray pixels = images.array();
            NativeArray previous = previousTokens == null ? null : previousTokens.array();
            Network.Output<NativeArray> outputs = empty(network.ports(stage), batch);
            Deque<Workspace> waiting = idle.computeIfAbsent(Natives.threads(), of -> new ConcurrentLinkedDeque<>());
            Workspace workspace = waiting.pollFirst();
            if (workspace == null) {
                workspace = new Workspace();
            }
            try {
                int group = microBatch();
                for (int from = 0; from < batch; from += group) {
                    workspace.run(from, Math.min(batch, from + group), pixels, previous, outputs);
                }
            } catch (RuntimeException | Error e) {
                workspace.close();
                throw e;
            }
            waiting.addFirst(workspace);
            return outputs.map(output -> scope.keep(output));
        }
    }

    private Network.Output<NativeArray> empty(Network.Ports ports, int batch) {
        Map<String, NativeArray> extras = new LinkedHashMap<>();
        ports.extras().forEach((name, each) -> extras.put(name, NativeArray.allocate(DType.F32, shape(batch, each))));
        return new Network.Output<>(
                NativeArray.allocate(weights.type(), shape(batch, ports.tokens())),
                NativeArray.allocate(DType.F32, shape(batch, ports.prediction())),
                extras);
    }

    /** The floats of an array where they lie, as long as it is there. */
    private static FloatBuffer floats(NativeArray array) {
        return array.memory().asFloatBuffer();
    }

    @Override
    public long weightBytes() {
        return weights.bytes();
    }

    /** As many images as a group has. */
    @Override
    public int microBatch() {
        return Math.max(1, GROUP_TOKENS / tokens);
    }

    @Override
    public void close() {
        idle.values().forEach(waiting -> waiting.forEach(Workspace::close));
        idle.clear();
        weights.close();
    }

    /** A program, and where it finds what it works on. */
    private static final class Part implements AutoCloseable {
        private final DnnlProgram program = new DnnlProgram();
        private final DnnlProgram.Arena arena;

        Part(DnnlPlan plan, int part) {
            try {
                arena = plan.write(program, part);
            } catch (RuntimeException | Error e) {
                program.close();
                throw e;
            }
        }

        void bind(@Nullable DnnlView view, NativeArray tensor, long row) {
            if (view != null) {
                program.bind(view, tensor, row);
            }
        }

        @Override
        public void close() {
            program.close();
        }
    }

    /**
     * Rows of tokens, and their values where they lie.
     *
     * @param array (capacity, d) F32
     */
    private record Rows(NativeArray array, FloatBuffer values) {
        static Rows of(NativeArray tensor) {
            return new Rows(tensor, floats(tensor));
        }
    }

    /** The programs and the memory of a group. For one thread at a time. */
    private final class Workspace implements AutoCloseable {
        private final Ends ends = new Ends();
        private final Inside inside = ends.inside();
        private final List<AutoCloseable> owned = new ArrayList<>();
        private final Begin begin;
        private final End end;
        private final Map<BlockKind, BlockProgram> blocks = new HashMap<>();
        private final Map<AttentionKind, AttentionProgram> attentions = new HashMap<>();
        private final Map<Long, NativeArray> buffers =
                new HashMap<>(); // (rows of some images, width) of the products' type, by width
        private NativeArray scratch = own(NativeArray.allocate(DType.F32, 1));
        private Rows rows; // that a block works on
        private Rows nextRows; // that the next one will
        private final NativeArray halted; // (G, N, d)
        private final Halts halts;

        Workspace() {
            try {
                int group = microBatch();
                long capacity = (long) group * (tokens + STEP);
                rows = Rows.of(own(NativeArray.zeros(DType.F32, capacity, width)));
                nextRows = Rows.of(own(NativeArray.zeros(DType.F32, capacity, width)));
                halted = own(NativeArray.allocate(DType.F32, group, tokens, width));
                halts = new Halts(inside.how, group, tokens, width, ROWS, STEP);
                begin = new Begin();
                end = new End();
            } catch (RuntimeException | Error e) {
                close();
                throw e;
            }
        }

        private NativeArray own(NativeArray array) {
            NativeArray kept = Scope.own(array);
            owned.add(kept);
            return kept;
        }

        private <T extends AutoCloseable> T own(T one) {
            owned.add(one);
            return one;
        }

        private void start(Part part) {
            if (scratch.bytes() < part.arena.bytes()) {
                scratch = own(NativeArray.allocate(DType.F32, part.arena.bytes() / DType.F32.bytes() + 1));
            }
            part.program.bind(part.arena, scratch);
            part.program.run();
        }

        private NativeArray buffer(long width) {
            return buffers.computeIfAbsent(
                    width, of -> own(NativeArray.allocate(weights.type(), roundedUp(Math.max(tokens, ROWS)), of)));
        }

        void run(
                int from,
                int to,
                NativeArray images,
                @Nullable NativeArray previous,
                Network.Output<NativeArray> outputs) {
            int count = to - from;
            halts.begin(count);
            for (int image = 0; image < count; image++) {
                begin.run(from + image, images, previous, image);
            }
            for (int block = 0; !halts.together().isEmpty(); block++) {
                for (Halts.Some some : halts.together()) {
                    block(block, some);
                    halts.after(block, some, rows.values, nextRows.values);
                }
                halts.next();
                Rows before = rows;
                rows = nextRows;
                nextRows = before;
            }
            floats(halted).put(0, halts.tokens(), 0, count * tokens * width);
            for (int image = 0; image < count; image++) {
                end.run(from + image, image, images, outputs);
            }
            floats(ofTokens(outputs, inside.depth)).put(from * tokens, halts.depth(), 0, count * tokens);
            floats(ofTokens(outputs, inside.ponder)).put(from * tokens, halts.ponder(), 0, count * tokens);
        }

        /** The extra that says a value of each token. */
        private NativeArray ofTokens(Network.Output<NativeArray> outputs, DnnlPlan.Value value) {
            for (Map.Entry<String, DnnlPlan.Value> extra : ends.outputs.extras().entrySet()) {
                NativeArray tensor = outputs.extras().get(extra.getKey());
                if (extra.getValue() == value && tensor != null) {
                    return tensor;
                }
            }
            throw new IllegalStateException("stage " + stage + " does not say how deep its tokens went");
        }

        private void block(int index, Halts.Some some) {
            BlockProgram program =
                    blocks.computeIfAbsent(new BlockKind(index, some.room()), kind -> own(new BlockProgram(kind)));
            program.run(some);
        }

        private record BlockKind(int index, int rows) {}

        private record AttentionKind(int tokens, long width, int heads) {}

        /** What comes before the halting blocks, of one image. */
        private final class Begin {
            private final Part part = own(new Part(ends.steps, 0));
            private final DnnlView images = ends.images.view();
            private final @Nullable DnnlView previous = ends.previous == null ? null : ends.previous.view();
            private final DnnlView begun = inside.begun.view();

            void run(int from, NativeArray allImages, @Nullable NativeArray allPrevious, int image) {
                part.program.bind(images, allImages, from);
                if (previous != null && allPrevious != null) {
                    part.program.bind(previous, allPrevious, from);
                }
                part.program.bind(begun, rows.array, halts.start(image));
                start(part);
            }
        }

        /** What comes after them. */
        private final class End {
            private final Part part = own(new Part(ends.steps, 1));
            private final @Nullable DnnlView images = ends.images.viewOfPart(); // null if it asks nothing of them
            private final DnnlView halted = inside.halted.view();
            private final DnnlView left = ends.outputs.tokens().view();
            private final DnnlView prediction = ends.outputs.prediction().view();
            private final Map<String, DnnlView> extras = new LinkedHashMap<>();

            End() {
                ends.outputs.extras().forEach((name, value) -> {
                    if (!ends.isOfTokens(value)) {
                        extras.put(name, value.view());
                    }
                });
            }

            void run(int to, int image, NativeArray allImages, Network.Output<NativeArray> outputs) {
                part.bind(images, allImages, to);
                part.program.bind(halted, Workspace.this.halted, image);
                part.program.bind(left, outputs.tokens(), to);
                part.program.bind(prediction, outputs.prediction(), to);
                extras.forEach((name, view) -> {
                    NativeArray extra = outputs.extras().get(name);
                    if (extra != null) {
                        part.program.bind(view, extra, to);
                    }
                });
                start(part);
            }
        }

        /** A block on a number of rows. */
        private final class BlockProgram implements AutoCloseable {
            private final List<Step> steps = new ArrayList<>();
            private final Block block;

            /** A part, where it finds rows and answers, where it leaves questions, and which attention comes then. */
            private record Step(
                    Part part,
                    @Nullable DnnlView x,
                    @Nullable DnnlView mixed,
                    @Nullable DnnlView qkv,
                    Block.@Nullable Look look) {}

            BlockProgram(BlockKind kind) {
                this.block = new Block(inside, kind.index, kind.rows);
                try {
                    for (int i = 0; i <= block.looks.size(); i++) {
                        Part part = new Part(block.steps, i);
                        Block.Look before = i == 0 ? null : block.looks.get(i - 1);
                        Block.Look after = i == block.looks.size() ? null : block.looks.get(i);
                        steps.add(new Step(
                                part,
                                block.x.viewOfPart(),
                                before == null ? null : before.mixed.viewOfPart(),
                                after == null ? null : after.qkv.viewOfPart(),
                                after));
                    }
                } catch (RuntimeException | Error e) {
                    close();
                    throw e;
                }
            }

            void run(Halts.Some some) {
                block.inUse = IntStream.range(some.first(), some.end())
                        .map(halts::left)
                        .sum();
                for (Step step : steps) {
                    step.part.bind(step.x, rows.array, some.start());
                    if (step.mixed != null) {
                        step.part.bind(step.mixed, buffer(step.mixed.size(2)), 0);
                    }
                    if (step.qkv != null) {
                        step.part.bind(step.qkv, buffer(step.qkv.size(2)), 0);
                    }
                    start(step.part);
                    if (step.look != null) {
                        attend(some, step.look.qkv.size(2) / 3, step.look.heads);
                    }
                }
            }

            @Override
            public void close() {
                steps.forEach(step -> step.part.close());
            }
        }

        /** Image by image, among its own tokens that are left. */
        private void attend(Halts.Some some, long of, int heads) {
            int row = 0;
            for (int image = some.first(); image < some.end(); image++) {
                int left = halts.left(image);
                if (left > 0) {
                    attentions
                            .computeIfAbsent(
                                    new AttentionKind(left, of, heads), kind -> own(new AttentionProgram(kind)))
                            .run(row);
                    row += left;
                }
            }
        }

        /** Attention of an image that is left with a number of tokens. */
        private final class AttentionProgram implements AutoCloseable {
            private final AttentionKind kind;
            private final Part part;
            private final DnnlView qkv;
            private final DnnlView mixed;

            AttentionProgram(AttentionKind kind) {
                this.kind = kind;
                DnnlPlan plan = new DnnlPlan(weights);
                DnnlPlan.Value asked = plan.input(weights.type(), 1, kind.tokens, 3 * kind.width);
                DnnlPlan.Value answered = plan.output(plan.attention(asked, kind.heads), weights.type());
                this.part = new Part(plan, 0);
                this.qkv = asked.view();
                this.mixed = answered.view();
            }

            void run(int row) {
                part.program.bind(qkv, buffer(3 * kind.width), row);
                part.program.bind(mixed, buffer(kind.width), row);
                start(part);
            }

            @Override
            public void close() {
                part.close();
            }
        }

        @Override
        public void close() {
            for (int i = owned.size() - 1; i >= 0; i--) {
                try {
                    owned.get(i).close();
                } catch (Exception e) {
                    throw new IllegalStateException(e); // none of them throws a checked one
                }
            }
            owned.clear();
        }
    }
}
