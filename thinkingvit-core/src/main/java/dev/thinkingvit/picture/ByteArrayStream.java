package dev.thinkingvit.picture;

import javax.imageio.stream.ImageInputStreamImpl;

/** The stream that image readers want, over bytes already in memory: neither copied nor cached on disk. */
final class ByteArrayStream extends ImageInputStreamImpl {

    private final byte[] bytes;
    private final int length;

    ByteArrayStream(byte[] bytes) {
        this(bytes, bytes.length);
    }

    ByteArrayStream(byte[] bytes, int length) {
        this.bytes = bytes;
        this.length = length;
    }

    @Override
    public int read() {
        bitOffset = 0;
        return streamPos < length ? bytes[(int) streamPos++] & 0xFF : -1;
    }

    @Override
    public int read(byte[] target, int offset, int count) {
        bitOffset = 0;
        if (streamPos >= length) {
            return count == 0 ? 0 : -1;
        }
        int available = (int) Math.min(count, length - streamPos);
        System.arraycopy(bytes, (int) streamPos, target, offset, available);
        streamPos += available;
        return available;
    }

    @Override
    public long length() {
        return length;
    }
}
