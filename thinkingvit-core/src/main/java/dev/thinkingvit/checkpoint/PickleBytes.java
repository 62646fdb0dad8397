package dev.thinkingvit.checkpoint;

import java.io.InputStream;
import java.nio.ByteBuffer;

/** A part of a file as the stream that the pickle machine wants, without copying it, and knowing where it is. */
final class PickleBytes extends InputStream {
    private final ByteBuffer bytes;

    PickleBytes(ByteBuffer bytes) {
        this.bytes = bytes.duplicate();
    }

    /** Bytes from the buffer's start to the next one that is read. */
    int position() {
        return bytes.position();
    }

    void position(int position) {
        bytes.position(position);
    }

    @Override
    public int read() {
        return bytes.hasRemaining() ? bytes.get() & 0xFF : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
        if (!bytes.hasRemaining() && length > 0) {
            return -1;
        }
        int count = Math.min(length, bytes.remaining());
        bytes.get(target, offset, count);
        return count;
    }

    @Override
    public int available() {
        return bytes.remaining();
    }
}
