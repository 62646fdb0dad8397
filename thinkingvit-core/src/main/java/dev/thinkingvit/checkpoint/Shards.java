package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Weights that are split over several files: an index, {@code model.safetensors.index.json} or
 * {@code pytorch_model.bin.index.json}, whose {@code weight_map} says which file beside it holds each tensor.
 */
public final class Shards {
    private static final Pattern PART = Pattern.compile("(.+)-\\d{5}-of-(\\d{5})(\\.[a-z.]+)");
    private static final int MAX_SHARDS = 10_000;

    private Shards() {}

    /**
     * All parts together.
     *
     * @param index the index
     * @param content what is in it: plain maps, lists and values
     * @param reader reads one part into its dictionary
     * @throws CheckpointException if a part or a tensor is missing, in two parts, or not in the index's folder
     */
    public static Map<Object, Object> read(Path index, Map<String, Object> content, Function<Path, Map<?, ?>> reader) {
        Map<String, String> places = places(index, content);
        Set<String> shards = new TreeSet<>(places.values());
        if (shards.size() > MAX_SHARDS) {
            throw new CheckpointException(
                    index, "names " + shards.size() + " files, at most " + MAX_SHARDS + " are read");
        }
        for (String shard : shards) {
            if (!Files.isRegularFile(place(index, shard))) {
                throw new CheckpointException(index, "its part " + shard + " is not beside it");
            }
        }
        Map<Object, Object> all = new LinkedHashMap<>();
        Map<Object, String> origins = new LinkedHashMap<>();
        for (String shard : shards) {
            Path file = place(index, shard);
            Map<?, ?> part = reader.apply(file);
            places.forEach((name, place) -> {
                if (place.equals(shard) && !part.containsKey(name)) {
                    throw new CheckpointException(
                            file,
                            "tensor '" + name + "' is missing; " + index.getFileName()
                                    + " says that it is in this part");
                }
            });
            part.forEach((name, value) -> {
                String before = origins.put(name, shard);
                if (before != null && value instanceof HostTensor) {
                    throw new CheckpointException(
                            index, "tensor '" + name + "' is in two parts: " + before + " and " + shard);
                }
                all.put(name, value);
            });
        }
        return all;
    }

    /** Refuses one part of several where the whole was meant; for a file whose name says so. */
    public static void refusePart(Path file) {
        Path name = file.getFileName();
        Matcher part = PART.matcher(name == null ? "" : name.toString());
        if (part.matches() && Integer.parseInt(part.group(2)) > 1) {
            throw new CheckpointException(
                    file,
                    "is one of " + Integer.parseInt(part.group(2)) + " parts; " + part.group(1) + part.group(3)
                            + ".index.json or the folder stands for all of them");
        }
    }

    private static Map<String, String> places(Path index, Map<String, Object> content) {
        if (!(content.get("weight_map") instanceof Map<?, ?> map) || map.isEmpty()) {
            throw new CheckpointException(
                    index, "is no index of weights: weight_map, which names each tensor's file, is missing or empty");
        }
        Map<String, String> places = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (!(entry.getValue() instanceof String shard)) {
                throw new CheckpointException(
                        index, "the file of tensor '" + entry.getKey() + "' must be a name, got " + entry.getValue());
            }
            place(index, shard);
            places.put(String.valueOf(entry.getKey()), shard);
        }
        return places;
    }

    /** A part's path; parts are in the index's folder or below it. */
    private static Path place(Path index, String shard) {
        Path folder = index.toAbsolutePath().normalize().getParent();
        try {
            Path file = folder == null ? null : folder.resolve(shard).normalize();
            if (file != null
                    && !shard.isBlank()
                    && !Path.of(shard).isAbsolute()
                    && file.startsWith(folder)
                    && !file.equals(folder)) {
                return index.resolveSibling(shard);
            }
        } catch (java.nio.file.InvalidPathException e) {
            throw new CheckpointException(index, "its part '" + shard + "' is no file's name", e);
        }
        throw new CheckpointException(index, "its part '" + shard + "' is outside of its folder");
    }
}
