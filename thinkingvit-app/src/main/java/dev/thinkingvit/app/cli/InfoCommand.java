package dev.thinkingvit.app.cli;

import dev.thinkingvit.files.Printable;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.PackedBackbone;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.Cost;
import dev.thinkingvit.onnx.ExportedModel;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.Resampling;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.store.ModelImport;
import dev.thinkingvit.store.Routing;
import dev.thinkingvit.tensor.HostTensor;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.IntNode;
import tools.jackson.databind.node.ObjectNode;

/** Describes a model. */
@Command(
        name = "info",
        description = {
            "Describe a model: its shape, what each stage costs, how it prepares pictures, when it stops.",
            "MODEL is a model directory, an exported model or a checkpoint file. GMACs are 10^9 multiply-accumulates an image."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit info my-model",
            "  thinkingvit info my-model --cost",
            "  thinkingvit info checkpoint.pth.tar --config config.json --json"
        })
final class InfoCommand extends BaseCommand {
    private static final int SHOWN_LABELS = 5;
    private static final int MOST_OF_A_LABEL = 40;

    @Parameters(paramLabel = "MODEL", description = "Model directory, exported model or checkpoint file.")
    @SuppressWarnings("NullAway.Init")
    private Path path;

    @Mixin
    private final CheckpointOptions checkpoint = new CheckpointOptions();

    @Option(
            names = "--cost",
            description = "Also where parameters and multiply-accumulates are, by kind of layer and stage.")
    private boolean cost;

    @Option(names = "--json", description = "Print as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        ObjectNode info = describe();
        if (json) {
            out().println(info.toPrettyString());
        } else {
            print(info);
        }
        return 0;
    }

    private ObjectNode describe() {
        if (ExportedModel.isIn(path) && !Files.exists(path.resolve(ModelDirectory.CONFIG))) {
            if (checkpoint.given() != null) {
                throw usage(checkpoint.given() + " is for checkpoints; an exported model's description is complete");
            }
            ExportedModel model = ExportedModel.read(path);
            ObjectNode info = describe(path, model.config(), model.fileBytes());
            ArrayNode files = info.putArray("onnx_files");
            model.stages().forEach(stage -> files.add(stage.file()));
            if (model.weights() != null) {
                files.add(model.weights().file());
            }
            info.put("onnx_precision", model.precision().name().toLowerCase(Locale.ROOT));
            return info;
        }
        ModelImport.Imported imported = checkpoint.read(path);
        ModelDirectory.Model model = imported.model();
        ObjectNode info = describe(
                model.path(),
                model.config(),
                model.weights().values().stream().mapToLong(InfoCommand::bytes).sum());
        ObjectNode origin = info.putObject("checkpoint");
        origin.put("file", imported.state().file().toString());
        if (!imported.state().entry().isEmpty()) {
            origin.put("entry", imported.state().entry());
        }
        ArrayNode notes = origin.putArray("notes");
        imported.notes().forEach(notes::add);
        return info;
    }

    private ObjectNode describe(Path path, ModelConfig config, long bytes) {
        NetworkConfig network = config.network();
        ObjectNode info = JsonOutput.root();
        info.put("name", Models.name(path));
        info.put("architecture", network.architecture().name());
        info.put("network", network.title());
        info.put("shorthand", network.shorthand());
        info.put("parameters", network.parameterCount());
        network.shape()
                .forEach((key, value) -> info.set(key, JsonMapper.shared().valueToTree(value)));
        info.putIfAbsent("width", IntNode.valueOf(network.numFeatures()));
        info.set("input_size", JsonOutput.size(network.imageSize()));
        info.put("tokens", network.unpruned().stageTokens(1));
        info.put("classes", network.numClasses());
        ArrayNode labels = info.putArray("labels");
        config.labels().forEach(labels::add);
        info.put("weight_bytes", bytes);
        stages(network, info.putArray("stages"));
        if (cost) {
            costs(network, info.putArray("cost"));
        }
        preprocessing(config.preprocessing(), info.putObject("preprocessing"));
        if (network.readout().isOfPixels()) {
            info.put("names_pixels", true);
        }
        routing(config.routing(), info.putObject("routing"));
        if (!config.training().isEmpty()) {
            info.set("training", JsonMapper.shared().readTree(config.training().text()));
        }
        return info;
    }

    private static long bytes(HostTensor tensor) {
        return tensor.elements() * tensor.dtype().bytes();
    }

