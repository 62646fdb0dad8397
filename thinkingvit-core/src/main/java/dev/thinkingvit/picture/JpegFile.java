package dev.thinkingvit.picture;

import java.awt.image.DataBufferByte;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;
import java.io.IOException;
import javax.imageio.ImageReader;

/**
 * A JPEG file's header, and its decoding to RGB.
 *
 * <p>The runtime's reader (libjpeg) only undoes the compression: it is given the file without its application segments
 * and asked for the stored components. What the components mean is decided and computed here, by libjpeg's rules and in
 * its integer arithmetic, so that neither colour profiles nor the reader's own guesses come between.
 */
final class JpegFile {

    private static final int SOS = 0xDA;
    private static final int EOI = 0xD9;

    /** What the components are. */
    private enum Colors {
        GRAY,
        RGB,
        YCC,
        CMYK,
        YCCK
    }

    private final int width;
    private final int height;
    private final Colors colors;
    private final byte[] bare; // the file without application segments and comments

    private JpegFile(int width, int height, Colors colors, byte[] bare) {
        this.width = width;
        this.height = height;
        this.colors = colors;
        this.bare = bare;
    }

    /** Reads the segments up to the first scan. */
    static JpegFile parse(byte[] bytes) throws IOException {
        byte[] bare = new byte[bytes.length];
        bare[0] = (byte) 0xFF;
        bare[1] = (byte) 0xD8;
        int kept = 2;
        int frame = -1; // where the frame header's content begins
        boolean jfif = false;
        int adobe = -1; // Adobe's transform, -1 without its segment
        int at = 2;
        while (true) {
            at = nextMarker(bytes, at);
            int marker = bytes[at + 1] & 0xFF;
            if (marker == EOI) {
                throw new IOException("it holds no picture");
            }
            if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
                at += 2; // stands alone
                continue;
            }
            int length = at + 4 <= bytes.length ? u16(bytes, at + 2) : 0;
            int end = at + 2 + length;
            if (length < 2 || end > bytes.length) {
                throw new IOException("it is cut short");
            }
            if (marker == SOS) {
                break;
            }
            if (marker == 0xE0) {
                jfif |= length >= 16 && PictureFormat.startsWith(bytes, at + 4, 'J', 'F', 'I', 'F', 0);
            } else if (marker == 0xEE
                    && length >= 14
                    && PictureFormat.startsWith(bytes, at + 4, 'A', 'd', 'o', 'b', 'e')) {
                adobe = bytes[at + 15] & 0xFF;
            } else if (isFrame(marker)) {
                requireSupported(marker);
                frame = at + 4;
                if (length < 8 || length < 8 + 3 * (bytes[frame + 5] & 0xFF)) {
                    throw new IOException("its frame header is too short");
                }
            }
            if (marker < 0xE0 || marker == 0xFF) { // neither APPn, JPGn nor a comment
                System.arraycopy(bytes, at, bare, kept, end - at);
                kept += end - at;
            }
            at = end;
        }
        if (frame < 0) {
            throw new IOException("its first scan comes before any frame header");
        }
        requireEnd(bytes, at);
        System.arraycopy(bytes, at, bare, kept, bytes.length - at);
        kept += bytes.length - at;
        return new JpegFile(
                u16(bytes, frame + 3),
                u16(bytes, frame + 1),
                colors(bytes, frame, jfif, adobe),
                kept == bytes.length ? bytes : java.util.Arrays.copyOf(bare, kept));
    }

    Picture decode(long maxPixels) throws IOException {
        PictureDecoder.checkSize(width, height, maxPixels);
        Raster raster = readComponents();
        if (raster.getWidth() != width || raster.getHeight() != height) {
            throw new IOException("its header says " + width + "x" + height + " pixels, its data " + raster.getWidth()
                    + "x" + raster.getHeight());
        }
        if (!(raster.getDataBuffer() instanceof DataBufferByte data
                && raster.getSampleModel() instanceof PixelInterleavedSampleModel model)) {
            throw new IOException("its components do not come as bytes");
        }
        byte[] samples = data.getData();
        int bands = model.getNumBands();
        if (bands != bandsOf(colors) || model.getPixelStride() != bands || model.getScanlineStride() != bands * width) {
            throw new IOException("its components come in an unexpected layout");
        }
        byte[] rgb =
                switch (colors) {
                    case RGB -> samples;
                    case GRAY -> JpegColors.grayToRgb(samples);
                    case YCC -> JpegColors.yccToRgb(samples);
                    case CMYK -> JpegColors.invertedCmykToRgb(samples);
                    case YCCK -> JpegColors.invertedCmykToRgb(JpegColors.ycckToCmyk(samples));
                };
        return new Picture(width, height, rgb);
    }

    private Raster readComponents() throws IOException {
        ImageReader reader = ImageReaders.jpeg().createReaderInstance();
        try {
            reader.setInput(new ByteArrayStream(bare), true, true);
            return reader.readRaster(0, null);
        } finally {
            reader.dispose();
        }
    }

    private static int bandsOf(Colors colors) {
        return switch (colors) {
            case GRAY -> 1;
            case RGB, YCC -> 3;
            case CMYK, YCCK -> 4;
        };
    }

    /** libjpeg's rules ({@code default_decompress_parms}). */
    private static Colors colors(byte[] bytes, int frame, boolean jfif, int adobe) throws IOException {
        int components = bytes[frame + 5] & 0xFF;
        return switch (components) {
            case 1 -> Colors.GRAY;
            case 3 -> {
                boolean named = bytes[frame + 6] == 'R' && bytes[frame + 9] == 'G' && bytes[frame + 12] == 'B';
                boolean rgb = !jfif && (adobe < 0 ? named : adobe == 0);
                yield rgb ? Colors.RGB : Colors.YCC;
            }
            case 4 -> adobe <= 0 ? Colors.CMYK : Colors.YCCK;
            default -> throw new IOException("it has " + components + " components; 1, 3 or 4 are understood");
        };
    }

    private static boolean isFrame(int marker) {
        return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    }

    private static void requireSupported(int marker) throws IOException {
        if (marker > 0xC2) {
            String kind =
                    marker >= 0xC9 ? "arithmetic coding" : marker == 0xC3 ? "lossless coding" : "hierarchical coding";
            throw new IOException("it uses " + kind + "; baseline and progressive Huffman coding are understood");
        }
    }

    /** The reader fills in gray for what is missing at the end; a file without its end mark is incomplete. */
    private static void requireEnd(byte[] bytes, int from) throws IOException {
        for (int at = bytes.length - 2; at >= from; at--) {
            if (bytes[at] == (byte) 0xFF && bytes[at + 1] == (byte) EOI) {
                return;
            }
        }
        throw new IOException("it is cut short");
    }

    /** The next 0xFF that a marker code follows: fill bytes and rubbish between segments are skipped, as libjpeg does. */
    private static int nextMarker(byte[] bytes, int from) throws IOException {
        for (int at = from; at + 1 < bytes.length; at++) {
            if (bytes[at] == (byte) 0xFF && bytes[at + 1] != (byte) 0xFF && bytes[at + 1] != 0) {
                return at;
            }
        }
        throw new IOException("it is cut short");
    }

    static int u16(byte[] bytes, int at) {
        return (bytes[at] & 0xFF) << 8 | (bytes[at + 1] & 0xFF);
    }
}
