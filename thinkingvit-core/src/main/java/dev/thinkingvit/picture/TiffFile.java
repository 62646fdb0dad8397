package dev.thinkingvit.picture;

import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The first picture of a TIFF or BigTIFF file. The plugin's reader undoes compression and layout; what the samples mean
 * is decided here, as PIL does: inks become RGB without a profile, colours that were multiplied by their alpha are
 * divided by it, and the picture is turned as its orientation says, which in a TIFF belongs to the pixels.
 */
final class TiffFile {
    private static final int COMPRESSION = 259;
    private static final int PHOTOMETRIC = 262;
    private static final int STRIP_OFFSETS = 273;
    private static final int ORIENTATION = 274;
    private static final int STRIP_BYTES = 279;
    private static final int COLOR_MAP = 320;
    private static final int TILE_OFFSETS = 324;
    private static final int TILE_BYTES = 325;
    private static final int EXTRA_SAMPLES = 338;

    private static final int PALETTE = 3;
    private static final int INKS = 5;
    private static final List<Long> LAB = List.of(8L, 9L, 10L);
    private static final int MULTIPLIED_ALPHA = 1;

    /** Compressions that other programs write and the reader does not know. */
    private static final Map<Long, String> OTHER_COMPRESSIONS = Map.of(
            33003L,
            "JPEG 2000",
            33005L,
            "JPEG 2000",
            34712L,
            "JPEG 2000",
            34887L,
            "LERC",
            34892L,
            "lossy JPEG",
            34925L,
            "LZMA",
            50000L,
            "Zstandard",
            50001L,
            "WebP",
            50002L,
            "JPEG XL",
            52546L,
            "JPEG XL");

    private final Map<Integer, long[]> tags;

    private TiffFile(Map<Integer, long[]> tags) {
        this.tags = tags;
    }

    static boolean matches(byte[] bytes) {
        return PictureFormat.startsWith(bytes, 0, 'I', 'I', 42, 0)
                || PictureFormat.startsWith(bytes, 0, 'M', 'M', 0, 42)
                || PictureFormat.startsWith(bytes, 0, 'I', 'I', 43, 0)
                || PictureFormat.startsWith(bytes, 0, 'M', 'M', 0, 43);
    }

    static Picture decode(byte[] bytes, long maxPixels) throws IOException {
        TiffFile file;
        try {
            file = new TiffFile(firstDirectory(bytes));
        } catch (IndexOutOfBoundsException | BufferUnderflowException | IllegalArgumentException e) {
            throw new IOException("it is cut short", e);
        }
        file.requireKnownCompression();
        file.requireKnownColors();
        file.requireWhole(bytes.length, STRIP_OFFSETS, STRIP_BYTES);
        file.requireWhole(bytes.length, TILE_OFFSETS, TILE_BYTES);
        // What the reader warns of, a last strip that is shorter than others or a tag's odd type, spoils no pixel.
        BufferedImage image = PictureFormat.read(ImageReaders.tiff(), bytes, maxPixels, warning -> {});
        Picture picture = new Picture(image.getWidth(), image.getHeight(), file.rgb(image));
        return Orientation.ofExif((int) file.first(ORIENTATION, 1)).apply(picture);
    }

    private byte[] rgb(BufferedImage image) throws IOException {
        Raster raster = image.getRaster();
        int bands = raster.getNumBands();
        boolean inks = bands == 4 && first(PHOTOMETRIC, 1) == INKS;
        if (inks || (bands == 4 && first(EXTRA_SAMPLES, 0) == MULTIPLIED_ALPHA)) {
            byte[] samples = Rasters.toBytes(raster);
            return inks ? JpegColors.cmykToRgb(samples) : divided(samples);
        }
        if (bands == 2 && first(PHOTOMETRIC, 1) == PALETTE) {
            return fromColorMap(raster);
        }
        if (bands == 1 && raster.getSampleModel().getSampleSize(0) == 32) {
            return wideGray(raster);
        }
        return Rasters.toRgb(image);
    }

    /** A palette beside alpha, which the reader leaves to its caller. */
    private byte[] fromColorMap(Raster raster) throws IOException {
        long[] map = tags.getOrDefault(COLOR_MAP, new long[0]);
        int colors = map.length / 3; // all reds, then all greens, then all blues, of 16 bits each
        if (raster.getSampleModel().getSampleSize(0) != 8 || colors == 0) {
            throw new IOException("its palette beside alpha is not one of 8 bits");
        }
        byte[] samples = Rasters.toBytes(raster);
        byte[] rgb = new byte[samples.length / 2 * 3];
        for (int i = 0, j = 0; i < samples.length; i += 2) {
            int index = samples[i] & 0xFF;
            for (int c = 0; c < 3; c++) {
                rgb[j++] = (byte) (index < colors ? map[c * colors + index] >> 8 : 0);
            }
        }
        return rgb;
    }

