package dev.thinkingvit.checkpoint;

import dev.thinkingvit.checkpoint.HarmlessNames.Namespace;
import dev.thinkingvit.checkpoint.PythonObject.Name;
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
import java.util.function.Function;
import net.razorvine.pickle.UnpickleStack;
import net.razorvine.pickle.Unpickler;
import org.jspecify.annotations.Nullable;

/**
 * The pickle machine of a torch.save file, confined. Of the library's opcodes only those that push constants, use the
 * memo or shuffle the stack are left as they are; every opcode that looks up names, calls something or fills a container
 * is replaced here, so that the library's registry of classes and its reflection are out of reach.
 *
 * <p>A name is only ever a name. Calling one of {@link HarmlessNames} rearranges its arguments; calling any other makes
 * an opaque object, which takes whatever state and content the pickle has for it.
 *
 * <p>Work and memory are bounded: an opcode is a step, so is every element that a call copies, and steps are counted, as
 * are the bytes of texts. A constant that is longer than anything of use is stepped over.
 */
final class TorchPickle extends Unpickler {
    /** Fifty times what the checkpoint of a large Vision Transformer with its optimizer takes. */
    private static final int MAX_STEPS = 4_000_000;

    private static final int MAX_NAME = 1_024;
    private static final int MAX_INTEGER_BYTES = 128;
    private static final int MAX_DIGITS = 1_024;
    private static final int MAX_TEXT = 1 << 16;
    private static final int MAX_TEXTS = 64 << 20;

    private final Path file;
    private final PickleBytes pickle;
    private final HarmlessNames names;
    private final Function<List<?>, @Nullable Object> persistent;
    private long steps;
    private long textBytes;

    /** Shrinking the stack to fit, as the library does now and then, takes quadratic time on a deep one. */
    private static final class Stack extends UnpickleStack {
        private static final long serialVersionUID = 1L;

        @Override
        public void trim() {}
    }

