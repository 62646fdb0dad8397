package dev.thinkingvit.archive;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;

/** A member's bytes. Closing it closes the tar's channel. Not thread-safe. */
final class SliceChannel implements SeekableByteChannel {
    private final Node.Slice slice;
    private final FileChannel channel;
    private long position;

    SliceChannel(Node.Slice slice) throws IOException {
        this.slice = slice;
        if (slice.fault() != null) {
            throw new IOException(slice.fault());
        }
        this.channel = slice.tar().open(slice.offset(), slice.mark());
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        if (position >= slice.size()) {
            return -1;
        }
        int wanted = (int) Math.min(into.remaining(), slice.size() - position);
        ByteBuffer part = into.slice(into.position(), wanted);
        TarFile.readFully(channel, part, slice.offset() + position);
        into.position(into.position() + wanted);
        position += wanted;
        return wanted;
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public SeekableByteChannel position(long newPosition) {
        position = newPosition;
        return this;
    }

    @Override
    public long size() {
        return slice.size();
    }

    @Override
    public int write(ByteBuffer from) {
        throw new NonWritableChannelException();
    }

    @Override
    public SeekableByteChannel truncate(long size) {
        throw new NonWritableChannelException();
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
