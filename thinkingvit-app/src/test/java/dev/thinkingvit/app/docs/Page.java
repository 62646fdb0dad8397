package dev.thinkingvit.app.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A page of the documentation: Markdown, its lines and the fenced blocks in it. */
public record Page(Path file, List<String> lines) {
    /** The project's folder. */
    public static final Path HOME = Path.of("").toAbsolutePath().getParent();

    private static final Pattern FENCE = Pattern.compile("\\s*```(.*)");
    private static final Pattern COMMENT = Pattern.compile("\\s*<!--(.*)-->\\s*");
    private static final Pattern HEADING = Pattern.compile("#+ +(.*)");

    /** Every page there is. */
    public static List<Page> all() {
        List<Page> pages = new ArrayList<>();
        for (String place : List.of(".", "docs", "models", "recipes")) {
            int depth = place.equals(".") ? 1 : 2;
            try (Stream<Path> files = Files.walk(HOME.resolve(place), depth)) {
                files.filter(file -> file.toString().endsWith(".md"))
                        .map(Path::normalize)
                        .sorted()
                        .forEach(file -> pages.add(read(file)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return pages;
    }

    public static Page named(String name) {
        return read(HOME.resolve(name));
    }

    private static Page read(Path file) {
        try {
            return new Page(file, Files.readAllLines(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        return name();
    }

    /** Its path in the project. */
    public String name() {
        return HOME.relativize(file).toString();
    }

    public String text() {
        return String.join("\n", lines);
    }

    /** The fenced blocks in their order. */
    public List<Block> blocks() {
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            Matcher opening = FENCE.matcher(lines.get(i));
            if (opening.matches()) {
                List<String> content = new ArrayList<>();
                int fence = i;
                while (++i < lines.size() && !FENCE.matcher(lines.get(i)).matches()) {
                    content.add(lines.get(i));
                }
                if (i == lines.size()) {
                    throw new AssertionError(name() + ", line " + (fence + 1) + ": this block is never closed");
                }
                blocks.add(new Block(this, fence + 1, opening.group(1).strip(), content, commentsAbove(fence)));
            }
        }
        return blocks;
    }

    private List<String> commentsAbove(int line) {
        List<String> comments = new ArrayList<>();
        for (int i = line - 1; i >= 0; i--) {
            Matcher comment = COMMENT.matcher(lines.get(i));
            if (!comment.matches()) {
                break;
            }
            comments.add(0, comment.group(1).strip());
        }
        return comments;
    }

    /** The lines outside of blocks; those inside are empty, so that numbers of lines stay. */
    public List<String> prose() {
        List<String> prose = new ArrayList<>(lines);
        for (Block block : blocks()) {
            for (int i = 0; i < block.lines().size() + 2; i++) {
                prose.set(block.line() - 1 + i, "");
            }
        }
        return prose;
    }

    /** What links may name after a {@code #}, made of headings as GitHub makes it. */
    List<String> anchors() {
        return prose().stream()
                .map(HEADING::matcher)
                .filter(Matcher::matches)
                .map(heading -> heading.group(1)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N}_ -]", "")
                        .replace(' ', '-'))
                .collect(Collectors.toList());
    }
}
