package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.SegmenterConfig;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** docs/output.md, held against what commands really print: neither has a key that the other lacks. */
@NullUnmarked // a null fails the test
class OutputFormatsTest {
    private static final Path PAGE = Path.of("../docs/output.md");
    private static final Path TWO_STAGES = Path.of("../models/cifar10-3h-6h");
    private static final Path THREE_STAGES = Path.of("../models/cifar10-2h-3h-6h");

    private static final Path SEGMENTER = CommandRun.REFERENCE.resolve("segmenter-window");

    /** Keys that not every machine has; the last two are of models that were calibrated on one that has. */
    private static final Set<String> OF_SOME_PROCESSORS = Set.of(
            "bf16.same_top1",
            "bf16.top1_difference",
            "bf16.images",
            "bf16.data",
            "int8.same_top1",
            "int8.top1_difference",
            "int8.images",
            "int8.data",
            "routing.calibration.int8.same_top1",
            "routing.calibration.int8.top1_difference");

    private record Row(String type, boolean always) {}

    @TempDir
    private static Path folder;

    private static Path data;

    @BeforeAll
    static void arrangePictures() throws IOException {
        data = folder.resolve("data");
        try (Stream<Path> samples = Files.list(Path.of("../samples"))) {
            for (Path sample : samples.sorted().toList()) {
                String name = sample.getFileName().toString();
                if (name.endsWith("0011.jpg") && !name.startsWith("truck")) {
                    Path place = data.resolve(name.substring(0, name.indexOf('-')));
                    Files.copy(sample, Files.createDirectories(place).resolve(name));
                }
            }
        }
        Files.writeString(data.resolve("cat/broken.jpg"), "no picture");
        Files.writeString(data.resolve("cat/list.csv"), "a,b");
    }

    private static Map<String, Row> documented(String section) throws IOException {
        Map<String, Row> rows = new LinkedHashMap<>();
        boolean inside = false;
        for (String line : Files.readAllLines(PAGE)) {
            if (line.startsWith("## ")) {
                inside = line.replace("`", "").equals("## " + section);
            } else if (inside && line.startsWith("| `")) {
                String[] cells = line.split("\\|", -1);
                rows.put(
                        cells[1].strip().replace("`", ""),
                        new Row(cells[2].strip(), cells[3].strip().equals("always")));
            }
        }
        assertThat(rows).as("the table of " + section).isNotEmpty();
        return rows;
    }

    /** Every key with the types that it had; {@code free} ones are not looked into. */
    private static Map<String, Set<String>> keys(JsonNode root, Set<String> free) {
        Map<String, Set<String>> keys = new TreeMap<>();
        walk("", root, free, keys);
        return keys;
    }

    private static void walk(String path, JsonNode node, Set<String> free, Map<String, Set<String>> keys) {
        if (free.contains(path)) {
            keys.put(path, Set.of("free"));
        } else if (node.isObject()) {
            node.properties()
                    .forEach(entry -> walk(
                            path.isEmpty() ? entry.getKey() : path + "." + entry.getKey(),
                            entry.getValue(),
                            free,
                            keys));
        } else if (node.isArray()) {
            node.forEach(element -> walk(path + "[]", element, free, keys));
        } else {
            keys.computeIfAbsent(path, key -> new TreeSet<>()).add(type(node));
        }
    }

    private static String type(JsonNode value) {
        if (value.isNull()) {
            return "null";
        }
        if (value.isBoolean()) {
            return "boolean";
        }
        if (value.isString()) {
            return "string";
        }
        return value.isIntegralNumber() ? "integer" : "number";
    }

    /** The runs together have every documented key, and each has those that are always there. */
    private static void compare(String section, List<JsonNode> runs) throws IOException {
        Map<String, Row> rows = documented(section);
        Set<String> free = new TreeSet<>();
        rows.forEach((key, row) -> {
            if (row.type().equals("free")) {
                free.add(key);
            }
        });
        Set<String> seen = new TreeSet<>();
        for (JsonNode run : runs) {
            Map<String, Set<String>> keys = keys(run, free);
            seen.addAll(keys.keySet());
            keys.forEach((key, types) -> {
                Row row = rows.get(key);
                if (row == null) {
                    fail("%s has a key that docs/output.md does not describe: %s", section, key);
                }
                assertThat(List.of(row.type().split(" or ", -1)))
                        .as(section + ": type of " + key)
                        .containsAll(types);
            });
            assertThat(keys.keySet())
                    .as(section)
                    .containsAll(rows.keySet().stream()
                            .filter(key -> rows.get(key).always())
                            .toList());
        }
        Set<String> unseen = new TreeSet<>(rows.keySet());
        unseen.removeAll(seen);
        unseen.removeAll(OF_SOME_PROCESSORS);
        assertThat(unseen)
                .as("described in docs/output.md and never printed by " + section)
                .isEmpty();
    }

