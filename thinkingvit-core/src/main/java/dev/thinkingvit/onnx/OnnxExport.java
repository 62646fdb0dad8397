package dev.thinkingvit.onnx;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.ProtoMessage;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.WeightsException;
import dev.thinkingvit.network.ActivationRanges;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Writes a model as ONNX graphs that any runtime can run, one a stage. */
public final class OnnxExport {
    /** Readers of Protocol Buffers refuse more. */
    private static final long MAX_GRAPH_BYTES = Integer.MAX_VALUE;

    /** Where an export has its weights. */
    public enum Layout {
        /**
         * In one file that all graphs read and in which nothing is stored twice: a stage's matrices are joined from the
         * bands that it shares with other stages.
         */
        SHARED,
        /**
         * In one file that all graphs read, the matrices whole for each stage, as quantisers and optimizers of graphs
         * look for them.
         */
        FOLDED,
        /** Each graph holds its own, 2 GB at most, the matrices whole; it needs no other file. */
        EMBEDDED
    }

    private OnnxExport() {}

    /**
     * Writes a folder. The new description takes the old one's place in a single rename when everything that it names is
     * on the disk, so that the folder is the old export or the new one at any moment. What the old description names is
     * deleted then; other files stay. Graphs and weights are called {@code stage1.onnx} and so on and {@code
     * weights.bin}, with a number where such a file is there already.
     *
     * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, of any float type
     * @param layout where the weights are
     * @param version of the program that exports
     * @throws CheckpointException if a graph would be too large, the folder cannot be written, or another export is
     *     being written into it
     * @throws WeightsException if the weights do not fit the network
     */
    public static ExportedModel write(
            Path folder, ModelConfig config, Map<String, HostTensor> weights, Layout layout, String version) {
        return write(folder, config, weights, layout, version, true);
    }

    /**
     * As {@link #write(Path, ModelConfig, Map, Layout, String)}.
     *
     * @param locks whether to lock the folder; without, where its file system cannot, others are not kept out
     */
    public static ExportedModel write(
            Path folder,
            ModelConfig config,
            Map<String, HostTensor> weights,
            Layout layout,
            String version,
            boolean locks) {
        return write(folder, config, weights, null, layout, version, locks);
    }

    /**
     * As {@link #write(Path, ModelConfig, Map, Layout, String, boolean)}, with linear layers in eight bits: QuantizeLinear and
     * DequantizeLinear around them, with the scales of {@link Precision#INT8}. Their matrices are stored whole for each stage,
     * whatever the layout.
     *
     * @param ranges of what goes into linear layers; a layer that they do not know stays in F32. Null for F32 throughout
     * @throws IllegalArgumentException if the ranges know nothing, or are another network's
     */
    public static ExportedModel write(
            Path folder,
            ModelConfig config,
            Map<String, HostTensor> weights,
            @Nullable ActivationRanges ranges,
            Layout layout,
            String version,
            boolean locks) {
        return write(folder, config, weights, ranges, layout, version, locks, change -> {});
    }

    static ExportedModel write(
            Path folder,
            ModelConfig config,
            Map<String, HostTensor> weights,
            @Nullable ActivationRanges ranges,
            Layout layout,
            String version,
            boolean locks,
            ExportFolder.Witness witness) {
        Precision precision = ranges == null ? Precision.FP32 : Precision.INT8;
        if (ranges != null && ranges.isEmpty()) {
            throw new IllegalArgumentException("int8 needs the ranges of what goes into the network's linear layers");
        }
        boolean embed = layout == Layout.EMBEDDED;
        NetworkConfig network = config.network();
        WeightsException.check(network.parameterShapes(), weights);
        if (embed) {
            requireEmbeddable(folder, network, precision);
        }
        Network layers = network.network();
        NestedConstants nested =
                NestedConstants.of(layers, weights, stages(network).toList(), layout != Layout.SHARED, ranges);
        try (ExportFolder target = ExportFolder.open(folder, locks, witness)) {
            UnaryOperator<String> name = target.freeNames(plainNames(network, embed));
            List<ExportedModel.Stage> stages = stages(network)
                    .map(stage -> stage.withFile(name.apply(stage.file())))
                    .toList();
            Path drafts = target.drafts();
            ExportedModel model;
            if (embed) {
                model = new ExportedModel(folder, config, precision, stages, null);
                writeGraphs(drafts, model, layers, nested, new GraphConstants.Embedded(nested), version);
            } else {
                GraphConstants.Shared file = GraphConstants.Shared.layOut(name.apply(ExportedModel.WEIGHTS), nested);
                model = new ExportedModel(
                        folder, config, precision, stages, new ExportedModel.WeightsFile(file.file(), file.bytes()));
                AtomicFiles.write(drafts.resolve(file.file()), out -> file.writeTo(out, nested));
                writeGraphs(drafts, model, layers, nested, file, version);
            }
            target.replace(drafts, model);
            return model;
        } catch (IOException e) {
            throw new CheckpointException(folder, "cannot be written: " + Reasons.of(e), e);
        }
    }

    /** Refuses before anything is computed. */
    static void requireEmbeddable(Path folder, NetworkConfig network, Precision precision) {
        for (int stage = 1; stage <= network.stages(); stage++) {
            requireReadable(
                    folder.resolve(ExportedModel.Stage.of(network, stage).file()),
                    PackedBackbone.weightBytes(network, stage, precision));
        }
    }

    private static void requireReadable(Path file, long bytes) {
        if (bytes > MAX_GRAPH_BYTES) {
            throw new CheckpointException(
                    file,
                    "would take " + bytes + " bytes with its weights inside, ONNX files hold at most " + MAX_GRAPH_BYTES
                            + "; without --embed the weights go into a file of their own");
        }
    }

    private static Stream<ExportedModel.Stage> stages(NetworkConfig network) {
        return IntStream.rangeClosed(1, network.stages()).mapToObj(stage -> ExportedModel.Stage.of(network, stage));
    }

    private static List<String> plainNames(NetworkConfig network, boolean embed) {
        Stream<String> graphs = stages(network).map(ExportedModel.Stage::file);
        return Stream.concat(graphs, embed ? Stream.empty() : Stream.of(ExportedModel.WEIGHTS))
                .toList();
    }

    private static void writeGraphs(
            Path folder,
            ExportedModel model,
            Network network,
            NestedConstants constants,
            GraphConstants where,
            String version)
            throws IOException {
        for (ExportedModel.Stage stage : model.stages()) {
            ProtoMessage graph =
                    OnnxLayers.build(network, stage, constants, where).model("thinkingvit", version);
            requireReadable(folder.resolve(stage.file()), graph.size());
            AtomicFiles.write(folder.resolve(stage.file()), graph::writeTo);
        }
    }
}