    private static void stages(NetworkConfig network, ArrayNode stages) {
        long cumulative = 0;
        for (int stage = 1; stage <= network.stages(); stage++) {
            cumulative += network.macs(stage);
            ObjectNode row = stages.addObject();
            row.put("stage", stage);
            row.set("heads", JsonMapper.shared().valueToTree(network.stageHeads(stage)));
            row.put("width", network.stageWidth(stage));
            row.put("gmacs", network.macs(stage) / 1e9);
            row.put("cumulative_gmacs", cumulative / 1e9);
            for (Precision precision : Precision.values()) {
                row.put(
                        "packed_bytes_" + precision.name().toLowerCase(Locale.ROOT),
                        PackedBackbone.weightBytes(network, stage, precision));
            }
        }
    }

    /** Layers that differ in their numbers alone, such as a block's, are of one kind. */
    private static void costs(NetworkConfig network, ArrayNode kinds) {
        Map<String, Long> parameters = new LinkedHashMap<>();
        network.parameterShapes().forEach((name, shape) -> {
            long count = Arrays.stream(shape).reduce(1, Math::multiplyExact);
            parameters.merge(kind(name.replaceFirst("\\.(weight|bias)$", "")), count, Long::sum);
        });
        Map<String, long[]> macs = new LinkedHashMap<>();
        parameters.keySet().forEach(kind -> macs.put(kind, new long[network.stages()]));
        for (int stage = 1; stage <= network.stages(); stage++) {
            int place = stage - 1;
            Cost.byLayer(network.network(), stage)
                    .forEach((layer, count) ->
                            macs.computeIfAbsent(kind(layer), key -> new long[network.stages()])[place] += count);
        }
        macs.forEach((kind, counts) -> {
            ObjectNode row = kinds.addObject();
            row.put("layer", kind);
            row.put("parameters", parameters.getOrDefault(kind, 0L));
            ArrayNode gmacs = row.putArray("gmacs");
            Arrays.stream(counts).forEach(count -> gmacs.add(count / 1e9));
        });
    }

    private static String kind(String layer) {
        return layer.replaceAll("\\.\\d+(?=\\.|$)", ".*");
    }

    private static void preprocessing(Preprocessing input, ObjectNode target) {
        target.set("size", JsonOutput.size(input.size()));
        target.put("crop_pct", input.cropPct());
        target.put("interpolation", input.interpolation() == Resampling.BICUBIC ? "bicubic" : "bilinear");
        for (float value : input.mean()) {
            target.withArray("mean").add(value);
        }
        for (float value : input.std()) {
            target.withArray("std").add(value);
        }
    }

    private static void routing(Routing routing, ObjectNode target) {
        target.put("router", routing.router());
        ArrayNode thresholds = target.putArray("thresholds");
        routing.thresholds().forEach(thresholds::add);
        Routing.Calibration calibration = routing.calibration();
        if (calibration == null) {
            return;
        }
        ObjectNode measured = target.putObject("calibration");
        measured.put("data", calibration.data());
        measured.put("images", calibration.images());
        measured.put("target", calibration.target());
        agreement(measured, "bf16", calibration, calibration.bf16());
        agreement(measured, "int8", calibration, calibration.int8());
        Routing.TokenDepth depth = calibration.tokenDepth();
        if (depth != null) {
            measured.putObject("token_depth")
                    .put("mean", depth.mean())
                    .put("least", depth.least())
                    .put("largest", depth.largest())
                    .put("ponder", depth.ponder())
                    .put("gmacs", depth.gmacs());
        }
        ArrayNode curve = measured.putArray("curve");
        for (Routing.Point point : calibration.curve()) {
            curve.addObject()
                    .put("threshold", point.threshold())
                    .put("gmacs", point.gmacs())
                    .put("top1", point.top1());
        }
    }

    private static void agreement(
            ObjectNode measured,
            String precision,
            Routing.Calibration calibration,
            Routing.@Nullable Agreement agreement) {
        if (agreement != null) {
            measured.putObject(precision)
                    .put("same_top1", agreement.sameTop1())
                    .put("top1_difference", agreement.top1Difference())
                    .put("images", calibration.images(agreement))
                    .put("data", Objects.requireNonNullElse(agreement.data(), calibration.data()));
        }
    }

