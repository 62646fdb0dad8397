package dev.thinkingvit.checkpoint;

import dev.thinkingvit.tensor.HostTensor;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** A part of a file as the stream that the pickle machine wants, a window of it in memory, and knowing where it is. */
final class PickleBytes extends InputStream {
    private static final int WINDOW = 1 << 18;

    private final HostTensor.Source source;
    private final int size;
    private ByteBuffer window = ByteBuffer.allocate(0);
    private int windowEnd; // of the window's bytes in the part

    /** @param size of the part, in bytes */
    PickleBytes(HostTensor.Source source, int size) {
        this.source = source;
        this.size = size;
    }

    PickleBytes(ByteBuffer bytes) {
        this((offset, length) -> bytes.slice(Math.toIntExact(offset), length), bytes.remaining());
    }

    /** Bytes from the part's start to the next one that is read. */
    int position() {
        return windowEnd - window.remaining();
    }

    void position(int position) {
        window = ByteBuffer.allocate(0);
        windowEnd = position;
    }

    private boolean hasRemaining() {
        if (!window.hasRemaining() && windowEnd < size) {
            window = source.read(windowEnd, Math.min(WINDOW, size - windowEnd));
            windowEnd += window.remaining();
        }
        return window.hasRemaining();
    }

    @Override
    public int read() {
        return hasRemaining() ? window.get() & 0xFF : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
        if (length > 0 && !hasRemaining()) {
            return -1;
        }
        int count = Math.min(length, window.remaining());
        window.get(target, offset, count);
        return count;
    }

    @Override
    public int available() {
        return size - position();
    }
}
