package dev.thinkingvit.app.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.Writer;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;

/**
 * Standard error where it is a terminal, on whose last line a progress bar may stand: whatever else is written takes the
 * bar's place, and the bar is drawn again below. Threads: safe.
 */
final class TerminalLine extends Writer {
    private static final String ERASE = "\r\u001b[K";

    private final Writer out;
    private boolean drawn; // guarded by the lock

    TerminalLine(Writer out) {
        this.out = out;
    }

    /** Where a bar draws itself, as wide as the terminal is. */
    ConsoleProgressBarConsumer bar() {
        return new ConsoleProgressBarConsumer(new PrintStream(PrintStream.nullOutputStream())) {
            @Override
            public void accept(String text) {
                draw(text.strip());
            }

            @Override
            public void clear() {
                draw("");
            }

            @Override
            public void close() {
                draw("");
            }
        };
    }

    private void draw(String text) {
        synchronized (lock) {
            try {
                if (drawn || !text.isEmpty()) {
                    out.write(ERASE + text);
                    out.flush();
                }
                drawn = !text.isEmpty();
            } catch (IOException e) {
                drawn = false; // nobody looks
            }
        }
    }

    @Override
    public void write(char[] text, int from, int length) throws IOException {
        synchronized (lock) {
            if (drawn) {
                out.write(ERASE);
                drawn = false;
            }
            out.write(text, from, length);
        }
    }

    @Override
    public void flush() throws IOException {
        synchronized (lock) {
            out.flush();
        }
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
