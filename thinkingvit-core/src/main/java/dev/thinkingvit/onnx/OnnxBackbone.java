package dev.thinkingvit.onnx;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.FileBytes;
import dev.thinkingvit.files.ProcessExit;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.ShutdownException;
import dev.thinkingvit.model.NetworkBackbone;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.StageInput;
import dev.thinkingvit.model.StageOutput;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.network.PackedStage;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.NativeTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import dev.thinkingvit.tensor.TorchDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * An exported model, run by ONNX Runtime. It reads and writes the memory of the tensors that come and go; nothing is
 * copied in between.
 *
 * <p>{@code B} images, {@code N} tokens, {@code d} width, {@code C} classes. Owns its sessions; close it. Its work belongs
 * on the {@linkplain ComputeThread compute thread}.
 */
final class OnnxBackbone extends NetworkBackbone {
    /** For a command line of the two million characters that Linux allows; memory that is not used is not taken. */
    private static final long STARTING_STACK_BYTES = 1L << 29;

    /** A graph's largest size in one piece is just below 2 GiB; the weights of larger ones are mapped. */
    private static final long MOST_INLINED_BYTES = Integer.MAX_VALUE - (1 << 20);

    private final OrtEnvironment environment;
    private final List<OrtSession> sessions = new ArrayList<>();
    private final Precision precision;
    private final boolean sideBySide;
    private final int[] microBatches;
    private boolean closed;

    private OnnxBackbone(NetworkConfig network, Precision precision, OrtEnvironment environment, boolean sideBySide) {
        super(network);
        this.precision = precision;
        this.sideBySide = sideBySide;
        this.environment = environment;
        this.microBatches = IntStream.rangeClosed(1, network.stages())
                .map(stage -> PackedStage.microBatch(network().ports(stage)))
                .toArray();
    }

    /**
     * @throws CheckpointException if ONNX Runtime refuses a graph, or a graph is not that of its stage
     * @throws ShutdownException if the process is exiting
     */
    static OnnxBackbone open(ExportedModel model, int threads) {
        try (Scope scope = new Scope()) {
            return opened(model, threads);
        } catch (RuntimeException e) { // the runtime's own hook closes its environment, whoever uses it
            throw ProcessExit.isExiting() ? new ShutdownException() : e;
        }
    }