    private void print(ObjectNode info) {
        line("name", info.get("name").asString());
        line("network", info.get("network").asString());
        line("stages", info.get("shorthand").asString());
        line("parameters", String.format("%,d", info.get("parameters").asLong()));
        String files = values(info, "onnx_files");
        line(
                "on disk",
                megabytes(info.get("weight_bytes").asLong())
                        + (files.isEmpty()
                                ? ""
                                : ", ONNX in " + info.get("onnx_precision").asString() + ": " + files));
        if (info.get("checkpoint") instanceof ObjectNode origin) {
            if (origin.has("entry")) {
                line("read from", origin.get("entry").asString());
            }
            origin.withArray("notes").forEach(note -> line("note", note.asString()));
        }
        if (info.has("depth")) {
            line("blocks", numbers(info.get("depth")));
        }
        line(
                "width",
                numbers(info.get("width"))
                        + (info.has("heads") ? ", " + numbers(info.get("heads")) + " heads" : "")
                        + (info.has("head_width") ? " of " + numbers(info.get("head_width")) : ""));
        line(
                "input",
                size(info.get("input_size")) + " pixels, "
                        + (info.has("patch_size")
                                ? "patches of " + info.get("patch_size").asString() + ", "
                                : "")
                        + (info.has("window_size") ? "windows of " + numbers(info.get("window_size")) + ", " : "")
                        + info.get("tokens").asString() + " tokens");
        if (info.has("kept_patches")) {
            line(
                    "tokens kept",
                    numbers(info.get("kept_patches")) + " of the patches from blocks "
                            + numbers(info.get("pruning_loc")) + " on, in stage "
                            + numbers(info.get("pruned_stages")));
        }
        if (info.has("decoder")) {
            line(
                    "decoder",
                    info.get("decoder").asString()
                            + (info.has("decoder_depth")
                                    ? ", " + info.get("decoder_depth").asString() + " blocks"
                                    : ""));
        }
        if (info.has("gate_scale")) {
            line(
                    "tokens halt",
                    "in the last stage, where σ(" + info.get("gate_scale").asString() + " · first feature "
                            + less(info.get("gate_center").decimalValue()) + ") sums to "
                            + BigDecimal.ONE.subtract(info.get("halting_eps").decimalValue()) + " over the blocks");
            line("token depth", tokenDepth(info.path("routing").path("calibration")));
        }
        line("classes", classes(info));
        ObjectNode input = info.withObject("preprocessing");
        String cut = (input.get("size").isArray() ? "resized to cover size / " : "shorter side to size / ")
                + input.get("crop_pct").asString() + " "
                + input.get("interpolation").asString() + ", centre crop";
        line(
                "preprocessing",
                (info.has("names_pixels") ? "windows of " + size(input.get("size")) + " pixels" : cut) + ", mean "
                        + values(input, "mean") + ", std " + values(input, "std"));
        printRouting(info.withObject("routing"));
        if (info.has("training")) {
            line("training", told(info.get("training")));
        }
        printStages(info.withArray("stages"));
        if (info.has("cost")) {
            printCosts(info.withArray("cost"));
        }
    }

    /** The side of a square, or height and width. */
    private static String size(JsonNode size) {
        return size.isArray()
                ? size.valueStream().map(JsonNode::asString).collect(Collectors.joining(" × "))
                : size.asString();
    }

    /** One, or one a level. */
    private static String numbers(JsonNode numbers) {
        return numbers.isArray()
                ? numbers.valueStream().map(JsonNode::asString).collect(Collectors.joining(", "))
                : numbers.asString();
    }

    private static String classes(ObjectNode info) {
        List<String> names = info.withArray("labels")
                .valueStream()
                .map(label -> label.asString())
                .toList();
        String count = info.get("classes").asString();
        if (names.isEmpty()) {
            return count + ", without labels";
        }
        return count + ": "
                + names.stream()
                        .limit(SHOWN_LABELS)
                        .map(name -> Printable.of(name, MOST_OF_A_LABEL))
                        .collect(Collectors.joining(", "))
                + (names.size() > SHOWN_LABELS ? ", …" : "");
    }

    /** It is of pictures, and no weights tell it. */
    private static String tokenDepth(JsonNode calibration) {
        JsonNode depth = calibration.path("token_depth");
        if (!depth.isObject()) {
            return "not measured; calibrate --save does, on pictures. GMACs below are of tokens that never halt";
        }
        return String.format(
                "%.2f blocks, %.0f to %.0f of them, ponder %.3f, %s GMACs through all stages, on %,d pictures of %s",
                depth.get("mean").asDouble(),
                depth.get("least").asDouble(),
                depth.get("largest").asDouble(),
                depth.get("ponder").asDouble(),
                gmacs(depth.get("gmacs").asDouble()),
                calibration.get("images").asInt(),
                calibration.get("data").asString());
    }

