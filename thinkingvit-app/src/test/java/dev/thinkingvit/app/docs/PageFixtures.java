package dev.thinkingvit.app.docs;

import dev.thinkingvit.checkpoint.ModelDirectory;
import dev.thinkingvit.checkpoint.TorchFileWriter;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files and folders that readers of the pages have, by the names that the pages give them. A page's commands run in a
 * folder that holds those of them which it names and does not write itself. A new name gets a line in {@link #MAKERS}.
 */
final class PageFixtures {
    private static final Path SAMPLES = Page.HOME.resolve("samples");
    private static final Path SHIPPED = Page.HOME.resolve("models/cifar10-3h-6h");
    private static final Path RECORDED = Page.HOME.resolve("thinkingvit-core/src/test/resources/reference/vit-3h-6h");

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
        MAKERS.put(
                "cifar10/batch", target -> classes(target, 7, "-0011", "-0123")); // benchmarks take whole ones, of 128
        MAKERS.put("cifar10/test", target -> classes(target, 1, "-0777"));
        MAKERS.put("imagenet/train", target -> classes(target, 1, "-0011"));
        MAKERS.put("imagenet/val", target -> classes(target, 1, "-0777"));
        MAKERS.put("photos", target -> copyFolder(SAMPLES, target));
        MAKERS.put("cat.jpg", target -> Files.copy(SAMPLES.resolve("cat-0011.jpg"), target));
        MAKERS.put("dog.png", target -> Files.copy(SAMPLES.resolve("dog-0011.jpg"), target)); // known by its content
        // models
        MAKERS.put("my-model", target -> copyFolder(SHIPPED, target));
        MAKERS.put("teacher", target -> copyFolder(SHIPPED, target));
        MAKERS.put(
                "cifar10-3h-6h/model.safetensors", target -> Files.copy(SHIPPED.resolve("model.safetensors"), target));
        MAKERS.put("config.json", target -> Files.copy(SHIPPED.resolve("config.json"), target));
        MAKERS.put("checkpoint.pth.tar", PageFixtures::checkpoint);
        MAKERS.put("teacher.pth.tar", PageFixtures::checkpoint);
        MAKERS.put(
                "deit_tiny_patch16_224.pth",
                target -> plainViT(target, new ThinkingViTConfig(224, 16, 192, 12, 3, List.of(3), 1000, 1e-6)));
        MAKERS.put("DIR", target -> copyFolder(RECORDED, target));
    }

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
        ThinkingViTConfig network = model.config().network();
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("model", "thinkingvit");
        arguments.put("thinking_stages", network.thinkingStages());
        arguments.put(
                "model_kwargs",
                Map.of(
                        "img_size", network.imageSize(),
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

    /** A plain ViT's weights under timm's names, drawn at random. */
    private static void plainViT(Path target, ThinkingViTConfig network) {
        Random random = new Random(7);
        Map<String, Object> weights = new LinkedHashMap<>();
        network.parameterShapes().forEach((name, shape) -> {
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
        TorchFileWriter.write(target, new LinkedHashMap<>(Map.of("model", weights)));
    }
}
