package dev.thinkingvit.store;

import dev.thinkingvit.files.Printable;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Talks to a hub. The token goes to the hub alone: not to where it sends for large files, which is another host.
 *
 * <p>An {@link IOException} from here is a matter of the network, and worth another try; a {@link HubException} is the
 * hub's answer.
 */
final class HubClient {
    private static final int MAX_LISTING_BYTES = 32 << 20;
    private static final int MAX_REDIRECTS = 8;
    private static final int MAX_MESSAGE = 200;

    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;
    private static final Pattern RATE_LIMIT = Pattern.compile("(?:^|;)\\s*t=(\\d{1,6})");

    /** What is said of a connection that says less than it should. */
    static final String ENDED_EARLY = "the connection ended early";

    private static final Pattern NUMBER = Pattern.compile("\\d{1,18}");
    private static final Pattern RANGE = Pattern.compile("bytes (\\d{1,18})-(?:\\d+)/(\\d{1,18}|\\*)");

    private static final int PARTIAL_CONTENT = 206;
    private static final int RANGE_NOT_SATISFIABLE = 416;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER_ERROR = 500;

    private final HubSettings settings;
    private final Map<String, String> environment;

    HubClient(HubSettings settings, Map<String, String> environment) {
        this.settings = settings;
        this.environment = environment;
    }

    /**
     * @param commit that the revision is now
     * @param files names of all files
     */
    record Listing(String commit, Set<String> files) {}

    /**
     * What is known of a file before it is fetched.
     *
     * @param etag hash of the content
     * @param size bytes; -1 if the hub does not say
     */
    record Remote(HubModel model, String file, String etag, long size) {}

