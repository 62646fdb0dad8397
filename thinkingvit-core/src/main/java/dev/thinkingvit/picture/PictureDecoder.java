package dev.thinkingvit.picture;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Reads picture files into RGB: the levels that PIL's {@code Image.open(file).convert("RGB")} gives.
 *
 * <p>JPEG (baseline and progressive; gray, RGB, CMYK), PNG, GIF (first frame), BMP, WebP and TIFF (first page), told
 * apart by their first bytes and not by their name. Colour profiles and gamma are ignored, transparency is dropped
 * without blending, and the orientation that a camera noted is applied only on request, but that of a TIFF always. The whole file is held in memory while decoding.
 *
 * <p>Whatever is wrong with a file — missing, empty, cut short, damaged, of another kind, larger than allowed, a reader
 * that runs out of memory over it — is a {@link PictureException} that names it. All methods may be called from any thread.
 */
public final class PictureDecoder {

    /** Pixels above which a picture is refused unread: twice PIL's warning threshold, where PIL refuses too. */
    public static final long DEFAULT_MAX_PIXELS = 178_956_970L;

    /** What is said of a picture that memory did not suffice for. */
    public static final String NO_MEMORY = "more memory than there is";

    private static final long MAX_FILE_BYTES = Integer.MAX_VALUE - 16;
    private static final int MAX_REASON = 200;

    /**
     * How to decode.
     *
     * @param applyOrientation whether to turn the picture as its EXIF orientation says; the published models were
     *     evaluated without
     * @param maxPixels pixels above which a picture is refused before anything is allocated for it, at least 1
     */
    public record Options(boolean applyOrientation, long maxPixels) {

        /** No orientation, {@link #DEFAULT_MAX_PIXELS}. */
        public static final Options DEFAULT = new Options(false, DEFAULT_MAX_PIXELS);

        public Options {
            if (maxPixels < 1) {
                throw new IllegalArgumentException("The limit must be at least 1 pixel, not " + maxPixels);
            }
        }
    }

    private PictureDecoder() {}

    /** Decodes a file with the default options. */
    public static Picture decode(Path file) throws IOException {
        return decode(file, Options.DEFAULT);
    }

    /** Decodes a file. */
    public static Picture decode(Path file, Options options) throws IOException {
        Objects.requireNonNull(file, "the picture's file is null");
        Objects.requireNonNull(options, "the options are null");
        return decode(read(file), file.toString(), options);
    }

    /** Decodes a file's bytes with the default options; {@code name} is what errors call them. */
    public static Picture decode(byte[] bytes, String name) throws IOException {
        return decode(bytes, name, Options.DEFAULT);
    }

    /** Decodes a file's bytes; {@code name} is what errors call them. */
    public static Picture decode(byte[] bytes, String name, Options options) throws IOException {
        Objects.requireNonNull(bytes, "the picture's bytes are null");
        Objects.requireNonNull(name, "the picture's name is null");
        Objects.requireNonNull(options, "the options are null");
        PictureFormat format = PictureFormat.of(bytes);
        if (format == null) {
            throw new PictureException(name + ": a " + PictureFormat.NAMES + " picture is needed, " + found(bytes));
        }
        try {
            Picture picture = format.decode(bytes, options.maxPixels());
            return options.applyOrientation() ? Orientation.of(format, bytes).apply(picture) : picture;
        } catch (IOException e) {
            throw new PictureException(name + ": not a readable " + format + " picture: " + reason(e), e);
        } catch (RuntimeException e) {
            // what a reader stumbles over says nothing to people
            throw new PictureException(name + ": not a readable " + format + " picture: its data is damaged", e);
        } catch (OutOfMemoryError | StackOverflowError | InternalError e) {
            // Readers allocate what a damaged header claims; the error is about the file as long as memory recovers.
            throw new PictureException(
                    name + ": the " + format + " picture needs " + NO_MEMORY + ": " + e.getMessage(), e);
        }
    }

    /**
     * Decodes a file's bytes from a stream with the default options.
     *
     * @param stream read to its end, not closed
     * @param name what errors call it
     */
    public static Picture decode(InputStream stream, String name) throws IOException {
        Objects.requireNonNull(stream, "the picture's stream is null");
        Objects.requireNonNull(name, "the picture's name is null");
        byte[] bytes;
        try {
            bytes = stream.readNBytes((int) MAX_FILE_BYTES);
            if (bytes.length == MAX_FILE_BYTES) {
                throw new PictureException(name + ": a picture of less than 2 GiB is needed, this has more");
            }
        } catch (PictureException e) {
            throw e;
        } catch (IOException | RuntimeException e) { // somebody else's stream
            throw new PictureException(name + ": its stream cannot be read: " + Reasons.of(e), e);
        } catch (OutOfMemoryError e) {
            throw new PictureException(name + ": not enough memory to read it", e);
        }
        if (bytes.length == 0) {
            throw new PictureException(
                    name + ": a " + PictureFormat.NAMES + " picture is needed, its stream has no more"
                            + " bytes: it is empty, or has been read before, by another request perhaps");
        }
        return decode(bytes, name);
    }

    private static String found(byte[] bytes) {
        if (bytes.length == 0) {
            return "the file is empty";
        }
        String kind = OtherFormats.of(bytes);
        return kind == null ? "it begins with " + PictureFormat.firstBytes(bytes) : "not " + kind;
    }

    private static String reason(IOException e) {
        String reason = Reasons.of(e);
        return reason.length() <= MAX_REASON ? reason : reason.substring(0, MAX_REASON) + "…";
    }

    /** Refuses sizes before anything is allocated for them. */
    static void checkSize(long width, long height, long maxPixels) throws IOException {
        if (width < 1 || height < 1) {
            throw new IOException("its header says " + width + "x" + height + " pixels");
        }
        if (width * height > maxPixels) {
            throw new IOException(
                    "its header says " + width + "x" + height + " pixels, at most " + maxPixels + " are accepted");
        }
        if (3 * width * height > MAX_FILE_BYTES) {
            throw new IOException("its header says " + width + "x" + height + " pixels, more than an array holds");
        }
    }

    /** A file's bytes. */
    public static byte[] read(Path file) throws IOException {
        Objects.requireNonNull(file, "the file is null");
        try {
            long size = Files.size(file);
            if (!Files.isRegularFile(file)) {
                throw new PictureException(file + ": a picture file is needed, this is not a regular file");
            }
            if (size > MAX_FILE_BYTES) {
                throw new PictureException(
                        file + ": a picture file of at most 2 GiB is needed, this has " + size + " bytes");
            }
            return Files.readAllBytes(file);
        } catch (PictureException e) {
            throw e;
        } catch (IOException e) {
            boolean ofItsTar = e instanceof FileSystemException failed
                    && failed.getFile() != null
                    && !failed.getFile().equals(file.toString());
            throw new PictureException(ofItsTar ? Reasons.line(e) : file + ": " + Reasons.of(e), e);
        } catch (OutOfMemoryError e) {
            throw new PictureException(file + ": reading it needs " + NO_MEMORY, e);
        }
    }
}