    private static CommandRun run(Object... arguments) {
        CommandRun run = CommandRun.of(arguments);
        assertThat(run.code()).as(run.err()).isZero();
        return run;
    }

    /** A small model of ImageNet's classes. */
    private static Path imagenet() throws IOException {
        Path model = folder.resolve("imagenet-model");
        if (!Files.exists(model)) {
            ThinkingViTConfig network = new ThinkingViTConfig(16, 8, 64, 1, 1, List.of(1), 1000, 1e-6);
            try (NestedNetwork weights = NestedNetwork.initialise(network, 1)) {
                ModelDirectory.write(
                        model,
                        ModelConfig.of(network).withPreprocessing(Preprocessing.imagenet(16, 1.0)),
                        weights.stateDict());
            }
        }
        return model;
    }

    private static JsonNode json(Object... arguments) {
        return JsonMapper.shared().readTree(run(arguments).out());
    }

    private static List<JsonNode> lines(String text) {
        return text.lines().map(line -> JsonMapper.shared().readTree(line)).toList();
    }

    @Test
    void classifyAsJson() throws IOException {
        compare(
                "classify --json",
                List.of(
                        json("classify", "--json", "--model", TWO_STAGES, data),
                        json("classify", "--json", "--model", imagenet(), data.resolve("cat"))));
    }

    @Test
    void classifyAsJsonLines() throws IOException {
        List<JsonNode> lines =
                lines(run("classify", "--jsonl", "--model", TWO_STAGES, data).out());
        List<JsonNode> all = new ArrayList<>(lines);
        all.addAll(lines(run("classify", "--jsonl", "--model", imagenet(), data.resolve("cat"))
                .out()));
        compare("classify --jsonl", all);
        JsonNode whole = json("classify", "--json", "--model", TWO_STAGES, data);
        assertThat(lines.subList(0, 9))
                .isEqualTo(new ArrayList<>(whole.get("images").values()));
        assertThat(lines.subList(9, 10))
                .isEqualTo(new ArrayList<>(whole.get("skipped").values()));
        assertThat(CommandRun.of("classify", "--json", "--jsonl", data).code()).isEqualTo(Main.USAGE);
    }

    @Test
    void evaluate() throws IOException {
        Path csv = folder.resolve("sweep.csv");
        Path predictions = folder.resolve("predictions.jsonl");
        JsonNode one = json(
                "evaluate",
                "--data",
                data,
                "--model",
                TWO_STAGES,
                "--thresholds",
                "0,1",
                "--measure",
                "--json",
                "--csv",
                csv,
                "--predictions",
                predictions);
        JsonNode each = json("evaluate", "--data", data, "--model", THREE_STAGES, "--thresholds", "0/1", "--json");
        Path synsets = Files.createDirectories(folder.resolve("synsets/n01440764"));
        Files.copy(data.resolve("cat/cat-0011.jpg"), synsets.resolve("cat.jpg"));
        JsonNode known = json(
                "evaluate", "--data", synsets.getParent(), "--model", imagenet(), "--dataset", "imagenet", "--json");

        JsonNode halting =
                json("evaluate", "--data", thirteen(), "--model", CommandRun.REFERENCE.resolve("avit"), "--json");

        compare("evaluate --json", List.of(one, each, known, halting));
        compare("evaluate --predictions", lines(Files.readString(predictions)));
        Set<String> columns = new TreeSet<>();
        for (String column : Files.readAllLines(csv).get(0).split(",", -1)) {
            columns.add(column.replaceFirst("^stage\\d+_", "stageK_"));
        }
        assertThat(columns).isEqualTo(new TreeSet<>(documented("evaluate --csv").keySet()));
    }

    /** As many classes as the A-ViT has, which names none. */
    private static Path thirteen() throws IOException {
        Path thirteen = folder.resolve("thirteen");
        for (int i = 10; i < 23; i++) {
            Path of = Files.createDirectories(thirteen.resolve("class" + i));
            if (!Files.exists(of.resolve("cat.jpg"))) {
                Files.copy(data.resolve("cat/cat-0011.jpg"), of.resolve("cat.jpg"));
            }
        }
        return thirteen;
    }