    private void printRouting(ObjectNode routing) {
        String thresholds = values(routing, "thresholds");
        line(
                "stops by",
                routing.get("router").asString()
                        + (thresholds.isEmpty() ? ", no threshold stored" : " at " + thresholds));
        if (routing.get("calibration") instanceof ObjectNode calibration) {
            line(
                    "calibrated",
                    "for " + calibration.get("target").asString() + " on "
                            + String.format("%,d", calibration.get("images").asInt()) + " pictures of "
                            + calibration.get("data").asString() + ", "
                            + calibration.withArray("curve").size() + " thresholds");
            for (String precision : List.of("bf16", "int8")) {
                if (calibration.get(precision) instanceof ObjectNode agreement) {
                    line(
                            "in " + precision,
                            String.format(
                                    "%.2f %% of the predictions the same, top-1 %+.2f points, on %,d pictures of %s",
                                    agreement.get("same_top1").asDouble(),
                                    agreement.get("top1_difference").asDouble(),
                                    agreement.get("images").asInt(),
                                    agreement.get("data").asString()));
                }
            }
        }
    }

    private void printStages(ArrayNode stages) {
        int most = stages.valueStream()
                .mapToInt(stage -> numbers(stage.get("heads")).length())
                .max()
                .orElse(0);
        String format = "%5s  %" + Math.max(5, most) + "s  %5s  %8s  %10s  %11s  %11s  %11s%n";
        out().println();
        out().printf(
                        format,
                        "stage",
                        "heads",
                        "width",
                        "GMACs",
                        "cumulative",
                        "packed fp32",
                        "packed bf16",
                        "packed int8");
        stages.forEach(stage -> out().printf(
                        format,
                        stage.get("stage").asString(),
                        numbers(stage.get("heads")),
                        stage.get("width").asString(),
                        gmacs(stage.get("gmacs").asDouble()),
                        gmacs(stage.get("cumulative_gmacs").asDouble()),
                        megabytes(stage.get("packed_bytes_fp32").asLong()),
                        megabytes(stage.get("packed_bytes_bf16").asLong()),
                        megabytes(stage.get("packed_bytes_int8").asLong())));
    }

    /** What costs nothing is one line. */
    private void printCosts(ArrayNode kinds) {
        int stages = kinds.get(0).get("gmacs").size();
        double[] totals = new double[stages];
        long parameters = 0;
        long others = 0;
        int widest = "total".length();
        List<JsonNode> counted = new ArrayList<>();
        for (JsonNode kind : kinds) {
            parameters += kind.get("parameters").asLong();
            if (kind.get("gmacs").valueStream().allMatch(count -> count.asDouble() == 0)) {
                others += kind.get("parameters").asLong();
                continue;
            }
            counted.add(kind);
            widest = Math.max(widest, kind.get("layer").asString().length());
            for (int stage = 0; stage < stages; stage++) {
                totals[stage] += kind.get("gmacs").get(stage).asDouble();
            }
        }
        String format = "%-" + widest + "s  %12s";
        out().printf("%n" + format, "layer", "parameters");
        for (int stage = 1; stage <= stages; stage++) {
            out().printf("  %15s", "stage " + stage + " GMACs");
        }
        out().println();
        for (JsonNode kind : counted) {
            out().printf(
                            format,
                            kind.get("layer").asString(),
                            String.format("%,d", kind.get("parameters").asLong()));
            for (int stage = 0; stage < stages; stage++) {
                out().print("  " + share(kind.get("gmacs").get(stage).asDouble(), totals[stage]));
            }
            out().println();
        }
        out().printf(format + "%n", "others", String.format("%,d", others));
        out().printf(format, "total", String.format("%,d", parameters));
        for (double total : totals) {
            out().print("  " + share(total, total));
        }
        out().println();
    }

    private static String share(double part, double whole) {
        return String.format("%8s %4.1f %%", gmacs(part), whole == 0 ? 0 : 100 * part / whole);
    }

    private void line(String what, String text) {
        out().printf("%-14s %s%n", what, Printable.of(text));
    }

    private static String values(ObjectNode holder, String key) {
        return holder.withArray(key)
                .valueStream()
                .map(value -> value.asString())
                .collect(Collectors.joining(", "));
    }

    /** Two digits behind the point, as published; more where that would read 0.00. */
    private static String less(BigDecimal number) {
        return (number.signum() < 0 ? "+ " : "− ") + number.abs();
    }

    private static String gmacs(double gmacs) {
        return String.format(gmacs < 0.1 ? "%.5f" : "%.2f", gmacs);
    }

    private static String megabytes(long bytes) {
        return String.format("%.1f MB", bytes / 1e6);
    }

    /** All of it in a line; of a model made of others, whose trainings are in it too, what made it. */
    private static String told(JsonNode training) {
        return training.path("average").isArray() && training.has("command")
                ? training.get("command").asString() + " (--json has the trainings of each)"
                : training.toString();
    }
}
