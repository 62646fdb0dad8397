package dev.thinkingvit.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Reads the small text files that people write: label lists, class maps, configurations, recipes. A byte order mark is
 * skipped, lines may end as on any system, and UTF-16 is read where its mark says so. Everything else must be UTF-8.
 */
public final class TextFile {
    /** Longer files are refused unless the caller says otherwise: 64 MiB. */
    public static final long MAX_BYTES = 64L << 20;

    private TextFile() {}

    /** As {@link #read(Path, long)}, up to {@link #MAX_BYTES}. */
    public static String read(Path file) throws IOException {
        return read(file, MAX_BYTES);
    }

    /**
     * Reads a whole file.
     *
     * @param maxBytes how long it may be
     * @return its text without a byte order mark; lines end in {@code \n}
     * @throws IOException if it cannot be read, is longer, or no text: names the file, and the line where there is one
     */
    public static String read(Path file, long maxBytes) throws IOException {
        if (Files.isDirectory(file)) {
            throw refused(file, "is a folder, a text file is needed");
        }
        int limit = Math.toIntExact(Math.min(maxBytes, Integer.MAX_VALUE - 16));
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(limit + 1); // not by its size: a pipe has none
        } catch (FileSystemException e) {
            throw e;
        } catch (IOException e) {
            FileSystemException named = new FileSystemException(file.toString(), null, Reasons.of(e));
            named.initCause(e);
            throw named;
        }
        if (bytes.length > limit) {
            throw refused(file, "is longer than the " + limit + " bytes that are read of a text file");
        }
        return decode(file, bytes);
    }

    /** The text in bytes that came from {@code file}; see {@link #read(Path, long)}. */
    static String decode(Path file, byte[] bytes) throws FileSystemException {
        if (begins(bytes, 0xFF, 0xFE, 0, 0) || begins(bytes, 0, 0, 0xFE, 0xFF)) {
            throw refused(file, "is text in UTF-32; save it as UTF-8");
        }
        if (begins(bytes, 0xFF, 0xFE)) {
            return decode(file, bytes, 2, StandardCharsets.UTF_16LE);
        }
        if (begins(bytes, 0xFE, 0xFF)) {
            return decode(file, bytes, 2, StandardCharsets.UTF_16BE);
        }
        return decode(file, bytes, begins(bytes, 0xEF, 0xBB, 0xBF) ? 3 : 0, StandardCharsets.UTF_8);
    }

    private static String decode(Path file, byte[] bytes, int start, Charset charset) throws FileSystemException {
        ByteBuffer in = ByteBuffer.wrap(bytes, start, bytes.length - start);
        CharBuffer out = CharBuffer.allocate(bytes.length - start); // never more characters than bytes
        CoderResult result = charset.newDecoder().decode(in, out, true);
        out.flip();
        String text = out.toString().replace("\r\n", "\n").replace('\r', '\n');
        int zero = text.indexOf('\0');
        if (zero >= 0) {
            throw refused(
                    file,
                    "line " + line(text, zero) + " holds a zero byte: it is not text, or text in UTF-16 without a byte"
                            + " order mark; save it as UTF-8");
        }
        if (result.isError()) {
            throw refused(
                    file,
                    String.format(
                            Locale.ROOT,
                            "line %d is not %s: it holds the byte 0x%02X; save the file as UTF-8",
                            line(text, text.length()),
                            charset.name(),
                            bytes[in.position()] & 0xFF));
        }
        return text;
    }

    private static int line(String text, int end) {
        return 1 + (int) text.substring(0, end).chars().filter(c -> c == '\n').count();
    }

    private static boolean begins(byte[] bytes, int... with) {
        for (int i = 0; i < with.length; i++) {
            if (i >= bytes.length || (bytes[i] & 0xFF) != with[i]) {
                return false;
            }
        }
        return true;
    }

    private static FileSystemException refused(Path file, String reason) {
        return new FileSystemException(file.toString(), null, reason);
    }
}
