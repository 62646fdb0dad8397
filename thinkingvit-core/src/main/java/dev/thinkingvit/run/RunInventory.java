package dev.thinkingvit.run;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.files.Reasons;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a training reads and does not keep: the pictures it began with, by class, name, size and a mark of their content,
 * and the weights it started from. It lies in the run's folder ({@code inventory.json.gz}) and is compared with what is there whenever the
 * training goes on. Immutable.
 *
 * @param training classes of the head, in the order of its rows
 * @param leftOut class folders of the training pictures that the head has no row for
 * @param heldOut training pictures kept back for validation, as {@code class/name}
 * @param validation classes of a validation set of its own; null where there is none
 * @param otherNames names of classes by other names that their folders bear or bore, in either set
 * @param sources what else is read, by the option that names it ({@code init}); of labelled pixels also what the numbers of
 *     annotations stand for ({@code classes})
 */
public record RunInventory(
        List<OfClass> training,
        List<String> leftOut,
        List<String> heldOut,
        @Nullable List<OfClass> validation,
        Map<String, String> otherNames,
        Map<String, Source> sources) {
    /** Its file in a run's folder. */
    public static final String NAME = "inventory.json.gz";

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /**
     * A class's pictures.
     *
     * @param name of the class and of its folder
     * @param pictures size in bytes by path within the folder; null where they were not noted
     * @param marks of the content of all or some of them, by the same paths; null where they were not noted
     */
    public record OfClass(
            String name,
            @Nullable Map<String, Long> pictures,
            @Nullable Map<String, Long> marks) {
        public OfClass {
            require(name, "name");
        }

        /** Whether the pictures, more than none, are the very same, as far as is known. */
        boolean hasPicturesOf(OfClass other) {
            return pictures != null
                    && !pictures.isEmpty()
                    && pictures.equals(other.pictures)
                    && replaced(other).isEmpty();
        }

        /** What is wrong with the bytes of a picture; null if they are those that were noted, or nothing was. */
        @Nullable String fault(String path, byte[] bytes) {
            Long size = pictures == null ? null : pictures.get(path);
            if (size != null && size != bytes.length) {
                return String.format(
                        "it has %,d bytes and had %,d when the training began: cut or replaced", bytes.length, size);
            }
            Long mark = marks == null ? null : marks.get(path);
            return mark == null || mark == PictureMarks.of(bytes)
                    ? null
                    : "it is another file than when the training began, of the same size";
        }

        /** What tells a picture's content from others', by path: size and mark of those that are marked. */
        Map<String, List<Long>> contents() {
            Map<String, Long> sizes = pictures;
            if (sizes == null || marks == null) {
                return Map.of();
            }
            Map<String, List<Long>> contents = new LinkedHashMap<>();
            marks.forEach((path, mark) -> {
                Long size = sizes.get(path);
                if (size != null && mark != null) {
                    contents.put(path, List.of(size, mark));
                }
            });
            return contents;
        }

        /** What was noted of a picture, in short. */
        String noted(String path) {
            return (pictures == null ? null : pictures.get(path)) + " " + (marks == null ? null : marks.get(path));
        }

        /** What is there now, with some pictures noted as they were: it is known that they are not so any more. */
        OfClass keeping(OfClass now, Set<String> paths) {
            if (pictures == null || now.pictures == null || paths.isEmpty()) {
                return now;
            }
            return new OfClass(now.name, keeping(pictures, now.pictures, paths), keeping(marks, now.marks, paths));
        }

        private static @Nullable Map<String, Long> keeping(
                @Nullable Map<String, Long> before, @Nullable Map<String, Long> now, Set<String> paths) {
            if (before == null || now == null) {
                return now;
            }
            Map<String, Long> kept = new LinkedHashMap<>(now);
            for (String path : paths) {
                Long value = before.get(path);
                if (value == null) {
                    kept.remove(path);
                } else {
                    kept.put(path, value);
                }
            }
            return kept;
        }

        /** Paths of pictures that {@code now} has under the same name and in the same size with other content. */
        List<String> replaced(OfClass now) {
            if (pictures == null || now.pictures == null || marks == null || now.marks == null) {
                return List.of();
            }
            Map<String, Long> sizes = pictures;
            Map<String, Long> others = now.pictures;
            Map<String, Long> othersMarks = now.marks;
            return marks.entrySet().stream()
                    .filter(each -> othersMarks.containsKey(each.getKey())
                            && Objects.equals(sizes.get(each.getKey()), others.get(each.getKey()))
                            && !Objects.equals(each.getValue(), othersMarks.get(each.getKey())))
                    .map(Map.Entry::getKey)
                    .toList();
        }
    }

    /**
     * A file, all files of a folder, or a text.
     *
     * @param bytes in all
     * @param sha256 of names and content
     */
    public record Source(long bytes, String sha256) {
        public Source {
            require(sha256, "sha256");
        }

        /** What lies at a path; empty if that is nothing to read. */
        public static Optional<Source> of(Path path) throws IOException {
            if (!Presence.of(path)) {
                return Optional.empty();
            }
            MessageDigest digest = emptyDigest();
            long bytes = 0;
            List<Path> files;
            try (Stream<Path> all = Files.walk(path)) {
                files = all.filter(Files::isRegularFile).sorted().toList();
            }
            for (Path file : files) {
                digest.update(path.relativize(file).toString().getBytes(StandardCharsets.UTF_8));
                try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
                    bytes += in.transferTo(OutputStream.nullOutputStream());
                }
            }
            return Optional.of(new Source(bytes, HexFormat.of().formatHex(digest.digest())));
        }

        /** Of a text. */
        static Source of(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            return new Source(
                    bytes.length, HexFormat.of().formatHex(emptyDigest().digest(bytes)));
        }

        private static MessageDigest emptyDigest() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e); // every Java has it
            }
        }
    }

    public RunInventory {
        training = List.copyOf(whole(training, "training"));
        leftOut = List.copyOf(whole(leftOut, "left_out"));
        heldOut = List.copyOf(whole(heldOut, "held_out"));
        if (validation != null) {
            validation = List.copyOf(whole(validation, "validation"));
        }
        otherNames = otherNames == null ? Map.of() : Map.copyOf(otherNames); // older files have none
        require(sources, "sources");
        whole(sources.values(), "sources");
        sources = Map.copyOf(sources);
        if (!heldOut.stream().allMatch(name -> name.contains("/"))) {
            throw new IllegalArgumentException("held_out: a picture is named as class/name");
        }
    }

    private static <T extends Collection<?>> T whole(T list, String what) {
        require(list, what);
        for (Object each : list) {
            require(each, what + ": a value");
        }
        return list;
    }

    // JSON has what it has
    private static void require(@Nullable Object value, String what) {
        if (value == null) {
            throw new IllegalArgumentException(what + " is missing");
        }
    }

    /** The classes of a data set, in the order of their folders. */
    static List<OfClass> classes(ImageFolder folder) {
        List<OfClass> classes = new ArrayList<>();
        Map<String, Map<String, Long>> marks = PictureMarks.of(folder, PictureMarks.MOST);
        folder.pictures()
                .forEach((name, pictures) ->
                        classes.add(new OfClass(name, pictures, marks.getOrDefault(name, Map.of()))));
        return classes;
    }

    /** What is there now, with the pictures of some names, as {@code class/name}, noted as they were. */
    static List<OfClass> keeping(List<OfClass> before, List<OfClass> now, Set<String> names) {
        Map<String, OfClass> old = new LinkedHashMap<>();
        before.forEach(each -> old.put(each.name(), each));
        List<OfClass> kept = new ArrayList<>();
        for (OfClass each : now) {
            OfClass was = old.get(each.name());
            String start = each.name() + "/";
            Set<String> paths = names.stream()
                    .filter(name -> name.startsWith(start))
                    .map(name -> name.substring(start.length()))
                    .collect(Collectors.toSet());
            kept.add(was == null ? each : was.keeping(each, paths));
        }
        return kept;
    }

    /** Names of the classes, in the order of the head's rows. */
    public List<String> classNames() {
        return training.stream().map(OfClass::name).toList();
    }

    /** The same with other sources. */
    public RunInventory withSources(Map<String, Source> others) {
        return new RunInventory(training, leftOut, heldOut, validation, otherNames, others);
    }

    /** Digests of what lies at paths, by the same names; without those where nothing lies. */
    public static Map<String, Source> sources(Map<String, Path> paths) throws IOException {
        Map<String, Source> sources = new LinkedHashMap<>();
        for (Map.Entry<String, Path> entry : paths.entrySet()) {
            Source.of(entry.getValue()).ifPresent(source -> sources.put(entry.getKey(), source));
        }
        return sources;
    }

    /** Names of the sources that are not what they were, among those that are known of both. */
    public List<String> changedSources(Map<String, Source> now) {
        return now.entrySet().stream()
                .filter(entry ->
                        sources.containsKey(entry.getKey()) && !entry.getValue().equals(sources.get(entry.getKey())))
                .map(Map.Entry::getKey)
                .sorted()
                .toList();
    }

    /**
     * Of the run in a folder; empty where it was begun before there were inventories.
     *
     * @throws CheckpointException if the file is damaged
     */
    public static Optional<RunInventory> read(Path run) throws IOException {
        Path file = run.resolve(NAME);
        return Presence.of(file) ? Optional.of(of(Files.readAllBytes(file), file)) : Optional.empty();
    }

    /** The same from {@link #bytes}; {@code file} is what errors call it. */
    public static RunInventory of(byte[] bytes, Path file) {
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            RunInventory read = MAPPER.readValue(in.readAllBytes(), RunInventory.class);
            if (read == null) {
                throw new CheckpointException(file, "is damaged: it says nothing");
            }
            return read;
        } catch (JacksonException e) {
            throw new CheckpointException(file, "is damaged: " + Reasons.of(e), e);
        } catch (CheckpointException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw new CheckpointException(file, "is damaged or cut short", e);
        }
    }

    /** Compressed JSON. */
    public byte[] bytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(MAPPER.writeValueAsBytes(this));
        } catch (IOException e) {
            throw new IllegalStateException(e); // memory cannot fail
        }
        return bytes.toByteArray();
    }

    /** Writes it to a run's folder. */
    public void write(Path run) throws IOException {
        AtomicFiles.write(run.resolve(NAME), out -> out.write(bytes()));
    }
}
