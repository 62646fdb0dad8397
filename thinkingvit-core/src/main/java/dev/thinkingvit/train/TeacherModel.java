package dev.thinkingvit.train;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.data.ClassFinder;
import dev.thinkingvit.model.Backbone;
import dev.thinkingvit.model.NestedBackbone;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.onnx.OnnxRuntime;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.PreprocessingChange;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.TorchDevice;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A model that is to teach, as it was read. Nothing native is held yet; {@link #open} makes a {@link Teacher} of it.
 *
 * @param path a model directory, a checkpoint file, or the folder of an exported model
 * @param config its network, preprocessing and labels
 * @param weights by name; empty where {@code export} has them
 * @param export the exported model; null where weights were read
 * @param notes what was done to read it and what was left out, a line each
 */
public record TeacherModel(
        Path path,
        ModelConfig config,
        Map<String, HostTensor> weights,
        @Nullable ExportedModel export,
        List<String> notes) {
    private static final int NAMED = 5;

    public TeacherModel {
        notes = List.copyOf(notes);
    }

    /**
     * Reads whatever holds a model.
     *
     * @throws CheckpointException if there is none, or it is damaged or incomplete
     */
    public static TeacherModel read(Path path) {
        if (!Files.exists(path)) {
            throw new CheckpointException(path, "there is no such teacher");
        }
        if (ExportedModel.isIn(path) && !Files.exists(path.resolve(ModelDirectory.CONFIG))) {
            ExportedModel export = ExportedModel.read(path);
            return new TeacherModel(path, export.config(), Map.of(), export, List.of());
        }
        ModelImport.Imported read = ModelImport.read(path, null, Weights.AUTO);
        ModelDirectory.Model model = read.model();
        return new TeacherModel(path, model.config(), model.weights(), null, read.notes());
    }

    /**
     * Tells teachers apart, wherever they lie: SHA-256 of all that their answers follow from.
     *
     * @return 64 hexadecimal digits
     */
    public String fingerprint() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            String facts = config.network() + "\n" + config.preprocessing() + "\n" + config.labels();
            digest.update(facts.getBytes(StandardCharsets.UTF_8));
            new TreeMap<>(weights).forEach((name, tensor) -> {
                digest.update((name + " " + tensor).getBytes(StandardCharsets.UTF_8));
                digest.update(tensor.data());
            });
            if (export != null) {
                export.digest(digest);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /**
     * Which of the teacher's classes each class of the data is: by name, or by place where the teacher names none.
     *
     * @param indices by the data's class, the teacher's
     * @param note what should be said about it; null for nothing
     */
    @SuppressWarnings("ArrayRecordComponent") // handed over, not shared
    public record Classes(int[] indices, @Nullable String note) {}

    /**
     * Finds the data's classes among the teacher's.
     *
     * @param names of the data's classes, in order
     * @throws CheckpointException if the teacher lacks one, has a name twice that is needed, or names none and has
     *     another number of them
     */
    public Classes classes(List<String> names) {
        int count = config.network().numClasses();
        List<String> known = config.labels().isEmpty() && count == names.size() ? List.of() : known(names);
        if (known.isEmpty()) {
            if (count != names.size()) {
                throw new CheckpointException(
                        path,
                        "the teacher has " + count + " classes without names, the data has " + names.size()
                                + "; a teacher of the data's classes is needed");
            }
            return new Classes(
                    IntStream.range(0, count).toArray(),
                    "the teacher names none of its " + count + " classes: they are taken to be the data's, in order ("
                            + abbreviated(names) + ")");
        }
        List<String> missing =
                names.stream().filter(name -> !known.contains(name)).toList();
        if (!missing.isEmpty()) {
            throw new CheckpointException(
                    path,
                    "the teacher lacks " + missing.size() + " of the data's " + names.size() + " classes: "
                            + abbreviated(missing) + "; its " + count + " are " + abbreviated(known));
        }
        if (known.equals(names)) {
            return new Classes(IntStream.range(0, count).toArray(), null);
        }
        for (String name : names) {
            if (known.indexOf(name) != known.lastIndexOf(name)) {
                throw new CheckpointException(
                        path,
                        "the teacher has the class '" + name
                                + "' twice, so that its answers cannot be told apart; its label_names must differ");
            }
        }
        int[] indices = names.stream().mapToInt(known::indexOf).toArray();
        return new Classes(
                indices,
                count == names.size()
                        ? "the teacher has the data's " + count + " classes in another order: they are taken by name"
                        : names.size() + " of the teacher's " + count
                                + " classes are the data's: they are taken by name");
    }

    /** One that leaves tokens out teaches with all of them; one that names pixels names those of the student's crops. */
    private Backbone opened(ImageSize students, Precision precision, TorchDevice device) {
        NetworkConfig network = config.network().unpruned();
        Map<String, HostTensor> its = network.ownOf(weights);
        if (network.readout().isOfPixels()) {
            NetworkConfig trained = network;
            network = trained.withImageSize(students);
            its = trained.resized(its, network);
        }
        return device.isCuda()
                ? NestedBackbone.of(network, its, precision, device)
                : PackedBackbone.of(network, its, precision);
    }

    /** What the teacher calls its classes: as the data does, if it can; ImageNet's may be synsets or names. */
    private List<String> known(List<String> names) {
        return new ClassFinder(config.network().numClasses(), config.labels())
                .namings().stream()
                        .filter(naming -> naming.containsAll(names))
                        .findFirst()
                        .orElse(config.labels());
    }

    private static String abbreviated(List<String> names) {
        List<String> shown = new ArrayList<>(names.subList(0, Math.min(NAMED, names.size())));
        if (shown.size() < names.size()) {
            shown.add("…");
        }
        return String.join(", ", shown);
    }

    /**
     * Packs the model for answering; the caller closes it.
     *
     * @param students the student's preprocessing, which the teacher's images come by
     * @param classes see {@link #classes}
     * @param precision of matrix products; an exported model computes in F32
     * @param device that trains
     * @throws dev.thinkingvit.tensor.TensorException if it is an exported model and ONNX Runtime is not there
     */
    public Teacher open(Preprocessing students, Classes classes, Precision precision, TorchDevice device) {
        Backbone backbone = export != null ? OnnxRuntime.open(export, 1) : opened(students.size(), precision, device);
        Preprocessing own = config.preprocessing();
        return new Teacher(
                backbone,
                export == null ? device : TorchDevice.CPU,
                config.network().readout().isOfPixels()
                        ? new PreprocessingChange(students.size(), null, null, null, null).of(own)
                        : own,
                students,
                classes.indices());
    }
}
