package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes sure that a tree read from a pickle can be walked, printed and compared by anyone: no cycles, not deep, and not
 * one of those small graphs of shared lists that unfold to billions of nodes.
 */
final class PlainTree {
    private static final int MAX_DEPTH = 64;
    private static final long MAX_NODES = 10_000_000;

    private final Path file;
    private final IdentityHashMap<Object, Extent> finished = new IdentityHashMap<>();
    private final IdentityHashMap<Object, Boolean> open = new IdentityHashMap<>();
    private final Deque<Level> levels = new ArrayDeque<>();

    /**
     * @param nodes number of values in a container, itself included, every occurrence counted
     * @param height containers on the longest way down, itself included
     */
    private record Extent(long nodes, int height) {}

    private static final Extent LEAF = new Extent(1, 0);

    private static final class Level {
        final Object container;
        final Iterator<?> children;
        long nodes = 1;
        int height = 1;

        Level(Object container, Iterator<?> children) {
            this.container = container;
            this.children = children;
        }
    }

    private PlainTree(Path file) {
        this.file = file;
    }

    /**
     * @param root maps, lists and collections of scalars, byte arrays and tensors; keys of maps are scalars already
     * @throws CheckpointException if it holds anything else or would not end, or not soon, when walked
     */
    static void require(Path file, @Nullable Object root) {
        new PlainTree(file).check(root);
    }

    private void check(@Nullable Object root) {
        enter(root);
        while (!levels.isEmpty()) {
            Level level = levels.getLast();
            if (level.children.hasNext()) {
                enter(level.children.next());
            } else {
                levels.removeLast();
                open.remove(level.container);
                Extent extent = new Extent(level.nodes, level.height);
                finished.put(level.container, extent);
                add(extent);
            }
        }
    }

    private void enter(@Nullable Object node) {
        Iterator<?> children = children(node);
        if (node == null || children == null) {
            add(LEAF);
            return;
        }
        Extent known = finished.get(node);
        if (known != null) {
            add(known);
            return;
        }
        if (open.put(node, true) != null) {
            throw new CheckpointException(file, "the pickle holds a container that contains itself");
        }
        levels.addLast(new Level(node, children));
        requireShallow(0);
    }

    /** Adds a child to the innermost open container. */
    private void add(Extent child) {
        if (levels.isEmpty()) {
            return;
        }
        // A known container may be deeper than where it was met first.
        requireShallow(child.height);
        Level level = levels.getLast();
        level.height = Math.max(level.height, child.height + 1);
        level.nodes += child.nodes;
        if (level.nodes > MAX_NODES) {
            throw new CheckpointException(file, "the pickle unfolds to more than " + MAX_NODES + " values");
        }
    }

    private void requireShallow(int below) {
        if (levels.size() + below > MAX_DEPTH) {
            throw new CheckpointException(file, "the pickle nests more than " + MAX_DEPTH + " containers");
        }
    }

    private @Nullable Iterator<?> children(@Nullable Object node) {
        if (node instanceof Map<?, ?> map) {
            return map.values().iterator();
        }
        if (node instanceof Collection<?> elements) {
            return elements.iterator();
        }
        if (HarmlessNames.isScalar(node) || node instanceof byte[] || node instanceof HostTensor) {
            return null;
        }
        throw new CheckpointException(file, "the pickle is damaged: it leaves a stray " + HarmlessNames.describe(node));
    }
}
