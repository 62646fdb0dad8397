package dev.thinkingvit.checkpoint;

import dev.thinkingvit.checkpoint.PythonObject.Name;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes plain values of what a pickle left, which anyone can walk, print and compare: no cycles, not deep, and not one
 * of those small graphs of shared lists that unfold to billions of nodes.
 *
 * <p>An object that is a dict or a list too becomes a map or a list; a module of torch the state dict that it would
 * give; any other object an {@link Opaque}, behind whose attributes another tree begins.
 */
final class PlainTree {
    private static final int MAX_DEPTH = 64;
    private static final long MAX_NODES = 10_000_000;
    private static final int NAME_COST = 16;

    /** The module of configurations whose containers and values are objects. */
    private static final String OMEGA = "omegaconf.";

    private final Path file;
    private final IdentityHashMap<Object, Subtree> finished = new IdentityHashMap<>();
    private final IdentityHashMap<Object, Boolean> open = new IdentityHashMap<>();
    private final Deque<Attributes> later = new ArrayDeque<>();
    private long copied;

    /**
     * A plain value.
     *
     * @param nodes number of values in a container, itself included, every occurrence counted
     * @param height containers on the longest way down, itself included
     */
    private record Subtree(@Nullable Object value, long nodes, int height) {}

    private record Attributes(Opaque owner, Map<?, ?> raw) {}

    private PlainTree(Path file) {
        this.file = file;
    }

    /**
     * @param root what the pickle left: scalars, byte arrays, tensors, names and objects, in maps, lists and sets
     * @throws CheckpointException if it would not end soon when walked
     */
    static @Nullable Object of(Path file, @Nullable Object root) {
        PlainTree tree = new PlainTree(file);
        Object plain = tree.plain(root, 0).value;
        while (!tree.later.isEmpty()) {
            Attributes attributes = tree.later.removeLast();
            if (tree.plain(attributes.raw, 0).value instanceof Map<?, ?> map) {
                attributes.owner.attributes(map);
            }
        }
        return plain;
    }

    private Subtree plain(@Nullable Object node, int depth) {
        if (HarmlessNames.isScalar(node) || node instanceof HostTensor || node instanceof byte[] || node == null) {
            return leaf(node);
        }
        if (node instanceof Name name) {
            return leaf(name.full());
        }
        if (node instanceof Opaque) {
            return leaf(node);
        }
        Subtree known = finished.get(node);
        if (known != null) {
            // It may be deeper than where it was met first.
            requireShallow(depth + known.height);
            return known;
        }
        Object content = node;
        if (node instanceof PythonObject object) {
            content = content(object);
            if (content == null) {
                Subtree value = omegaValue(object);
                Subtree subtree = value == null ? leaf(opaque(object)) : value;
                finished.put(node, subtree);
                return subtree;
            }
            if (!(content instanceof Module)) {
                return plain(content, depth);
            }
        }
        if (open.put(node, true) != null) {
            return leaf(new Opaque("a container within itself"));
        }
        requireShallow(depth + 1);
        Subtree subtree = container(content, depth);
        open.remove(node);
        finished.put(node, subtree);
        return subtree;
    }

    private static Subtree leaf(@Nullable Object value) {
        return new Subtree(value, 1, 0);
    }

