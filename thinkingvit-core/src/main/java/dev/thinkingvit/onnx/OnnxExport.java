package dev.thinkingvit.onnx;

import dev.thinkingvit.checkpoint.AtomicFiles;
import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.ModelConfig;
import dev.thinkingvit.checkpoint.ProtoMessage;
import dev.thinkingvit.model.PackedThinkingViT;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.model.WeightsException;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes a model as ONNX graphs that any runtime can run, one a stage. */
public final class OnnxExport {
    private static final Logger log = LoggerFactory.getLogger(OnnxExport.class);

    /** Readers of Protocol Buffers refuse more. */
    private static final long MAX_GRAPH_BYTES = Integer.MAX_VALUE;

    private static final String DRAFTS = ".thinkingvit-export";

    private OnnxExport() {}

    /**
     * Writes a folder. The description goes first and comes last: a folder that has one is complete. What an earlier
     * export left there is replaced; other files stay.
     *
     * @param weights exactly the parameters of {@link ThinkingViTConfig#parameterShapes()}, of any float type
     * @param embed whether each graph holds its weights, 2 GB at most, so that it needs no other file; else all graphs
     *     read one file, in which nothing is stored twice
     * @param version of the program that exports
     * @throws CheckpointException if a graph would be too large or the folder cannot be written
     * @throws WeightsException if the weights do not fit the network
     */
    public static ExportedModel write(
            Path folder, ModelConfig config, Map<String, HostTensor> weights, boolean embed, String version) {
        ThinkingViTConfig network = config.network();
        WeightsException.check(network.parameterShapes(), weights);
        if (embed) {
            requireEmbeddable(folder, network);
        }
        NestedConstants nested = new NestedConstants(network, weights);
        boolean existed = Files.exists(folder);
        try {
            Files.createDirectories(folder);
            deleteDrafts(folder);
            Path drafts = Files.createTempDirectory(folder, DRAFTS);
            ExportedModel model;
            if (embed) {
                model = new ExportedModel(folder, config, stages(network), null);
                writeGraphs(drafts, model, new GraphConstants.Embedded(nested), version);
            } else {
                GraphConstants.Shared file = GraphConstants.Shared.layOut(ExportedModel.WEIGHTS, nested);
                model = new ExportedModel(
                        folder,
                        config,
                        stages(network),
                        new ExportedModel.WeightsFile(ExportedModel.WEIGHTS, file.bytes()));
                AtomicFiles.write(drafts.resolve(ExportedModel.WEIGHTS), out -> file.writeTo(out, nested));
                writeGraphs(drafts, model, file, version);
            }
            replace(folder, drafts);
            model.writeDescription();
            return model;
        } catch (IOException e) {
            throw new CheckpointException(folder, "cannot be written: " + e.getMessage(), e);
        } finally {
            tidy(folder, existed);
        }
    }

    /** After a failure nothing of the export is left, and no empty folder that was made for it. */
    private static void tidy(Path folder, boolean existed) {
        try {
            deleteDrafts(folder);
            if (!existed && !ExportedModel.isIn(folder)) {
                Files.deleteIfExists(folder);
            }
        } catch (IOException e) {
            log.debug("{}: drafts stay", folder, e); // the next export deletes them
        }
    }

    /** Refuses before anything is computed. */
    static void requireEmbeddable(Path folder, ThinkingViTConfig network) {
        for (int stage = 1; stage <= network.stages(); stage++) {
            requireReadable(
                    folder.resolve(ExportedModel.Stage.of(network, stage).file()),
                    PackedThinkingViT.weightBytes(network, stage, Precision.FP32));
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

    private static List<ExportedModel.Stage> stages(ThinkingViTConfig network) {
        return IntStream.rangeClosed(1, network.stages())
                .mapToObj(stage -> ExportedModel.Stage.of(network, stage))
                .toList();
    }

    private static void writeGraphs(Path folder, ExportedModel model, GraphConstants constants, String version)
            throws IOException {
        for (ExportedModel.Stage stage : model.stages()) {
            ProtoMessage graph =
                    StageGraph.build(model.config().network(), stage, constants).model("thinkingvit", version);
            requireReadable(folder.resolve(stage.file()), graph.size());
            AtomicFiles.write(folder.resolve(stage.file()), graph::writeTo);
        }
    }

    /** Everything is on the disk by now: what is left are renames, between which the folder has no description. */
    private static void replace(Path folder, Path drafts) throws IOException {
        Files.deleteIfExists(folder.resolve(ExportedModel.DESCRIPTION));
        Set<Path> written = new LinkedHashSet<>(files(drafts));
        for (Path old : files(folder)) {
            String name = String.valueOf(old.getFileName());
            boolean ours = name.equals(ExportedModel.WEIGHTS) || name.matches("stage\\d+\\.onnx");
            if (ours && !written.contains(drafts.resolve(name))) {
                Files.delete(old);
            }
        }
        for (Path draft : written) {
            Files.move(
                    draft,
                    folder.resolve(draft.getFileName()),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        }
        Files.delete(drafts);
    }

    /** What an export that was killed left behind. */
    private static void deleteDrafts(Path folder) throws IOException {
        for (Path left : files(folder)) {
            if (String.valueOf(left.getFileName()).startsWith(DRAFTS) && Files.isDirectory(left)) {
                for (Path file : files(left)) {
                    Files.delete(file);
                }
                Files.delete(left);
            }
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return new ArrayList<>(files.sorted(Comparator.naturalOrder()).toList());
        }
    }
}