    /** Colours as they were before they were multiplied by alpha; black where nothing is left of them. */
    private static byte[] divided(byte[] rgba) {
        byte[] rgb = new byte[rgba.length / 4 * 3];
        for (int i = 0, j = 0; i < rgba.length; i += 4) {
            int alpha = rgba[i + 3] & 0xFF;
            for (int c = 0; c < 3; c++) {
                rgb[j++] = (byte) (alpha == 0 ? 0 : Math.min(255, (rgba[i + c] & 0xFF) * 255 / alpha));
            }
        }
        return rgb;
    }

    /** Whole numbers of 32 bits are cut off at 0 and 255. */
    private static byte[] wideGray(Raster raster) throws IOException {
        if (raster.getTransferType() == DataBuffer.TYPE_FLOAT) {
            throw new IOException("its samples are fractions of 32 bits, which say no levels");
        }
        byte[] gray = new byte[raster.getWidth() * raster.getHeight()];
        int at = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            for (int x = 0; x < raster.getWidth(); x++) {
                int level = raster.getSample(raster.getMinX() + x, raster.getMinY() + y, 0);
                gray[at++] = (byte) Math.max(0, Math.min(255, level));
            }
        }
        return JpegColors.grayToRgb(gray);
    }

    private void requireKnownCompression() throws IOException {
        String other = OTHER_COMPRESSIONS.get(first(COMPRESSION, 1));
        if (other != null) {
            throw new IOException("it is compressed by " + other
                    + "; none, LZW, Deflate, PackBits, JPEG and fax coding are understood");
        }
    }

    private void requireKnownColors() throws IOException {
        if (LAB.contains(first(PHOTOMETRIC, 1))) {
            throw new IOException("its colours are CIE-Lab, of which programs make different RGB; save it as RGB");
        }
    }

    /** The reader fills up what is missing; a file that ends before its pixels do is incomplete. */
    private void requireWhole(int length, int offsetsTag, int bytesTag) throws IOException {
        long[] offsets = tags.getOrDefault(offsetsTag, new long[0]);
        long[] counts = tags.getOrDefault(bytesTag, new long[0]);
        for (int i = 0; i < Math.min(offsets.length, counts.length); i++) {
            if (offsets[i] < 0 || counts[i] < 0 || offsets[i] > length || counts[i] > length - offsets[i]) {
                throw new IOException("it is cut short");
            }
        }
    }

    private long first(int tag, long otherwise) {
        long[] values = tags.get(tag);
        return values == null || values.length == 0 ? otherwise : values[0];
    }

    /** The whole numbers of the first directory's tags. */
    private static Map<Integer, long[]> firstDirectory(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(bytes[0] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        boolean big = in.getShort(2) == 43;
        int entryBytes = big ? 20 : 12;
        in.position(Math.toIntExact(big ? in.getLong(8) : in.getInt(4) & 0xFFFFFFFFL));
        long entries = big ? in.getLong() : in.getShort() & 0xFFFF;
        Map<Integer, long[]> tags = new HashMap<>();
        for (long i = 0; i < entries; i++) {
            ByteBuffer entry = in.slice(in.position(), entryBytes).order(in.order());
            in.position(in.position() + entryBytes);
            int size =
                    switch (entry.getShort(2)) {
                        case 1 -> 1;
                        case 3 -> 2;
                        case 4, 13 -> 4;
                        case 16, 18 -> 8;
                        default -> 0; // text, fractions and the like
                    };
            long count = big ? entry.getLong(4) : entry.getInt(4) & 0xFFFFFFFFL;
            if (size == 0 || count < 1 || count > bytes.length / size) {
                continue;
            }
            int value = big ? 12 : 8;
            ByteBuffer values = entry.slice(value, entryBytes - value).order(in.order());
            if (count * size > values.capacity()) {
                long at = big ? values.getLong(0) : values.getInt(0) & 0xFFFFFFFFL;
                values = in.duplicate().position(Math.toIntExact(at)).order(in.order());
            }
            tags.put(entry.getShort(0) & 0xFFFF, numbers(values, (int) count, size));
        }
        return tags;
    }

    private static long[] numbers(ByteBuffer values, int count, int size) {
        long[] numbers = new long[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = switch (size) {
                case 1 -> values.get() & 0xFF;
                case 2 -> values.getShort() & 0xFFFF;
                case 4 -> values.getInt() & 0xFFFFFFFFL;
                default -> values.getLong();
            };
        }
        return numbers;
    }
}
