package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlProgram;
import dev.thinkingvit.tensor.DnnlView;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A stage's forward and backward pass for micro-batches of one size, as two programs that work on the same memory. For one
 * thread at a time; close it.
 *
 * <p>{@code G} images, {@code N} tokens, {@code d} features.
 */
final class TrainedStage implements AutoCloseable {
    private final TrainingPlan plan;
    private final Half forward;
    private final Half back;
    private final long bytes;
    private final Passing passing;
    private final List<NativeArray> owned = new ArrayList<>();
    private final NativeArray tokens;
    private final NativeArray prediction;
    private final NativeArray tokensGradient;
    private final NativeArray predictionGradient;
    private final @Nullable NativeArray previousGradient;
    private final @Nullable NativeArray factors;

    /**
     * What goes through a plan, forward and back.
     *
     * @param previous what the stage before left; null in the first
     * @param ofPrevious its gradient, likewise
     */
    private record Passing(
            TrainingPlan.Value images,
            TrainingPlan.@Nullable Value previous,
            Network.Output<TrainingPlan.Value> outputs,
            PlannedMemory ofTokens,
            PlannedMemory ofPrediction,
            @Nullable PlannedMemory ofPrevious) {
        /**
         * Writes both ways down.
         *
         * @param count images of a micro-batch
         * @param tokens whether somebody reads them; else there may be fewer: {@link Network#prediction}
         * @throws TrainingPlan.NotPlannedException if the network has layers that are trained by operators only
         */
        static Passing of(Network network, int stage, int count, boolean tokens, TrainingPlan plan) {
            Network.Ports ports = network.ports(stage);
            List<Long> before = ports.previous();
            TrainingPlan.Value images = plan.input(false, shape(count, ports.images()));
            TrainingPlan.Value previous = before == null ? null : plan.input(true, shape(count, before));
            Network.Output<TrainingPlan.Value> outputs = tokens
                    ? network.stage(plan, stage, images, previous)
                    : network.prediction(plan, stage, images, previous);
            if (!outputs.extras().isEmpty()) {
                throw new TrainingPlan.NotPlannedException("a network that says more than a prediction");
            }
            Network.Output<TrainingPlan.Value> left =
                    new Network.Output<>(plan.output(outputs.tokens()), plan.output(outputs.prediction()));
            PlannedMemory ofTokens = plan.gradientInput(left.tokens());
            PlannedMemory ofPrediction = plan.gradientInput(left.prediction());
            plan.back();
            PlannedMemory ofPrevious = previous == null ? null : plan.gradientOutput(previous);
            return new Passing(images, previous, left, ofTokens, ofPrediction, ofPrevious);
        }
    }

    /**
     * Plans a stage for an image; in BF16, for whose steps a processor may lack kernels, writes it too.
     *
     * @param type of products' operands: F32 or BF16
     * @param tokens whether somebody reads them
     * @throws TrainingPlan.NotPlannedException if the network has layers that are trained by operators only
     * @throws TensorException if a step cannot be written
     */
    static void requirePlanned(Network network, int stage, DType type, boolean tokens) {
        try (Scope scope = new Scope()) {
            TrainingPlan plan = new TrainingPlan(stage, type, network.depth(stage), NativeArray::allocate);
            Passing.of(network, stage, 1, tokens, plan);
            if (type != DType.F32) {
                long bytes = plan.layOut();
                new Half(plan, false, bytes).close();
                new Half(plan, true, bytes).close();
            }
        }
    }

    /** One direction. */
    private static final class Half implements AutoCloseable {
        private final DnnlProgram program = new DnnlProgram();
        private final DnnlProgram.Arena arena;
        private final Map<PlannedMemory, DnnlView> external = new HashMap<>();

        Half(TrainingPlan plan, boolean back, long bytes) {
            try {
                this.arena = plan.write(program, back, bytes, external);
            } catch (RuntimeException | Error e) {
                program.close();
                throw e;
            }
        }

        void bind(PlannedMemory memory, NativeArray array) {
            DnnlView view = external.get(memory);
            if (view != null) {
                program.bind(view, array.reshape(memory.shape), 0);
            }
        }

        @Override
        public void close() {
            program.close();
        }
    }