    private Subtree container(Object content, int depth) {
        long nodes = 1;
        int height = 1;
        if (content instanceof Module module) {
            return module(module, depth);
        }
        if (content instanceof Set<?>) {
            // Its elements are scalars and opaque objects already.
            return new Subtree(content, 1 + ((Set<?>) content).size(), 1);
        }
        if (content instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> plain = new LinkedHashMap<>(map.size() * 2);
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                Subtree child = plain(entry.getValue(), depth + 1);
                plain.put(entry.getKey(), child.value);
                nodes = sum(nodes, child.nodes);
                height = Math.max(height, 1 + child.height);
            }
            return new Subtree(plain, nodes, height);
        }
        if (content instanceof List<?> list) {
            List<@Nullable Object> plain = new ArrayList<>(list.size());
            for (Object element : list) {
                Subtree child = plain(element, depth + 1);
                plain.add(child.value);
                nodes = sum(nodes, child.nodes);
                height = Math.max(height, 1 + child.height);
            }
            return new Subtree(plain, nodes, height);
        }
        throw new CheckpointException(file, "its pickle is damaged: it leaves a stray mark");
    }

    /** What an object holds that is worth having: the dict or the list that it is; null if it is opaque. */
    private static @Nullable Object content(PythonObject object) {
        if (object.entries != null) {
            return object.entries;
        }
        if (object.elements != null) {
            return object.elements;
        }
        if (object.state instanceof Map<?, ?> state) {
            Module module = Module.of(state);
            if (module != null) {
                return module;
            }
            Object wrapped = object.type.startsWith(OMEGA) ? state.get("_content") : null;
            return wrapped instanceof Map || wrapped instanceof List ? wrapped : null;
        }
        boolean copyOfDict = object.state == null && object.arguments.size() == 1;
        return copyOfDict && object.arguments.get(0) instanceof Map<?, ?> dict ? dict : null;
    }

    private static @Nullable Subtree omegaValue(PythonObject object) {
        return object.type.startsWith(OMEGA)
                        && object.state instanceof Map<?, ?> state
                        && state.containsKey("_val")
                        && HarmlessNames.isScalar(state.get("_val"))
                ? leaf(state.get("_val"))
                : null;
    }

    private Opaque opaque(PythonObject object) {
        Opaque opaque = new Opaque(object.type);
        Object state = object.state;
        if (state instanceof List<?> pair && pair.size() == 2) {
            // Objects with __slots__ have a pair: their dict, if any, and their slots.
            state = pair.get(0) == null ? pair.get(1) : pair.get(0);
        }
        if (state instanceof Map<?, ?> attributes) {
            later.add(new Attributes(opaque, attributes));
        }
        return opaque;
    }

    /** The parts of a pickled torch.nn.Module that its state dict is made of. */
    private record Module(Map<?, ?> parameters, Map<?, ?> buffers, Map<?, ?> modules, Set<?> passing) {
        static @Nullable Module of(Map<?, ?> state) {
            return state.get("_parameters") instanceof Map<?, ?> parameters
                            && state.get("_buffers") instanceof Map<?, ?> buffers
                            && state.get("_modules") instanceof Map<?, ?> modules
                    ? new Module(parameters, buffers, modules, passing(state))
                    : null;
        }

        private static Set<?> passing(Map<?, ?> state) {
            return state.get("_non_persistent_buffers_set") instanceof Set<?> names ? names : Set.of();
        }
    }

    private Subtree module(Module module, int depth) {
        Map<Object, @Nullable Object> plain = new LinkedHashMap<>();
        long nodes = 1;
        int height = 1;
        for (Map<?, ?> own : List.of(module.parameters, module.buffers)) {
            for (Map.Entry<?, ?> entry : own.entrySet()) {
                Subtree child = plain(entry.getValue(), depth + 1);
                if (child.value != null && !module.passing.contains(entry.getKey())) {
                    put(plain, String.valueOf(entry.getKey()), child.value);
                    nodes = sum(nodes, child.nodes);
                    height = Math.max(height, 1 + child.height);
                }
            }
        }
        for (Map.Entry<?, ?> entry : module.modules.entrySet()) {
            Subtree child = plain(entry.getValue(), depth + 1);
            if (child.value instanceof Map<?, ?> inner) {
                inner.forEach((name, value) -> put(plain, entry.getKey() + "." + name, value));
                nodes = sum(nodes, child.nodes);
                height = Math.max(height, 1 + child.height);
            }
        }
        return new Subtree(plain, nodes, height);
    }

    /** Tensors of inner modules are named anew once a level, and a module may be part of many. */
    private void put(Map<Object, @Nullable Object> plain, String name, @Nullable Object value) {
        copied += NAME_COST + name.length();
        requireFew(copied);
        plain.put(name, value);
    }

    private long sum(long nodes, long more) {
        requireFew(nodes + more);
        return nodes + more;
    }

    private void requireFew(long nodes) {
        if (nodes > MAX_NODES) {
            throw new CheckpointException(file, "the pickle unfolds to more than " + MAX_NODES + " values");
        }
    }

    private void requireShallow(int depth) {
        if (depth > MAX_DEPTH) {
            throw new CheckpointException(file, "the pickle nests more than " + MAX_DEPTH + " containers");
        }
    }
}
