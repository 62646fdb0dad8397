package dev.thinkingvit.checkpoint;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.tensor.HostTensor;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes files as {@code torch.save} does, for users of Python: a zip archive of a pickle and, uncompressed and aligned to
 * {@value #ALIGNMENT} bytes, each tensor's storage. It holds nothing but tensors and plain containers, which
 * {@code torch.load} takes under its default, {@code weights_only=True}, without a list of allowed classes.
 *
 * <p>Files may be larger than 4 GiB, single tensors not larger than 2.
 */
public final class TorchFileWriter {
    private static final int ALIGNMENT = 64;
    private static final String ROOT = "archive/";
    private static final int LOCAL_HEADER_BYTES = 30;
    private static final int EXTRA_HEADER_BYTES = 4;

    /** When a file was written is no part of what it says. The JDK adds a second, exact time to zip's very first one. */
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0, 2);

    private TorchFileWriter() {}

    /**
     * Writes a file in one atomic step, the same bytes for the same content.
     *
     * @param content dictionary of {@link HostTensor}s, strings, whole and floating point numbers, booleans, nulls, and
     *     lists and dictionaries of all that; keys of dictionaries are strings or numbers. A tensor that comes twice is one
     *     storage
     * @throws CheckpointException if the disk fails
     * @throws IllegalArgumentException if something else is in the content
     */
    public static void write(Path file, Map<String, ? extends @Nullable Object> content) {
        PickleWriter pickle = new PickleWriter();
        byte[] program = pickle.write(content);
        try {
            AtomicFiles.write(file, out -> writeTo(out, program, pickle.storages()));
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be written: " + AtomicFiles.reason(e), e);
        }
    }

    private static void writeTo(OutputStream out, byte[] pickle, List<HostTensor> storages) throws IOException {
        Archive archive = new Archive(out);
        archive.add("data.pkl", ByteBuffer.wrap(pickle));
        archive.add(".format_version", ascii("1"));
        archive.add(".storage_alignment", ascii(String.valueOf(ALIGNMENT)));
        archive.add("byteorder", ascii("little"));
        for (int i = 0; i < storages.size(); i++) {
            archive.add("data/" + i, storages.get(i).data());
        }
        archive.add("version", ascii("3\n"));
        archive.finish();
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Zip entries whose content begins at multiples of the alignment. */
    private static final class Archive {
        private final CountingStream counted;
        private final ZipOutputStream zip;

        Archive(OutputStream out) {
            counted = new CountingStream(out);
            zip = new ZipOutputStream(counted);
            zip.setMethod(ZipOutputStream.STORED);
        }

        void add(String name, ByteBuffer content) throws IOException {
            ZipEntry entry = new ZipEntry(ROOT + name);
            CRC32 crc = new CRC32();
            crc.update(content.duplicate());
            entry.setCrc(crc.getValue());
            entry.setSize(content.remaining());
            entry.setTimeLocal(TIME);
            entry.setExtra(
                    padding(counted.count + LOCAL_HEADER_BYTES + entry.getName().length()));
            zip.putNextEntry(entry);
            WritableByteChannel channel = Channels.newChannel(zip);
            while (content.hasRemaining()) {
                channel.write(content);
            }
            zip.closeEntry();
        }

        /** An extra field that no reader knows, as torch pads: "FB", its length, and that many Zs. */
        private static byte[] padding(long position) {
            int length = (int) (ALIGNMENT - (position + EXTRA_HEADER_BYTES) % ALIGNMENT) % ALIGNMENT;
            byte[] extra = new byte[EXTRA_HEADER_BYTES + length];
            Arrays.fill(extra, (byte) 'Z');
            extra[0] = 'F';
            extra[1] = 'B';
            extra[2] = (byte) length;
            extra[3] = 0;
            return extra;
        }

        void finish() throws IOException {
            zip.finish();
        }
    }

    /** Knows where it is. */
    private static final class CountingStream extends FilterOutputStream {
        long count;

        CountingStream(OutputStream out) {
            super(out);
        }

        @Override
        public void write(int value) throws IOException {
            out.write(value);
            count++;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
            count += length;
        }
    }
}
