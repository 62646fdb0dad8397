package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.HostTensor;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Weights that no configuration, or an incomplete one, is with, and all that is known of them besides. What a network's shape is
 * by that, its architecture says ({@link WeightsReader}).
 *
 * @param tensors under timm's names if they are a Vision Transformer's, else under their file's
 * @param facts what else their file says, in plain Java: {@code epoch}, {@code arch}, {@code args} of a trainer's, the metadata
 *     of a safetensors file
 * @param strangers names of tensors by which other networks are known, each with what those are called, such as {@code a
 *     ResNet}
 * @param heads number of attention heads where the file's own layout shows it, which timm's does not; else 0
 * @param names what the model is called, the most telling first; any may say nothing
 * @param pictures sizes of pictures that are named anywhere, the surest first; none needs to be the weights'
 * @param place what to say of where a tensor was missed, after it; may be empty
 */
public record BareWeights(
        Map<String, HostTensor> tensors,
        Map<String, @Nullable Object> facts,
        Map<String, String> strangers,
        int heads,
        List<String> names,
        List<ImageSize> pictures,
        String place) {
    /** Where training scripts keep their arguments. */
    private static final List<String> PLACES = List.of("args", "hyper_parameters", "config", "cfg", "opt");

    private static final Pattern NUMBERS = Pattern.compile("\\d{1,4}");

    public BareWeights {
        tensors = Collections.unmodifiableMap(tensors);
        facts = Collections.unmodifiableMap(facts);
        strangers = Collections.unmodifiableMap(strangers);
        names = List.copyOf(names);
        pictures = List.copyOf(pictures);
    }

    /** Whether there is a tensor of that name. */
    public boolean has(String tensor) {
        return tensors.containsKey(tensor);
    }

    /**
     * One size of a tensor. One question looks at one tensor, so that weights are only asked for what nobody else has said.
     *
     * @param axis which, from 0
     * @param expected the whole shape; a negative size may be any from 1 on
     * @throws IllegalArgumentException if the tensor is missing or of another shape: names it, what was expected and what
     *     came
     */
    public int size(String tensor, int axis, long... expected) {
        String wanted = Arrays.toString(expected).replace("-1", "?");
        HostTensor there = tensors.get(tensor);
        if (there == null) {
            throw new IllegalArgumentException("tensor " + tensor + " is missing: expected shape " + wanted + place);
        }
        long[] shape = there.shape();
        boolean fits = shape.length == expected.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = expected[i] < 0 ? shape[i] > 0 && shape[i] <= Integer.MAX_VALUE : shape[i] == expected[i];
        }
        if (!fits) {
            throw new IllegalArgumentException("tensor " + tensor + " has the wrong shape: expected " + wanted
                    + ", came " + Arrays.toString(shape));
        }
        return (int) shape[axis];
    }

    /** An argument of the training script that wrote the file; null if it keeps none of that name. */
    public @Nullable Object argument(String name) {
        for (String each : PLACES) {
            if (facts.get(each) instanceof Map<?, ?> arguments && arguments.get(name) != null) {
                return arguments.get(name);
            }
        }
        return null;
    }

    /**
     * The whole numbers of an argument: a list, lists of them one after the other, or text of such; 0 for what is none. Empty
     * if there is no such argument.
     */
    public List<Integer> integers(String argument) {
        List<Integer> numbers = new ArrayList<>();
        Object said = argument(argument);
        if (said != null) {
            collect(said, numbers);
        }
        return numbers;
    }

    private static void collect(@Nullable Object said, List<Integer> numbers) {
        if (said instanceof List<?> list) {
            list.forEach(each -> collect(each, numbers));
        } else if (said instanceof String text) {
            Matcher number = NUMBERS.matcher(text);
            while (number.find()) {
                numbers.add(Integer.parseInt(number.group()));
            }
        } else {
            numbers.add(integer(said));
        }
    }

    /** A whole number of a configuration or script; 0 for anything else. A list of two equal ones counts as one. */
    public static int integer(@Nullable Object value) {
        if (value instanceof List<?> pair
                && pair.size() == 2
                && pair.get(0) != null
                && pair.get(0).equals(pair.get(1))) {
            return integer(pair.get(0));
        }
        boolean whole = value instanceof Integer
                || value instanceof Long
                || value instanceof Short
                || value instanceof Byte
                || (value instanceof BigInteger big && big.bitLength() < Long.SIZE);
        long number = whole && value instanceof Number each ? each.longValue() : 0;
        return number == (int) number ? (int) number : 0;
    }
}
