package dev.thinkingvit.app.cli;

import dev.thinkingvit.data.PictureFiles;
import dev.thinkingvit.data.SegmentationColours;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.inference.ElasticClassifier;
import dev.thinkingvit.inference.ElasticSegmenter;
import dev.thinkingvit.inference.Segmentation;
import dev.thinkingvit.inference.SegmentationOptions;
import dev.thinkingvit.inference.StopPolicy;
import dev.thinkingvit.inference.WindowOutcome;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.UnfitPictureException;
import dev.thinkingvit.report.MaskPictures;
import dev.thinkingvit.report.SegmentationPage;
import dev.thinkingvit.store.ModelConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Names the class of each pixel of pictures. */
@Command(
        name = "segment",
        description = {
            "Name the class of each pixel, thinking about each window of a picture as long as it needs.",
            "Per picture are written: NAME-overlay.png, the classes' colours over it; NAME-classes.png, the classes'"
                    + " numbers with the colours as palette; NAME-windows.png, its windows in the colour of the stage"
                    + " that decided; and index.html, which shows all of them with a legend."
        },
        footer = {
            "",
            "Examples:",
            "  thinkingvit segment --model my-segmenter --out seen street.jpg",
            "  thinkingvit segment -m my-segmenter -t 0.3 --json --out seen photos",
            "  thinkingvit segment -m my-segmenter --scales 0.75,1,1.25 --flip \\",
            "      --out seen photos",
            "  thinkingvit segment -m my-segmenter --resize 512 --window 512 \\",
            "      --stride 480 --out seen photos"
        })
final class SegmentCommand extends BaseCommand {
    private static final int TOGETHER = 4; // pictures whose windows go through the network together

    @Parameters(
            arity = "1..*",
            paramLabel = "FILES_OR_FOLDERS",
            description = "Pictures (JPEG, PNG, BMP, GIF, WebP, TIFF) and folders of them.")
    private List<Path> inputs = List.of();

    @Option(
            names = {"-m", "--model"},
            required = true,
            paramLabel = "MODEL",
            description = "Model directory, checkpoint file or exported model: a Segmenter.")
    @SuppressWarnings("NullAway.Init")
    private Path model;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where the pictures of it go.")
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @Mixin
    private final StopOptions stop = new StopOptions();

    @Option(names = "--precision", paramLabel = "P", description = PrecisionChoice.DESCRIPTION)
    private PrecisionChoice precision = PrecisionChoice.AUTO;

    @Mixin
    private final BackendOption backend = new BackendOption();

    @Mixin
    private final LookOptions look = new LookOptions();

    @Option(names = "--exif", description = "Turn pictures upright as their EXIF data says.")
    private boolean exif;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    /** A picture that was read. */
    private record Named(Path file, String name, Picture picture) {}

    @Override
    public Integer call() throws IOException {
        stop.check();
        look.check();
        PictureFiles found = pictures(inputs);
        Map<Path, String> names = names(found.pictures());
        OutputFolder.requireWritable(folder);
        try (ElasticSegmenter segmenter = segmenter()) {
            SegmentationOptions options = look.of(segmenter, backend.isExported(model));
            StopPolicy policy = stop.policy(segmenter.model(), model);
            Files.createDirectories(folder);
            Results results = new Results(segmenter, policy);
            List<Named> waiting = new ArrayList<>();
            for (Path file : found.pictures()) {
                try {
                    PictureDecoder.Options how = new PictureDecoder.Options(exif, PictureDecoder.DEFAULT_MAX_PIXELS);
                    Picture picture = PictureDecoder.decode(file, how);
                    segmenter.requireFit(options, new ImageSize(picture.height(), picture.width()));
                    waiting.add(new Named(file, names.getOrDefault(file, ""), picture));
                } catch (UnfitPictureException e) {
                    results.skip(file, file + ": does not fit: " + e.getMessage(), err());
                } catch (IOException e) {
                    results.skip(file, Reasons.line(e), err());
                }
                if (waiting.size() == TOGETHER) {
                    segment(segmenter, waiting, options, policy, results);
                }
            }
            segment(segmenter, waiting, options, policy, results);
            results.finish(String.valueOf(model.toAbsolutePath().normalize().getFileName()));
            boolean namedFailed = results.skipped.keySet().stream().anyMatch(found.asked()::contains);
            return results.shown.isEmpty() || namedFailed ? Main.FAILED : 0;
        }
    }