    /**
     * A file's content, from some byte on.
     *
     * @param start 0 if the hub would not begin where it was asked to
     * @param size bytes of the whole file; -1 if the hub does not say
     */
    record Content(InputStream in, long start, long size) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            in.close();
        }
    }

    /** The hub is busy or out of order, and may not be in a moment. */
    static final class BusyException extends IOException {
        private static final long serialVersionUID = 1L;
        private final int seconds;

        BusyException(String message, int seconds) {
            super(seconds > 1 ? message + " and asks to be left alone for " + seconds + " seconds" : message);
            this.seconds = seconds;
        }

        /** How long the hub asks to be left alone; 0 if it does not say. */
        int seconds() {
            return seconds;
        }
    }

    /** What a repository holds at a revision. */
    Listing list(HubModel model) throws IOException {
        HttpURLConnection answer = follow(
                "GET",
                model,
                null,
                URI.create(settings.endpoint() + "/api/models/" + model.repository() + "/revision/"
                        + encoded(model.revision())));
        try (InputStream in = content(answer)) {
            byte[] text = in.readNBytes(MAX_LISTING_BYTES);
            if (text.length == 0 || text.length < contentLength(answer)) {
                throw new IOException(ENDED_EARLY);
            }
            JsonNode root = JsonMapper.shared().readTree(text);
            Set<String> files = new LinkedHashSet<>();
            root.path("siblings")
                    .forEach(file -> files.add(file.path("rfilename").asString("")));
            String commit = root.path("sha").asString("");
            if (commit.isEmpty() || files.isEmpty()) {
                throw new HubException(model + ": " + settings.endpoint() + " lists no files of it");
            }
            return new Listing(commit, files);
        } catch (UnexpectedEndOfInputException e) { // of an answer whose length nobody said
            throw new IOException(ENDED_EARLY, e);
        } catch (JacksonException e) {
            throw new HubException(model + ": " + settings.endpoint() + " does not answer as a hub does", e);
        }
    }

    /** Asks for a file without its content. What the hub says itself counts, before what it sends on to. */
    Remote look(HubModel model, String file) throws IOException {
        HttpURLConnection answer = follow("HEAD", model, file, address(model, file));
        String etag = first(answer, "X-Linked-Etag", "ETag");
        if (etag == null) {
            throw new HubException(model + ": the hub gives no hash (ETag) of " + file
                    + ", without which it cannot be kept; is a proxy in between?");
        }
        // the length of a redirection is not the file's
        String linked = answer.getHeaderField("X-Linked-Size");
        long size = linked == null && !isRedirect(answer.getResponseCode()) ? contentLength(answer) : length(linked);
        return new Remote(model, file, etag.replaceFirst("^W/", "").replace("\"", ""), size);
    }

    /** A file's content from byte {@code start} on. */
    Content open(Remote remote, long start) throws IOException {
        URI place = address(remote.model(), remote.file());
        for (int i = 0; i < MAX_REDIRECTS; i++) {
            HttpURLConnection answer = ask("GET", remote.model(), remote.file(), place, start);
            int code = answer.getResponseCode();
            if (isRedirect(code)) {
                place = redirected(place, answer);
            } else if (code == RANGE_NOT_SATISFIABLE && start > 0) {
                start = 0; // what is there is longer than the file
            } else {
                if (code != PARTIAL_CONTENT) {
                    return new Content(content(answer), 0, contentLength(answer));
                }
                Matcher range = RANGE.matcher(Objects.requireNonNullElse(answer.getHeaderField("Content-Range"), ""));
                if (range.matches() && Long.parseLong(range.group(1)) == start && !isPacked(answer)) {
                    return new Content(answer.getInputStream(), start, length(range.group(2)));
                }
                answer.disconnect();
                start = 0;
            }
        }
        throw new HubException(remote.model() + ": the hub sends from one place to the next for " + remote.file());
    }

    /** What an answer holds; some proxies pack it although nobody asked for that. */
    private static InputStream content(HttpURLConnection answer) throws IOException {
        return isPacked(answer) ? new GZIPInputStream(answer.getInputStream()) : answer.getInputStream();
    }

    private static boolean isPacked(HttpURLConnection answer) {
        String encoding = Objects.requireNonNullElse(answer.getContentEncoding(), "");
        return encoding.equalsIgnoreCase("gzip") || encoding.equalsIgnoreCase("x-gzip");
    }

    /** Bytes of {@link #content}; -1 if the answer does not say. */
    private static long contentLength(HttpURLConnection answer) {
        return isPacked(answer) ? -1 : length(answer.getHeaderField("Content-Length"));
    }

    /** A number of bytes as a header says it; -1 if it says none. */
    private static long length(@Nullable String said) {
        return said != null && NUMBER.matcher(said).matches() ? Long.parseLong(said) : -1;
    }

    private URI address(HubModel model, String file) {
        return URI.create(settings.endpoint() + "/" + model.repository() + "/resolve/" + encoded(model.revision()) + "/"
                + encoded(file));
    }

    /** Asks, and goes where the hub sends, without the token, until something is said of the file or of all files. */
    private HttpURLConnection follow(String method, HubModel model, @Nullable String file, URI address)
            throws IOException {
        URI place = address;
        for (int i = 0; i < MAX_REDIRECTS; i++) {
            HttpURLConnection answer = ask(method, model, file, place, 0);
            boolean says = file != null && first(answer, "X-Linked-Etag", "ETag") != null;
            if (says || !isRedirect(answer.getResponseCode())) {
                return answer;
            }
            place = redirected(place, answer);
        }
        throw new HubException(model + ": " + settings.endpoint() + " sends from one place to the next");
    }

    /**
     * Asks, and follows the hub where it has only renamed something. Where it sends elsewhere is for the caller to
     * follow.
     */
    private HttpURLConnection ask(String method, HubModel model, @Nullable String file, URI place, long start)
            throws IOException {
        URI at = place;
        for (int i = 0; i < MAX_REDIRECTS; i++) {
            HttpURLConnection connection = connect(method, at, start);
            int code;
            try {
                code = connection.getResponseCode();
            } catch (UnknownHostException e) {
                throw new IOException("the host " + at.getHost() + " is not known", e);
            } catch (IOException e) {
                throw new IOException(at.getHost() + " cannot be reached: " + e.getMessage(), e);
            }
            if (!isRedirect(code)) {
                if (isHub(at)) {
                    requireGood(connection, code, model, file, start);
                } else if (code >= HttpURLConnection.HTTP_MULT_CHOICE
                        && !(code == RANGE_NOT_SATISFIABLE && start > 0)) {
                    // an address that the hub signs is good for a while; it gives a new one
                    throw new BusyException(
                            at.getHost() + ", where the hub keeps it, answers " + code, retryAfter(connection));
                }
                return connection;
            }
            URI next = redirected(at, connection);
            if (!isHub(next)) {
                return connection;
            }
            at = next;
        }
        throw new HubException(model + ": " + settings.endpoint() + " sends from one place to the next");
    }

    private HttpURLConnection connect(String method, URI place, long start) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) place.toURL().openConnection(proxy(place));
        connection.setRequestMethod(method);
        connection.setInstanceFollowRedirects(false);
        connection.setConnectTimeout(Math.toIntExact(settings.timeout().toMillis()));
        connection.setReadTimeout(Math.toIntExact(settings.timeout().toMillis()));
        connection.setRequestProperty("Accept-Encoding", "identity"); // lengths and hashes are of the file itself
        connection.setRequestProperty(
                "User-Agent", "thinkingvit; java/" + Runtime.version().feature());
        if (start > 0) {
            connection.setRequestProperty("Range", "bytes=" + start + "-");
        }
        if (settings.token() != null && isHub(place)) {
            connection.setRequestProperty("Authorization", "Bearer " + settings.token());
        }
        return connection;
    }

    /** As other tools: HTTPS_PROXY and its like; else Java's own settings. */
    private Proxy proxy(URI place) {
        String scheme = place.getScheme().toLowerCase(Locale.ROOT);
        String said = variable(scheme + "_proxy");
        String host = place.getHost();
        for (String without :
                Objects.requireNonNullElse(variable("no_proxy"), "").split(",", -1)) {
            String suffix = without.strip().replaceFirst("^\\*?\\.", "");
            if (suffix.equals("*") || (!suffix.isEmpty() && (host.equals(suffix) || host.endsWith("." + suffix)))) {
                return Proxy.NO_PROXY;
            }
        }
        if (said == null) {
            return java.net.ProxySelector.getDefault().select(place).stream()
                    .findFirst()
                    .orElse(Proxy.NO_PROXY);
        }
        URI address = URI.create(said.contains("://") ? said : "http://" + said);
        int port = address.getPort() < 0 ? HTTP_PORT : address.getPort();
        if (address.getHost() == null) {
            throw new HubException(scheme + "_proxy must be an address such as http://proxy:3128");
        }
        return new Proxy(Proxy.Type.HTTP, new InetSocketAddress(address.getHost(), port));
    }

    private @Nullable String variable(String name) {
        String value = environment.get(name.toUpperCase(Locale.ROOT));
        String lower = value == null || value.isBlank() ? environment.get(name) : value;
        return lower == null || lower.isBlank() ? null : lower;
    }

    private void requireGood(HttpURLConnection connection, int code, HubModel model, @Nullable String file, long start)
            throws IOException {
        if (code < HttpURLConnection.HTTP_MULT_CHOICE || (code == RANGE_NOT_SATISFIABLE && start > 0)) {
            return;
        }
        String said = connection.getHeaderField("X-Error-Message");
        String reason = said == null || said.isBlank() ? "" : ": " + Printable.of(said, MAX_MESSAGE);
        if (code == TOO_MANY_REQUESTS || code >= SERVER_ERROR) {
            throw new BusyException(settings.endpoint() + " answers " + code + reason, retryAfter(connection));
        }
        String kind = Objects.requireNonNullElse(connection.getHeaderField("X-Error-Code"), "");
        String at = settings.endpoint().toString();
        if (kind.equals("RevisionNotFound")) {
            throw new HubException(model + ": the model is on " + at + ", but has no revision " + model.revision());
        }
        if (kind.equals("GatedRepo") || code == HttpURLConnection.HTTP_FORBIDDEN) {
            throw new HubException(model + ": " + at + " gives it only to those who were granted access" + reason
                    + "; " + at + "/" + model.repository() + " says how to ask for it"
                    + (settings.token() == null ? "; HF_TOKEN must hold your token" : ""));
        }
        if (kind.equals("EntryNotFound") && file != null) {
            throw new HubException(model + ": has no file " + file);
        }
        if (code == HttpURLConnection.HTTP_UNAUTHORIZED || code == HttpURLConnection.HTTP_NOT_FOUND) {
            throw new HubException(model + ": there is no such model on " + at + ", or it is private"
                    + (settings.token() == null
                            ? " and HF_TOKEN must hold a token that may read it"
                            : ", or the token that was sent (HF_TOKEN, or that of a login) is not good for it")
                    + reason);
        }
        throw new HubException(model + ": " + at + " answers " + code + reason);
    }

    /** Seconds that an answer asks to be left alone: {@code Retry-After} as a number or a date, or a rate's limit. */
    private static int retryAfter(HttpURLConnection connection) {
        int seconds = connection.getHeaderFieldInt("Retry-After", -1);
        if (seconds < 0 && connection.getHeaderField("Retry-After") != null) {
            long date = connection.getHeaderFieldDate("Retry-After", 0);
            long left =
                    Duration.between(Instant.now(), Instant.ofEpochMilli(date)).toSeconds();
            seconds = Math.toIntExact(Math.min(Integer.MAX_VALUE, Math.max(-1, left)));
        }
        if (seconds < 0) {
            Matcher limit = RATE_LIMIT.matcher(Objects.requireNonNullElse(connection.getHeaderField("RateLimit"), ""));
            seconds = limit.find() ? Integer.parseInt(limit.group(1)) : 0;
        }
        return seconds;
    }

    private static boolean isRedirect(int code) {
        return code >= HttpURLConnection.HTTP_MULT_CHOICE && code < HttpURLConnection.HTTP_BAD_REQUEST && code != 304;
    }

    private static URI redirected(URI from, HttpURLConnection answer) throws IOException {
        String to = answer.getHeaderField("Location");
        if (to == null) {
            throw new IOException(from.getHost() + " sends elsewhere without saying where");
        }
        try {
            URI place = from.resolve(to);
            if (place.getHost() != null
                    && (place.getScheme().equalsIgnoreCase("https")
                            // never from a protected connection to one that anybody can listen to
                            || (place.getScheme().equalsIgnoreCase("http")
                                    && !from.getScheme().equals("https")))) {
                return place;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new HubException(from.getHost() + " sends to '" + Printable.of(to, MAX_MESSAGE)
                + "', which is no address to fetch a model from");
    }

    private boolean isHub(URI place) {
        URI hub = settings.endpoint();
        return hub.getScheme().equalsIgnoreCase(place.getScheme())
                && hub.getHost().equalsIgnoreCase(place.getHost())
                && port(hub) == port(place);
    }

    private static int port(URI place) {
        if (place.getPort() >= 0) {
            return place.getPort();
        }
        return place.getScheme().equalsIgnoreCase("https") ? HTTPS_PORT : HTTP_PORT;
    }

    private static @Nullable String first(HttpURLConnection answer, String name, String otherwise) {
        String value = answer.getHeaderField(name);
        return value == null ? answer.getHeaderField(otherwise) : value;
    }

    /** One piece of a path; a revision may have slashes inside. */
    private static String encoded(String piece) {
        return URLEncoder.encode(piece, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
