package dev.thinkingvit.network;

import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Natives;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Team;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A stage as a sequence of oneDNN's primitives on memory laid out once: no copies around attention, residuals added in
 * place, nothing allocated while it runs.
 *
 * <p>A batch goes through in groups of a few images, whose activations stay in a core's cache and whose weights are read
 * once.
 *
 * <p>{@code B} images, {@code G} of them in a group, {@code N} tokens.
 */
final class DnnlStage implements PackedStage {
    /** Rows of a group: beyond, activations leave the cache; below, weights are read more often than need be. */
    private static final int GROUP_ROWS = 1100;

    private static final int GROUP_FACTOR = 4;

    /** Tokens of each of the threads that share an image, at least: fewer save little or nothing, and meetings cost. */
    private static final int LEAST_TOKENS = 4;

    private final Network network;
    private final int stage;
    private final DnnlWeights weights;
    private final Map<Kind, Deque<Group>> idle = new ConcurrentHashMap<>();
    private final Map<SharedKind, Deque<SharedImage>> idleShared = new ConcurrentHashMap<>();
    private final boolean isShared; // whether several threads may compute an image side by side

    /** Groups that can stand in for each other: a program is written for a number of images and of native threads. */
    private record Kind(StagePass pass, int images, int threads) {}

    private record SharedKind(StagePass pass, int parts) {}