    /** Labelled pixels of six classes, of which a recorded Segmenter knows nothing. */
    private static Path pixels() throws IOException {
        Path set = folder.resolve("pixels");
        for (String name : List.of("a", "b", "c")) {
            BufferedImage picture = new BufferedImage(48, 40, BufferedImage.TYPE_INT_RGB);
            BufferedImage labels = new BufferedImage(48, 40, BufferedImage.TYPE_BYTE_GRAY);
            for (int i = 0; i < 48 * 40; i++) {
                picture.setRGB(i % 48, i / 48, i * 2654435);
                labels.getRaster().setSample(i % 48, i / 48, 0, i / 48 % 5);
            }
            for (Map.Entry<String, BufferedImage> each :
                    Map.of("images", picture, "annotations", labels).entrySet()) {
                Path file = set.resolve(each.getKey()).resolve(name + ".png");
                Files.createDirectories(file.getParent());
                ImageIO.write(each.getValue(), "png", file.toFile());
            }
        }
        Files.writeString(set.resolve("images/c.png"), "no picture");
        Files.writeString(set.resolve("labels.txt"), "u\nv\nw\nx\ny\nz\n");
        return set;
    }

    @Test
    void segment() throws IOException {
        compare(
                "segment --json",
                List.of(json(
                        "segment",
                        "--json",
                        "--model",
                        SEGMENTER,
                        "--out",
                        folder.resolve("seen"),
                        pixels().resolve("images"))));
    }

    @Test
    void evaluateOfASegmenter() throws IOException {
        Path csv = folder.resolve("pixels.csv");
        JsonNode one = json(
                "evaluate", "--data", pixels(), "--model", SEGMENTER, "--thresholds", "0,1", "--json", "--csv", csv);
        JsonNode each =
                json("evaluate", "--data", pixels(), "--model", threeStages(), "--thresholds", "0.5/1", "--json");
        compare("evaluate --json of a Segmenter", List.of(one, each));
        Set<String> columns = new TreeSet<>();
        for (String column : Files.readAllLines(csv).get(0).split(",", -1)) {
            columns.add(column.replaceFirst("^stage\\d+_", "stageK_"));
        }
        assertThat(columns)
                .isEqualTo(new TreeSet<>(
                        documented("evaluate --csv of a Segmenter").keySet()));
    }

    private static Path threeStages() throws IOException {
        Path model = folder.resolve("three-stages");
        SegmenterConfig network = SegmenterConfig.of(
                ImageSize.square(32), 8, 24, 1, 3, List.of(1, 2, 3), 6, SegmenterConfig.Decoder.LINEAR);
        ModelDirectory.write(
                model, ModelConfig.of(network), network.parameters().draw(1));
        return model;
    }

    @Test
    void calibrateOfASegmenter() throws IOException {
        compare(
                "calibrate --json of a Segmenter",
                List.of(json(
                        "calibrate", "--data", pixels(), "--model", SEGMENTER, "--target", "stage2=0.5", "--json")));
    }

    @Test
    void predictionsAddUpToTheScore() throws IOException {
        Path predictions = folder.resolve("added.jsonl");
        JsonNode score = json(
                        "evaluate",
                        "--data",
                        data,
                        "--model",
                        TWO_STAGES,
                        "--thresholds",
                        "1.1",
                        "--json",
                        "--predictions",
                        predictions)
                .get("thresholds")
                .get(0);
        List<JsonNode> pictures = lines(Files.readString(predictions)).stream()
                .filter(line -> !line.has("error"))
                .toList();

        assertThat(pictures).hasSize(9);
        assertThat(100.0
                        * pictures.stream()
                                .filter(line -> line.get("correct").asBoolean())
                                .count()
                        / 9)
                .isEqualTo(score.get("top1").asDouble());
        for (int stage = 1; stage <= 2; stage++) {
            int ended = stage;
            assertThat(pictures.stream()
                            .filter(line -> line.get("stage").asInt() == ended)
                            .count())
                    .isEqualTo(
                            score.get("stages").get(stage - 1).get("dispatched").asLong());
        }
        for (JsonNode picture : pictures) {
            JsonNode decided = picture.get("stages").get(picture.get("stage").asInt() - 1);
            assertThat(picture.get("label")).isEqualTo(decided.get("label"));
            assertThat(picture.get("probability")).isEqualTo(decided.get("probability"));
        }
    }

