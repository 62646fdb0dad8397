package dev.thinkingvit.picture;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Names for files that lie among pictures and are not read, told by their first bytes. */
public final class OtherFormats {

    /** How many of a file's first bytes are looked at. */
    public static final int TELLING_BYTES = 264;

    private static final int TAR_MARK = 257;

    /** Endings of cameras' raw files, most of which begin as a TIFF does and hold but a small preview in its place. */
    private static final Set<String> RAW = Set.of(
            "3fr", "arw", "cr2", "cr3", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf",
            "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f");

    private OtherFormats() {}

    /** Whether a name ends as a camera's raw file does. */
    public static boolean isRawName(String ending) {
        return RAW.contains(ending.toLowerCase(Locale.ROOT));
    }

    /** What a file is called that begins so; null if it is nothing known. */
    public static @Nullable String of(byte[] head) {
        if (is(head, 4, "ftyp")) {
            return ofBrand(head);
        }
        if (is(head, 0, "RIFF") && is(head, 8, "AVI ")) {
            return "video";
        }
        if (starts(head, 0x1A, 0x45, 0xDF, 0xA3)) {
            return "video";
        }
        if (starts(head, 0xFF, 0x0A) || is(head, 4, "JXL ")) {
            return "JPEG XL";
        }
        if (starts(head, 0xFF, 0x4F, 0xFF, 0x51) || is(head, 4, "jP  ")) {
            return "JPEG 2000";
        }
        if (starts(head, 'I', 'I', 0xBC, 1)) {
            return "JPEG XR";
        }
        if (is(head, 0, "8BPS")) {
            return "Photoshop";
        }
        if (is(head, 0, "%PDF")) {
            return "PDF";
        }
        if (starts(head, 'P', 'K', 3, 4)) {
            return "zip";
        }
        if (starts(head, 0x1F, 0x8B)) {
            return "gzip";
        }
        if (is(head, TAR_MARK, "ustar")) {
            return "tar";
        }
        if (starts(head, 0, 0, 1, 0)) {
            return "icon";
        }
        if (starts(head, 0x76, 0x2F, 0x31, 0x01)) {
            return "OpenEXR";
        }
        if (is(head, 0, "#?RADIANCE")) {
            return "Radiance";
        }
        if (is(head, 0, "DDS ")) {
            return "DDS";
        }
        if (starts(head, 0x93, 'N', 'U', 'M', 'P', 'Y')) {
            return "NumPy";
        }
        if (is(head, 0, "version https://git-lfs")) {
            return "Git LFS pointer";
        }
        if (head.length > 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '7' && head[2] == '\n') {
            return "portable anymap";
        }
        return ofText(head);
    }

    private static String ofBrand(byte[] head) {
        String brand = head.length < 12 ? "" : new String(head, 8, 4, StandardCharsets.ISO_8859_1);
        return switch (brand) {
            case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1" -> "HEIC";
            case "avif", "avis" -> "AVIF";
            case "crx " -> "camera raw";
            default -> "video";
        };
    }

    private static @Nullable String ofText(byte[] head) {
        String text =
                new String(head, StandardCharsets.ISO_8859_1).stripLeading().toLowerCase(Locale.ROOT);
        if (text.startsWith("<!doctype html") || text.startsWith("<html")) {
            return "HTML";
        }
        if (text.startsWith("<svg") || (text.startsWith("<?xml") && text.contains("<svg"))) {
            return "SVG";
        }
        return null;
    }

    private static boolean starts(byte[] head, int... expected) {
        return PictureFormat.startsWith(head, 0, expected);
    }

    private static boolean is(byte[] head, int at, String name) {
        return PictureFormat.startsWith(head, at, name.chars().toArray());
    }
}
