package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.DnnlView;
import dev.thinkingvit.tensor.Meeting;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A stage for one image at a time, as a program for each of several threads; see {@link SharedPlan}. Each is written and run
 * by a thread with one native thread; all must run side by side.
 *
 * <p>{@code B} images, {@code N} tokens, {@code P} parts.
 */
final class SharedImage implements AutoCloseable {
    private final SharedPlan plan;
    private final Meeting meeting;
    private final SharedPlan.@Nullable Value images;
    private final SharedPlan.@Nullable Value previous;
    private final StagePass.Left<SharedPlan.Value> outputs;
    private final @Nullable Part[] parts;
    private final List<NativeArray> memory = new ArrayList<>();

    /** A part's program. */
    private record Part(
            DnnlProgram program, @Nullable DnnlView images, Bound previous, Bound tokens, List<Bound> said) {}

    /**
     * What a part sees of a tensor from outside.
     *
     * @param view null if the part has nothing of it
     * @param rows of an image
     * @param from the first of them
     */
    private record Bound(@Nullable DnnlView view, long rows, long from) {
        static Bound of(SharedPlan.@Nullable Value value, int part) {
            if (value == null) {
                return new Bound(null, 1, 0);
            }
            DnnlPlan.Value own = value.of(part);
            return new Bound(own == null ? null : own.view(), value.total(), value.from(part));
        }

        /** @param tensor (B, …) of images */
        void to(DnnlProgram program, NativeArray tensor, int image) {
            if (view == null) {
                return;
            }
            long all = tensor.size(0) * rows;
            program.bind(view, tensor.reshape(all, tensor.elements() / all), image * rows + from);
        }
    }

    /**
     * Plans a stage; {@link #write} makes programs of it.
     *
     * @param pass what of it is computed
     * @param parts at most as many as there are tokens
     * @throws SharedPlan.NotSharedException if the network has layers that are not computed this way
     */
    SharedImage(Network network, int stage, StagePass pass, DnnlWeights weights, int parts) {
        Network.Ports ports = network.ports(stage);
        this.meeting = new Meeting(parts);
        this.plan = new SharedPlan(weights, ports.tokens().get(0), parts, meeting);
        SharedPlan.Value seen = pass.looksAtImages() ? plan.whole(DType.F32, one(ports.images())) : null;
        this.images = seen;
        List<Long> before = pass.takes(ports);
        if (before != null && before.size() != 2) {
            throw new SharedPlan.NotSharedException("what the stage before left");
        }
        this.previous = before == null ? null : plan.rows(pass.takes(weights.type()), before.get(0), before.get(1));
        StagePass.Left<SharedPlan.Value> left = pass.on(plan, network, stage, seen, previous);
        this.outputs = left.map(
                tokens -> plan.output(tokens, pass.leaves(weights.type())),
                prediction -> plan.said(prediction, Objects.requireNonNull(seen)),
                extra -> plan.output(extra, DType.F32));
        this.parts = new Part[parts];
    }

    private static long[] one(List<Long> of) {
        return LongStream.concat(LongStream.of(1), of.stream().mapToLong(Long::longValue))
                .toArray();
    }

    /** Allocates what parts share. To be called before they are written. */
    void allocate() {
        for (SharedPlan.Shared shared : plan.shared()) {
            memory.add(Scope.own(NativeArray.allocate(shared.dtype(), shared.rows(), shared.width())));
        }
    }

    /** Writes a part's program, on its thread. */
    void write(int part) {
        DnnlProgram program = new DnnlProgram();
        try {
            plan.plan(part).write(program);
            for (int i = 0; i < memory.size(); i++) {
                SharedPlan.Shared shared = plan.shared().get(i);
                program.bind(shared.all(part).view(), memory.get(i), 0);
                for (SharedPlan.Written written : shared.written(part)) {
                    program.bind(written.own().view(), memory.get(i), written.from());
                }
            }
            DnnlPlan.Value seen = images == null ? null : images.of(part);
            parts[part] = new Part(
                    program,
                    seen == null ? null : seen.view(),
                    Bound.of(previous, part),
                    Bound.of(outputs.tokens(), part),
                    outputs.said().stream().map(value -> Bound.of(value, part)).toList());
        } catch (RuntimeException | Error e) {
            program.close();
            throw e;
        }
    }

    /**
     * Runs a part on its thread, while others run the others. What fails is kept, and fails them too; see {@link #requireDone}.
     *
     * @param image which of the images
     */
    void run(
            int part,
            int image,
            @Nullable NativeArray allImages,
            @Nullable NativeArray allPrevious,
            StagePass.Left<NativeArray> all) {
        try {
            Part own = parts[part];
            if (own == null) {
                throw new IllegalStateException("part " + part + " was not written");
            }
            DnnlProgram program = own.program;
            if (own.images != null && allImages != null) {
                program.bind(own.images, allImages, image);
            }
            if (allPrevious != null) {
                own.previous.to(program, allPrevious, image);
            }
            own.tokens.to(program, all.tokens(), image);
            for (int i = 0; i < own.said.size(); i++) {
                own.said.get(i).to(program, all.said().get(i), image);
            }
            program.run();
        } catch (RuntimeException | Error e) {
            meeting.abandon(e);
        }
    }

    /** @throws RuntimeException what failed first, or an {@link Error}, when all parts have ended */
    void requireDone() {
        Throwable failure = meeting.failure();
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }

    @Override
    public void close() {
        for (Part part : parts) {
            if (part != null) {
                part.program.close();
            }
        }
        memory.forEach(NativeArray::close);
        memory.clear();
    }
}
