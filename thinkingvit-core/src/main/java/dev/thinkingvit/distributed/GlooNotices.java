package dev.thinkingvit.distributed;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Copies a process's standard output byte by byte but for the lines in which Gloo reports its connections there. No setting
 * turns them off, and they would spoil output that a program reads.
 */
final class GlooNotices {
    private static final byte[] PREFIX = "[Gloo] Rank ".getBytes(StandardCharsets.US_ASCII);

    private final OutputStream out;
    private int matched; // bytes of the prefix that the current line began with and that are held back
    private boolean atStart = true;
    private boolean inNotice;

    private GlooNotices(OutputStream out) {
        this.out = out;
    }

    /** Copies until {@code in} ends. */
    static void copyWithout(InputStream in, OutputStream out) throws IOException {
        GlooNotices filter = new GlooNotices(out);
        byte[] buffer = new byte[8192];
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            for (int i = 0; i < count; i++) {
                filter.take(buffer[i]);
            }
            out.flush();
        }
        filter.release();
        out.flush();
    }

    private void take(byte value) throws IOException {
        if (inNotice) {
            inNotice = value != '\n';
            atStart = !inNotice;
        } else if (atStart && value == PREFIX[matched]) {
            matched++;
            if (matched == PREFIX.length) {
                matched = 0;
                inNotice = true;
            }
        } else {
            release();
            out.write(value);
            atStart = value == '\n';
        }
    }

    private void release() throws IOException {
        out.write(PREFIX, 0, matched);
        matched = 0;
    }
}
