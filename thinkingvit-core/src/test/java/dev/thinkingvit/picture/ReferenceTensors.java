package dev.thinkingvit.picture;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The 8-bit tensors of a recorded reference file in the test resources. */
public final class ReferenceTensors {

    private final byte[] file;
    private final int dataStart;
    private final JsonNode header;

    private ReferenceTensors(byte[] file) {
        this.file = file;
        int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        this.dataStart = 8 + length;
        this.header = new ObjectMapper().readTree(Arrays.copyOfRange(file, 8, dataStart));
    }

    public static ReferenceTensors open(String resource) {
        return new ReferenceTensors(resource(resource));
    }

    /** A file below {@code reference/} in the test resources. */
    public static byte[] resource(String name) {
        try (InputStream in = ReferenceTensors.class.getResourceAsStream("/reference/" + name)) {
            if (in == null) {
                throw new IllegalArgumentException("No test resource reference/" + name);
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public List<String> names() {
        List<String> names = new ArrayList<>(header.propertyNames());
        names.remove("__metadata__");
        return names;
    }

    int[] shape(String name) {
        JsonNode shape = header.get(name).get("shape");
        return new int[] {
            shape.get(0).asInt(), shape.get(1).asInt(), shape.get(2).asInt()
        };
    }

    /** A tensor of 3 × height × width levels. */
    public byte[] levels(String name) {
        JsonNode offsets = header.get(name).get("data_offsets");
        return Arrays.copyOfRange(
                file,
                dataStart + offsets.get(0).asInt(),
                dataStart + offsets.get(1).asInt());
    }

    /** The same as a picture. */
    public Picture picture(String name) {
        int[] shape = shape(name);
        byte[] chw = levels(name);
        int plane = shape[1] * shape[2];
        byte[] rgb = new byte[chw.length];
        for (int i = 0; i < plane; i++) {
            for (int c = 0; c < 3; c++) {
                rgb[3 * i + c] = chw[c * plane + i];
            }
        }
        return new Picture(shape[2], shape[1], rgb);
    }

    /** The largest difference between two tensors of levels. */
    static int maxDifference(byte[] a, byte[] b) {
        if (a.length != b.length) {
            throw new IllegalArgumentException("Tensors of " + a.length + " and " + b.length + " levels");
        }
        int max = 0;
        for (int i = 0; i < a.length; i++) {
            max = Math.max(max, Math.abs((a[i] & 0xFF) - (b[i] & 0xFF)));
        }
        return max;
    }
}
