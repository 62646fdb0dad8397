package dev.thinkingvit.run;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.train.Share;
import dev.thinkingvit.train.UnreadableWatch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The pictures that a training could not use, and when they are too many. Each is named once, however often it is met, and
 * what many of them fail of, such as their tar, too; one that can be read again is forgotten.
 *
 * <p>Each process of a training has such a list. What one of them {@link #met}, all are {@link #told} at the same moment,
 * so that all have the same list and decide alike. Not thread-safe.
 */
public final class UnreadablePictures {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();
    private static final String LIST = "skipped_files";

    /** What pictures are for. */
    public enum Use {
        TRAINING("training", "train on"),
        VALIDATION("validation", "validate on");

        private final String word;
        private final String purpose;

        Use(String word, String purpose) {
            this.word = word;
            this.purpose = purpose;
        }

        /** In lower case. */
        public String word() {
            return word;
        }
    }

    /**
     * A picture that could not be used.
     *
     * @param set {@link Use#word}
     * @param picture as {@code class/name}
     * @param file where it lies
     * @param error why, naming the file, or the tar that holds it
     */
    public record Entry(String set, String picture, String file, String error) {}

    /** @param error null for a picture that can be read again */
    private record News(
            Use use,
            String picture,
            int label,
            String file,
            @Nullable String error,
            boolean unfit) {}

    /** The pictures of one use. */
    private static final class Pictures {
        final Map<String, Entry> known = new LinkedHashMap<>(); // met by this training at any time
        final Set<String> lost = new HashSet<>(); // met since it was begun or went on
        final int size;
        final int[] left; // by class

        Pictures(List<Sample> samples, int classes) {
            this.size = samples.size();
            this.left = new int[classes];
            samples.forEach(sample -> left[sample.label()]++);
        }
    }

    private final RunPictures pictures;
    private final Share most;
    private final Consumer<String> lines;
    private final Set<String> said = new HashSet<>();
    private final Map<Use, Pictures> uses = new EnumMap<>(Use.class);

    /**
     * @param most share of the training pictures, and of the validation pictures, without which a training goes on
     * @param known what it met before it was interrupted: not named again
     * @param lines told a line about each picture
     */
    public UnreadablePictures(RunPictures pictures, Share most, List<Entry> known, Consumer<String> lines) {
        this.pictures = pictures;
        this.most = most;
        this.lines = lines;
        int classes = pictures.classNames().size();
        uses.put(Use.TRAINING, new Pictures(pictures.training(), classes));
        uses.put(Use.VALIDATION, new Pictures(pictures.validation(), classes));
        known.forEach(entry -> uses.forEach((use, of) -> {
            if (use.word.equals(entry.set())) {
                of.known.put(entry.picture(), entry);
                said.add(entry.error());
            }
        }));
    }

    /** The training pictures, as a trainer watches them. */
    public UnreadableWatch ofTraining() {
        return new UnreadableWatch() {
            @Override
            public byte[] met(Collection<BatchLoader.Failure> failures, Collection<Sample> read) {
                return UnreadablePictures.this.met(Use.TRAINING, failures, read);
            }

            @Override
            public void told(byte[][] all) {
                UnreadablePictures.this.told(all);
            }
        };
    }

    /**
     * What this process has to tell the others.
     *
     * @param failures pictures it could not read
     * @param read those that it could
     * @return nothing where nothing is new
     */
    public byte[] met(Use use, Collection<BatchLoader.Failure> failures, Collection<Sample> read) {
        Pictures of = of(use);
        List<News> news = new ArrayList<>();
        for (BatchLoader.Failure failure : failures) {
            Sample sample = failure.sample();
            String name = pictures.nameOf(use, sample);
            if (!of.lost.contains(name)) {
                String file = sample.path().toString();
                news.add(new News(use, name, sample.label(), file, failure.message(), failure.unfit()));
            }
        }
        for (Sample sample : of.known.isEmpty() ? List.<Sample>of() : read) {
            String name = pictures.nameOf(use, sample);
            if (of.known.containsKey(name)) {
                news.add(new News(use, name, sample.label(), sample.path().toString(), null, false));
            }
        }
        return news.isEmpty() ? new byte[0] : MAPPER.writeValueAsBytes(news);
    }

    /**
     * Takes down what all processes met.
     *
     * @param all what {@link #met} gave in each
     * @throws UnreadableException if there are too many now, or a class has none left
     */
    public void told(byte[][] all) {
        List<News> news = new ArrayList<>();
        for (byte[] of : all) {
            news.addAll(of.length == 0 ? List.of() : List.of(MAPPER.readValue(of, News[].class)));
        }
        news.removeIf(each -> !take(each));
        news.forEach(this::requireEnough);
    }

    /** Whether a picture is lost that was not. */
    private boolean take(News each) {
        Pictures of = of(each.use());
        String error = each.error();
        if (error == null) {
            Entry was = of.known.remove(each.picture());
            if (was != null && said.remove(was.error())) {
                boolean shared = of.known.values().stream()
                        .anyMatch(other -> other.error().equals(was.error()));
                lines.accept("readable again: " + each.file() + (shared ? " and others" : ""));
            }
            if (of.lost.remove(each.picture())) {
                of.left[each.label()]++;
            }
            return false;
        }
        if (!of.lost.add(each.picture())) {
            return false;
        }
        of.left[each.label()]--;
        Entry before = of.known.put(each.picture(), new Entry(each.use().word, each.picture(), each.file(), error));
        if ((before == null || !before.error().equals(error)) && said.add(error)) {
            lines.accept("skipped: " + error);
        }
        return true;
    }

    private void requireEnough(News last) {
        Pictures of = of(last.use());
        String way = last.unfit() && pictures.pixels() == null // nothing else makes an annotation fit
                ? "; the training is saved, --resume --crop resized takes pictures of every size"
                : "; the training is saved and goes on with --resume when they are back";
        if (of.left[last.label()] == 0) {
            throw new UnreadableException("no picture of class '"
                    + pictures.classNames().get(last.label()) + "' is left to " + last.use().purpose
                    + "; one of them: "
                    + last.error() + way);
        }
        if (most.isExceeded(of.lost.size(), of.size)) {
            throw new UnreadableException(String.format(
                    "%,d of %,d %s pictures cannot be read, more than --max-unreadable %s allows; one of them: %s%s",
                    of.lost.size(), of.size, last.use().word, most, last.error(), way));
        }
    }

    private Pictures of(Use use) {
        Pictures of = uses.get(use);
        if (of == null) {
            throw new IllegalStateException(use.word); // there is one of each
        }
        return of;
    }

    /** How many pictures of a use could not be used. */
    public int count(Use use) {
        return of(use).known.size();
    }

    /** Those that could not be used, in the order in which they were met. */
    public List<Entry> entries() {
        return uses.values().stream().flatMap(of -> of.known.values().stream()).toList();
    }

    /** The entries as JSON, for the other processes. */
    public static byte[] bytes(List<Entry> entries) {
        return MAPPER.writeValueAsBytes(entries);
    }

    /** What {@link #bytes} gave. */
    public static List<Entry> of(byte[] bytes) {
        return List.of(MAPPER.readValue(bytes, Entry[].class));
    }

    /** The entries as plain values, under the key by which {@link #read} finds them. */
    public Map<String, Object> json() {
        return Map.of(LIST, MAPPER.convertValue(entries(), List.class));
    }

    /**
     * What the training in a folder has met; empty where nothing is written.
     *
     * @throws CheckpointException if the file is damaged
     */
    public static List<Entry> read(Path run) throws IOException {
        Path file = run.resolve(RunFolder.UNUSED);
        if (Files.notExists(file)) {
            return List.of();
        }
        try {
            JsonNode list = MAPPER.readTree(new String(Files.readAllBytes(file), StandardCharsets.UTF_8))
                    .path(LIST);
            List<Entry> entries = new ArrayList<>();
            for (JsonNode each : list) {
                if (each.path("set").isString() && each.path("picture").isString()) { // older files have neither
                    entries.add(MAPPER.treeToValue(each, Entry.class));
                }
            }
            return entries;
        } catch (JacksonException e) {
            throw new CheckpointException(file, "is damaged: " + Reasons.of(e) + "; delete it to go on without", e);
        }
    }

    /** Names of the pictures of a use among entries. */
    static Set<String> names(List<Entry> entries, Use use) {
        return entries.stream()
                .filter(entry -> use.word.equals(entry.set()))
                .map(Entry::picture)
                .collect(Collectors.toSet());
    }

    /** All of them in a line; empty where there are none and no update was passed over. */
    public String inWords(long updatesPassedOver) {
        List<String> words = new ArrayList<>();
        uses.forEach((use, of) -> {
            if (!of.known.isEmpty()) {
                words.add(String.format("%,d of %,d %s pictures", of.known.size(), of.size, use.word));
            }
        });
        String line = words.isEmpty() ? "" : String.join(" and ", words) + " could not be read";
        String passed = updatesPassedOver == 0
                ? ""
                : String.format(
                        "%,d %s passed over for want of pictures",
                        updatesPassedOver, updatesPassedOver == 1 ? "update was" : "updates were");
        return line + (line.isEmpty() || passed.isEmpty() ? "" : "; ") + passed;
    }
}
