package dev.thinkingvit.store;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.NullUnmarked;

/**
 * A server that answers as the hub does: listings under /api, files under /resolve with their hashes, large ones sent
 * on to another host. One repository, {@code owner/name}; what goes wrong is set by the test.
 */
@NullUnmarked
final class LocalHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    final Map<String, byte[]> files = new LinkedHashMap<>();
    final List<String> asked = new CopyOnWriteArrayList<>();
    final List<String> tokensElsewhere = new CopyOnWriteArrayList<>();
    final AtomicInteger breaks = new AtomicInteger(); // how many contents still break off
    double breakAt = 0.5; // of the content
    final AtomicInteger busy = new AtomicInteger(); // how many answers are still 429
    Map<String, String> busyHeaders = Map.of("Retry-After", "0");
    final AtomicInteger refusedElsewhere = new AtomicInteger(); // how many answers there are still 403
    String sentTo; // instead of the other server
    boolean resolveCache; // small files are at another address of the same server, as the hub has them now
    final AtomicLong bytesSent = new AtomicLong(); // of contents
    String requiredToken;
    String errorCode; // of every answer, with errorStatus
    int errorStatus;
    String errorMessage; // a header; AUTHORIZATION in it stands for what was sent
    int busyStatus = 429;
    String commit = COMMIT;
    Map<String, String> etags = new LinkedHashMap<>(); // instead of the right ones
    boolean ranges = true;
    boolean packs; // all it sends, whatever was asked for
    URI movedTo; // the hub that it sends everybody to
    final List<String> tokens = new CopyOnWriteArrayList<>();
    boolean lengths = true; // whether an answer says how long it is
    String linkedSize = "right"; // of large files; null for none
    final AtomicInteger spoiled = new AtomicInteger(); // how many large contents still come with another byte
    final AtomicInteger brokenLists = new AtomicInteger(); // how many lists still break off

    private final HttpServer hub;
    private final HttpServer elsewhere;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    LocalHub() throws IOException {
        hub = serve(this::onHub);
        elsewhere = serve(this::elsewhere);
    }

    private interface Answer {
        void to(HttpExchange exchange) throws IOException;
    }

    private HttpServer serve(Answer answer) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try (exchange) {
                answer.to(exchange);
            } catch (RuntimeException e) {
                e.printStackTrace();
                throw e;
            }
        });
        server.start();
        return server;
    }

    URI endpoint() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    private void onHub(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        asked.add(exchange.getRequestMethod() + " " + path);
        if (busy.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            busyHeaders.forEach(exchange.getResponseHeaders()::set);
            exchange.sendResponseHeaders(busyStatus, -1);
            return;
        }
        if (errorStatus != 0) {
            if (errorMessage != null) {
                String sent = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
                exchange.getResponseHeaders().set("X-Error-Message", errorMessage.replace("AUTHORIZATION", sent));
            }
            refuse(exchange, errorStatus, errorCode);
            return;
        }
        String token = exchange.getRequestHeaders().getFirst("Authorization");
        if (token != null) {
            tokens.add(token);
        }
        if (movedTo != null) {
            exchange.getResponseHeaders().set("Location", movedTo.resolve(path).toString());
            exchange.sendResponseHeaders(301, -1);
            return;
        }
        if (requiredToken != null && !("Bearer " + requiredToken).equals(token)) {
            refuse(exchange, 401, null);
            return;
        }
        if (path.contains("/old-name")) {
            exchange.getResponseHeaders()
                    .set("Location", exchange.getRequestURI().toString().replace("owner/old-name", "owner/name"));
            exchange.sendResponseHeaders(307, -1);
        } else if (path.startsWith("/api/models/owner/name/revision/")) {
            send(exchange, 200, listing().getBytes(StandardCharsets.UTF_8));
        } else if (path.startsWith("/api/models/owner/name/tree/")) {
            send(exchange, 200, tree().getBytes(StandardCharsets.UTF_8));
        } else if (path.startsWith("/owner/name/resolve/") || path.startsWith("/api/resolve-cache/")) {
            file(exchange, path.substring(path.lastIndexOf('/') + 1));
        } else {
            refuse(exchange, 404, "RepoNotFound");
        }
    }

    private String listing() {
        return files.keySet().stream()
                .map(name -> "{\"rfilename\": \"" + name + "\"}")
                .collect(Collectors.joining(
                        ", ", "{\"id\": \"owner/name\", \"sha\": \"" + commit + "\", \"siblings\": [", "]}"));
    }

    private String tree() {
        return files.entrySet().stream()
                .map(file -> String.format(
                        "{\"type\": \"file\", \"path\": \"%s\", \"size\": %d, \"oid\": \"%s\"%s}",
                        file.getKey(),
                        file.getValue().length,
                        gitHash(file.getValue()),
                        isLarge(file.getKey())
                                ? ", \"lfs\": {\"oid\": \"" + sha256(file.getValue()) + "\", \"size\": "
                                        + file.getValue().length + ", \"pointerSize\": 134}"
                                : ""))
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private static boolean isLarge(String name) {
        return name.contains("safetensors") && !name.endsWith(".json");
    }

    private void file(HttpExchange exchange, String name) throws IOException {
        byte[] content = files.get(name);
        if (content == null) {
            refuse(exchange, 404, "EntryNotFound");
            return;
        }
        exchange.getResponseHeaders().set("X-Repo-Commit", commit);
        if (!isLarge(name)) {
            if (resolveCache && exchange.getRequestURI().getPath().startsWith("/owner/")) {
                exchange.getResponseHeaders()
                        .set("Location", "/api/resolve-cache/models/owner/name/" + commit + "/" + name + "?etag=x");
                exchange.sendResponseHeaders(307, -1);
                return;
            }
            exchange.getResponseHeaders().set("ETag", "\"" + etags.getOrDefault(name, gitHash(content)) + "\"");
            send(exchange, 200, content);
            return;
        }
        exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + etags.getOrDefault(name, sha256(content)) + "\"");
        if (linkedSize != null) {
            exchange.getResponseHeaders()
                    .set("X-Linked-Size", linkedSize.equals("right") ? Integer.toString(content.length) : linkedSize);
        }
        exchange.getResponseHeaders().set("ETag", "\"something else\"");
        exchange.getResponseHeaders()
                .set(
                        "Location",
                        sentTo != null
                                ? sentTo.replace(
                                        "ELSEWHERE",
                                        "localhost:" + elsewhere.getAddress().getPort())
                                : "http://localhost:" + elsewhere.getAddress().getPort() + "/" + name + "?signed=1");
        exchange.sendResponseHeaders(302, -1);
    }

    private void elsewhere(HttpExchange exchange) throws IOException {
        asked.add(exchange.getRequestMethod() + " elsewhere"
                + exchange.getRequestURI().getPath());
        String token = exchange.getRequestHeaders().getFirst("Authorization");
        if (token != null) {
            tokensElsewhere.add(token);
        }
        if (refusedElsewhere.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            exchange.sendResponseHeaders(403, -1);
            return;
        }
        byte[] content = files.get(exchange.getRequestURI().getPath().substring(1));
        if (spoiled.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            content = content.clone();
            content[content.length / 2] ^= 1;
        }
        send(exchange, 200, content);
    }

    private void send(HttpExchange exchange, int status, byte[] content) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = 0;
        if (range != null && ranges) {
            from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
            status = 206;
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        }
        byte[] part = Arrays.copyOfRange(content, from, content.length);
        if (packs) {
            part = packed(part);
            exchange.getResponseHeaders().set("Content-Encoding", "gzip");
        }
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(part.length));
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        boolean list = exchange.getRequestURI().getPath().startsWith("/api/");
        boolean breaksOff =
                part.length > 1 && (list ? brokenLists : breaks).getAndUpdate(left -> Math.max(0, left - 1)) > 0;
        int count = breaksOff ? (int) (part.length * breakAt) : part.length;
        if (!lengths) { // chunks that end where the connection broke, as a proxy makes of it
            exchange.sendResponseHeaders(status, 0);
            bytesSent.addAndGet(list ? 0 : count);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(part, 0, count);
            }
            return;
        }
        exchange.sendResponseHeaders(status, part.length == 0 ? -1 : part.length);
        bytesSent.addAndGet(list ? 0 : count);
        OutputStream out = exchange.getResponseBody();
        out.write(part, 0, count);
        out.flush();
        if (breaksOff) {
            exchange.close(); // in the middle
        }
    }

    private static byte[] packed(byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        }
        return bytes.toByteArray();
    }

    private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
        if (code != null) {
            exchange.getResponseHeaders().set("X-Error-Code", code);
        }
        exchange.sendResponseHeaders(status, -1);
    }

    static String sha256(byte[] content) {
        return hash("SHA-256", content);
    }

    static String gitHash(byte[] content) {
        byte[] head = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(head, head.length + content.length);
        System.arraycopy(content, 0, all, head.length, content.length);
        return hash("SHA-1", all);
    }

    private static String hash(String algorithm, byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        elsewhere.stop(0);
        threads.shutdownNow();
    }
}
