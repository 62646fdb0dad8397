package dev.thinkingvit.run;

import dev.thinkingvit.files.AtomicFiles;
import dev.thinkingvit.files.Presence;
import dev.thinkingvit.train.TrainingException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The numbers of a run as comma-separated values: a header, then one row for each epoch, or for each step. The first
 * column counts epochs or steps, the others hold what was measured, with every digit that a {@code double} needs to
 * read back as it was; what was not measured is left empty.
 *
 * <p>A row is in the operating system's hands when {@link #append} returns. Killing the program can at worst tear the
 * last row, which is then ignored by {@link #read} and gone after the next {@link #open}.
 *
 * <p>The opener closes it. Not thread-safe. One writer at a time for a file.
 */
public final class TrainingLog implements Closeable {
    private static final int MAX_QUOTED = 200;

    private final AppendedFile out;
    private final List<String> columns;
    private final long rows;
    private long next;

    private TrainingLog(AppendedFile out, List<String> columns, long rows, long next) {
        this.out = out;
        this.rows = rows;
        this.columns = columns;
        this.next = next;
    }

    /**
     * Begins a log, or continues one: rows that a killed run wrote at {@code from} or later, beyond the checkpoint it
     * continues from, are dropped. A log that an earlier version began, with fewer columns, gets the new ones, empty so
     * far. The file is replaced as a whole, so that a crash here loses nothing.
     *
     * @param file made if it is not there; its folder must be
     * @param columns names of the columns, the counting one first
     * @param from the first epoch or step that will be appended: 0 for a new run
     * @throws IOException if the file cannot be read or written
     * @throws TrainingException if the file has columns that are not among these, or is no log of this kind
     * @throws IllegalArgumentException if a column's name is blank, comes twice or has a comma, quote or line break
     */
    public static TrainingLog open(Path file, List<String> columns, long from) throws IOException {
        checkNames(columns);
        if (from < 0) {
            throw new IllegalArgumentException("a log must not continue before 0, got " + from);
        }
        String header = String.join(",", columns);
        String old = Presence.of(file) ? text(file) : "";
        List<String> lines = wholeLines(old);
        List<String> before =
                lines.isEmpty() ? columns : Arrays.asList(lines.get(0).split(",", -1));
        if (!(lines.isEmpty() ? header.startsWith(old) : isEarlier(before, columns))) {
            throw new TrainingException(
                    file + ": begins with " + quoted(old.lines().findFirst().orElse("")) + " instead of the columns "
                            + quoted(header) + " of this run; move the file away to begin a new one");
        }
        StringBuilder kept = new StringBuilder(header).append('\n');
        long rows = 0;
        for (int i = 1; i < lines.size(); i++) {
            if (Row.parse(file, i + 1, lines.get(i), before.size()).at < from) {
                rows++;
                kept.append(widened(lines.get(i), before, columns)).append('\n');
            }
        }
        AtomicFiles.writeString(file, kept.toString());
        return new TrainingLog(new AppendedFile(file), List.copyOf(columns), rows, from);
    }

    /** How many rows it had when it was opened. */
    long rows() {
        return rows;
    }

    /** {@link AppendedFile#mend}. */
    String mend() throws IOException {
        return out.mend();
    }

    private static boolean isEarlier(List<String> before, List<String> columns) {
        return before.get(0).equals(columns.get(0))
                && columns.containsAll(before)
                && new HashSet<>(before).size() == before.size();
    }

    private static String widened(String line, List<String> before, List<String> columns) {
        if (before.equals(columns)) {
            return line;
        }
        List<String> values = Arrays.asList(line.split(",", -1));
        return columns.stream()
                .map(column -> before.contains(column) ? values.get(before.indexOf(column)) : "")
                .collect(Collectors.joining(","));
    }

    /**
     * Adds a row.
     *
     * @param at its epoch or step, greater than that of the row before
     * @param values one for each further column; NaN where nothing was measured
     * @throws IOException if the disk fails or is full; the rows before stay readable
     * @throws IllegalArgumentException if {@code at} does not grow, or there are too few or too many values
     */
    public void append(long at, double... values) throws IOException {
        if (at < next) {
            throw new IllegalArgumentException(columns.get(0) + " must be at least " + next + " now, got " + at);
        }
        if (values.length != columns.size() - 1) {
            throw new IllegalArgumentException("a row needs " + (columns.size() - 1) + " values after its "
                    + columns.get(0) + ", got " + values.length);
        }
        StringBuilder row = new StringBuilder().append(at);
        for (double value : values) {
            row.append(',').append(Double.isNaN(value) ? "" : Double.toString(value));
        }
        out.append(row.append('\n').toString().getBytes(StandardCharsets.UTF_8));
        next = at + 1;
    }

    /**
     * Reads a log, which may still be growing.
     *
     * @return the values of each column from the first row to the last, in the header's order; NaN where nothing was
     *     measured
     * @throws IOException if the file cannot be read
     * @throws TrainingException if it is no log of this kind
     */
    public static Map<String, List<Double>> read(Path file) throws IOException {
        List<String> lines = wholeLines(text(file));
        if (lines.isEmpty()) {
            throw new TrainingException(file + ": has no header; a training log begins with its columns' names");
        }
        List<String> columns = Arrays.asList(lines.get(0).split(",", -1));
        Map<String, List<Double>> table = new LinkedHashMap<>();
        for (String column : columns) {
            if (table.put(column, new ArrayList<>()) != null) {
                throw new TrainingException(file + ": has the column " + quoted(column) + " twice");
            }
        }
        for (int i = 1; i < lines.size(); i++) {
            Row row = Row.parse(file, i + 1, lines.get(i), columns.size());
            int column = 0;
            for (List<Double> values : table.values()) {
                values.add(column == 0 ? (double) row.at : row.values.get(column - 1));
                column++;
            }
        }
        return table;
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

    private record Row(long at, List<Double> values) {
        static Row parse(Path file, int line, String text, int columns) {
            String[] fields = text.split(",", -1);
            if (fields.length != columns) {
                throw new TrainingException(
                        file + ": line " + line + " should have " + columns + " values as the header has names, got "
                                + fields.length + "; mend the line or move the file away");
            }
            try {
                List<Double> values = new ArrayList<>();
                for (String field : Arrays.asList(fields).subList(1, columns)) {
                    values.add(field.isEmpty() ? Double.NaN : Double.parseDouble(field));
                }
                return new Row(Long.parseLong(fields[0]), values);
            } catch (NumberFormatException e) {
                throw new TrainingException(file + ": line " + line + " holds something else than numbers: "
                        + quoted(text) + "; mend the line or move the file away");
            }
        }
    }

    /** The lines that were written to their end. */
    private static List<String> wholeLines(String text) {
        return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    }

    /** Lenient about bytes that are no UTF-8: the complaint shall name their line. */
    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    private static void checkNames(List<String> columns) {
        if (columns.isEmpty()) {
            throw new IllegalArgumentException("a training log needs a column that counts epochs or steps, got none");
        }
        for (String column : columns) {
            if (column.isBlank() || column.chars().anyMatch(c -> c == ',' || c == '"' || Character.isISOControl(c))) {
                throw new IllegalArgumentException(
                        "a column's name must be text without commas, quotes and line breaks, got " + quoted(column));
            }
        }
        if (new HashSet<>(columns).size() < columns.size()) {
            throw new IllegalArgumentException("each column needs a name of its own, got " + columns);
        }
    }

    /** Text of a file within a message of one line. */
    private static String quoted(String text) {
        String cut = text.length() <= MAX_QUOTED ? text : text.substring(0, MAX_QUOTED) + "…";
        return "'" + cut.replaceAll("\\p{Cntrl}", "?") + "'";
    }
}
