package dev.thinkingvit.model;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlMatrix;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.DnnlProgram.After;
import dev.thinkingvit.tensor.DnnlView;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * A stage as a sequence of oneDNN's primitives on memory laid out once: no copies around attention, residuals added in
 * place, nothing allocated while it runs.
 *
 * <p>A batch goes through in groups of a few images, whose activations stay in a core's cache and whose weights are read
 * once. In BF16 the operands of products are BF16; sums, residuals, norms and attention's scores are F32.
 *
 * <p>{@code B} images, {@code G} of them in a group, {@code N} tokens, {@code H} heads, {@code hd} width of a head,
 * {@code d} width of this stage, {@code d'} width of the stage before, {@code C} classes, {@code p} patch size.
 */
final class DnnlStage implements PackedStage {
    /** Rows of a group: beyond, activations leave the cache; below, weights are read more often than need be. */
    private static final int GROUP_ROWS = 1100;

    private static final int GROUP_FACTOR = 4;

    /** Scores of attention that are there at a time, at most: many tokens would make gigabytes of them. */
    private static final long SCORES = 1 << 20;

    private final ThinkingViTConfig config;
    private final int stage;
    private final int heads;
    private final int width;
    private final Precision precision;
    private final DType type;
    private final Tensor positions; // (N, d) F32, class token included
    private final DnnlMatrix patchEmbedding;
    private final @Nullable DnnlMatrix recycling;
    private final List<Block> blocks = new ArrayList<>();
    private final StageWeights.Norm norm;
    private final DnnlMatrix head;
    private final Map<Kind, Deque<Group>> idle = new ConcurrentHashMap<>();

    private record Block(
            StageWeights.Norm norm1,
            DnnlMatrix qkv,
            DnnlMatrix projection,
            StageWeights.Norm norm2,
            DnnlMatrix fc1,
            DnnlMatrix fc2) {

        void close() {
            norm1.close();
            qkv.close();
            projection.close();
            norm2.close();
            fc1.close();
            fc2.close();
        }
    }

    /** Groups that can stand in for each other: a program is written for a number of images and of native threads. */
    private record Kind(int images, int threads) {}

    DnnlStage(StageWeights weights, Precision precision) {
        this.config = weights.config();
        this.stage = weights.stage();
        this.heads = config.heads(stage);
        this.width = weights.width();
        this.precision = precision;
        this.type = Tensors.dtype(precision.type());
        this.positions = Scope.own(weights.positions().contiguous().clone());
        this.patchEmbedding = pack(weights.patchEmbedding());
        this.recycling = stage == 1 ? null : pack(weights.recycling());
        for (int i = 0; i < config.depth(); i++) {
            try (Scope scope = new Scope()) {
                blocks.add(new Block(
                        weights.norm1(i),
                        pack(weights.qkv(i)),
                        pack(weights.projection(i)),
                        weights.norm2(i),
                        pack(weights.fc1(i)),
                        pack(weights.fc2(i))));
            }
        }
        this.norm = weights.norm();
        StageWeights.Linear plainHead = weights.head();
        // one row an image: F32 costs nothing here
        this.head = new DnnlMatrix(plainHead.weight(), plainHead.bias(), DType.F32, GROUP_FACTOR);
    }

    private DnnlMatrix pack(StageWeights.Linear linear) {
        return new DnnlMatrix(linear.weight(), linear.bias(), type, config.tokens());
    }

    @Override
    public StageOutput run(Tensor images, @Nullable Tensor previousTokens) {
        try (Scope scope = new Scope()) {
            int batch = Math.toIntExact(images.size(0));
            Tensor pixels = images.contiguous();
            Tensor previous = previousTokens == null ? null : previousTokens.contiguous();
            Tensor tokens = torch.empty( // (B, N, d)
                    new long[] {batch, config.tokens(), width},
                    new TensorOptions(precision.type()),
                    new MemoryFormatOptional());
            Tensor logits = Tensors.emptyFloats(batch, config.numClasses()); // (B, C)
            int from = 0;
            while (from < batch) {
                from += runGroup(batch - from, from, pixels, previous, tokens, logits);
            }
            return new StageOutput(scope.keep(tokens), scope.keep(logits));
        }
    }

    /** Runs as many of the images that are left as fit into a group; returns how many. */
    private int runGroup(int left, int from, Tensor images, @Nullable Tensor previous, Tensor tokens, Tensor logits) {
        Kind kind = new Kind(groupSize(config, left), Natives.threads());
        Deque<Group> waiting = idle.computeIfAbsent(kind, of -> new ConcurrentLinkedDeque<>());
        Group group = waiting.pollFirst();
        if (group == null) {
            group = new Group(kind.images);
        }
        try {
            group.run(from, images, previous, tokens, logits);
        } catch (RuntimeException | Error e) {
            group.close();
            throw e;
        }
        waiting.addFirst(group);
        return kind.images;
    }

    @Override
    public long weightBytes() {
        long vectors = positions.numel() + 2L * width; // and the last norm
        long bytes = patchEmbedding.bytes() + head.bytes() + (recycling == null ? 0 : recycling.bytes());
        for (Block block : blocks) {
            vectors += 4L * width; // two norms
            bytes += block.qkv.bytes() + block.projection.bytes() + block.fc1.bytes() + block.fc2.bytes();
        }
        return bytes + vectors * DType.F32.bytes();
    }

    @Override
    public int microBatch() {
        return GROUP_FACTOR * groupSize(config, Integer.MAX_VALUE / GROUP_FACTOR);
    }

    /** The largest group of at most {@code images}: a power of {@value #GROUP_FACTOR}, so that few programs do for all batches. */
    static int groupSize(ThinkingViTConfig config, int images) {
        int size = 1;
        while (size * GROUP_FACTOR <= images && size * GROUP_FACTOR * config.tokens() <= GROUP_ROWS) {
            size *= GROUP_FACTOR;
        }
        return size;
    }

    /** A program for a group of images and the memory that it works on. For one thread at a time. */
    private final class Group implements AutoCloseable {
        private final int images;
        private final DnnlProgram program = new DnnlProgram();
        private final DnnlView pixels; // (G, 3, S, S)
        private final @Nullable DnnlView previous; // (G, N, d')
        private final DnnlView tokens; // (G, N, d)
        private final DnnlView logits; // (G, C)

        Group(int images) {
            this.images = images;
            int size = config.imageSize();
            this.pixels = program.external(DType.F32, images, 3, size, size);
            this.previous =
                    stage == 1 ? null : program.external(type, images, config.tokens(), config.width(stage - 1));
            this.tokens = program.external(type, images, config.tokens(), width);
            this.logits = program.external(DType.F32, images, config.numClasses());
            try {
                write();
            } catch (RuntimeException | Error e) {
                program.close();
                throw e;
            }
        }

        private void write() {
            long rows = (long) images * config.tokens();
            DnnlView x = program.buffer(DType.F32, images, config.tokens(), width); // the residual stream
            DnnlView all = x.reshape(rows, width);
            DnnlView normed = program.buffer(type, rows, width);
            // patches, what attention works on, and the hidden rows are never there at the same time
            int hiddenWidth = ThinkingViTConfig.mlpWidth(width);
            long patchElements = (long) images * config.patches() * config.patchElements();
            DnnlView work = program.buffer(type, Math.max(rows * hiddenWidth, patchElements));
            DnnlView hidden = work.narrow(0, 0, rows * hiddenWidth).reshape(rows, hiddenWidth);
            embed(x, work.narrow(0, 0, patchElements));
            Attention attention = new Attention(work);
            for (Block block : blocks) {
                layerNorm(all, block.norm1, normed);
                program.linear(normed, block.qkv, attention.qkv.reshape(rows, 3L * width), After.NONE);
                attention.write();
                program.linear(attention.mixed.reshape(rows, width), block.projection, all, After.ADD);
                layerNorm(all, block.norm2, normed);
                program.linear(normed, block.fc1, hidden, After.GELU);
                program.linear(hidden, block.fc2, all, After.ADD);
            }
            layerNorm(all, norm, tokens.reshape(rows, width));
            DnnlView classTokens = program.buffer(DType.F32, images, width);
            program.copy(tokens.select(1, 0), classTokens);
            program.linear(classTokens, head, logits, After.NONE);
        }

        private void embed(DnnlView x, DnnlView work) {
            long side = config.imageSize() / config.patchSize();
            long patch = config.patchSize();
            program.copy(
                    pixels.reshape(images, 3, side, patch, side, patch).permute(0, 2, 4, 1, 3, 5),
                    work.reshape(images, side, side, 3, patch, patch));
            DnnlView patches = work.reshape(images, config.patches(), config.patchElements()); // (G, N-1, 3p²)
            DnnlView start = program.constant(positions);
            for (int image = 0; image < images; image++) {
                DnnlView own = x.select(0, image); // (N, d)
                program.copy(start, own);
                program.linear(patches.select(0, image), patchEmbedding, own.narrow(0, 1, config.patches()), After.ADD);
            }
            if (recycling != null && previous != null) {
                long rows = (long) images * config.tokens();
                program.linear(
                        previous.reshape(rows, config.width(stage - 1)), recycling, x.reshape(rows, width), After.ADD);
            }
        }

        private void layerNorm(DnnlView rows, StageWeights.Norm by, DnnlView out) {
            program.layerNorm(rows, by.weight(), by.bias(), by.eps(), out);
        }

        /** Image by image, so that an image's scores stay in the cache; all blocks use the same memory. */
        private final class Attention {
            final DnnlView qkv; // (G, N, 3, H, hd)
            final DnnlView mixed; // (G, N, H, hd)
            final long headsAtOnce = Math.max(1, Math.min(heads, SCORES / ((long) config.tokens() * config.tokens())));
            final long queriesAtOnce = Math.max(1, Math.min(config.tokens(), SCORES / config.tokens()));
            final DnnlView scores = program.buffer(DType.F32, headsAtOnce * queriesAtOnce * config.tokens());
            final DnnlView probabilities =
                    type == DType.F32 ? scores : program.buffer(type, headsAtOnce * queriesAtOnce * config.tokens());

            /** @param work memory of at least G·N·4d elements */
            Attention(DnnlView work) {
                long elements = (long) images * config.tokens() * width;
                this.qkv = work.narrow(0, 0, 3 * elements).reshape(images, config.tokens(), 3, heads, config.headDim());
                this.mixed = work.narrow(0, 3 * elements, elements)
                        .reshape(images, config.tokens(), heads, config.headDim());
            }

            void write() {
                for (int image = 0; image < images; image++) {
                    DnnlView own = qkv.select(0, image); // (N, 3, H, hd)
                    for (long head = 0; head < heads; head += headsAtOnce) {
                        long count = Math.min(headsAtOnce, heads - head);
                        write(
                                own.narrow(2, head, count),
                                mixed.select(0, image).narrow(1, head, count).permute(1, 0, 2));
                    }
                }
            }

            /** Attention of some heads (N, 3, h, hd) to (h, N, hd), a part of the queries at a time. */
            private void write(DnnlView own, DnnlView out) {
                DnnlView queries = own.select(1, 0).permute(1, 0, 2); // (h, N, hd)
                DnnlView keys = own.select(1, 1).permute(1, 2, 0); // (h, hd, N)
                DnnlView values = own.select(1, 2).permute(1, 0, 2); // (h, N, hd)
                long tokens = config.tokens();
                for (long from = 0; from < tokens; from += queriesAtOnce) {
                    long count = Math.min(queriesAtOnce, tokens - from);
                    long[] shape = {queries.size(0), count, tokens};
                    long elements = queries.size(0) * count * tokens;
                    DnnlView weights = scores.narrow(0, 0, elements).reshape(shape); // (h, n, N)
                    DnnlView rounded = probabilities.narrow(0, 0, elements).reshape(shape);
                    program.product(queries.narrow(1, from, count), keys, weights);
                    program.softmax(weights, rounded);
                    program.product(rounded, values, out.narrow(1, from, count));
                }
            }
        }

        void run(int from, Tensor allImages, @Nullable Tensor allPrevious, Tensor allTokens, Tensor allLogits) {
            program.bind(pixels, allImages, from);
            if (previous != null && allPrevious != null) {
                program.bind(previous, allPrevious, from);
            }
            program.bind(tokens, allTokens, from);
            program.bind(logits, allLogits, from);
            program.run();
        }

        @Override
        public void close() {
            program.close();
        }
    }

    @Override
    public void close() {
        idle.values().forEach(waiting -> waiting.forEach(Group::close));
        idle.clear();
        positions.close();
        patchEmbedding.close();
        if (recycling != null) {
            recycling.close();
        }
        blocks.forEach(Block::close);
        norm.close();
        head.close();
    }
}