    private ElasticSegmenter segmenter() throws IOException {
        ElasticClassifier opened = backend.open(model, precision.precision(), err());
        if (!opened.config().network().readout().isOfPixels()) {
            opened.close();
            throw new IOException(Models.given(model) + ": "
                    + Words.a(opened.config().network().title())
                    + " names pictures, not their pixels; a Segmenter is required. 'thinkingvit classify --model "
                    + Models.given(model) + " FILES' names pictures");
        }
        return ElasticSegmenter.of(opened);
    }

    /** What the files of each picture are called: as it is, and as its folders too where others have its name. */
    private static Map<Path, String> names(List<Path> files) throws IOException {
        Map<String, Path> taken = new LinkedHashMap<>();
        Map<Path, String> names = new LinkedHashMap<>();
        Map<String, List<Path>> alike = files.stream()
                .collect(Collectors.groupingBy(file -> name(file, 1), LinkedHashMap::new, Collectors.toList()));
        for (List<Path> each : alike.values()) {
            int deepest = each.stream().mapToInt(Path::getNameCount).max().orElse(1);
            int parts = 1;
            while (parts < deepest && !areApart(each, parts)) {
                parts++;
            }
            for (Path file : each) {
                String name = name(file, parts);
                Path other = taken.put(name, file);
                if (other != null) {
                    throw new IOException(other + " and " + file
                            + " have the same name, by which what is written of them is told apart: rename one");
                }
                names.put(file, name);
            }
        }
        return names;
    }

    private static boolean areApart(List<Path> files, int parts) {
        return files.stream().map(file -> name(file, parts)).distinct().count() == files.size();
    }

    /** The last parts of a path in one, without the ending. */
    private static String name(Path file, int parts) {
        int count = file.getNameCount();
        String name = StreamSupport.stream(
                        file.subpath(Math.max(0, count - parts), count).spliterator(), false)
                .map(Path::toString)
                .collect(Collectors.joining("-"));
        return name.replaceFirst("\\.[^.]*$", "");
    }

    private void segment(
            ElasticSegmenter segmenter,
            List<Named> some,
            SegmentationOptions options,
            StopPolicy policy,
            Results results)
            throws IOException {
        List<Picture> pictures = some.stream().map(Named::picture).toList();
        List<Segmentation> done = pictures.isEmpty() ? List.of() : segmenter.segment(pictures, options, policy);
        for (int i = 0; i < done.size(); i++) {
            results.add(some.get(i), done.get(i));
        }
        some.clear();
    }

    /** What came of all pictures. */
    private final class Results {
        final int stages;
        final List<String> labels;
        final List<Integer> colours;
        final long[] pixels;
        final int[] byStage;
        final List<SegmentationPage.Shown> shown = new ArrayList<>();
        final Map<Path, String> skipped = new LinkedHashMap<>();
        final ArrayNode told = JsonNodeFactory.instance.arrayNode();
        final StopPolicy policy;
        final String precisionName;
        double gmacs;

        Results(ElasticSegmenter segmenter, StopPolicy policy) {
            ModelConfig config = segmenter.config();
            this.policy = policy;
            this.precisionName = segmenter.model().precision().name().toLowerCase(Locale.ROOT);
            this.stages = config.network().stages();
            this.labels = IntStream.range(0, config.network().numClasses())
                    .mapToObj(config::label)
                    .toList();
            this.colours = SegmentationColours.of(labels);
            this.pixels = new long[labels.size()];
            this.byStage = new int[stages];
        }

        void skip(Path file, String reason, PrintWriter err) {
            skipped.put(file, reason);
            err.println("thinkingvit: skipped " + Printable.of(reason));
        }

        void add(Named of, Segmentation result) throws IOException {
            write(of.name + "-overlay.png", MaskPictures.overlay(of.picture, result, colours));
            write(of.name + "-classes.png", MaskPictures.classes(result, colours));
            write(of.name + "-windows.png", MaskPictures.windows(of.picture, result));
            int[] counts = result.pixelsByClass();
            for (int c = 0; c < counts.length; c++) {
                pixels[c] += counts[c];
            }
            int[] ended = result.windowsByStage(stages);
            for (int k = 0; k < stages; k++) {
                byStage[k] += ended[k];
            }
            gmacs += result.gmacs();
            String words = words(counts, result, ended);
            shown.add(new SegmentationPage.Shown(
                    title(of), of.name + "-overlay.png", of.name + "-classes.png", of.name + "-windows.png", words));
            if (json) {
                told.add(json(of, result, counts, ended));
            } else {
                out().println(Printable.of(of.file.toString()) + ": " + words);
                out().flush();
            }
        }

