package dev.thinkingvit.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A message in Protocol Buffers' wire format, as much of it as event files and ONNX graphs need. Fields are written in
 * the order of the calls; numbers and types are those of the {@code .proto} file. Not thread-safe.
 */
public final class ProtoMessage {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int DELIMITED = 2;
    private static final int FIXED32 = 5;

    private final List<ByteBuffer> parts = new ArrayList<>(); // what was written before the last large value
    private ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private long partsSize;

    /** An {@code int64} or an {@code enum}. */
    public ProtoMessage integer(int field, long value) {
        key(field, VARINT);
        varint(value);
        return this;
    }

    /** A {@code double}. */
    public ProtoMessage float64(int field, double value) {
        key(field, FIXED64);
        bytes.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putDouble(value)
                .array());
        return this;
    }

    /** A {@code float}. */
    public ProtoMessage float32(int field, float value) {
        key(field, FIXED32);
        bytes.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(value)
                .array());
        return this;
    }

    /** A {@code string}, or {@code bytes} that hold text. */
    public ProtoMessage text(int field, String value) {
        byte[] encoded = value.getBytes(StandardCharsets.UTF_8);
        key(field, DELIMITED);
        varint(encoded.length);
        bytes.writeBytes(encoded);
        return this;
    }

    /** {@code bytes} between position and limit, which are not copied and must not change any more. */
    public ProtoMessage bytes(int field, ByteBuffer value) {
        key(field, DELIMITED);
        varint(value.remaining());
        endPart();
        parts.add(value.slice());
        partsSize += value.remaining();
        return this;
    }

    /** A message inside this one, as it is now. */
    public ProtoMessage message(int field, ProtoMessage value) {
        key(field, DELIMITED);
        varint(value.size());
        if (value.parts.isEmpty()) {
            bytes.writeBytes(value.bytes.toByteArray());
        } else {
            endPart();
            value.endPart();
            parts.addAll(value.parts);
            partsSize += value.partsSize;
        }
        return this;
    }

    /** Length in bytes. Readers of Protocol Buffers take messages below 2³¹ bytes. */
    public long size() {
        return partsSize + bytes.size();
    }

    /** Writes the message, which stays as it is. */
    public void writeTo(OutputStream out) throws IOException {
        WritableByteChannel channel = Channels.newChannel(out);
        for (ByteBuffer part : parts) {
            ByteBuffer rest = part.duplicate();
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
        }
        bytes.writeTo(out);
    }

    /** A copy of the message's bytes. */
    public byte[] toByteArray() {
        ByteBuffer all = ByteBuffer.allocate(Math.toIntExact(size()));
        parts.forEach(part -> all.put(part.duplicate()));
        return all.put(bytes.toByteArray()).array();
    }

    private void endPart() {
        if (bytes.size() > 0) {
            parts.add(ByteBuffer.wrap(bytes.toByteArray()));
            partsSize += bytes.size();
            bytes = new ByteArrayOutputStream();
        }
    }

    private void key(int field, int type) {
        varint(((long) field << 3) | type);
    }

    private void varint(long value) {
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            bytes.write((int) ((rest & 0x7F) | 0x80));
            rest >>>= 7;
        }
        bytes.write((int) rest);
    }
}
