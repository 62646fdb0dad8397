package dev.thinkingvit.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;

/** Writes zip archives byte by byte, honest ones and others. */
final class TestZip {
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private final List<byte[]> directory = new ArrayList<>();
    private int declaredCount = -1;
    private boolean zip64;

    /** All numbers in zip64 fields, as torch.save writes them beyond 4 GiB. */
    TestZip zip64() {
        zip64 = true;
        return this;
    }

    TestZip stored(String name, byte[] content) {
        return entry(name, name, 0, content, content.length, content.length, body.size());
    }

    TestZip deflated(String name, byte[] content) {
        byte[] packed = deflate(content);
        return entry(name, name, 8, packed, packed.length, content.length, body.size());
    }

    /** An entry whose content is {@code packed}, whatever the sizes say. */
    TestZip deflated(String name, byte[] packed, long declaredSize) {
        return entry(name, name, 8, packed, packed.length, declaredSize, body.size());
    }

    TestZip entry(
            String name, String localName, int method, byte[] packed, long packedSize, long size, long headerOffset) {
        byte[] local = localName.getBytes(StandardCharsets.UTF_8);
        ByteBuffer header = little(30 + local.length);
        header.putInt(0, 0x04034b50).putShort(8, (short) method).putShort(26, (short) local.length);
        header.put(30, local);
        body.writeBytes(array(header));
        body.writeBytes(packed);

        byte[] raw = name.getBytes(StandardCharsets.UTF_8);
        int extra = zip64 ? 28 : 0;
        ByteBuffer line = little(46 + raw.length + extra);
        line.putInt(0, 0x02014b50).putShort(10, (short) method).putShort(28, (short) raw.length);
        line.putShort(30, (short) extra);
        line.put(46, raw);
        line.putInt(20, zip64 ? -1 : (int) packedSize).putInt(24, zip64 ? -1 : (int) size);
        line.putInt(42, zip64 ? -1 : (int) headerOffset);
        if (zip64) {
            line.position(46 + raw.length);
            line.putShort((short) 1)
                    .putShort((short) 24)
                    .putLong(size)
                    .putLong(packedSize)
                    .putLong(headerOffset);
        }
        directory.add(array(line));
        return this;
    }

    TestZip count(int declared) {
        declaredCount = declared;
        return this;
    }

    byte[] bytes() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(body.toByteArray());
        long start = all.size();
        directory.forEach(all::writeBytes);
        long size = all.size() - start;
        int count = declaredCount >= 0 ? declaredCount : directory.size();
        if (zip64) {
            long end64 = all.size();
            ByteBuffer end = little(56 + 20);
            end.putInt(0, 0x06064b50).putLong(4, 44).putLong(24, count).putLong(32, count);
            end.putLong(40, size).putLong(48, start);
            end.putInt(56, 0x07064b50).putLong(64, end64).putInt(72, 1);
            all.writeBytes(array(end));
        }
        ByteBuffer end = little(22).putInt(0, 0x06054b50);
        end.putShort(8, (short) (zip64 ? -1 : count)).putShort(10, (short) (zip64 ? -1 : count));
        end.putInt(12, zip64 ? -1 : (int) size).putInt(16, zip64 ? -1 : (int) start);
        all.writeBytes(array(end));
        return all.toByteArray();
    }

    Path write(Path file) {
        try {
            return Files.write(file, bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] deflate(byte[] content) {
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
        deflater.setInput(content);
        deflater.finish();
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        byte[] chunk = new byte[1 << 16];
        while (!deflater.finished()) {
            packed.write(chunk, 0, deflater.deflate(chunk));
        }
        deflater.end();
        return packed.toByteArray();
    }

    @SuppressWarnings("ByteBufferBackingArray") // it comes from little()
    private static byte[] array(ByteBuffer buffer) {
        return buffer.array();
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
