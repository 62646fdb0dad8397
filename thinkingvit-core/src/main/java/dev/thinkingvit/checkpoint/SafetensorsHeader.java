package dev.thinkingvit.checkpoint;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/**
 * The JSON header of a safetensors file: every tensor's element type, shape and place. It is parsed as a stream, token
 * by token, because the header of a hostile file may be large.
 *
 * @param entries the tensors in the header's order
 * @param metadata the {@code __metadata__} strings; empty if there are none
 */
record SafetensorsHeader(List<Entry> entries, Map<String, String> metadata) {
    static final String METADATA = "__metadata__";
    private static final int MAX_DIMENSIONS = 64;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(4)
                    .maxNumberLength(20)
                    .maxStringLength(Safetensors.MAX_HEADER_BYTES)
                    .build())
            .build();

    /**
     * One tensor's line.
     *
     * @param name unique
     * @param dtype element type; null if it is one that is not computed with
     * @param type the element type as the file names it
     * @param shape sizes ≥ 0
     * @param begin first byte, counted from the end of the header
     * @param end first byte after it; {@code end - begin} fits the shape
     */
    @SuppressWarnings("ArrayRecordComponent") // entries are never compared
    record Entry(String name, @Nullable DType dtype, String type, long[] shape, long begin, long end) {
        /** Of a tensor whose first byte is {@code begin}. */
        static Entry at(long begin, String name, DType dtype, long... shape) {
            long bytes = dtype.bytes();
            for (long size : shape) {
                bytes = Math.multiplyExact(bytes, size);
            }
            return new Entry(name, dtype, dtype.name(), shape, begin, Math.addExact(begin, bytes));
        }
    }

    /** Bits an element of the types that are not computed with. */
    private static final Map<String, Integer> FOREIGN_BITS = Map.ofEntries(
            Map.entry("F4", 4),
            Map.entry("F6_E2M3", 6),
            Map.entry("F6_E3M2", 6),
            Map.entry("F8_E4M3", 8),
            Map.entry("F8_E4M3FNUZ", 8),
            Map.entry("F8_E5M2", 8),
            Map.entry("F8_E5M2FNUZ", 8),
            Map.entry("F8_E8M0", 8),
            Map.entry("U16", 16),
            Map.entry("U32", 32),
            Map.entry("U64", 64),
            Map.entry("C64", 64),
            Map.entry("C128", 128));

    private static final int MAX_TYPE_LENGTH = 32;

    /**
     * @param file named in errors
     * @param json the header's bytes
     * @throws CheckpointException if it is not JSON of the form the format asks for, a key comes twice, or a shape and
     *     its byte range do not fit
     */
    static SafetensorsHeader parse(Path file, byte[] json) {
        if (json.length == 0 || json[0] != '{') {
            throw new CheckpointException(file, "no safetensors file: its header does not begin with '{'");
        }
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json)) {
            return new Parsing(file, parser).header();
        } catch (JacksonException e) {
            throw new CheckpointException(file, "the safetensors header is no valid JSON: " + Reasons.of(e), e);
        }
    }

    /** The header's JSON; not yet padded. */
    byte[] write() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectPropertyStart(METADATA);
                metadata.forEach(json::writeStringProperty);
                json.writeEndObject();
            }
            for (Entry tensor : entries) {
                json.writeObjectPropertyStart(tensor.name());
                json.writeStringProperty("dtype", tensor.type());
                writeNumbers(json, "shape", tensor.shape());
                writeNumbers(json, "data_offsets", tensor.begin(), tensor.end());
                json.writeEndObject();
            }
            json.writeEndObject();
        }
        return bytes.toByteArray();
    }

    private static void writeNumbers(JsonGenerator json, String name, long... numbers) {
        json.writeArrayPropertyStart(name);
        for (long number : numbers) {
            json.writeNumber(number);
        }
        json.writeEndArray();
    }

    /** The parser's position in the header, and the file's name for errors. */
    private record Parsing(Path file, JsonParser json) {
        SafetensorsHeader header() {
            List<Entry> entries = new ArrayList<>();
            Map<String, String> metadata = new LinkedHashMap<>();
            require(JsonToken.START_OBJECT, json.nextToken(), "the header");
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = json.currentName();
                if (name.equals(METADATA)) {
                    metadata(metadata);
                } else {
                    entries.add(entry(name));
                }
            }
            if (json.nextToken() != null) {
                throw new CheckpointException(file, "the safetensors header goes on after its closing '}'");
            }
            return new SafetensorsHeader(entries, metadata);
        }

        private void metadata(Map<String, String> into) {
            require(JsonToken.START_OBJECT, json.nextToken(), METADATA);
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = json.currentName();
                require(JsonToken.VALUE_STRING, json.nextToken(), METADATA + " entry '" + key + "'");
                into.put(key, json.getString());
            }
        }

        private Entry entry(String name) {
            String what = "tensor '" + name + "'";
            String dtype = null;
            long[] shape = null;
            long[] offsets = null;
            require(JsonToken.START_OBJECT, json.nextToken(), what);
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = json.currentName();
                switch (key) {
                    case "dtype" -> {
                        require(JsonToken.VALUE_STRING, json.nextToken(), what + ": dtype");
                        dtype = json.getString();
                    }
                    case "shape" -> shape = numbers(what + ": shape");
                    case "data_offsets" -> offsets = numbers(what + ": data_offsets");
                    default -> throw new CheckpointException(file, what + " has an unknown key '" + key + "'");
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw new CheckpointException(file, what + " needs dtype, shape and data_offsets; one is missing");
            }
            if (offsets.length != 2 || offsets[1] < offsets[0]) {
                throw new CheckpointException(
                        file,
                        what + ": data_offsets must be [begin, end] with begin ≤ end, came "
                                + Arrays.toString(offsets));
            }
            DType type = dtype(dtype);
            Integer bits = type == null ? FOREIGN_BITS.get(dtype) : Integer.valueOf(Byte.SIZE * type.bytes());
            if (bits != null) {
                requireSize(what + ": " + dtype, bits, shape, offsets[1] - offsets[0]);
            } else if (dtype.length() > MAX_TYPE_LENGTH) {
                throw new CheckpointException(file, what + ": a dtype of " + dtype.length() + " characters");
            }
            return new Entry(name, type, dtype, shape, offsets[0], offsets[1]);
        }

        private static @Nullable DType dtype(String name) {
            for (DType type : DType.values()) {
                if (type.name().equals(name)) {
                    return type;
                }
            }
            return null;
        }

        private void requireSize(String what, int bits, long[] shape, long bytes) {
            String typed = what + " of shape " + Arrays.toString(shape);
            long required = bits;
            try {
                for (long size : shape) {
                    required = Math.multiplyExact(required, size);
                }
            } catch (ArithmeticException e) {
                throw new CheckpointException(file, typed + " is absurdly large", e);
            }
            required = required / Byte.SIZE + (required % Byte.SIZE == 0 ? 0 : 1);
            if (required != bytes) {
                throw new CheckpointException(
                        file, typed + " takes " + required + " bytes, data_offsets span " + bytes);
            }
        }

        /** An array of numbers ≥ 0. */
        private long[] numbers(String what) {
            require(JsonToken.START_ARRAY, json.nextToken(), what);
            long[] numbers = new long[4];
            int count = 0;
            while (json.nextToken() != JsonToken.END_ARRAY) {
                require(JsonToken.VALUE_NUMBER_INT, json.currentToken(), what + " entry");
                if (count == MAX_DIMENSIONS) {
                    throw new CheckpointException(file, what + " has more than " + MAX_DIMENSIONS + " entries");
                }
                long number = json.getLongValue();
                if (number < 0) {
                    throw new CheckpointException(file, what + " has a negative entry " + number);
                }
                if (count == numbers.length) {
                    numbers = Arrays.copyOf(numbers, 2 * count);
                }
                numbers[count++] = number;
            }
            return Arrays.copyOf(numbers, count);
        }

        private static String words(@Nullable JsonToken token) {
            if (token == null) {
                return "the header's end";
            }
            return switch (token) {
                case START_OBJECT -> "an object with keys";
                case START_ARRAY -> "a list";
                case END_OBJECT, END_ARRAY -> "the end of what it is in";
                case VALUE_STRING -> "text";
                case VALUE_NUMBER_INT -> "a whole number";
                case VALUE_NUMBER_FLOAT -> "a number that is not whole";
                case VALUE_TRUE, VALUE_FALSE -> "true or false";
                case VALUE_NULL -> "null";
                default -> "something else";
            };
        }

        private void require(JsonToken required, @Nullable JsonToken came, String what) {
            if (came != required) {
                throw new CheckpointException(file, what + " must be " + words(required) + ", came " + words(came));
            }
        }
    }
}
