package dev.thinkingvit.checkpoint;

import dev.thinkingvit.checkpoint.HarmlessNames.Call;
import dev.thinkingvit.checkpoint.HarmlessNames.Namespace;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import net.razorvine.pickle.UnpickleStack;
import net.razorvine.pickle.Unpickler;
import org.jspecify.annotations.Nullable;

/**
 * The pickle machine of a torch.save file, confined. Of the library's opcodes only those that push constants, use the
 * memo or shuffle the stack are left as they are; every opcode that looks up names, calls something or fills a container
 * is replaced here, so that the library's registry of classes and its reflection are out of reach. Opcodes unknown here
 * are refused.
 *
 * <p>A looked-up name lies on the stack as the string {@code module.name}. A file may as well push that string itself:
 * calling consults the white list again, so nothing is gained by it.
 *
 * <p>Work and memory are bounded: an opcode is a step, so is every element that a call copies, and steps are counted.
 */
final class TorchPickle extends Unpickler {
    /** Fifty times what the checkpoint of a large Vision Transformer with its optimizer takes. */
    private static final int MAX_STEPS = 4_000_000;

    private static final int MAX_LINE = 1_024;
    private static final int MAX_INTEGER_BYTES = 128;

    private final Path file;
    private final ByteArrayInputStream pickle;
    private final int pickleBytes;
    private final HarmlessNames names;
    private final TorchTensors tensors;
    private long steps;

    /** Shrinking the stack to fit, as the library does now and then, takes quadratic time on a deep one. */
    private static final class Stack extends UnpickleStack {
        private static final long serialVersionUID = 1L;

        @Override
        public void trim() {}
    }

    TorchPickle(Path file, byte[] pickle, TorchTensors tensors) {
        this.file = file;
        this.pickle = new ByteArrayInputStream(pickle);
        this.pickleBytes = pickle.length;
        this.tensors = tensors;
        this.names = new HarmlessNames(tensors);
    }

    /**
     * @return maps, lists, sets of scalars, strings, numbers, booleans, byte arrays, tensors and null; can be walked
     *     without fear of cycles or of unfolding without end
     * @throws CheckpointException if the pickle uses a name that is not on the white list, is damaged, or is out of all
     *     proportion
     */
    @Nullable Object read() {
        Object root;
        try {
            root = load(pickle);
        } catch (CheckpointException e) {
            throw e;
        } catch (IOException | RuntimeException | StackOverflowError e) {
            // Damage shows as whatever exception the machine runs into: casts, empty stacks, missing memo keys.
            int position = pickleBytes - pickle.available();
            throw new CheckpointException(file, "its pickle is damaged at byte " + position + ": " + e.getMessage(), e);
        }
        PlainTree.require(file, root);
        return root;
    }

    @Override
    protected @Nullable Object dispatch(short opcode) throws IOException {
        if (!(stack instanceof Stack)) {
            stack = new Stack();
        }
        spend(1);
        switch (opcode) {
            // Numbers and strings whose length the file claims: the library allocates before it reads.
            case 'X', 'T', 'B' -> requireAvailable(length(4));
            case 0x8d, 0x8e, 0x96 -> requireAvailable(length(8));
            case 0x8b -> requireShort(length(4), MAX_INTEGER_BYTES);
            case 'I', 'L', 'F' -> requireShortLine();
            default -> {
                if (replaced(opcode)) {
                    return NO_RETURN_VALUE;
                }
            }
        }
        return super.dispatch(opcode);
    }

    /** Runs the opcode in our way if it is one of those that ours replaces; false if the library's is harmless. */
    private boolean replaced(short opcode) {
        switch (opcode) {
            case 'c' -> stack.add(known(line(), line()));
            case 0x93 -> stack.add(knownFromStack());
            case 'R', 0x81 -> call((List<?>) stack.pop());
            case 0x92 -> callWithKeywords((Map<?, ?>) stack.pop());
            case 'b' -> build(stack.pop(), stack.peek());
            case 'Q' -> stack.add(storage((List<?>) stack.pop()));
            case ')' -> stack.add(Collections.emptyList());
            case 't' -> stack.add(Collections.unmodifiableList(stack.pop_all_since_marker()));
            case 0x85, 0x86, 0x87 -> stack.add(tuple(opcode - 0x84));
            case 'a' -> append(tuple(1));
            case 'e' -> append(stack.pop_all_since_marker());
            case '}' -> stack.add(new LinkedHashMap<>(0));
            case 'd' -> dict();
            case 's' -> putAll(tuple(2));
            case 'u' -> putAll(stack.pop_all_since_marker());
            case 0x8f -> stack.add(new LinkedHashSet<>());
            case 0x90 -> addAll(stack.pop_all_since_marker());
            case 0x91 -> frozenSet();
            case '1' -> stack.pop_all_since_marker();
            // Protocol and frame, memo, constants, list, mark, pop, duplicate, stop.
            case 0x80, 0x95, 'p', 'q', 'r', 0x94, 'g', 'h', 'j', '.', '(', '0', '2', ']', 'l' -> {
                return false;
            }
            case 'N', 0x88, 0x89, 'J', 'K', 'M', 0x8a, 'G', 'S', 'U', 'C', 'V', 0x8c -> {
                return false;
            }
            default ->
                throw new CheckpointException(
                        file,
                        String.format(
                                Locale.ROOT,
                                "its pickle uses opcode 0x%02x, which torch.save never writes; nothing was run",
                                opcode));
        }
        return true;
    }

