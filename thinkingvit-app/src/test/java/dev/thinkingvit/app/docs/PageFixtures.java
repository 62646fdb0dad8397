package dev.thinkingvit.app.docs;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.TorchFileWriter;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The files and folders that readers of the pages have, by the names that the pages give them. A page's commands run in a
 * folder that holds those of them which it names and does not write itself. A new name gets a line in {@link #MAKERS}.
 */
final class PageFixtures {
    private static final Path SAMPLES = Page.HOME.resolve("samples");
    private static final Path SHIPPED = Page.HOME.resolve("models/cifar10-3h-6h");
    private static final Path RECORDED = Page.HOME.resolve("thinkingvit-core/src/test/resources/reference/vit-3h-6h");

    /** Where models of a hub are kept, in the folder of a page. */
    static final String HUB_CACHE = ".hub";

    /** What a page writes itself: after {@code --out}, and what {@code convert} is told last. */
    private static final Pattern WRITTEN = Pattern.compile("--out[ =](\\S+)|\\bconvert \\S+ ([^\\s-]\\S*)");

    private static final Map<String, Maker> MAKERS = new LinkedHashMap<>();

    static {
        // the project's own
        MAKERS.put("samples", target -> copyFolder(SAMPLES, target));
        MAKERS.put("models", target -> copyFolder(Page.HOME.resolve("models"), target)); // commands may change models
        MAKERS.put("recipes", target -> copyFolder(Page.HOME.resolve("recipes"), target));
        // pictures
        MAKERS.put("cifar10/train", target -> classes(target, 2, "-0011", "-0123"));
        MAKERS.put("cifar10/test", target -> classes(target, 1, "-0777"));
        MAKERS.put("imagenet/train", target -> synsets(target, "-0011"));
        MAKERS.put("imagenet/val", target -> synsets(target, "-0777"));
        MAKERS.put("imagenet-val.tar", PageFixtures::tarOfClasses);
        MAKERS.put("shards-{000..009}.tar", PageFixtures::shards);
        MAKERS.put("photos.tar", target -> tar(target, SAMPLES.getParent(), "samples"));
        MAKERS.put("photos", target -> copyFolder(SAMPLES, target));
        MAKERS.put("cat.jpg", target -> Files.copy(SAMPLES.resolve("cat-0011.jpg"), target));
        MAKERS.put("dog.png", target -> Files.copy(SAMPLES.resolve("dog-0011.jpg"), target)); // known by its content
        // models
        MAKERS.put("my-model", PageFixtures::unnamedClasses);
        MAKERS.put("teacher", target -> copyFolder(SHIPPED, target));
        MAKERS.put(
                "cifar10-3h-6h/model.safetensors", target -> Files.copy(SHIPPED.resolve("model.safetensors"), target));
        MAKERS.put("config.json", target -> Files.copy(SHIPPED.resolve("config.json"), target));
        MAKERS.put("checkpoint.pth.tar", PageFixtures::checkpoint);
        MAKERS.put("teacher.pth.tar", PageFixtures::checkpoint);
        MAKERS.put(
                "deit_tiny_patch16_224.pth",
                target -> TorchFileWriter.write(target, new LinkedHashMap<>(Map.of("model", deitTiny()))));
        MAKERS.put("deit-tiny.safetensors", target -> Safetensors.write(target, deitTiny(), Map.of()));
        MAKERS.put("DIR", target -> copyFolder(RECORDED, target));
    }

    private static final Pattern HUB_NAME = Pattern.compile("hf-hub:([\\w.-]+/[\\w.-]+)");
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    private static final List<String> SYNSETS = List.of(
            "n01440764",
            "n01443537",
            "n01484850",
            "n01491361",
            "n01494475",
            "n01496331",
            "n01498041",
            "n01514668",
            "n01514859",
            "n01518878");

    private PageFixtures() {}

    private interface Maker {
        void make(Path target) throws IOException;
    }

    /** Puts what the page's commands need into {@code folder}, where it is not yet. */
    static void place(Page page, Path folder) throws IOException {
        Files.deleteIfExists(folder.resolve("thinkingvit"));
        Files.createSymbolicLink(folder.resolve("thinkingvit"), Page.HOME.resolve("thinkingvit"));
        StringBuilder commands = new StringBuilder();
        for (Block block : page.blocks()) {
            commands.append(String.join("\n", block.asRun())).append('\n');
        }
        Set<String> written = new HashSet<>();
        Matcher writing = WRITTEN.matcher(commands);
        while (writing.find()) {
            written.add(writing.group(1) == null ? writing.group(2) : writing.group(1));
        }
        hub(commands.toString(), folder.resolve(HUB_CACHE));
        for (Map.Entry<String, Maker> each : MAKERS.entrySet()) {
            String name = each.getKey();
            boolean named = Pattern.compile("(?<![\\w./-])" + Pattern.quote(name) + "(?![\\w.-])")
                    .matcher(commands)
                    .find();
            Path target = folder.resolve(name);
            if (named && !written.contains(name) && Files.notExists(target)) {
                Files.createDirectories(target.getParent());
                each.getValue().make(target);
            }
        }
    }

    /** A folder a class, with those samples whose names end so, each as often as said. */
    private static void classes(Path target, int times, String... endings) throws IOException {
        try (Stream<Path> samples = Files.list(SAMPLES)) {
            for (Path sample : samples.sorted().toList()) {
                String name = sample.getFileName().toString().replace(".jpg", "");
                for (String ending : endings) {
                    if (name.endsWith(ending)) {
                        Path folder = Files.createDirectories(
                                target.resolve(name.substring(0, name.length() - ending.length())));
                        for (int i = 1; i <= times; i++) {
                            Files.copy(sample, folder.resolve(name + "-" + i + ".jpg"));
                        }
                    }
                }
            }
        }
    }

    static void copyFolder(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target);
                }
            }
        }
    }

    /** The shipped model as the published trainer would have saved it: weights, their average, and its options. */
    private static void checkpoint(Path target) {
        ModelDirectory.Model model = ModelDirectory.read(SHIPPED);
        ThinkingViTConfig network = ThinkingViTConfig.of(model.config().network());
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("model", "thinkingvit");
        arguments.put("thinking_stages", network.thinkingStages());
        arguments.put(
                "model_kwargs",
                Map.of(
                        "img_size", network.imageSize().argument(),
                        "patch_size", network.patchSize(),
                        "embed_dim", network.embedDim(),
                        "depth", network.depth(),
                        "num_heads", network.numHeads()));
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("epoch", 41);
        content.put("arch", "thinkingvit");
        content.put("state_dict", model.weights());
        content.put("state_dict_ema", model.weights());
        content.put("args", arguments);
        TorchFileWriter.write(target, content);
    }

    /** DeiT-Tiny's weights under timm's names, drawn at random. */
    private static Map<String, HostTensor> deitTiny() {
        Random random = new Random(7);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        new ThinkingViTConfig(224, 16, 192, 12, 3, List.of(3), 1000, 1e-6)
                .parameterShapes()
                .forEach((name, shape) -> {
                    long size = 1;
                    for (long axis : shape) {
                        size *= axis;
                    }
                    float[] values = new float[Math.toIntExact(size)];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (name.contains("norm") ? 1 : 0) + 0.02f * (float) random.nextGaussian();
                    }
                    weights.put(name, HostTensor.of(values, shape));
                });
        return weights;
    }

    /** The shipped model, calibrated, of which nothing says what its classes are called. */
    private static void unnamedClasses(Path target) throws IOException {
        copyFolder(SHIPPED, target);
        Path config = target.resolve("config.json");
        ObjectNode content = (ObjectNode) JsonMapper.shared().readTree(Files.readString(config));
        content.remove("label_names");
        Files.writeString(config, content.toString());
    }

    /** {@link #classes} under the names of ImageNet's first ten. */
    private static void synsets(Path target, String ending) throws IOException {
        Path classes = target.resolveSibling(target.getFileName() + ".classes");
        classes(classes, 1, ending);
        try (Stream<Path> folders = Files.list(classes)) {
            int next = 0;
            for (Path folder : folders.sorted().toList()) {
                Files.createDirectories(target);
                Files.move(folder, target.resolve(SYNSETS.get(next++)));
            }
        }
        Files.delete(classes);
    }

    private static void tarOfClasses(Path target) throws IOException {
        Path folder = target.resolveSibling(target.getFileName() + ".folder");
        synsets(folder.resolve("val"), "-0777");
        tar(target, folder, "val");
    }

    /** WebDataset's: a picture and the number of its class under one name. */
    private static void shards(Path pattern) throws IOException {
        Path folder = pattern.resolveSibling("shards");
        try (Stream<Path> samples = Files.list(SAMPLES)) {
            int next = 0;
            for (Path sample : samples.filter(file -> file.toString().contains("-0777"))
                    .sorted()
                    .toList()) {
                Path shard = Files.createDirectories(folder.resolve("00" + next));
                if (Files.notExists(shard.resolve("0.cls"))) {
                    Files.copy(sample, shard.resolve("0.jpg"));
                    Files.writeString(shard.resolve("0.cls"), String.valueOf(next));
                    tar(pattern.resolveSibling("shards-00" + next + ".tar"), shard, "0.jpg", "0.cls");
                }
                next++;
            }
        }
    }

    private static void tar(Path target, Path folder, String... members) throws IOException {
        List<String> command = new ArrayList<>(List.of("tar", "-cf", target.toString(), "-C", folder.toString()));
        command.addAll(List.of(members));
        try {
            int code = new ProcessBuilder(command).inheritIO().start().waitFor();
            if (code != 0) {
                throw new IOException(String.join(" ", command) + " ended with " + code);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    /** Every model of a hub that the page names, as the hub's tools keep it: DeiT-Tiny. */
    private static void hub(String commands, Path cache) throws IOException {
        Matcher name = HUB_NAME.matcher(commands);
        while (name.find()) {
            Path model = cache.resolve("hub/models--" + name.group(1).replace("/", "--"));
            if (Files.notExists(model)) {
                Path snapshot = Files.createDirectories(model.resolve("snapshots/" + COMMIT));
                Files.createDirectories(model.resolve("refs"));
                Files.writeString(model.resolve("refs/main"), COMMIT);
                Safetensors.write(snapshot.resolve("model.safetensors"), deitTiny(), Map.of());
                Files.writeString(snapshot.resolve("config.json"), """
                        {"architecture": "deit_tiny_patch16_224", "num_classes": 1000, "num_features": 192,
                         "pretrained_cfg": {"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9,
                          "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 1000}}
                        """);
            }
        }
    }
}
