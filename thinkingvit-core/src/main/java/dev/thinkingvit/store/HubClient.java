package dev.thinkingvit.store;

import dev.thinkingvit.files.Printable;
import dev.thinkingvit.files.Secrets;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashSet;
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

    private static final Pattern RATE_LIMIT = Pattern.compile("(?:^|;)\\s*t=(\\d{1,6})");

    /** What is said of a connection that says less than it should. */
    static final String ENDED_EARLY = "the connection ended early";

    private static final char DELETE = 0x7F;
    private static final Pattern HEX_DIGITS = Pattern.compile("[0-9A-Fa-f]{2}");
    private static final Pattern NUMBER = Pattern.compile("\\d{1,18}");
    private static final Pattern RANGE = Pattern.compile("bytes (\\d{1,18})-(?:\\d+)/(\\d{1,18}|\\*)");

    private static final int PARTIAL_CONTENT = 206;
    private static final int RANGE_NOT_SATISFIABLE = 416;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER_ERROR = 500;

    private final HubSettings settings;
    private final URI hub; // without a user or a password
    private final @Nullable String user; // and password, as the endpoint has them
    private final @Nullable String authorization;
    private final HubProxies proxies;

    HubClient(HubSettings settings, Map<String, String> environment) {
        this.settings = settings;
        user = settings.endpoint().getUserInfo();
        hub = URI.create(settings.endpoint().toString().replaceFirst("//[^/]*@", "//"));
        if (user != null) { // which other tools prefer, too
            authorization = "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8));
        } else {
            authorization = settings.token() == null ? null : "Bearer " + settings.token();
        }
        proxies = new HubProxies(environment);
    }

    /** What a server says, without what it may have repeated of what only it was to know, in one line. */
    private String shown(String said) {
        String text = said;
        for (String secret : new String[] {authorization, settings.token(), user}) {
            if (secret != null && !secret.isBlank()) {
                text = text.replace(secret.substring(secret.indexOf(' ') + 1), Secrets.HIDDEN);
            }
        }
        return Printable.of(Secrets.blot(text), MAX_MESSAGE);
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
                URI.create(hub + "/api/models/" + model.repository() + "/revision/" + encoded(model.revision())));
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
                throw new HubException(model + ": " + hub + " lists no files of it");
            }
            return new Listing(commit, files);
        } catch (UnexpectedEndOfInputException e) { // of an answer whose length nobody said
            throw new IOException(ENDED_EARLY, e);
        } catch (JacksonException e) {
            throw new HubException(model + ": " + hub + " does not answer as a hub does", e);
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
        return URI.create(
                hub + "/" + model.repository() + "/resolve/" + encoded(model.revision()) + "/" + encoded(file));
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
        throw new HubException(model + ": " + hub + " sends from one place to the next");
    }

    /**
     * Asks, and follows the hub where it has only renamed something. Where it sends elsewhere is for the caller to
     * follow.
     */
    private HttpURLConnection ask(String method, HubModel model, @Nullable String file, URI place, long start)
            throws IOException {
        URI at = place;
        for (int i = 0; i < MAX_REDIRECTS; i++) {
            HubProxies.Way way = proxies.to(at);
            HttpURLConnection connection = connect(method, at, start, way);
            int code;
            try {
                code = connection.getResponseCode();
            } catch (IOException e) {
                throw way.failure(at, e);
            }
            if (code == HttpURLConnection.HTTP_PROXY_AUTH) {
                throw way.refusal(model);
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
        throw new HubException(model + ": " + hub + " sends from one place to the next");
    }

    private HttpURLConnection connect(String method, URI place, long start, HubProxies.Way way) throws IOException {
        HttpURLConnection connection = way.open(place);
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
        if (authorization != null && isHub(place)) {
            connection.setRequestProperty("Authorization", authorization);
        }
        return connection;
    }

    private void requireGood(HttpURLConnection connection, int code, HubModel model, @Nullable String file, long start)
            throws IOException {
        if (code < HttpURLConnection.HTTP_MULT_CHOICE || (code == RANGE_NOT_SATISFIABLE && start > 0)) {
            return;
        }
        String said = connection.getHeaderField("X-Error-Message");
        String reason = said == null || said.isBlank() ? "" : ": " + shown(said);
        if (code == HttpURLConnection.HTTP_CLIENT_TIMEOUT || code == TOO_MANY_REQUESTS || code >= SERVER_ERROR) {
            throw new BusyException(hub + " answers " + code + reason, retryAfter(connection));
        }
        String kind = Objects.requireNonNullElse(connection.getHeaderField("X-Error-Code"), "");
        String at = hub.toString();
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
                    + (authorization == null
                            ? " and HF_TOKEN must hold a token that may read it"
                            : user != null
                                    ? ", or the user and password in HF_ENDPOINT are not good for it"
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

    private URI redirected(URI from, HttpURLConnection answer) throws IOException {
        String to = answer.getHeaderField("Location");
        if (to == null) {
            throw new IOException(from.getHost() + " sends elsewhere without saying where");
        }
        try {
            URI place = from.resolve(quoted(to));
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
        throw new HubException(
                from.getHost() + " sends to '" + shown(to) + "', which is no address to fetch a model from");
    }

    /** An address as it is meant where a server leaves in it what has to be quoted; bytes come as characters. */
    private static String quoted(String address) {
        StringBuilder quoted = new StringBuilder(address.length() + 16);
        for (int i = 0; i < address.length(); i++) {
            char c = address.charAt(i);
            boolean isQuote = c == '%'
                    && HEX_DIGITS
                            .matcher(address)
                            .region(i + 1, address.length())
                            .lookingAt();
            if (isQuote || (c != '%' && c > ' ' && c < DELETE && "\"<>\\^`{|}".indexOf(c) < 0)) {
                quoted.append(c);
            } else {
                quoted.append(String.format("%%%02X", c & 0xFF));
            }
        }
        return quoted.toString();
    }

    private boolean isHub(URI place) {
        return hub.getScheme().equalsIgnoreCase(place.getScheme())
                && hub.getHost().equalsIgnoreCase(place.getHost())
                && HubProxies.port(hub) == HubProxies.port(place);
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
