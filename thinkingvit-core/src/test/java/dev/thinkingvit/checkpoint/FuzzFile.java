package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the fuzz tests share: a file of given content, and looking at everything that was read from it. */
final class FuzzFile {
    private FuzzFile() {}

    /** Lets {@code reader} loose on a file; it may complain as readers do, and about that file only. */
    static void with(byte[] content, Consumer<Path> reader) throws IOException {
        Path file = Files.createTempFile("fuzz", ".bin");
        try {
            reader.accept(Files.write(file, content));
        } catch (CheckpointException e) {
            String message = String.valueOf(e.getMessage());
            if (!message.startsWith(file.toString()) || message.indexOf('\n') >= 0) {
                throw new AssertionError("not one line about the file: " + message, e);
            }
        } finally {
            Files.deleteIfExists(file);
        }
    }

    /** Walks a tree as a careless caller would: recursively, every shared part as often as it is met. */
    static void walk(@Nullable Object node) {
        Deque<Opaque> later = new ArrayDeque<>();
        Set<Opaque> seen = new HashSet<>();
        walk(node, later);
        while (!later.isEmpty()) {
            Opaque opaque = later.removeLast();
            if (seen.add(opaque)) {
                walk(opaque.attributes(), later);
            }
        }
    }

    private static void walk(@Nullable Object node, Deque<Opaque> later) {
        if (node instanceof Map<?, ?> map) {
            map.keySet().forEach(key -> walk(key, later));
            map.values().forEach(value -> walk(value, later));
        } else if (node instanceof Iterable<?> elements) {
            elements.forEach(element -> walk(element, later));
        } else if (node instanceof HostTensor tensor) {
            touch(tensor);
        } else if (node instanceof Opaque opaque) {
            later.add(opaque);
        } else if (!(HarmlessNames.isScalar(node) || node instanceof byte[])) {
            throw new AssertionError("no plain value: " + Opaque.describe(node));
        }
    }

    /** Reads the first and the last byte. */
    static void touch(HostTensor tensor) {
        ByteBuffer data = tensor.data();
        if (data.hasRemaining()) {
            data.get(0);
            data.get(data.limit() - 1);
        }
    }
}
