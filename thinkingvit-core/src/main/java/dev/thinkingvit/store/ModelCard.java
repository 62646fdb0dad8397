package dev.thinkingvit.store;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.TextFile;
import dev.thinkingvit.files.Words;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The card of a model that was made from another, or from several: a {@code README.md} as on a hub, whose head programs read.
 * It says what the weights and their configuration say, and nothing that has to be guessed. Names in it come from strangers:
 * none can end the head, open markup, or begin a line.
 */
public final class ModelCard {
    /** Name of the card in a model's folder. */
    public static final String FILE = "README.md";

    private static final String MARK = "<!-- Written by thinkingvit. Without this line it is yours, and is kept. -->";
    private static final Pattern PLAIN_YAML = Pattern.compile("[A-Za-z][A-Za-z0-9._/-]*");
    private static final Pattern WORDS_OF_YAML = Pattern.compile("(?i)y|n|yes|no|on|off|true|false|null");
    private static final int SHOWN_LABELS = 20;
    private static final int MOST_OF_A_NAME = 200;
    private static final long MAX_BYTES = 1 << 20;

    private final ModelConfig config;
    private final CardFacts facts;
    private final List<Source> sources;
    private final String version;

    /**
     * Where the weights were read.
     *
     * @param name of the file; a hub's model by its name there
     * @param entry of the file, such as {@code state_dict_ema}; empty if it has no entries
     * @param bytes size of the file
     * @param sha256 of the file, in hexadecimal
     * @param notes what was done on the way
     */
    private record Source(String name, String entry, long bytes, String sha256, List<String> notes) {}

    private ModelCard(ModelConfig config, CardFacts facts, List<Source> sources, String version) {
        this.config = config;
        this.facts = facts;
        this.sources = sources;
        this.version = version;
    }

    /**
     * @param in what was read: a file, a directory, or a hub's model in its cache
     * @param read what came of it
     * @param config of the model that is written
     * @param version of the program
     * @throws IOException if the weights can no longer be read
     */
    public static ModelCard of(Path in, ModelImport.Imported read, ModelConfig config, String version)
            throws IOException {
        return new ModelCard(
                config, CardFacts.of(in, read.model().config()), List.of(source(in, read, false)), version);
    }

    /**
     * The card of an average.
     *
     * @param ins what was read, a path a model
     * @param read what came of each
     * @param average the {@linkplain WeightAverage average} of them
     * @param version of the program
     * @throws IOException if weights can no longer be read
     */
    public static ModelCard ofAverage(
            List<Path> ins, List<ModelImport.Imported> read, ModelConfig average, String version) throws IOException {
        List<CardFacts> facts = new ArrayList<>();
        List<Source> sources = new ArrayList<>();
        for (int i = 0; i < ins.size(); i++) {
            facts.add(CardFacts.of(ins.get(i), read.get(i).model().config()));
            sources.add(source(ins.get(i), read.get(i), true));
        }
        return new ModelCard(average, CardFacts.common(facts), sources, version);
    }

    /** @param inFolder whether to say its folder too, which tells it from others like it */
    private static Source source(Path in, ModelImport.Imported read, boolean inFolder) throws IOException {
        Path file = read.state().file();
        Path folder = file.toAbsolutePath().normalize().getParent();
        String prefix = inFolder && folder != null && folder.getFileName() != null ? folder.getFileName() + "/" : "";
        String name = HubModel.inCache(in)
                .map(model -> model + "/" + file.getFileName())
                .orElseGet(() -> prefix + file.getFileName());
        return new Source(name, read.state().entry(), Files.size(file), sha256(file), read.notes());
    }

