package dev.thinkingvit.checkpoint;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Something in a checkpoint that was stepped over, not understood: a Python object of a class unknown here, or a tensor
 * of elements that are not computed with. Nothing of its class was looked up and nothing of it was run. Equal only to
 * itself.
 */
public final class Opaque {
    private final String type;
    private Map<?, ?> attributes = Map.of();

    /** An object without attributes; {@code type} is its class as the file names it. */
    public Opaque(String type) {
        this.type = type;
    }

    /** What it is, as Python names it: {@code datetime.datetime}, {@code numpy.ndarray}, {@code torch.uint16 tensor}. */
    public String type() {
        return type;
    }

    /**
     * The object's attributes as the file gives them, plain values or opaque ones again, so that objects may refer to
     * each other in circles; empty if it has none.
     */
    public Map<?, ?> attributes() {
        return attributes;
    }

    void attributes(Map<?, ?> plain) {
        attributes = plain;
    }

    /**
     * The kind of a value in a checkpoint, for messages: never its content, which may be huge.
     *
     * @param value anything that {@link TorchFile#load} gives
     * @return Python's name of its type
     */
    public static String describe(@Nullable Object value) {
        return PythonObject.describe(value);
    }

    @Override
    public String toString() {
        return "<" + type + ">";
    }
}