    private String known(String module, String name) {
        String full = module + "." + name;
        if (!names.contains(full)) {
            throw new CheckpointException(
                    file,
                    "its pickle names " + full
                            + ", which is not on the list of known harmless classes; nothing was run");
        }
        return full;
    }

    private String knownFromStack() {
        String name = (String) stack.pop();
        return known((String) stack.pop(), name);
    }

    private void call(List<?> arguments) {
        String name = (String) stack.pop();
        Call call = names.call(name);
        if (call == null) {
            throw new CheckpointException(
                    file,
                    "its pickle calls " + name.substring(0, Math.min(100, name.length()))
                            + ", which is not on the list of known harmless functions; nothing was run");
        }
        spend(arguments.size());
        arguments.forEach(this::spendFor);
        stack.add(call.with(arguments));
    }

    private void callWithKeywords(Map<?, ?> keywords) {
        if (!keywords.isEmpty()) {
            throw new IllegalArgumentException("a call with keywords");
        }
        call((List<?>) stack.pop());
    }

    /** Gives {@code target} its state: the entries of a Namespace; attributes of other objects are dropped. */
    private void build(@Nullable Object state, @Nullable Object target) {
        if (target instanceof Namespace namespace && state instanceof Map<?, ?> entries) {
            spend(entries.size());
            namespace.putAll(entries);
        } else if (target instanceof String && state instanceof List<?> dtype) {
            requireLittleEndian(dtype);
        } else if (!(target instanceof Map<?, ?> && state instanceof Map<?, ?>)) {
            throw new IllegalArgumentException("state of an object of a kind that is not read");
        }
    }

    private static void requireLittleEndian(List<?> numpyState) {
        Object order = numpyState.get(1);
        if (!"<".equals(order) && !"|".equals(order) && !"=".equals(order)) {
            throw new IllegalArgumentException("a numpy type that is not little-endian");
        }
    }

    /** The pickle's reference to an entry of the archive: ('storage', type, key, device, number of elements). */
    private Object storage(List<?> id) {
        if (id.size() < 5 || !"storage".equals(id.get(0))) {
            throw new IllegalArgumentException("a reference that is no tensor storage");
        }
        return tensors.storage((String) id.get(1), (String) id.get(2), HarmlessNames.integer(id.get(4)));
    }

    private List<@Nullable Object> tuple(int size) {
        Object[] elements = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            elements[i] = stack.pop();
        }
        return Collections.unmodifiableList(Arrays.asList(elements));
    }

    @SuppressWarnings("unchecked") // the element type is erased; a tuple or another object fails the cast
    private void append(List<@Nullable Object> elements) {
        ((ArrayList<Object>) stack.peek()).addAll(elements);
    }

    private void dict() {
        List<@Nullable Object> keysAndValues = stack.pop_all_since_marker();
        stack.add(new LinkedHashMap<>());
        putAll(keysAndValues);
    }

    @SuppressWarnings("unchecked") // key and value types are erased
    private void putAll(List<@Nullable Object> keysAndValues) {
        Map<Object, @Nullable Object> map = (Map<Object, @Nullable Object>) stack.peek();
        for (int i = 0; i < keysAndValues.size(); i += 2) {
            map.put(HarmlessNames.key(keysAndValues.get(i)), keysAndValues.get(i + 1));
        }
    }

    private void frozenSet() {
        List<@Nullable Object> elements = stack.pop_all_since_marker();
        stack.add(new LinkedHashSet<>());
        addAll(elements);
    }

    @SuppressWarnings("unchecked") // the element type is erased
    private void addAll(List<@Nullable Object> elements) {
        Set<Object> set = (Set<Object>) stack.peek();
        elements.forEach(element -> set.add(HarmlessNames.key(element)));
    }

    private void spendFor(@Nullable Object argument) {
        if (argument instanceof Collection<?> elements) {
            spend(elements.size());
        } else if (argument instanceof Map<?, ?> entries) {
            spend(entries.size());
        } else if (argument instanceof String text) {
            spend(text.length() / 16);
        }
    }

    private void spend(long cost) {
        steps += cost;
        if (steps > MAX_STEPS) {
            throw new CheckpointException(file, "its pickle takes more than " + MAX_STEPS + " steps");
        }
    }

    /** Reads the line that names a module or a class. */
    private String line() {
        StringBuilder line = new StringBuilder();
        for (int c = pickle.read(); c != '\n'; c = pickle.read()) {
            if (c < 0 || line.length() == MAX_LINE) {
                throw new IllegalArgumentException("a name that does not end");
            }
            line.append((char) c);
        }
        return line.toString();
    }

    /** Numbers in decimal: parsing takes quadratic time. */
    private void requireShortLine() {
        pickle.mark(0);
        line();
        pickle.reset();
    }

    /** The little-endian length that comes next; the position stays. */
    private long length(int bytes) {
        pickle.mark(0);
        long length = 0;
        for (int i = 0; i < bytes; i++) {
            // Past the end of the pickle this is -1 and the length absurd, which is right.
            length |= (long) pickle.read() << (8 * i);
        }
        pickle.reset();
        return length;
    }

    private void requireAvailable(long length) {
        requireShort(length, pickle.available());
    }

    private static void requireShort(long length, long limit) {
        if (length < 0 || length > limit) {
            throw new IllegalArgumentException("a value of " + length + " bytes, at most " + limit + " can be");
        }
    }
}