    @Test
    void evaluateWithAResultsFile() throws IOException {
        Path models = Files.createDirectories(folder.resolve("models"));
        Path broken = models.resolve("broken.safetensors");
        Files.writeString(broken, "no weights");
        Path good = models.resolve("good");
        run("convert", TWO_STAGES, good);
        Path measured = folder.resolve("measured.json");
        Path several = folder.resolve("several.json");
        Path csv = folder.resolve("several.csv");
        run("evaluate", "--data", data, "--model", good, "--results-file", measured, "--measure", "--thresholds", "1");
        for (Path file : List.of(several, csv)) {
            CommandRun.of("evaluate", "--data", data, "--model", models, "--results-file", file);
        }

        List<JsonNode> rows = new ArrayList<>();
        for (Path file : List.of(measured, several)) {
            for (JsonNode row : JsonMapper.shared().readTree(Files.readString(file))) {
                rows.add(JsonMapper.shared().readTree(row.toString().replaceAll("stage\\d+_", "stageK_")));
            }
        }
        compare("evaluate --results-file", rows);
        Set<String> columns =
                new TreeSet<>(documented("evaluate --results-file").keySet());
        columns.remove("images_per_second");
        assertThat(new TreeSet<>(List.of(Files.readAllLines(csv)
                        .get(0)
                        .replaceAll("stage\\d+_", "stageK_")
                        .split(",", -1))))
                .isEqualTo(columns.stream().distinct().collect(java.util.stream.Collectors.toSet()));
    }

    @Test
    void embedAsJsonLines() throws IOException {
        Path cat = data.resolve("cat/cat-0011.jpg");
        compare(
                "embed --format jsonl",
                List.of(
                        lines(run("embed", "--model", TWO_STAGES, cat).out()).get(0),
                        lines(run("embed", "--model", TWO_STAGES, "--pool", "none", cat)
                                        .out())
                                .get(0)));
    }

    @Test
    void calibrate() throws IOException {
        compare(
                "calibrate --json",
                List.of(json("calibrate", "--data", data, "--model", TWO_STAGES, "--target", "gmacs=0.2", "--json")));
    }

    @Test
    void info() throws IOException {
        Path exported = folder.resolve("exported");
        run("export", "--format", "onnx", "--model", TWO_STAGES, "--out", exported);
        Path halting = folder.resolve("halting");
        run("convert", CommandRun.REFERENCE.resolve("avit"), halting);
        assertThat(run("info", halting).out()).contains("token depth    not measured; calibrate --save does");
        run("calibrate", "--data", thirteen(), "--model", halting, "--save");
        assertThat(run("info", halting).out())
                .containsPattern("token depth +\\d.* GMACs through all stages, on 13 pictures of");
        JsonNode measured = json("info", "--json", halting).at("/routing/calibration/token_depth");
        JsonNode evaluated = json("evaluate", "--data", thirteen(), "--model", halting, "--json");
        for (String key : List.of("mean", "least", "largest", "ponder")) {
            assertThat(measured.get(key)).as(key).isEqualTo(evaluated.at("/token_depth/" + key));
        }
        assertThat(measured.get("gmacs").asDouble())
                .isEqualTo(evaluated.at("/thresholds/0/gmacs").asDouble())
                .isLessThan(
                        json("info", "--json", halting).at("/stages/0/gmacs").asDouble());
        Path halted = folder.resolve("halted");
        run("export", "--format", "onnx", "--model", halting, "--out", halted);
        assertThat(json("info", "--json", halted).at("/routing/calibration/token_depth"))
                .isEqualTo(measured);
        compare(
                "info --json",
                List.of(
                        json("info", "--json", TWO_STAGES),
                        json("info", "--json", halting),
                        json("info", "--json", CommandRun.REFERENCE.resolve("dynamicvit-plain")),
                        json("info", "--json", "--cost", exported),
                        json("info", "--json", CommandRun.REFERENCE.resolve("segmenter-mask")),
                        json("info", "--json", CommandRun.REFERENCE.resolve("vit-wide/checkpoint.pth.tar"))));
    }

    @Test
    void verify() throws IOException {
        compare(
                "verify --json",
                List.of(json("verify", "--json", CommandRun.REFERENCE.resolve("vit-wide/checkpoint.pth.tar"))));
    }
}
