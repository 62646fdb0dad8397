package dev.thinkingvit.onnx;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.files.JsonText;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.model.Architecture;
import dev.thinkingvit.model.Architectures;
import dev.thinkingvit.model.Arguments;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.onnx.ExportedModel.WeightsFile;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.Resampling;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.Routing;
import dev.thinkingvit.store.Routing.Agreement;
import dev.thinkingvit.store.Routing.TokenDepth;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code thinkingvit.json}, both ways. Strict: every key must be there, none may be unknown, and what is said twice must
 * agree.
 */
final class DescriptionJson {
    private static final String FORMAT = "thinkingvit-onnx";
    private static final int VERSION = 1;
    private static final String ARCHITECTURE = "architecture";
    private static final String NUM_CLASSES = "num_classes";
    private static final String PRECISION = "precision";
    private static final String INT8 = "int8";

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private DescriptionJson() {}

    private static final String TOKEN_DEPTH = "token_depth";
    private static final List<String> OF_COMPARED = List.of("images", "data");

    /** What tells another program's file, or another version's, before its keys are looked at. */
    private record Header(@Nullable String format, int version) {}

    private record Description(
            String format,
            int version,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String precision,

            Map<String, Object> network,
            List<ExportedModel.Stage> stages,
            @Nullable WeightsFile weights,
            String router,
            List<Double> thresholds,
            @Nullable Calibration calibration,
            Input preprocessing,
            List<String> labels) {
        Description {
            require(network, "network must be an object, got null");
            require(stages, "stages must be a list, got null");
            require(router, "router must be a name, got null");
            require(thresholds, "thresholds must be a list, got null");
            require(preprocessing, "preprocessing must be an object, got null");
            require(labels, "labels must be a list, got null");
            requireNoNull("stages", stages);
            requireNoNull("thresholds", thresholds);
            requireNoNull("labels", labels);
        }
    }

    private static void require(@Nullable Object value, String words) {
        if (value == null) {
            throw new IllegalArgumentException(words);
        }
    }

    private static void requireNoNull(String key, List<?> values) {
        for (int i = 0; i < values.size(); i++) {
            require(values.get(i), key + "[" + i + "] must be a value, got null");
        }
    }

    /** A network's arguments; the architecture is named where it is not the first that there was. */
    private static Map<String, Object> arguments(NetworkConfig network) {
        Map<String, Object> arguments = new LinkedHashMap<>();
        if (network.architecture() != Architectures.unnamed()) {
            arguments.put(ARCHITECTURE, network.architecture().name());
        }
        arguments.putAll(network.architecture().write(network));
        arguments.put(NUM_CLASSES, network.numClasses());
        return arguments;
    }

    private static NetworkConfig network(Map<String, Object> said) {
        Map<String, Object> arguments = new LinkedHashMap<>(said);
        Object name = arguments.remove(ARCHITECTURE);
        Architecture architecture = name == null ? Architectures.unnamed() : Architectures.named(String.valueOf(name));
        NetworkConfig network = architecture.read(new Arguments(arguments));
        for (String key : arguments(network).keySet()) {
            if (!said.containsKey(key)) {
                throw new IllegalArgumentException("network." + key + " is missing");
            }
        }
        return network;
    }