    /**
     * Writes the card into a model's folder, unless somebody's own is there.
     *
     * @return whether it was written
     */
    public boolean write(Path folder) throws IOException {
        Path file = folder.resolve(FILE);
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !isOurs(file)) {
            return false;
        }
        AtomicFiles.writeString(file, text());
        return true;
    }

    private static boolean isOurs(Path file) {
        try {
            return Files.isRegularFile(file)
                    && TextFile.read(file, MAX_BYTES).lines().anyMatch(MARK::equals);
        } catch (IOException e) { // what cannot be read is not replaced either
            return false;
        }
    }

    /** The whole card. */
    String text() {
        return head() + "\n" + MARK + "\n\n" + body();
    }

    private String head() {
        StringBuilder yaml = new StringBuilder("---\n");
        yaml.append("library_name: thinkingvit\n");
        yaml.append("pipeline_tag: image-classification\n");
        list(
                yaml,
                "tags",
                config.network().stages() > 1
                        ? List.of("image-classification", "thinkingvit", "early-exit")
                        : List.of(
                                "image-classification",
                                config.network()
                                        .architecture()
                                        .plainTitle()
                                        .toLowerCase(Locale.ROOT)
                                        .replace(' ', '-')));
        facts.license()
                .ifPresent(license ->
                        yaml.append("license: ").append(yaml(license)).append('\n'));
        list(yaml, "datasets", facts.datasets());
        list(yaml, "base_model", facts.baseModels());
        return yaml.append("---\n").toString();
    }

    private static void list(StringBuilder yaml, String key, List<String> values) {
        if (!values.isEmpty()) {
            yaml.append(key).append(":\n");
            values.forEach(value -> yaml.append("- ").append(yaml(value)).append('\n'));
        }
    }

    /** As a JSON text, which is one of YAML's too, where it is not a plain word. */
    private static String yaml(String value) {
        boolean plain = PLAIN_YAML.matcher(value).matches()
                && !WORDS_OF_YAML.matcher(value).matches();
        return plain ? value : "\"" + Printable.of(value).replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    /** Numbers of several levels one after the other. */
    private static String words(@Nullable Object numbers) {
        return String.valueOf(numbers).replaceAll("[\\[\\]]", "");
    }

    private String body() {
        NetworkConfig network = config.network();
        Map<String, Object> shape = network.shape();
        StringBuilder text = new StringBuilder();
        String plain = network.architecture().plainTitle();
        text.append(format("# %s %s%n%n", network.title(), network.shorthand()));
        text.append(
                network.stages() > 1
                        ? "An elastic " + plain
                                + ": a few attention heads look first; if they are sure, that was it, if"
                                + " not, more\nheads think again.\n\n"
                        : "A" + Words.a(plain).substring(1) + " of one stage.\n\n");
        if (sources.size() == 1) {
            text.append("Made from ").append(said(sources.get(0)));
            text.append(format(", by thinkingvit %s.%n", version));
        } else {
            text.append(format(
                    "Its weights are the average of those of %d models, made by thinkingvit %s:%n%n",
                    sources.size(), version));
            sources.forEach(source -> text.append("- ").append(said(source)).append('\n'));
        }
        sources.stream().flatMap(source -> source.notes().stream()).distinct().forEach(note -> text.append("- ")
                .append(markdown(note))
                .append('\n'));
        text.append(format(
                "%n## Shape%n%,d parameters: %s blocks, %s wide, %s heads of %s, patches of %s%s at %d × %d, %d classes%s.%n%n",
                network.parameterCount(),
                words(shape.get("depth")),
                words(shape.get("width")),
                words(shape.get("heads")),
                words(shape.get("head_width")),
                words(shape.get("patch_size")),
                shape.containsKey("window_size") ? ", windows of " + words(shape.get("window_size")) : "",
                network.imageSize().height(),
                network.imageSize().width(),
                network.numClasses(),
                labels()));
        text.append("| stage | heads | width | GMACs | GMACs of an image that ends here |\n|---|---|---|---|---|\n");
        long spent = 0;
        for (int stage = 1; stage <= network.stages(); stage++) {
            spent += network.macs(stage);
            text.append(format(
                    "| %d | %s | %d | %.4f | %.4f |%n",
                    stage,
                    words(network.stageHeads(stage)),
                    network.stageWidth(stage),
                    network.macs(stage) / 1e9,
                    spent / 1e9));
        }
        text.append(stopping());
        Preprocessing input = config.preprocessing();
        text.append(format(
                "%n## Pictures%n%s (crop %s), %s, centre crop of %d × %d. Red, green and blue, 0 to 1: mean"
                        + " %s, std %s.%n",
                resizing(input),
                input.cropPct(),
                input.interpolation().name().toLowerCase(Locale.ROOT),
                input.size().height(),
                input.size().width(),
                Arrays.toString(input.mean()),
                Arrays.toString(input.std())));
        text.append(
                "\n## Use\n```sh\nthinkingvit classify --model . photos\nthinkingvit evaluate --model . --data DATA\n```\n");
        text.append("""
                ```java
                try (ElasticClassifier classifier = ElasticClassifier.open(Path.of("."))) {
                    Classification seen = classifier.classify(Path.of("photo.jpg"));
                    System.out.println(seen.best().name() + " after stage " + seen.stage());
                }
                ```
                """);
        return text.append(training()).toString();
    }

    private static String said(Source source) {
        return markdown(source.name())
                + (source.entry().isEmpty() ? "" : ", entry " + markdown(source.entry()))
                + format(", %,d bytes, SHA-256 `%s`", source.bytes(), source.sha256());
    }

    private String labels() {
        List<String> labels = config.labels();
        if (labels.isEmpty()) {
            return " without names";
        }
        return ": "
                + labels.stream().limit(SHOWN_LABELS).map(ModelCard::markdown).collect(Collectors.joining(", "))
                + (labels.size() > SHOWN_LABELS ? ", …" : "");
    }

    private String stopping() {
        if (config.network().stages() == 1) {
            return "";
        }
        List<Double> thresholds = config.routing().thresholds();
        String stored = thresholds.isEmpty()
                ? "No threshold is stored: every stage thinks, until `thinkingvit calibrate --save` has found one."
                : "Stops by `" + config.routing().router() + "` at "
                        + thresholds.stream().map(String::valueOf).collect(Collectors.joining(" / ")) + ".";
        return "\n" + stored
                + Optional.ofNullable(config.routing().calibration())
                        .map(calibration -> format(
                                " Chosen for %s on %,d pictures of %s.",
                                markdown(calibration.target()), calibration.images(), markdown(calibration.data())))
                        .orElse("")
                + "\n";
    }

    private String training() {
        if (config.training().isEmpty()) {
            return "";
        }
        String json = Printable.of(config.training().toString());
        int ticks = Pattern.compile("`+")
                .matcher(json)
                .results()
                .mapToInt(found -> found.group().length())
                .max()
                .orElse(0);
        String fence = "`".repeat(Math.max(3, ticks + 1));
        return "\n## Training\n" + fence + "json\n" + json + "\n" + fence + "\n";
    }

    /** A stranger's text within a line: nothing in it is markup. */
    private static String markdown(String text) {
        return Printable.of(text, MOST_OF_A_NAME).replaceAll("[\\\\`*_\\[\\]<>&|#~$!{}()@]", "\\\\$0");
    }

    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values).replace("\r\n", "\n");
    }

    private static String sha256(Path file) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
                in.transferTo(java.io.OutputStream.nullOutputStream());
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static String resizing(Preprocessing input) {
        int height = (int) Math.floor(input.size().height() / input.cropPct());
        int width = (int) Math.floor(input.size().width() / input.cropPct());
        return input.size().isSquare()
                ? "Shorter side to " + height + " pixels"
                : "Resized to cover " + height + " × " + width + " pixels";
    }
}
