package dev.thinkingvit.files;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;

/**
 * The streams of a program: UTF-8 whatever the locale says. What is written to standard output is the program's result,
 * so that a write that fails ends the work with {@link Lost}, where a {@link PrintWriter} alone would go on and say
 * nothing. Standard error, where failures are told, has nobody to tell its own to.
 */
public final class StandardOutput {
    /** What a shell reports of a program that a closed pipe ended: 128 and SIGPIPE's number. */
    public static final int NOBODY_READS = 141;

    private StandardOutput() {}

    /** Standard output. Its writes throw {@link Lost}; flush it before the process ends. */
    public static PrintWriter out() {
        return checked(new FileOutputStream(FileDescriptor.out));
    }

    /** Standard error. */
    public static PrintWriter err() {
        return new PrintWriter(
                new OutputStreamWriter(new FileOutputStream(FileDescriptor.err), StandardCharsets.UTF_8), true);
    }

    /** As {@link #out()}, writing elsewhere. */
    static PrintWriter checked(OutputStream out) {
        return new PrintWriter(new Checked(new OutputStreamWriter(out, StandardCharsets.UTF_8)), true);
    }

    /**
     * What was written to standard output did not get there. An error like {@link java.io.IOError}, since nothing between
     * the write and the program's end can do better than to end.
     */
    public static final class Lost extends Error {
        private static final long serialVersionUID = 1L;

        Lost(IOException cause) {
            super("standard output: " + Reasons.of(cause), cause);
        }

        /** Whether it was a pipe whose reader has had enough, as {@code head} has: no failure. */
        public boolean nobodyReads() {
            return String.valueOf(getMessage()).contains("pipe"); // "broken pipe", in the words of all systems
        }
    }

    /** Throws what a {@link PrintWriter} would swallow. */
    private static final class Checked extends Writer {
        private final Writer out;

        Checked(Writer out) {
            this.out = out;
        }

        @Override
        public void write(char[] text, int from, int length) {
            try {
                out.write(text, from, length);
            } catch (IOException e) {
                throw new Lost(e);
            }
        }

        @Override
        public void flush() {
            try {
                out.flush();
            } catch (IOException e) {
                throw new Lost(e);
            }
        }

        @Override
        public void close() {
            try {
                out.close();
            } catch (IOException e) {
                throw new Lost(e);
            }
        }
    }
}
