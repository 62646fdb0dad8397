package dev.thinkingvit.picture;

import java.awt.image.BufferedImage;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import javax.imageio.ImageReader;
import javax.imageio.spi.ImageReaderSpi;
import org.jspecify.annotations.Nullable;

/** The kinds of picture file, told by their first bytes. */
public enum PictureFormat {
    JPEG {
        @Override
        Picture decode(byte[] bytes, long maxPixels) throws IOException {
            return JpegFile.parse(bytes).decode(maxPixels);
        }
    },
    PNG {
        @Override
        Picture decode(byte[] bytes, long maxPixels) throws IOException {
            return Rasters.toPicture(read(ImageReaders.png(), bytes, maxPixels));
        }
    },
    GIF {
        @Override
        Picture decode(byte[] bytes, long maxPixels) throws IOException {
            return GifFile.decode(bytes, maxPixels);
        }
    },
    BMP {
        @Override
        Picture decode(byte[] bytes, long maxPixels) throws IOException {
            return Rasters.toPicture(read(ImageReaders.bmp(), bytes, maxPixels));
        }
    },
    WEBP {
        @Override
        Picture decode(byte[] bytes, long maxPixels) throws IOException {
            return WebpFile.decode(bytes, maxPixels);
        }

        @Override
        public String toString() {
            return "WebP";
        }
    },
    TIFF {
        @Override
        Picture decode(byte[] bytes, long maxPixels) throws IOException {
            return TiffFile.decode(bytes, maxPixels);
        }
    };

    /** The formats in words. */
    public static final String NAMES = "JPEG, PNG, GIF, BMP, WebP or TIFF";

    /**
     * Decodes the first picture of a file.
     *
     * @throws IOException (or a reader's runtime exception) with a reason that does not name the file
     */
    abstract Picture decode(byte[] bytes, long maxPixels) throws IOException;

    /** The format of a file's bytes, or null. */
    public static @Nullable PictureFormat of(byte[] bytes) {
        if (startsWith(bytes, 0, 0xFF, 0xD8, 0xFF)) {
            return JPEG;
        }
        if (startsWith(bytes, 0, 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n')) {
            return PNG;
        }
        if (startsWith(bytes, 0, 'G', 'I', 'F', '8', '7', 'a') || startsWith(bytes, 0, 'G', 'I', 'F', '8', '9', 'a')) {
            return GIF;
        }
        if (startsWith(bytes, 0, 'R', 'I', 'F', 'F') && startsWith(bytes, 8, 'W', 'E', 'B', 'P')) {
            return WEBP;
        }
        if (TiffFile.matches(bytes)) {
            return TIFF;
        }
        // Two letters begin many a text: the size of the second header, 12 to 124, has to follow.
        if (startsWith(bytes, 0, 'B', 'M') && bytes.length > 17 && bytes[14] >= 12 && startsWith(bytes, 15, 0, 0, 0)) {
            return BMP;
        }
        return null;
    }

    /** The first bytes in a form fit for an error message. */
    static String firstBytes(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Math.min(8, bytes.length); i++) {
            text.append(String.format(Locale.ROOT, "%02x ", bytes[i] & 0xFF));
        }
        return text.toString().strip();
    }

    static boolean startsWith(byte[] bytes, int at, int... expected) {
        if (bytes.length < at + expected.length) {
            return false;
        }
        for (int i = 0; i < expected.length; i++) {
            if ((bytes[at + i] & 0xFF) != expected[i]) {
                return false;
            }
        }
        return true;
    }

    /**
     * The first image of a file as its reader stores it, without colour management. Readers that meet the end too early
     * or nonsense on the way may warn and hand over half a picture: a warning is an error.
     */
    static BufferedImage read(ImageReaderSpi provider, byte[] bytes, long maxPixels) throws IOException {
        List<String> warnings = new ArrayList<>();
        BufferedImage image = read(provider, bytes, maxPixels, warnings::add);
        if (!warnings.isEmpty()) {
            throw new IOException(warnings.get(0));
        }
        return image;
    }

    /** As {@link #read(ImageReaderSpi, byte[], long)}, where warnings are the caller's matter. */
    static BufferedImage read(ImageReaderSpi provider, byte[] bytes, long maxPixels, Consumer<String> warnings)
            throws IOException {
        ImageReader reader = provider.createReaderInstance();
        try {
            reader.setInput(new ByteArrayStream(bytes), true, true);
            PictureDecoder.checkSize(reader.getWidth(0), reader.getHeight(0), maxPixels);
            reader.addIIOReadWarningListener((source, warning) -> warnings.accept(warning));
            return reader.read(0);
        } catch (EOFException e) {
            throw new IOException("it is cut short", e);
        } finally {
            reader.dispose();
        }
    }
}