    /** What is wrong with a pickle, in words of ours. */
    private static final class Damage extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Damage(String what) {
            super(what);
        }
    }

    /**
     * @param pickle stands at the pickle's first byte
     * @param persistent what a persistent id, a tuple, stands for; null if it is none that is understood
     */
    TorchPickle(Path file, PickleBytes pickle, HarmlessNames names, Function<List<?>, @Nullable Object> persistent) {
        this.file = file;
        this.pickle = pickle;
        this.names = names;
        this.persistent = persistent;
    }

    /**
     * Reads one pickle; afterwards the stream stands behind it.
     *
     * @return maps, lists, sets of scalars, strings, numbers, booleans, byte arrays, tensors, opaque objects and null;
     *     can be walked without fear of cycles or of unfolding without end
     * @throws CheckpointException if the pickle is damaged or out of all proportion
     */
    @Nullable Object read() {
        Object root;
        try {
            root = load(pickle);
        } catch (CheckpointException e) {
            throw e;
        } catch (Damage e) {
            throw new CheckpointException(file, "its pickle is damaged at " + position() + ": " + e.getMessage(), e);
        } catch (IOException | RuntimeException | StackOverflowError e) {
            // Damage shows as whatever exception the machine runs into: empty stacks, missing memo keys.
            boolean ended = pickle.available() == 0;
            throw new CheckpointException(
                    file, "its pickle " + (ended ? "breaks off at " : "is damaged at ") + position(), e);
        }
        return PlainTree.of(file, root);
    }

    private String position() {
        return "byte " + pickle.position();
    }

    @Override
    protected @Nullable Object dispatch(short opcode) throws IOException {
        if (!(stack instanceof Stack)) {
            stack = new Stack();
        }
        spend(1);
        return constant(opcode) || replaced(opcode) ? NO_RETURN_VALUE : super.dispatch(opcode);
    }

    /** Steps over a constant that is too long to be of use; false if the library may read it. */
    private boolean constant(short opcode) {
        return switch (opcode) {
            case 'U', 'C', 0x8c -> steppedOver("str", 1, MAX_TEXT);
            case 'X', 'T' -> steppedOver("str", 4, MAX_TEXT);
            case 0x8d -> steppedOver("str", 8, MAX_TEXT);
            case 'B' -> steppedOver("bytes", 4, MAX_TEXT);
            case 0x8e, 0x96 -> steppedOver("bytes", 8, MAX_TEXT);
            case 0x8b -> steppedOver("int", 4, MAX_INTEGER_BYTES);
            case 'I', 'L' -> lineSteppedOver("int", MAX_DIGITS);
            case 'S', 'V' -> lineSteppedOver("str", MAX_TEXT);
            case 'p', 'g' -> longLineRefused();
            default -> false;
        };
    }

    /** Runs the opcode in our way if it is one of those that ours replaces; false if the library's is harmless. */
    private boolean replaced(short opcode) {
        switch (opcode) {
            case 'c' -> stack.add(name(line(), line()));
            case 0x93 -> stack.add(nameFromStack());
            case 0x82 -> stack.add(new Name("copyreg extension " + number(1)));
            case 0x83 -> stack.add(new Name("copyreg extension " + number(2)));
            case 0x84 -> stack.add(new Name("copyreg extension " + number(4)));
            case 'R', 0x81 -> call(stack.pop());
            case 0x92 -> callWithKeywords(stack.pop());
            case 'i' -> instance(line() + "." + line());
            case 'o' -> instance();
            case 'b' -> build(stack.pop(), stack.peek());
            case 'Q' -> stack.add(persistent(stack.pop()));
            case 'P' -> stack.add(new PythonObject("persistent object " + line()));
            case 0x97 -> stack.add(new PythonObject("a buffer outside of the pickle"));
            case 0x98 -> requireOnStack();
            case 'F' -> stack.add(decimal(line()));
            case ')' -> stack.add(Collections.emptyList());
            case 't' -> stack.add(Collections.unmodifiableList(popToMark()));
            case 0x85, 0x86, 0x87 -> stack.add(tuple(opcode - 0x84));
            case 'a' -> append(tuple(1));
            case 'e' -> append(popToMark());
            case '}' -> stack.add(new LinkedHashMap<>(0));
            case 'd' -> dict(popToMark());
            case 's' -> putAll(tuple(2));
            case 'u' -> putAll(popToMark());
            case 0x8f -> stack.add(new LinkedHashSet<>());
            case 0x90 -> addAll(popToMark());
            case 0x91 -> frozenSet(popToMark());
            case '1' -> popToMark();
            // Protocol and frame, memo, constants, list, mark, pop, duplicate, stop.
            case 0x80, 0x95, 'p', 'q', 'r', 0x94, 'g', 'h', 'j', '.', '(', '0', '2', ']', 'l' -> {
                return false;
            }
            case 'N', 0x88, 0x89, 'I', 'J', 'K', 'L', 'M', 0x8a, 0x8b, 'G' -> {
                return false;
            }
            case 'S', 'T', 'U', 'V', 'X', 0x8c, 0x8d, 'B', 'C', 0x8e, 0x96 -> {
                return false;
            }
            default -> throw new Damage(String.format(Locale.ROOT, "0x%02x is no instruction of a pickle", opcode));
        }
        return true;
    }

    private static Name name(String module, String name) {
        return new Name(module + "." + name);
    }

    private Name nameFromStack() {
        if (stack.pop() instanceof String name && stack.pop() instanceof String module) {
            if (name.length() <= MAX_NAME && module.length() <= MAX_NAME) {
                return name(module, name);
            }
        }
        throw new Damage("a name that is no text");
    }

    private void call(@Nullable Object arguments) {
        List<?> list = arguments(arguments);
        stack.add(made(stack.pop(), list));
    }

    private void callWithKeywords(@Nullable Object keywords) {
        List<?> list = arguments(stack.pop());
        Object callee = stack.pop();
        boolean plain = keywords instanceof Map<?, ?> map && map.isEmpty();
        stack.add(
                plain || !(callee instanceof Name name) ? made(callee, list) : PythonObject.madeBy(name.full(), list));
    }

    private static List<?> arguments(@Nullable Object tuple) {
        if (tuple instanceof List<?> arguments) {
            return arguments;
        }
        throw new Damage("a call whose arguments are no tuple but " + PythonObject.describe(tuple));
    }

    /** What calling {@code callee} makes: nothing is run, whatever it is. */
    private Object made(@Nullable Object callee, List<?> arguments) {
        if (callee instanceof PythonObject object) {
            return new PythonObject(object.type, arguments);
        }
        if (!(callee instanceof Name name)) {
            throw new Damage("a call of what is no class or function but " + PythonObject.describe(callee));
        }
        if (names.isKnown(name.full())) {
            // It may copy what it is given.
            spend(arguments.size());
            arguments.forEach(this::spendFor);
        }
        return names.call(name.full(), arguments);
    }

    /** An object of an old Python, its arguments on the stack. */
    private void instance(String type) {
        List<?> arguments = popToMark();
        stack.add(made(new Name(type), arguments));
    }

    private void instance() {
        List<?> classAndArguments = popToMark();
        if (classAndArguments.isEmpty()) {
            throw new Damage("an object without a class");
        }
        stack.add(made(classAndArguments.get(0), classAndArguments.subList(1, classAndArguments.size())));
    }

    /** Gives {@code target} its state: the entries of a Namespace; attributes of plain values are dropped. */
    private void build(@Nullable Object state, @Nullable Object target) {
        if (target instanceof Namespace namespace && state instanceof Map<?, ?> entries) {
            spend(entries.size());
            namespace.putAll(entries);
        } else if (target instanceof PythonObject object) {
            object.state = state;
        }
    }

    private Object persistent(@Nullable Object id) {
        Object object = id instanceof List<?> tuple ? persistent.apply(tuple) : null;
        return object == null ? new PythonObject("persistent object") : object;
    }

    private List<@Nullable Object> popToMark() {
        return stack.pop_all_since_marker();
    }

    private void requireOnStack() {
        stack.peek();
    }

    private List<@Nullable Object> tuple(int size) {
        Object[] elements = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            elements[i] = stack.pop();
        }
        return Collections.unmodifiableList(Arrays.asList(elements));
    }

    @SuppressWarnings("unchecked") // the element type is erased
    private void append(List<@Nullable Object> elements) {
        Object target = stack.peek();
        if (target instanceof PythonObject object) {
            object.elements().addAll(elements);
        } else if (target instanceof ArrayList<?> list) {
            ((ArrayList<Object>) list).addAll(elements);
        } else {
            throw new Damage("elements for what is no list but " + PythonObject.describe(target));
        }
    }

    private void dict(List<@Nullable Object> keysAndValues) {
        stack.add(new LinkedHashMap<>());
        putAll(keysAndValues);
    }

    @SuppressWarnings("unchecked") // key and value types are erased
    private void putAll(List<@Nullable Object> keysAndValues) {
        Object target = stack.peek();
        Map<Object, @Nullable Object> map;
        if (target instanceof PythonObject object) {
            map = object.entries();
        } else if (target instanceof Map<?, ?> dict) {
            map = (Map<Object, @Nullable Object>) dict;
        } else {
            throw new Damage("entries for what is no dict but " + PythonObject.describe(target));
        }
        if (keysAndValues.size() % 2 != 0) {
            throw new Damage("a key without a value");
        }
        for (int i = 0; i < keysAndValues.size(); i += 2) {
            map.put(HarmlessNames.key(keysAndValues.get(i)), keysAndValues.get(i + 1));
        }
    }

    private void frozenSet(List<@Nullable Object> elements) {
        stack.add(new LinkedHashSet<>());
        addAll(elements);
    }

    @SuppressWarnings("unchecked") // the element type is erased
    private void addAll(List<@Nullable Object> elements) {
        Object target = stack.peek();
        if (!(target instanceof Set<?> set)) {
            throw new Damage("elements for what is no set but " + PythonObject.describe(target));
        }
        elements.forEach(element -> ((Set<Object>) set).add(HarmlessNames.key(element)));
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

    private static double decimal(String text) {
        try {
            return switch (text) {
                case "inf" -> Double.POSITIVE_INFINITY;
                case "-inf" -> Double.NEGATIVE_INFINITY;
                case "nan" -> Double.NaN;
                default -> Double.parseDouble(text);
            };
        } catch (NumberFormatException e) {
            throw (Damage) new Damage("a number that is none").initCause(e);
        }
    }

    /** Reads a line of a module's or a class's name, or of a number. */
    private String line() {
        StringBuilder line = new StringBuilder();
        for (int c = pickle.read(); c != '\n'; c = pickle.read()) {
            if (c < 0 || line.length() == MAX_NAME) {
                throw new Damage("a line that does not end");
            }
            line.append((char) c);
        }
        return line.toString();
    }

    /** Parsing decimal numbers takes quadratic time, and a text takes memory. */
    private boolean lineSteppedOver(String type, int limit) {
        int start = pickle.position();
        int c = pickle.read();
        while (c >= 0 && c != '\n') {
            c = pickle.read();
        }
        int length = pickle.position() - start;
        if (length > limit) {
            stack.add(new PythonObject(type));
            return true;
        }
        pickle.position(start);
        spendText(length);
        return false;
    }

    /** The memo's keys: the library would read a line of any length. */
    private boolean longLineRefused() {
        int start = pickle.position();
        line();
        pickle.position(start);
        return false;
    }

    /** The length of a constant comes next, in little-endian; the library would allocate before it reads. */
    private boolean steppedOver(String type, int lengthBytes, int limit) {
        int start = pickle.position();
        long length = number(lengthBytes);
        if (length < 0 || length > pickle.available()) {
            throw new CheckpointException(
                    file,
                    "its pickle breaks off at " + position() + ": a value of " + Long.toUnsignedString(length)
                            + " bytes should follow, " + pickle.available() + " do");
        }
        if (length > limit) {
            pickle.position(pickle.position() + (int) length);
            stack.add(new PythonObject(type));
            return true;
        }
        pickle.position(start);
        spendText(length);
        return false;
    }

    private void spendText(long bytes) {
        textBytes += bytes;
        if (textBytes > MAX_TEXTS) {
            throw new CheckpointException(file, "its pickle holds more than " + MAX_TEXTS + " bytes of text");
        }
    }

    private long number(int bytes) {
        long number = 0;
        for (int i = 0; i < bytes; i++) {
            int next = pickle.read();
            if (next < 0) {
                throw new CheckpointException(file, "its pickle breaks off at " + position());
            }
            number |= (long) next << (8 * i);
        }
        return number;
    }
}
