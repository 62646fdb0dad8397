package dev.thinkingvit.picture;

import com.twelvemonkeys.imageio.plugins.tiff.TIFFImageReaderSpi;
import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;
import java.util.Iterator;
import java.util.function.Supplier;
import javax.imageio.ImageIO;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;

/**
 * The readers this package relies on, by name: which plugin a registry would pick depends on what else is on the class
 * path, and readers differ in the levels they give. Providers are made once and are safe to share; readers are not.
 */
final class ImageReaders {

    private static final String JDK = "com.sun.imageio.plugins.";

    private static final ImageReaderSpi JPEG = jdk("jpeg.JPEGImageReaderSpi", "jpeg");
    private static final ImageReaderSpi PNG = jdk("png.PNGImageReaderSpi", "png");
    private static final ImageReaderSpi GIF = jdk("gif.GIFImageReaderSpi", "gif");
    private static final ImageReaderSpi BMP = jdk("bmp.BMPImageReaderSpi", "bmp");
    private static final ImageReaderSpi TIFF = new TIFFImageReaderSpi();
    private static final ImageReaderSpi WEBP = new WebPImageReaderSpi();

    private ImageReaders() {}

    static ImageReaderSpi jpeg() {
        return JPEG;
    }

    static ImageReaderSpi png() {
        return PNG;
    }

    static ImageReaderSpi gif() {
        return GIF;
    }

    static ImageReaderSpi bmp() {
        return BMP;
    }

    static ImageReaderSpi tiff() {
        return TIFF;
    }

    static ImageReaderSpi webp() {
        return WEBP;
    }

    private static ImageReaderSpi jdk(String className, String format) {
        Supplier<IllegalStateException> missing = () -> new IllegalStateException(
                "This Java runtime has no " + format + " reader: the module java.desktop is needed");
        Iterator<ImageReaderSpi> providers =
                IIORegistry.getDefaultInstance().getServiceProviders(ImageReaderSpi.class, false);
        while (providers.hasNext()) {
            ImageReaderSpi provider = providers.next();
            if (provider.getClass().getName().equals(JDK + className)) {
                return provider;
            }
        }
        // Another runtime's own reader is the next best.
        var readers = ImageIO.getImageReadersByFormatName(format);
        if (!readers.hasNext()) {
            throw missing.get();
        }
        return readers.next().getOriginatingProvider();
    }
}