    private static OnnxBackbone opened(ExportedModel model, int threads) {
        OrtEnvironment environment = environment();
        OnnxBackbone backbone =
                new OnnxBackbone(model.config().network(), model.precision(), environment, threads == 1);
        requireReadable(model);
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            environment.setTelemetry(false);
            options.setIntraOpNumThreads(threads); // 1: the calling thread's own
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
            // threads that wait for a stage's next batch would take the cores from the stage that runs
            options.addConfigEntry("session.force_spinning_stop", "1");
            if (model.precision() == Precision.INT8 && !model.precision().isHere()) {
                // without VNNI sums of signed bytes' products overflow; those of unsigned ones are made wider
                options.addConfigEntry("session.x64quantprecision", "1");
            }
            // for what a graph that is handed over from memory has in files of other names
            options.addConfigEntry(
                    "session.model_external_initializers_file_folder_path",
                    model.path().toString());
            backbone.open(model, options);
            return backbone;
        } catch (OrtException e) {
            backbone.close();
            throw failure(e);
        } catch (RuntimeException | Error e) {
            backbone.close();
            throw e;
        }
    }

    /**
     * The process's only one, never closed. While it starts, the runtime searches the process's command line with an
     * expression that takes stack for every character: a class path or names of files of a few thousand end the process
     * on a usual one.
     */
    private static OrtEnvironment environment() {
        OrtEnvironment[] environment = new OrtEnvironment[1];
        Thread starter = new Thread(
                null,
                () -> environment[0] = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR),
                "onnxruntime-start",
                STARTING_STACK_BYTES);
        Throwable[] failure = new Throwable[1];
        starter.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
        starter.start();
        boolean interrupted = false;
        while (starter.isAlive()) {
            try {
                starter.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure[0] instanceof Error error) {
            throw error;
        }
        if (failure[0] instanceof RuntimeException exception) {
            throw exception;
        }
        return environment[0];
    }

    /** The runtime only counts the system's errors. */
    private static void requireReadable(ExportedModel model) {
        for (String name : model.fileNames()) {
            Path file = model.path().resolve(name);
            try {
                Files.newInputStream(file).close();
            } catch (IOException e) {
                throw new CheckpointException(file, "cannot be read: " + Reasons.of(e), e);
            }
        }
    }

    private void open(ExportedModel model, OrtSession.SessionOptions options) {
        ExportedModel.WeightsFile shared = model.weights();
        try (FileBytes weights =
                shared == null ? null : FileBytes.open(model.path().resolve(shared.file()))) {
            if (weights != null) {
                model.requireLength(weights.size()); // it may have changed since the description was read
            }
            for (ExportedModel.Stage stage : model.stages()) {
                sessions.add(session(model.graph(stage.stage()), weights, stage, options));
            }
            if (weights != null) {
                weights.requireUnchanged(); // all stages are of the same export
            }
        }
    }

    private OrtSession session(
            Path graph, @Nullable FileBytes weights, ExportedModel.Stage stage, OrtSession.SessionOptions options) {
        try {
            OrtSession session = session(graph, weights, options);
            try {
                requirePorts(graph, "inputs", stage.inputs(), session.getInputInfo());
                requirePorts(graph, "outputs", stage.outputs(), session.getOutputInfo());
                return session;
            } catch (CheckpointException | OrtException e) {
                session.close();
                throw e;
            }
        } catch (OrtException e) {
            throw new CheckpointException(graph, "ONNX Runtime cannot load it: " + firstLine(e), e);
        }
    }

    /** Of a graph that refers to a file of weights, with a copy of them, whatever becomes of the file. */
    private OrtSession session(Path graph, @Nullable FileBytes weights, OrtSession.SessionOptions options)
            throws OrtException {
        if (weights == null) {
            return environment.createSession(graph.toString(), options);
        }
        try (FileBytes own = FileBytes.open(graph)) {
            String name = String.valueOf(weights.file().getFileName());
            InlinedGraph inlined = InlinedGraph.of(own.slice(0, own.size()), weights, name);
            if (inlined.size() > MOST_INLINED_BYTES) {
                return environment.createSession(graph.toString(), options);
            }
            try (Scope scope = new Scope()) {
                // not a buffer of Java's, whose sum is limited as its heap is
                ByteBuffer whole =
                        NativeArray.allocate(DType.U8, inlined.size()).memory();
                inlined.writeTo(whole);
                return environment.createSession(whole.flip(), options);
            }
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(graph, "is " + e.getMessage() + "; export the model again", e);
        }
    }

    private static void requirePorts(
            Path graph, String what, List<ExportedModel.Port> required, Map<String, NodeInfo> came) {
        List<String> expected = new ArrayList<>();
        for (ExportedModel.Port port : required) {
            long[] shape = port.shape().stream()
                    .mapToLong(size -> size instanceof Number number ? number.longValue() : -1)
                    .toArray();
            expected.add(describe(port.name(), OnnxJavaType.FLOAT, shape));
        }
        List<String> found = new ArrayList<>();
        for (NodeInfo node : came.values()) {
            found.add(
                    node.getInfo() instanceof TensorInfo tensor
                            ? describe(node.getName(), tensor.type, tensor.getShape())
                            : node.getName());
        }
        if (!expected.equals(found)) {
            throw new CheckpointException(
                    graph, "not the stage's graph: " + what + " " + expected + " are required, " + found + " came");
        }
    }

    private static String describe(String name, OnnxJavaType type, long[] shape) {
        return name + " " + type + " " + Arrays.toString(shape).replace("-1", "batch");
    }

    @Override
    public boolean runsSideBySide() {
        return sideBySide;
    }

    @Override
    public int microBatch(int stage) {
        return microBatches[stage - 1];
    }

    private static long[] shape(long batch, List<Long> of) {
        return LongStream.concat(LongStream.of(batch), of.stream().mapToLong(Long::longValue))
                .toArray();
    }

    /** As if the runtime kept every stage's weights once. */
    @Override
    public long weightBytes() {
        long bytes = 0;
        for (int stage = 1; stage <= stages(); stage++) {
            bytes += PackedBackbone.weightBytes(config(), stage, precision);
        }
        return bytes;
    }

    @Override
    public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        if (closed) {
            throw new IllegalStateException("the model is closed");
        }
        @Nullable NativeTensor taken = StageInput.check(network(), stage, images, previousTokens, DType.F32, TorchDevice.CPU);
        long batch = images.size(0);
        try (Scope scope = new Scope();
                Ports inputs = new Ports();
                Ports outputs = new Ports()) {
            inputs.bind(ExportedModel.IMAGES, images.array());
            if (taken != null) {
                inputs.bind(ExportedModel.PREVIOUS_TOKENS, taken.array());
            }
            Network.Ports ports = network().ports(stage);
            NativeArray prediction = NativeArray.allocate(DType.F32, shape(batch, ports.prediction()));
            NativeArray tokens = NativeArray.allocate(DType.F32, shape(batch, ports.tokens()));
            outputs.bind(ExportedModel.LOGITS, prediction);
            outputs.bind(ExportedModel.TOKENS, tokens);
            Map<String, NativeTensor> extras = new LinkedHashMap<>();
            for (Map.Entry<String, List<Long>> extra : ports.extras().entrySet()) {
                NativeArray value = NativeArray.allocate(DType.F32, shape(batch, extra.getValue()));
                outputs.bind(extra.getKey(), value);
                extras.put(extra.getKey(), value);
            }
            sessions.get(stage - 1).run(inputs.bound, outputs.bound).close();
            extras.values().forEach(scope::keep);
            return new StageOutput(scope.keep(tokens), scope.keep(prediction), extras);
        } catch (OrtException e) {
            throw failure(e);
        }
    }

    /** Tensors' memory under the names that a graph has for it. */
    private final class Ports implements AutoCloseable {
        private final Map<String, OnnxTensor> bound = new LinkedHashMap<>();

        /** @param array F32; its memory is used until this closes */
        void bind(String name, NativeArray array) throws OrtException {
            bound.put(name, OnnxTensor.createTensor(environment, array.memory(), array.shape(), OnnxJavaType.FLOAT));
        }

        @Override
        public void close() {
            bound.values().forEach(OnnxTensor::close);
        }
    }

    @Override
    public void close() {
        ComputeThread.free(() -> {
            if (!closed) {
                closed = true;
                try {
                    for (OrtSession session : sessions) {
                        session.close();
                    }
                } catch (OrtException e) {
                    throw failure(e);
                }
            }
        });
    }

    private static RuntimeException failure(OrtException e) {
        if (ProcessExit.isExiting()) {
            return new ShutdownException();
        }
        return new TensorException("ONNX Runtime: " + firstLine(e), e);
    }

    private static String firstLine(OrtException e) {
        String message = String.valueOf(e.getMessage()).replaceFirst("^Error code - \\w+ - message: ", "");
        return message.lines().findFirst().orElse(message);
    }
}
