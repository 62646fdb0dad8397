package dev.thinkingvit.checkpoint;

import dev.thinkingvit.files.AtomicFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Writes <a href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">.npy</a> files: one array of F32,
 * little-endian and row-major, of any size.
 */
public final class NumpyFile {
    /** Enough for any shape, and a multiple of 64, so that the values are aligned as numpy aligns them. */
    private static final int HEAD_BYTES = 256;

    private NumpyFile() {}

    /** Writes values that need not be in memory together. */
    @FunctionalInterface
    public interface Body {
        /**
         * Writes the values.
         *
         * @return the shape of what was written; at most eight sizes
         */
        long[] writeTo(OutputStream values) throws IOException;
    }

    /**
     * Writes a file, as a whole or not at all.
     *
     * @throws IOException if the body or the disk fails, naming the file, or the file is no file but a pipe
     */
    public static void write(Path file, Body body) throws IOException {
        AtomicFiles.write(file, HEAD_BYTES, values -> head(body.writeTo(values)));
    }

    private static byte[] head(long... shape) {
        // Python writes a tuple of one with a comma
        String sizes = Arrays.stream(shape).mapToObj(size -> size + ",").collect(Collectors.joining(" "));
        String described = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + sizes + "), }";
        byte[] head = new byte[HEAD_BYTES];
        Arrays.fill(head, (byte) ' ');
        System.arraycopy(NumpyArchive.MAGIC, 0, head, 0, NumpyArchive.MAGIC.length);
        int at = NumpyArchive.MAGIC.length;
        head[at++] = 1; // version 1.0
        head[at++] = 0;
        int length = HEAD_BYTES - at - 2;
        head[at++] = (byte) length;
        head[at++] = (byte) (length >> 8);
        byte[] text = described.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, head, at, text.length);
        head[HEAD_BYTES - 1] = '\n';
        return head;
    }
}