    /**
     * @param type of products' operands: F32 or BF16
     * @param count images of a micro-batch
     * @param tokens whether somebody reads them; else there may be fewer: {@link Network#prediction}
     * @param drops whether stochastic depth may leave branches out
     * @throws TrainingPlan.NotPlannedException if the network has layers that are trained by operators only
     */
    TrainedStage(
            Network network,
            int stage,
            DType type,
            int count,
            boolean tokens,
            boolean drops,
            TrainingPlan.Constants ones) {
        Network.Ports ports = network.ports(stage);
        List<Long> before = ports.previous();
        this.plan = new TrainingPlan(stage, type, drops ? network.depth(stage) : 0, ones);
        this.passing = Passing.of(network, stage, count, tokens, plan);
        Network.Output<TrainingPlan.Value> outputs = passing.outputs;
        this.bytes = plan.layOut();
        this.forward = new Half(plan, false, bytes);
        try {
            this.back = new Half(plan, true, bytes);
        } catch (RuntimeException | Error e) {
            forward.close();
            throw e;
        }
        try {
            this.tokens = own(outputs.tokens().memory().shape);
            this.prediction = own(shape(count, ports.prediction()));
            this.tokensGradient = own(this.tokens.shape());
            this.predictionGradient = own(prediction.shape());
            this.previousGradient = before == null ? null : own(shape(count, before));
            PlannedMemory scales = plan.factors();
            this.factors = scales == null ? null : own(scales.shape);
            bind(outputs.tokens().memory(), this.tokens);
            bind(outputs.prediction().memory(), prediction);
            bind(passing.ofPrediction, predictionGradient);
            if (passing.ofPrevious != null && previousGradient != null) {
                bind(passing.ofPrevious, previousGradient);
            }
            if (scales != null && factors != null) {
                bind(scales, factors);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static long[] shape(long images, List<Long> of) {
        return Stream.concat(Stream.of(images), of.stream())
                .mapToLong(Long::longValue)
                .toArray();
    }

    private NativeArray own(long... shape) {
        try (Scope scope = new Scope()) {
            NativeArray array = Scope.own(NativeArray.allocate(DType.F32, shape));
            owned.add(array);
            return array;
        }
    }

    private void bind(PlannedMemory memory, NativeArray array) {
        forward.bind(memory, array);
        back.bind(memory, array);
    }

    /** Bytes that its passes need besides, from the forward pass until the way back is done. */
    long bytes() {
        return bytes;
    }

    /** @param memory of at least {@link #bytes} */
    void bind(NativeArray memory) {
        forward.program.bind(forward.arena, memory);
        back.program.bind(back.arena, memory);
    }

    /**
     * Says where the weights are, and where their gradients are added to.
     *
     * @param arrays asked for each parameter that the stage reads: of the products' type, F32 if it is not cast, of the
     *     stage's shape
     */
    void bindWeights(Function<Parameter, NativeArray> arrays) {
        plan.weights().forEach((parameter, memory) -> bind(memory, arrays.apply(parameter)));
    }

    /** As {@link #bindWeights}, all F32. */
    void bindGradients(Function<Parameter, NativeArray> arrays) {
        plan.gradients().forEach((parameter, memory) -> bind(memory, arrays.apply(parameter)));
    }

    /**
     * Computes {@link #tokens} and {@link #prediction}.
     *
     * @param pictures (G, 3, h, w) F32, needed until the way back is done
     * @param before what the stage before left, F32, likewise; null in the first
     */
    void forward(NativeArray pictures, @Nullable NativeArray before, DropPath dropPath, int stage) {
        bind(passing.images.memory(), pictures);
        if (passing.previous != null && before != null) {
            bind(passing.previous.memory(), before);
        }
        if (factors != null) {
            dropPath.write(stage, factors);
        }
        forward.program.run();
    }

    /** (G, N, d) F32. */
    NativeArray tokens() {
        return tokens;
    }

    /** (G, …) F32. */
    NativeArray prediction() {
        return prediction;
    }

    /** What {@link #back} takes: of {@link #tokens}, if nobody else brings it. Changed by it. */
    NativeArray tokensGradient() {
        return tokensGradient;
    }

    /** What {@link #back} takes: of {@link #prediction}. */
    NativeArray predictionGradient() {
        return predictionGradient;
    }

    /** What {@link #back} leaves: of what the stage before left; null in the first. */
    @Nullable NativeArray previousGradient() {
        return previousGradient;
    }

    /**
     * Adds to the gradients of the weights.
     *
     * @param ofTheTokens gradient of {@link #tokens}, F32, which is changed
     */
    void back(NativeArray ofTheTokens) {
        back.bind(passing.ofTokens, ofTheTokens);
        back.program.run();
    }

    @Override
    public void close() {
        forward.close();
        back.close();
        owned.forEach(NativeArray::close);
        owned.clear();
    }
}