    DnnlStage(Network network, int stage, Map<String, HostTensor> source, Arithmetic arithmetic) {
        this.network = network;
        this.stage = stage;
        this.weights = new DnnlWeights(stage, source, arithmetic);
        try {
            new Plan(StagePass.WHOLE, 1); // asks for everything once
            isShared = canBeShared();
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
        weights.seal();
    }

    /** Whether the network's layers are all such as {@link SharedPlan} has. */
    private boolean canBeShared() {
        try {
            new SharedImage(network, stage, StagePass.WHOLE, weights, 1).close();
            return true;
        } catch (SharedPlan.NotSharedException e) {
            return false;
        }
    }

    /** The stage's steps for a group of images. */
    private final class Plan {
        private final DnnlPlan steps = new DnnlPlan(weights);
        private final DnnlPlan.@Nullable Value images;
        private final DnnlPlan.@Nullable Value previous;
        private final StagePass.Left<DnnlPlan.Value> outputs;

        Plan(StagePass pass, int count) {
            Network.Ports ports = network.ports(stage);
            DnnlPlan.Value seen = pass.looksAtImages() ? steps.input(DType.F32, shape(count, ports.images())) : null;
            this.images = seen;
            List<Long> before = pass.takes(ports);
            this.previous = before == null ? null : steps.input(pass.takes(weights.type()), shape(count, before));
            StagePass.Left<DnnlPlan.Value> left = pass.on(steps, network, stage, seen, previous);
            this.outputs = left.map(
                    tokens -> steps.output(tokens, pass.leaves(weights.type())),
                    prediction -> steps.said(prediction, Objects.requireNonNull(seen)),
                    extra -> steps.output(extra, DType.F32));
        }
    }

    private static long[] shape(long images, List<Long> of) {
        return Stream.concat(Stream.of(images), of.stream())
                .mapToLong(Long::longValue)
                .toArray();
    }

    @Override
    public Network.Output<NativeTensor> run(NativeTensor images, @Nullable NativeTensor previousTokens) {
        return output(StagePass.WHOLE, images, previousTokens);
    }

    /** Not where values are watched that go into layers: all of them are to be seen, and once. */
    @Override
    public boolean begins() {
        return network.begins(stage) && weights.watched() == null;
    }

    @Override
    public Network.Output<NativeTensor> begin(NativeTensor images, @Nullable NativeTensor previousTokens) {
        return output(begins() ? StagePass.BEGIN : StagePass.WHOLE, images, previousTokens);
    }

    @Override
    public NativeTensor finish(NativeTensor begun) {
        if (!begins()) {
            return begun;
        }
        try (Scope scope = new Scope()) {
            return scope.keep(run(StagePass.FINISH, Math.toIntExact(begun.size(0)), null, begun.array())
                    .tokens());
        }
    }

    private Network.Output<NativeTensor> output(
            StagePass pass, NativeTensor images, @Nullable NativeTensor previousTokens) {
        try (Scope scope = new Scope()) {
            NativeArray previous = previousTokens == null ? null : previousTokens.array();
            StagePass.Left<NativeArray> left = run(pass, Math.toIntExact(images.size(0)), images.array(), previous);
            Map<String, NativeTensor> extras = new LinkedHashMap<>();
            for (String name : network.ports(stage).extras().keySet()) {
                extras.put(name, scope.keep(left.said().get(1 + extras.size())));
            }
            return new Network.Output<>(
                    scope.keep(left.tokens()), scope.keep(left.said().get(0)), extras);
        }
    }

    /** @return of the innermost scope */
    private StagePass.Left<NativeArray> run(
            StagePass pass, int batch, @Nullable NativeArray images, @Nullable NativeArray previous) {
        StagePass.Left<NativeArray> outputs = empty(pass, batch);
        Team team = isShared && Natives.threads() > 1 ? ComputeThread.team() : null;
        int from = 0;
        while (from < batch) {
            from += team == null
                    ? runGroup(pass, batch - from, from, images, previous, outputs)
                    : runShared(pass, team, batch - from, from, images, previous, outputs);
        }
        return outputs;
    }

    private StagePass.Left<NativeArray> empty(StagePass pass, int batch) {
        Network.Ports ports = network.ports(stage);
        DType type = pass.leaves(weights.type());
        List<NativeArray> said = new ArrayList<>();
        if (pass.looksAtImages()) {
            said.add(NativeArray.allocate(DType.F32, shape(batch, ports.prediction()))); // (B, C)
            ports.extras().values().forEach(each -> said.add(NativeArray.allocate(DType.F32, shape(batch, each))));
        }
        return new StagePass.Left<>(NativeArray.allocate(type, shape(batch, ports.tokens())), said); // (B, N, d)
    }

    /** Runs as many of the images that are left as fit into a group; returns how many. */
    private int runGroup(
            StagePass pass,
            int left,
            int from,
            @Nullable NativeArray images,
            @Nullable NativeArray previous,
            StagePass.Left<NativeArray> outputs) {
        Kind kind = new Kind(pass, groupSize(left), Natives.threads());
        Deque<Group> waiting = idle.computeIfAbsent(kind, of -> new ConcurrentLinkedDeque<>());
        Group group = waiting.pollFirst();
        if (group == null) {
            group = new Group(pass, kind.images);
        }
        try {
            group.run(from, images, previous, outputs);
        } catch (RuntimeException | Error e) {
            group.close();
            throw e;
        }
        waiting.addFirst(group);
        return kind.images;
    }

    /**
     * Runs as many of the images that are left as all threads can take at a time, each image with the same number of them;
     * returns how many.
     */
    private int runShared(
            StagePass pass,
            Team team,
            int left,
            int from,
            @Nullable NativeArray images,
            @Nullable NativeArray previous,
            StagePass.Left<NativeArray> outputs) {
        int threads = Natives.threads();
        int together = Math.min(left, threads);
        while (threads % together != 0) {
            together--;
        }
        int parts = parts(network.ports(stage).tokens().get(0), threads / together);
        Deque<SharedImage> waiting =
                idleShared.computeIfAbsent(new SharedKind(pass, parts), of -> new ConcurrentLinkedDeque<>());
        List<SharedImage> under = new ArrayList<>();
        try {
            for (int i = 0; i < together; i++) {
                SharedImage image = waiting.pollFirst();
                under.add(image == null ? shared(pass, team, parts) : image);
            }
            team.run(together * parts, part -> under.get(part / parts)
                    .run(part % parts, from + part / parts, images, previous, outputs));
            under.forEach(SharedImage::requireDone);
        } catch (RuntimeException | Error e) {
            under.forEach(SharedImage::close);
            throw e;
        }
        under.forEach(waiting::addFirst);
        return together;
    }

    /** Among how many of the threads an image is shared out. */
    static int parts(long tokens, int threads) {
        return Math.toIntExact(Math.max(1, Math.min(threads, tokens / LEAST_TOKENS)));
    }

    private SharedImage shared(StagePass pass, Team team, int parts) {
        SharedImage image = new SharedImage(network, stage, pass, weights, parts);
        try {
            image.allocate();
            team.run(parts, image::write);
            return image;
        } catch (RuntimeException | Error e) {
            image.close();
            throw e;
        }
    }

    @Override
    public long weightBytes() {
        return weights.bytes();
    }

    @Override
    public int microBatch() {
        return GROUP_FACTOR * groupSize(Integer.MAX_VALUE / GROUP_FACTOR);
    }

    /** The largest group of at most {@code images}: a power of {@value #GROUP_FACTOR}, so that few programs do for all batches. */
    private int groupSize(int images) {
        return groupSize(network.ports(stage).tokens().get(0), images);
    }

    static int groupSize(long tokens, int images) {
        int size = 1;
        while (size * GROUP_FACTOR <= images && (long) size * GROUP_FACTOR * tokens <= GROUP_ROWS) {
            size *= GROUP_FACTOR;
        }
        return size;
    }

    /** A program for a group of images and the memory that it works on. For one thread at a time. */
    private final class Group implements AutoCloseable {
        private final Plan plan;
        private final DnnlProgram program;

        Group(StagePass pass, int images) {
            this.plan = new Plan(pass, images);
            this.program = new DnnlProgram();
            try {
                plan.steps.write(program);
            } catch (RuntimeException | Error e) {
                program.close();
                throw e;
            }
        }

        void run(
                int from,
                @Nullable NativeArray allImages,
                @Nullable NativeArray allPrevious,
                StagePass.Left<NativeArray> all) {
            if (plan.images != null && allImages != null) {
                program.bind(plan.images.view(), allImages, from);
            }
            if (plan.previous != null && allPrevious != null) {
                program.bind(plan.previous.view(), allPrevious, from);
            }
            program.bind(plan.outputs.tokens().view(), all.tokens(), from);
            for (int i = 0; i < all.said().size(); i++) {
                program.bind(plan.outputs.said().get(i).view(), all.said().get(i), from);
            }
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
        idleShared.values().forEach(waiting -> waiting.forEach(SharedImage::close));
        idleShared.clear();
        weights.close();
    }
}