        private String words(int[] counts, Segmentation result, int[] ended) {
            String most = IntStream.range(0, counts.length)
                    .boxed()
                    .filter(c -> counts[c] > 0)
                    .sorted(Comparator.comparing(c -> -counts[c]))
                    .limit(4)
                    .map(c -> String.format(
                            Locale.ROOT,
                            "%s %.0f %%",
                            labels.get(c),
                            100.0 * counts[c] / result.size().pixels()))
                    .reduce((a, b) -> a + ", " + b)
                    .orElse("");
            return String.format(
                    Locale.ROOT,
                    "%s; %s%s; %.3f GMACs",
                    most,
                    Words.count(result.windows().size(), "window"),
                    ended(" ", ended),
                    result.gmacs());
        }

        /** Where windows ended, if they could at more than one stage. */
        private String ended(String before, int[] ended) {
            return stages == 1
                    ? ""
                    : before + "ended at stages 1 to " + stages + ": "
                            + IntStream.of(ended).mapToObj(String::valueOf).collect(Collectors.joining(", "));
        }

        /** As the file is called, and where in its folders it lies if another is called so too. */
        private String title(Named of) {
            String file = String.valueOf(of.file.getFileName());
            return file.startsWith(of.name) ? file : of.file.toString();
        }

        private ObjectNode json(Named of, Segmentation result, int[] counts, int[] ended) {
            ObjectNode node = JsonNodeFactory.instance.objectNode();
            node.put("file", of.file.toString());
            node.put("overlay_file", folder.resolve(of.name + "-overlay.png").toString());
            node.put("classes_file", folder.resolve(of.name + "-classes.png").toString());
            node.put("windows_file", folder.resolve(of.name + "-windows.png").toString());
            node.putArray("size").add(result.size().height()).add(result.size().width());
            node.put("gmacs", result.gmacs());
            ArrayNode perStage = node.putArray("windows_by_stage");
            IntStream.of(ended).forEach(perStage::add);
            ArrayNode shares = node.putArray("shares");
            IntStream.range(0, counts.length)
                    .boxed()
                    .filter(c -> counts[c] > 0)
                    .sorted(Comparator.comparing(c -> -counts[c]))
                    .forEach(c -> shares.addObject()
                            .put("index", c)
                            .put("name", labels.get(c))
                            .put("share", (double) counts[c] / result.size().pixels()));
            ArrayNode windows = node.putArray("windows");
            for (WindowOutcome each : result.windows()) {
                ObjectNode window = windows.addObject();
                window.put("view", each.view());
                window.put("top", each.top());
                window.put("left", each.left());
                window.put("height", each.height());
                window.put("width", each.width());
                window.put("stage", each.stage());
                window.put("gmacs", each.macs() / 1e9);
                ArrayNode measures = window.putArray("measures");
                each.measures().forEach(measures::add);
            }
            return node;
        }

        private void write(String name, byte[] png) throws IOException {
            AtomicFiles.write(folder.resolve(name), file -> file.write(png));
        }

        void finish(String name) throws IOException {
            long all = 0;
            for (long each : pixels) {
                all += each;
            }
            double total = Math.max(1, all);
            List<SegmentationPage.Legend> legend = IntStream.range(0, pixels.length)
                    .boxed()
                    .filter(c -> pixels[c] > 0)
                    .sorted(Comparator.comparing(c -> -pixels[c]))
                    .map(c -> new SegmentationPage.Legend(labels.get(c), colours.get(c), pixels[c] / total))
                    .toList();
            int windows = IntStream.of(byStage).sum();
            String summary = String.format(
                    Locale.ROOT,
                    "%s, %s%s; %.3f GMACs a picture",
                    Words.count(shown.size(), "picture"),
                    Words.count(windows, "window"),
                    ended(", which ", byStage),
                    gmacs / Math.max(1, shown.size()));
            new SegmentationPage(name, summary, legend, stages, shown).write(folder.resolve("index.html"));
            if (!json) {
                out().println(summary + "; see " + folder.resolve("index.html"));
                return;
            }
            ObjectNode root = JsonOutput.root();
            root.put("model", Models.given(model));
            root.put("precision", precisionName);
            root.put("router", policy.router().id());
            policy.thresholds().forEach(root.putArray("thresholds")::add);
            root.put("page", folder.resolve("index.html").toString());
            ArrayNode classes = root.putArray("classes");
            for (int c = 0; c < labels.size(); c++) {
                classes.addObject()
                        .put("index", c)
                        .put("name", labels.get(c))
                        .put("colour", String.format(Locale.ROOT, "#%06x", colours.get(c)));
            }
            root.set("images", told);
            ArrayNode failures = root.putArray("skipped");
            skipped.forEach((file, message) ->
                    failures.addObject().put("file", file.toString()).put("error", message));
            root.put("gmacs", gmacs);
            out().println(root.toPrettyString());
        }
    }
}
