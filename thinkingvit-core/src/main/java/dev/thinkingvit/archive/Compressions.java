package dev.thinkingvit.archive;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Compressed archives, which are not read: a member could be found only by decompressing all that is before it. */
final class Compressions {
    private Compressions() {}

    /** What to say of a file that begins so; null if it is not compressed. */
    static @Nullable String of(byte[] head) {
        if (begins(head, 0x1F, 0x8B)) {
            return advice("gzip", "gunzip -k");
        }
        if (begins(head, 0xFD, '7', 'z', 'X', 'Z')) {
            return advice("xz", "unxz -k");
        }
        if (begins(head, 'B', 'Z', 'h')) {
            return advice("bzip2", "bunzip2 -k");
        }
        if (begins(head, 0x28, 0xB5, 0x2F, 0xFD)) {
            return advice("Zstandard", "unzstd");
        }
        if (begins(head, 'P', 'K', 3, 4)) {
            return "is a zip archive; unpack it with 'unzip', and name the folder";
        }
        return null;
    }

    private static String advice(String what, String command) {
        return "is compressed with " + what + ", and pictures in it cannot be found without decompressing all before"
                + " them; decompress it once with '" + command + "', and name the .tar";
    }

    /** Whether a file is called as a compressed tar is. */
    static boolean isName(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.matches(".*\\.(tar\\.(gz|xz|bz2|zst)|tgz|txz|tbz2?|tzst)");
    }

    private static boolean begins(byte[] head, int... with) {
        for (int i = 0; i < with.length; i++) {
            if (i >= head.length || (head[i] & 0xFF) != with[i]) {
                return false;
            }
        }
        return true;
    }
}
