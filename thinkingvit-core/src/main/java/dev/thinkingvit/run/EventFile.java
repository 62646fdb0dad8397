package dev.thinkingvit.run;

import dev.thinkingvit.checkpoint.ProtoMessage;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes what TensorBoard shows of a run. Every value is in the operating system's hands when its method returns: a
 * killed run leaves a readable file whose last record is torn at worst, and a page that is open follows the run.
 *
 * <p>A run is a folder; each part of it, between a start and a stop, is one file there. A part begins by telling
 * TensorBoard its first step. What earlier parts logged at that step or later, beyond the checkpoint that the run
 * continues from, is then shown no more; the files stay as they are. For that to work all values of a run must count
 * steps alike: log what belongs to an epoch at the last step of the epoch.
 *
 * <p>The opener closes it. Not thread-safe. One writer at a time for a folder.
 */
public final class EventFile implements Closeable {
    private static final Pattern NAME = Pattern.compile("events\\.out\\.tfevents\\.(\\d{1,10})\\..*");

    /** Where programs write the name of the machine, which is nobody's business. */
    private static final String HOST = "localhost";

    private static final int SESSION_START = 1;
    private static final int DT_STRING = 7;

    private final Path file;
    private final AppendedFile out;

    private EventFile(Path file) throws IOException {
        this.file = file;
        this.out = new AppendedFile(file);
    }

    /**
     * Begins a new file in {@code folder}, which is made if it is not there.
     *
     * @param startStep the first step that will be logged: 0 for a new run, else the one after the checkpoint's last
     * @throws IOException if the folder or the file cannot be written
     * @throws IllegalArgumentException if {@code startStep} is negative
     */
    public static EventFile open(Path folder, long startStep) throws IOException {
        checkStep(startStep);
        Files.createDirectories(folder);
        Path file = folder.resolve(String.format(
                Locale.ROOT,
                "events.out.tfevents.%010d.%s.%d",
                secondOfNextFile(folder),
                HOST,
                ProcessHandle.current().pid()));
        Files.createFile(file);
        EventFile events = new EventFile(file);
        try {
            events.write(event().text(3, "brain.Event:2"));
            // The first file needs this too: TensorBoard takes a run's first start for its beginning, the next for
            // restarts.
            events.write(event().integer(2, startStep).message(7, new ProtoMessage().integer(1, SESSION_START)));
            return events;
        } catch (IOException e) {
            try (events.out) {
                throw e;
            }
        }
    }

    /**
     * Seconds since 1970, or more: TensorBoard reads a folder's files by name, and the later part of a run must come
     * later even where it began within the same second, or the clock was set back.
     */
    private static long secondOfNextFile(Path folder) throws IOException {
        long second = System.currentTimeMillis() / 1000;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                Matcher name = NAME.matcher(String.valueOf(entry.getFileName()));
                if (name.matches()) {
                    second = Math.max(second, Long.parseLong(name.group(1)) + 1);
                }
            }
        }
        return second;
    }

    /** The file that is written. */
    public Path file() {
        return file;
    }

    /**
     * Adds a point to a curve.
     *
     * @param tag name of the curve; slashes make groups, as in {@code loss/stage1}
     * @param step counted alike for all of a run, from 0
     * @param value kept as a 32-bit float
     * @throws IOException if the disk fails or is full; what was logged before stays readable
     * @throws IllegalArgumentException if the tag is blank or the step negative
     */
    public void scalar(String tag, long step, double value) throws IOException {
        write(scalarEvent(now(), tag, step, value));
    }

    /**
     * Adds a text, such as the recipe.
     *
     * @param tag name of the text; slashes make groups
     * @param step counted alike for all of a run, from 0
     * @param markdown shown as Markdown; put a fence of backticks around what shall keep its lines
     * @throws IOException if the disk fails or is full; what was logged before stays readable
     * @throws IllegalArgumentException if the tag is blank or the step negative
     */
    public void text(String tag, long step, String markdown) throws IOException {
        write(textEvent(now(), tag, step, markdown));
    }

    /** {@link AppendedFile#mend}; its folder must be there. */
    String mend() throws IOException {
        return out.mend();
    }

    /** Returns when the disk has it all: then not even a power failure loses it. */
    public void flush() throws IOException {
        out.sync();
    }

    /** Flushes and closes. */
    @Override
    public void close() throws IOException {
        try (out) {
            out.sync();
        }
    }

    // Field numbers are those of TensorFlow's event.proto, summary.proto and tensor.proto.

    static ProtoMessage scalarEvent(double wallSeconds, String tag, long step, double value) {
        return event(wallSeconds, step, value(tag).float32(2, (float) value));
    }

    static ProtoMessage textEvent(double wallSeconds, String tag, long step, String markdown) {
        ProtoMessage metadata = new ProtoMessage().message(1, new ProtoMessage().text(1, "text"));
        ProtoMessage scalarShape = new ProtoMessage();
        ProtoMessage tensor =
                new ProtoMessage().integer(1, DT_STRING).message(2, scalarShape).text(8, markdown);
        return event(wallSeconds, step, value(tag).message(8, tensor).message(9, metadata));
    }

    private static ProtoMessage value(String tag) {
        if (tag.isBlank()) {
            throw new IllegalArgumentException("an event needs a tag, got a blank one");
        }
        return new ProtoMessage().text(1, tag);
    }

    private static ProtoMessage event(double wallSeconds, long step, ProtoMessage value) {
        checkStep(step);
        return new ProtoMessage()
                .float64(1, wallSeconds)
                .integer(2, step)
                .message(5, new ProtoMessage().message(1, value));
    }

    private static ProtoMessage event() {
        return new ProtoMessage().float64(1, now());
    }

    private static double now() {
        return System.currentTimeMillis() / 1e3;
    }

    private static void checkStep(long step) {
        if (step < 0) {
            throw new IllegalArgumentException("a step must not be negative, got " + step);
        }
    }

    private void write(ProtoMessage event) throws IOException {
        out.append(TfRecord.frame(event.toByteArray()));
    }
}
