package dev.thinkingvit.store;

import dev.thinkingvit.files.Secrets;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which hub is asked, and where files are kept. The environment's variables are those that every tool for such hubs
 * obeys:
 *
 * <ul>
 *   <li>{@code HF_ENDPOINT}: the hub;
 *   <li>{@code HF_HUB_CACHE}, else {@code HF_HOME} and there {@code hub}, else {@code XDG_CACHE_HOME} or {@code ~/.cache}
 *       and there {@code huggingface/hub}: the cache;
 *   <li>{@code HF_TOKEN}, else the file {@code HF_TOKEN_PATH} or {@code token} in {@code HF_HOME}, which
 *       {@code HF_HUB_DISABLE_IMPLICIT_TOKEN} forbids: who asks;
 *   <li>{@code HF_HUB_OFFLINE} or {@code TRANSFORMERS_OFFLINE}: nobody is asked, what is in the cache has to do;
 *   <li>{@code HF_HUB_DOWNLOAD_TIMEOUT}: seconds of silence after which a connection is given up.
 * </ul>
 *
 * <p>Paths may begin with {@code ~} and contain variables, as in {@code $SCRATCH/hf}.
 *
 * @param endpoint address of the hub, without a slash at its end; a user and a password in it are sent in place of the
 *     token
 * @param cache folder in the layout of Hugging Face's tools; made when it is needed
 * @param token sent to the hub and nobody else; null for none
 * @param offline whether the hub must not be asked
 * @param timeout of a connection that says nothing
 */
public record HubSettings(
        URI endpoint, Path cache, @Nullable String token, boolean offline, Duration timeout) {
    private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
    private static final int DEFAULT_TIMEOUT_SECONDS = 10;
    private static final int MAX_TIMEOUT_SECONDS = 3600;
    private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");
    private static final Pattern VARIABLE = Pattern.compile("\\$(?:\\{(\\w+)\\}|(\\w+))");

    /**
     * @param environment such as {@code System.getenv()}
     * @param home the user's folder; null if there is none
     * @throws HubException if a variable's value makes no sense, or no variable says where the cache is and there is no
     *     home
     */
    public static HubSettings of(Map<String, String> environment, @Nullable Path home) {
        return new Reader(environment, home).read();
    }

    /** Whether the environment asks for no progress, with {@code HF_HUB_DISABLE_PROGRESS_BARS}. */
    public static boolean isQuiet(Map<String, String> environment) {
        return new Reader(environment, null).isSet("HF_HUB_DISABLE_PROGRESS_BARS");
    }

    /** Of this process's environment. */
    public static HubSettings ofEnvironment() {
        String home = System.getProperty("user.home", "");
        return of(System.getenv(), home.startsWith("?") || home.isBlank() ? null : Path.of(home));
    }

    @Override
    public String toString() {
        return Secrets.address(endpoint.toString()) + ", cache " + cache
                + (offline ? ", offline" : ""); // never the token or a password
    }

    private record Reader(
            Map<String, String> environment, @Nullable Path home) {
        HubSettings read() {
            return new HubSettings(
                    endpoint(), cache(), token(), isSet("HF_HUB_OFFLINE") || isSet("TRANSFORMERS_OFFLINE"), timeout());
        }

        private URI endpoint() {
            String text = value("HF_ENDPOINT", DEFAULT_ENDPOINT);
            try {
                URI address = URI.create(text.replaceFirst("/+$", ""));
                if (address.getHost() != null && Set.of("http", "https").contains(address.getScheme())) {
                    return address;
                }
            } catch (IllegalArgumentException e) {
                // said below
            }
            throw new HubException(
                    "HF_ENDPOINT must be an address such as " + DEFAULT_ENDPOINT + ", got " + Secrets.address(text));
        }

        private Path cache() {
            String direct = value("HF_HUB_CACHE", value("HUGGINGFACE_HUB_CACHE", ""));
            return direct.isEmpty() ? hubHome().resolve("hub") : path(direct);
        }

        /** The folder of all of Hugging Face's tools. */
        private Path hubHome() {
            String said = value("HF_HOME", "");
            if (!said.isEmpty()) {
                return path(said);
            }
            String caches = value("XDG_CACHE_HOME", "");
            return (caches.isEmpty() ? path("~/.cache") : path(caches)).resolve("huggingface");
        }

        private boolean isSet(String name) {
            return YES.contains(value(name, "0").toUpperCase(Locale.ROOT));
        }

        private Path path(String written) {
            String text = VARIABLE.matcher(written)
                    .replaceAll(found -> Matcher.quoteReplacement(
                            value(found.group(1) == null ? found.group(2) : found.group(1), found.group())));
            if (!text.equals("~") && !text.startsWith("~/")) {
                return Path.of(text);
            }
            if (home == null) {
                throw new HubException("there is no home folder to keep models in; HF_HOME must name one");
            }
            return home.resolve(text.substring(Math.min(2, text.length())));
        }

        private @Nullable String token() {
            String said = value("HF_TOKEN", value("HUGGING_FACE_HUB_TOKEN", ""));
            if (!said.isEmpty()) {
                return plain(said, "HF_TOKEN");
            }
            if (isSet("HF_HUB_DISABLE_IMPLICIT_TOKEN")
                    || (home == null
                            && value("HF_HOME", value("HF_TOKEN_PATH", "")).isEmpty())) {
                return null;
            }
            String named = value("HF_TOKEN_PATH", "");
            Path file = named.isEmpty() ? hubHome().resolve("token") : path(named);
            try {
                String kept = Files.isRegularFile(file) ? Files.readString(file).strip() : "";
                return kept.isEmpty() ? null : plain(kept, file.toString());
            } catch (IOException e) {
                throw new HubException(file + ": the hub's token cannot be read", e);
            }
        }

        /** A token fit for a header; what is none must not be repeated in a message. */
        private static String plain(String token, String where) {
            if (!token.chars().allMatch(c -> c > ' ' && c <= '~')) {
                throw new HubException(where + ": a token is one word of letters and digits, this is something else");
            }
            return token;
        }

        private Duration timeout() {
            String text = value("HF_HUB_DOWNLOAD_TIMEOUT", Integer.toString(DEFAULT_TIMEOUT_SECONDS));
            try {
                int seconds = Integer.parseInt(text);
                if (seconds >= 1 && seconds <= MAX_TIMEOUT_SECONDS) {
                    return Duration.ofSeconds(seconds);
                }
            } catch (NumberFormatException e) {
                // said below
            }
            throw new HubException(
                    "HF_HUB_DOWNLOAD_TIMEOUT must be 1 to " + MAX_TIMEOUT_SECONDS + " seconds, got " + text);
        }

        private String value(String name, String otherwise) {
            String value = environment.get(name);
            return value == null || value.isBlank() ? otherwise : value.strip();
        }
    }
}
