package dev.thinkingvit.store;

import dev.thinkingvit.model.Architectures;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model on a hub, written {@code hf-hub:owner/name} or {@code hf-hub:owner/name@revision} as timm does. timm's older
 * {@code hf_hub:}, the {@code hf://} of Hugging Face's file systems and the address of a model's page there are understood
 * too.
 *
 * @param repository {@code owner/name}; a few old ones have no owner
 * @param revision a branch, a tag or a commit of the repository
 */
public record HubModel(String repository, String revision) {
    /** What a name of a model on a hub begins with. */
    public static final String PREFIX = "hf-hub:";

    /** Whatever a name may begin with; a page's address is one of any hub that shows its models as this one does. */
    private static final Pattern NAME = Pattern.compile(
            "(?:(?i:hf[-_]hub:(?://)?|hf://)|(?<page>https?://(?:www\\.)?(?:huggingface\\.co|hf\\.co)/))(?<rest>.*)");

    private static final Pattern PAGE =
            Pattern.compile("(?<repository>[^/?#]+/[^/?#]+)(?:/(?:tree/(?<revision>[^?#]+))?)?(?:[?#].*)?");
    private static final String DEFAULT_REVISION = "main";
    private static final Pattern REPOSITORY = Pattern.compile("(?:[A-Za-z0-9][\\w.-]{0,95}/)?[A-Za-z0-9][\\w.-]{0,95}");
    private static final Pattern REVISION = Pattern.compile("[\\w.+-]+(?:/[\\w.+-]+)*");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    private static final Pattern CACHED =
            Pattern.compile("[/\\\\]models--([^/\\\\]+)[/\\\\]snapshots[/\\\\]([0-9a-f]{40})$");
    private static final Pattern OWNER_AND_NAME = Pattern.compile("[A-Za-z0-9][\\w-]*/[A-Za-z0-9][\\w.-]*");

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
        Objects.requireNonNull(text, "the name is null");
        return NAME.matcher(text).matches();
    }

    /**
     * @param text as {@link #toString} gives it, the revision and what it begins with may be left out
     * @throws HubException if it is not of that form
     */
    public static HubModel of(String text) {
        Objects.requireNonNull(text, "the name is null");
        Matcher begins = NAME.matcher(text);
        if (begins.matches() && begins.group("page") != null) {
            return ofPage(text, begins.group("rest"));
        }
        String name = (begins.matches() ? begins.group("rest") : text).replaceFirst("(?<=[\\w.-])/+$", "");
        Matcher parts = Pattern.compile("([^@]*)(?:@(.*))?").matcher(name);
        if (!parts.matches()) {
            throw new HubException(text + ": is no name of a model on a hub; owner/name[@revision] is required");
        }
        return new HubModel(parts.group(1), parts.group(2) == null ? DEFAULT_REVISION : parts.group(2));
    }

    private static HubModel ofPage(String address, String rest) {
        Matcher page = PAGE.matcher(rest);
        if (!page.matches() || rest.matches("(?:datasets|spaces|collections|docs|papers|models|blog)/.*")) {
            throw new HubException(
                    address + ": is no page of a model; a model on a hub is named " + PREFIX + "owner/name[@revision]");
        }
        String revision = page.group("revision") == null
                ? DEFAULT_REVISION
                : URLDecoder.decode(page.group("revision").replace("+", "%2B"), StandardCharsets.UTF_8)
                        .replaceFirst("/+$", "");
        return new HubModel(page.group("repository"), revision);
    }

    /** What a folder in a cache is of: the repository, at that commit; nothing if it is another folder. */
    public static Optional<HubModel> inCache(Path folder) {
        Objects.requireNonNull(folder, "the folder is null");
        Matcher place = CACHED.matcher(folder.toAbsolutePath().normalize().toString());
        try {
            return place.find()
                    ? Optional.of(new HubModel(place.group(1).replaceFirst("--", "/"), place.group(2)))
                    : Optional.empty();
        } catch (HubException e) { // somebody else's folder
            return Optional.empty();
        }
    }

    /** The name on a hub that somebody who wrote {@code text}, which is no file, may have meant. */
    public static Optional<String> meant(String text) {
        Objects.requireNonNull(text, "the name is null");
        if (text.contains("_") && isPublished(text)) {
            return Optional.of(PREFIX + "timm/" + text + (text.contains(".") ? "" : ".TAG"));
        }
        String name = text.replaceFirst("^(?:hf:|(?:huggingface|hf)\\.co/)/*", "");
        return OWNER_AND_NAME.matcher(name).matches() ? Optional.of(PREFIX + name) : Optional.empty();
    }

    private static boolean isPublished(String name) {
        return Architectures.find(each -> each.elsewhere().isTimms(name)
                        || (each.answersTo(name) && !each.name().equals(name)))
                .isPresent();
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