    /** A routing's, of the precisions that exports are compared in. */
    private record Calibration(
            String data,
            int images,
            String target,
            List<Routing.Point> curve,
            @Nullable Agreement bf16,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable TokenDepth tokenDepth) {
        Calibration {
            routings(data, images, target, curve, bf16, tokenDepth); // refuses what it refuses
        }

        static Calibration of(Routing.Calibration calibration) {
            return new Calibration(
                    calibration.data(),
                    calibration.images(),
                    calibration.target(),
                    calibration.curve(),
                    calibration.bf16(),
                    calibration.tokenDepth());
        }

        private static Routing.Calibration routings(
                String data,
                int images,
                String target,
                List<Routing.Point> curve,
                @Nullable Agreement bf16,
                @Nullable TokenDepth tokenDepth) {
            return new Routing.Calibration(data, images, target, curve, bf16, null, tokenDepth);
        }

        Routing.Calibration routings() {
            return routings(data, images, target, curve, bf16, tokenDepth);
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // lives no longer than a conversion
    private record Input(Object size, double cropPct, String interpolation, float[] mean, float[] std) {
        Input {
            require(size, "preprocessing.size must be a number, got null");
            require(interpolation, "preprocessing.interpolation must be a name, got null");
            require(mean, "preprocessing.mean must be a list, got null");
            require(std, "preprocessing.std must be a list, got null");
        }

        static Input of(Preprocessing input) {
            return new Input(
                    input.size().argument(),
                    input.cropPct(),
                    input.interpolation().name().toLowerCase(Locale.ROOT),
                    input.mean(),
                    input.std());
        }

        Preprocessing preprocessing() {
            Resampling resampling =
                    switch (interpolation) {
                        case "bicubic" -> Resampling.BICUBIC;
                        case "bilinear" -> Resampling.BILINEAR;
                        default ->
                            throw new IllegalArgumentException(
                                    "interpolation must be bicubic or bilinear, got " + interpolation);
                    };
            return new Preprocessing(
                    new Arguments(Map.of("size", size)).imageSize("size"), cropPct, resampling, mean, std);
        }
    }

    static ExportedModel read(Path file, String text) {
        try {
            Header header = MAPPER.rebuild()
                    .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .build()
                    .readValue(text, Header.class);
            require(header, "an object is needed, null came");
            if (!FORMAT.equals(header.format()) || header.version() != VERSION) {
                throw new IllegalArgumentException("format " + FORMAT + " of version " + VERSION + " is required, "
                        + header.format() + " of version " + header.version() + " came");
            }
            ObjectNode said = (ObjectNode) MAPPER.readTree(text);
            if (!said.has(PRECISION)) { // of fp32 none is written, as before there was another
                said.putNull(PRECISION);
            }
            if (said.get("calibration") instanceof ObjectNode calibrated && !calibrated.has(TOKEN_DEPTH)) {
                calibrated.putNull(TOKEN_DEPTH); // only of tokens that halt, and as before it was written
            }
            if (said.at("/calibration/bf16") instanceof ObjectNode compared) {
                for (String of : OF_COMPARED) { // as before they were written, and where they are the calibration's
                    if (!compared.has(of)) {
                        compared.putNull(of);
                    }
                }
            }
            Description description = MAPPER.treeToValue(said, Description.class);
            NetworkConfig network = network(description.network());
            requireStages(network, description.stages());
            if (description.weights() != null) {
                requirePlainName(description.weights().file());
            }
            Calibration calibration = description.calibration();
            ModelConfig config = new ModelConfig(
                    network,
                    description.preprocessing().preprocessing(),
                    description.labels(),
                    new Routing(
                            description.router(),
                            description.thresholds(),
                            calibration == null ? null : calibration.routings()),
                    JsonText.EMPTY,
                    JsonText.EMPTY);
            return new ExportedModel(
                    Objects.requireNonNull(file.getParent()),
                    config,
                    precision(description.precision()),
                    description.stages(),
                    description.weights());
        } catch (JacksonException e) {
            throw new CheckpointException(file, Reasons.of(e), e);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, Reasons.of(e), e);
        }
    }

    private static Precision precision(@Nullable String said) {
        if (said == null) {
            return Precision.FP32;
        }
        if (!said.equals(INT8)) {
            throw new IllegalArgumentException("precision must be " + INT8 + ", or not be there, got " + said);
        }
        return Precision.INT8;
    }

    static String write(ExportedModel model) {
        ModelConfig config = model.config();
        Routing routing = config.routing();
        Routing.Calibration calibration = routing.calibration();
        return MAPPER.writeValueAsString(new Description(
                        FORMAT,
                        VERSION,
                        model.precision() == Precision.INT8 ? INT8 : null,
                        arguments(config.network()),
                        model.stages(),
                        model.weights(),
                        routing.router(),
                        routing.thresholds(),
                        calibration == null ? null : Calibration.of(calibration),
                        Input.of(config.preprocessing()),
                        config.labels()))
                + "\n";
    }

    /** The stages are those of the network; only the files' names are free. */
    private static void requireStages(NetworkConfig network, List<ExportedModel.Stage> stages) {
        if (stages.size() != network.stages()) {
            throw new IllegalArgumentException(
                    "stages must describe the network's " + network.stages() + ", got " + stages.size());
        }
        for (int k = 1; k <= stages.size(); k++) {
            ExportedModel.Stage came = stages.get(k - 1);
            requirePlainName(came.file());
            ExportedModel.Stage required = ExportedModel.Stage.of(network, k).withFile(came.file());
            if (!required.equals(came)) {
                throw new IllegalArgumentException("stages[" + (k - 1) + "] does not fit the network: " + required
                        + " is required, " + came + " came");
            }
        }
    }

    /** A description must not lead out of its folder. */
    private static void requirePlainName(@Nullable String file) {
        if (file == null || !file.matches("[\\w-][\\w.-]*")) {
            throw new IllegalArgumentException("file must be the name of a file in the folder, got " + file);
        }
    }
}
