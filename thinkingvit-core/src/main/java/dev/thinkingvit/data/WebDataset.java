package dev.thinkingvit.data;

import dev.thinkingvit.archive.ArchiveFileSystem;
import dev.thinkingvit.archive.Archives;
import dev.thinkingvit.files.TextFile;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * WebDataset's layout: {@code key.jpg} beside {@code key.cls}, a class's index or name, or beside {@code key.json} that
 * has it. A key is a name up to the first dot of its last part. Not thread-safe.
 */
final class WebDataset {
    private static final String CLS = "cls";
    private static final String JSON = "json";
    private static final long MAX_LABEL_BYTES = 1 << 20;

    /** Where a JSON file has its label, first come first taken. */
    private static final List<String> LABEL_KEYS = List.of(
            "label",
            "cls",
            "class",
            "class_id",
            "class_index",
            "class_idx",
            "target",
            "label_name",
            "class_name",
            "synset",
            "wnid");

    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private final Archives.View view = new Archives.View();
    private boolean indices = true;
    private int unusable;
    private String firstUnusable = "";

    private WebDataset() {}

    /** The files of one key, by their ending in lower case. */
    private record Entry(Map<String, Path> files) {
        @Nullable Path label() {
            Path cls = files.get(CLS);
            return cls == null ? files.get(JSON) : cls;
        }

        List<Path> pictures() {
            List<Path> pictures = new ArrayList<>();
            files.forEach((ending, file) -> {
                if (PictureWalk.ENDINGS.contains(ending)) {
                    pictures.add(file);
                }
            });
            return pictures;
        }
    }

    /**
     * The pictures by class, or null if no tar has this layout. Files that belong to no picture with a label lie at the
     * top, where they are counted as what they are.
     *
     * @param label what people call the data set
     */
    static TarSet.@Nullable Root of(String label, List<TarSet.Part> shards) throws IOException {
        boolean any = false;
        for (int i = 0; i < shards.size() && !any; i++) {
            any = isLabelled(entries(shards.get(i).top()));
        }
        if (!any) {
            return null;
        }
        WebDataset set = new WebDataset();
        set.view.note("note: " + label + ": read as "
                + (shards.size() == 1 ? "a WebDataset shard" : shards.size() + " WebDataset shards"));
        for (TarSet.Part shard : shards) {
            ArchiveFileSystem.notesOn(shard.top()).forEach(set.view::note);
            for (Entry entry : entries(shard.top()).values()) {
                set.add(entry, shard.stem());
            }
        }
        if (set.unusable > 0) {
            set.view.note("note: " + set.unusable + (set.unusable == 1 ? " label" : " labels") + " cannot be used: "
                    + set.firstUnusable + (set.unusable > 1 ? ", …" : ""));
        }
        return new TarSet.Root(set.view.root(label), set.indices, PassedOver.UNLABELLED);
    }

    private static boolean isLabelled(Map<String, Entry> entries) {
        Set<Path> folders = new HashSet<>();
        Path json = null;
        for (Entry entry : entries.values()) {
            List<Path> pictures = entry.pictures();
            pictures.forEach(picture -> folders.add(picture.getParent()));
            if (!pictures.isEmpty() && entry.files().containsKey(CLS)) {
                return true;
            }
            json = json == null && !pictures.isEmpty() ? entry.label() : json;
        }
        // class folders may hold notes on each picture too
        return json != null && folders.size() == 1 && className(json) != null;
    }

    private void add(Entry entry, String stem) throws IOException {
        List<Path> pictures = entry.pictures();
        Path label = pictures.isEmpty() ? null : entry.label();
        String name = label == null ? null : className(label);
        if (label != null && name == null) {
            unusable++;
            firstUnusable = unusable == 1 ? label.toString() : firstUnusable;
        }
        indices &= name == null || isIndex(name);
        for (Map.Entry<String, Path> file : entry.files().entrySet()) {
            if (name != null && pictures.contains(file.getValue())) {
                TarSet.putFree(view, name, stem, file.getValue());
            } else if (name == null
                    || !(file.getKey().equals(CLS) || file.getKey().equals(JSON))) {
                TarSet.putFree(view, "", stem, file.getValue());
            }
        }
    }

    private static boolean isIndex(String name) {
        return name.matches("\\d{1,9}");
    }

    /** The class that a label file names, as a folder would be called; null for none. */
    private static @Nullable String className(Path label) {
        try {
            String text = TextFile.read(label, MAX_LABEL_BYTES).strip();
            String name = label.toString().toLowerCase(Locale.ROOT).endsWith("." + JSON) ? inJson(text) : text;
            String composed = PictureWalk.composed(name == null ? "" : name.strip());
            boolean folder = !composed.isEmpty()
                    && !composed.startsWith(".")
                    && composed.chars().noneMatch(c -> c == '/' || c < ' ');
            return folder ? (isIndex(composed) ? String.valueOf(Integer.parseInt(composed)) : composed) : null;
        } catch (IOException | JacksonException e) {
            return null; // the picture is one without a label, and is counted
        }
    }

    private static @Nullable String inJson(String text) {
        JsonNode json = MAPPER.readTree(text);
        JsonNode found = json.isObject() ? null : json;
        for (String key : LABEL_KEYS) {
            found = found == null && json.has(key) ? json.get(key) : found;
        }
        return found != null && (found.isString() || found.isIntegralNumber()) ? found.asString() : null;
    }

    /** A tar's files by key, in order; a system's files each by their own name. */
    private static Map<String, Entry> entries(Path top) throws IOException {
        Map<String, Entry> entries = new LinkedHashMap<>();
        Files.walkFileTree(top, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                String name = String.valueOf(file.getFileName());
                int dot = PictureWalk.isOfSystem(file) ? -1 : name.indexOf('.');
                String key = dot < 0 ? name : name.substring(0, dot);
                String ending = dot < 0 ? "" : name.substring(dot + 1).toLowerCase(Locale.ROOT);
                Map<String, Path> files = entries.computeIfAbsent(
                                file.getParent() + "/" + key, each -> new Entry(new LinkedHashMap<>()))
                        .files();
                for (String free = ending; files.putIfAbsent(free, file) != null; free += " ") {
                    // 1.jpg and 1.JPG are two pictures
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                return FileVisitResult.CONTINUE; // a link that leads back
            }
        });
        return entries;
    }
}
