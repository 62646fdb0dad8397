package dev.thinkingvit.store;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model on a hub, written {@code hf-hub:owner/name} or {@code hf-hub:owner/name@revision} as timm does. timm's older
 * {@code hf_hub:} and the {@code hf://} of Hugging Face's file systems are understood too.
 *
 * @param repository {@code owner/name}; a few old ones have no owner
 * @param revision a branch, a tag or a commit of the repository
 */
public record HubModel(String repository, String revision) {
    /** What a name of a model on a hub begins with. */
    public static final String PREFIX = "hf-hub:";

    private static final List<String> PREFIXES = List.of(PREFIX, "hf_hub:", "hf://");
    private static final String DEFAULT_REVISION = "main";
    private static final Pattern REPOSITORY = Pattern.compile("(?:[A-Za-z0-9][\\w.-]{0,95}/)?[A-Za-z0-9][\\w.-]{0,95}");
    private static final Pattern REVISION = Pattern.compile("[\\w.+-]+(?:/[\\w.+-]+)*");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    public HubModel {
        if (!REPOSITORY.matcher(repository).matches() || repository.contains("..") || repository.contains("--")) {
            throw new HubException(PREFIX + repository + ": is no name of a model on a hub; owner/name is required,"
                    + " of letters, digits and . _ -");
        }
        if (!REVISION.matcher(revision).matches() || revision.contains("..")) {
            throw new HubException(PREFIX + repository + "@" + revision
                    + ": is no name of a revision; a branch, a tag or a commit is required");
        }
    }

    /** Whether {@code text} means a model on a hub, rather than a file or a folder. */
    public static boolean isName(String text) {
        return PREFIXES.stream().anyMatch(text::startsWith);
    }

    /**
     * @param text as {@link #toString} gives it, the revision and what it begins with may be left out
     * @throws HubException if it is not of that form
     */
    public static HubModel of(String text) {
        String name = PREFIXES.stream()
                .filter(text::startsWith)
                .findFirst()
                .map(prefix -> text.substring(prefix.length()))
                .orElse(text);
        Matcher parts = Pattern.compile("([^@]*)(?:@(.*))?").matcher(name);
        if (!parts.matches()) {
            throw new HubException(text + ": is no name of a model on a hub; owner/name[@revision] is required");
        }
        return new HubModel(parts.group(1), parts.group(2) == null ? DEFAULT_REVISION : parts.group(2));
    }

    /** The same repository at another revision. */
    HubModel at(String other) {
        return new HubModel(repository, other);
    }

    /** Whether the revision is a commit, which never changes. */
    boolean isPinned() {
        return COMMIT.matcher(revision).matches();
    }

    @Override
    public String toString() {
        return PREFIX + repository + (revision.equals(DEFAULT_REVISION) ? "" : "@" + revision);
    }
}
