package dev.thinkingvit.app.docs;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A fenced block of a page. Comments on the lines above it say how the tests run it; readers do not see them:
 *
 * <pre>{@code
 * <!-- run: with "--epochs 300" as "--epochs 1" -->   shorter, or with what an ellipsis stands for
 * <!-- run: afresh -->                                without the files that earlier blocks of the page left
 * <!-- run: not, it needs a GPU -->                   and why
 * }</pre>
 *
 * @param line number of the opening fence's line, from 1
 * @param language the word after the fence, or nothing
 */
public record Block(Page page, int line, String language, List<String> lines, List<String> comments) {
    private static final String MARK = "run:";
    private static final Pattern WITH = Pattern.compile("with \"(.*)\" as \"(.*)\"");
    private static final Pattern NOT = Pattern.compile("not, (.+)");
    private static final String AFRESH = "afresh";

    /** One command line, and the number of its line. */
    public record Line(int number, String text) {}

    public Block {
        comments = comments.stream()
                .filter(comment -> comment.startsWith(MARK))
                .map(comment -> comment.substring(MARK.length()).strip())
                .toList();
        for (String comment : comments) {
            if (!comment.equals(AFRESH)
                    && !WITH.matcher(comment).matches()
                    && !NOT.matcher(comment).matches()) {
                throw new AssertionError(
                        "%s, line %d: '%s' says nothing to the tests; they know: afresh; not, WHY; with \"A\" as \"B\""
                                .formatted(page.name(), line, comment));
            }
        }
    }

    boolean afresh() {
        return comments.contains(AFRESH);
    }

    /** Why it is not run, if it is not. */
    Optional<String> whyNot() {
        return comments.stream()
                .map(NOT::matcher)
                .filter(Matcher::matches)
                .map(matcher -> matcher.group(1))
                .findFirst();
    }

    /** Its lines as the tests run them. */
    List<String> asRun() {
        String text = String.join("\n", lines);
        for (String comment : comments) {
            Matcher with = WITH.matcher(comment);
            if (with.matches()) {
                if (!text.contains(with.group(1))) {
                    throw new AssertionError(
                            "%s, line %d: the block has no '%s' (any more) that the comment above replaces"
                                    .formatted(page.name(), line, with.group(1)));
                }
                text = text.replace(with.group(1), with.group(2));
            }
        }
        return List.of(text.split("\n", -1));
    }

    /** Its command lines, continued lines in one piece; comments and empty lines are none. */
    public List<Line> commands() {
        List<Line> commands = new ArrayList<>();
        StringBuilder pending = new StringBuilder();
        int first = 0;
        List<String> run = asRun();
        for (int i = 0; i < run.size(); i++) {
            String text = run.get(i).strip();
            if (pending.isEmpty()) {
                first = line + 1 + i;
                if (text.isEmpty() || text.startsWith("#")) {
                    continue;
                }
            }
            if (text.endsWith("\\")) {
                pending.append(text, 0, text.length() - 1);
            } else {
                commands.add(new Line(first, pending + text));
                pending.setLength(0);
            }
        }
        return commands;
    }

    /** The next block, if it is what this one prints: one without a language, with nothing but empty lines between. */
    Optional<Block> output() {
        List<Block> blocks = page.blocks();
        int next = blocks.indexOf(this) + 1;
        if (next == blocks.size() || !blocks.get(next).language().isEmpty()) {
            return Optional.empty();
        }
        int end = line + lines.size() + 1; // the closing fence's line, from 1
        return page.lines().subList(end, blocks.get(next).line() - 1).stream().allMatch(String::isBlank)
                ? Optional.of(blocks.get(next))
                : Optional.empty();
    }
}
