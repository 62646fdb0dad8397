package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class HubProxiesTest {
    private static final HubModel MODEL = HubModel.of("hf-hub:owner/name");

    private static final byte[] WHO_ARE_YOU = String.join(
                    "\r\n",
                    "HTTP/1.1 407 Who are you",
                    "Proxy-Authenticate: Basic realm=\"x\"",
                    "Content-Length: 0",
                    "Connection: close",
                    "",
                    "")
            .getBytes(StandardCharsets.US_ASCII);

    @TempDir
    private Path cache;

    private final List<String> requests = new CopyOnWriteArrayList<>();
    private LocalHub server;
    private ServerSocket proxy;

    /** What a proxy does with a connection. */
    private interface Conversation {
        void with(Socket client) throws IOException;
    }

    @BeforeEach
    void serve() throws IOException {
        server = new LocalHub();
        server.files.put("config.json", "{}".getBytes(StandardCharsets.UTF_8));
        server.files.put("model.safetensors", new byte[100_000]);
        proxy = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        proxy.close();
    }

    private void proxy(Conversation conversation) {
        Thread thread = new Thread(() -> {
            while (!proxy.isClosed()) {
                try {
                    Socket client = proxy.accept();
                    Thread one = new Thread(() -> {
                        try (client) {
                            conversation.with(client);
                        } catch (IOException e) {
                            // the client has what it wanted
                        }
                    });
                    one.setDaemon(true);
                    one.start();
                } catch (IOException e) {
                    return;
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** A line and the headers after it. */
    private static String head(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int c = in.read();
            if (c < 0) {
                throw new IOException("ended");
            }
            head.append((char) c);
        }
        return head.toString();
    }

    private static void join(Socket client, String host, int port, byte[] first) throws IOException {
        try (Socket on = new Socket(host, port)) {
            on.getOutputStream().write(first);
            Thread back = new Thread(() -> {
                try {
                    client.getInputStream().transferTo(on.getOutputStream());
                } catch (IOException e) {
                    // ended
                }
            });
            back.setDaemon(true);
            back.start();
            on.getInputStream().transferTo(client.getOutputStream());
        }
    }

    /** Passes requests for plain addresses on, for who says the password. */
    private void httpProxy(String required) {
        proxy(client -> {
            String head = head(client.getInputStream());
            requests.add(head);
            if (required != null && !head.contains("Proxy-authorization: " + required)) {
                client.getOutputStream().write(WHO_ARE_YOU);
                return;
            }
            String[] line = head.split("[ \r]", 3);
            URI place = URI.create(line[1]);
            String path = place.getRawPath() + (place.getRawQuery() == null ? "" : "?" + place.getRawQuery());
            String plain = (line[0] + " " + path + " " + line[2])
                    .replaceAll("(?i)(?:Proxy-)?Connection: keep-alive", "Connection: close");
            join(client, "localhost", place.getPort(), plain.getBytes(StandardCharsets.ISO_8859_1));
        });
    }

    private Path fetch(Map<String, String> environment) {
        HubSettings settings = new HubSettings(server.endpoint(), cache, "the-token", false, Duration.ofSeconds(5));
        return new Hub(settings, Hub.Listener.SILENT, environment, 1).fetch(MODEL);
    }

    private String address() {
        return "127.0.0.1:" + proxy.getLocalPort();
    }

    @ParameterizedTest
    @ValueSource(strings = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"})
    void theHubIsAskedByTheProxy(String variable) {
        httpProxy(null);
        fetch(Map.of(variable, "http://" + address(), "https_proxy", "http://nowhere.invalid"));
        assertThat(requests).hasSizeGreaterThan(3).anyMatch(request -> request.startsWith("GET http://localhost:"));
    }

    @Test
    void aProxyIsToldTheUserAndThePassword() {
        httpProxy("Basic bWU6dyByZA==");
        fetch(Map.of("HTTP_PROXY", "http://me:w%20rd@" + address()));
        assertThat(requests).isNotEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "'', asks for a user and a password; HTTP_PROXY may say them",
        "me:word@, 'asks for a user and a password, and those in HTTP_PROXY are not good for it'"
    })
    void aProxyThatKnowsNobodyIsNamed(String user, String reason) {
        httpProxy("Basic other");
        assertThatThrownBy(() -> fetch(Map.of("HTTP_PROXY", "http://" + user + address())))
                .hasMessageStartingWith("hf-hub:owner/name: the proxy " + address() + " " + reason)
                .message()
                .doesNotContain("me:word")
                .doesNotContain("the-token");
        assertThat(requests).hasSizeLessThan(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"socks5://", "socks5h://", "SOCKS://"})
    void aSocksProxyIsUsed(String scheme) {
        proxy(client -> {
            DataInputStream in = new DataInputStream(client.getInputStream());
            OutputStream out = client.getOutputStream();
            in.readByte();
            in.readFully(new byte[in.readByte()]);
            out.write(new byte[] {5, 0});
            byte[] request = new byte[4];
            in.readFully(request);
            byte[] host = new byte[request[3] == 3 ? in.readByte() : request[3] == 1 ? 4 : 16];
            in.readFully(host);
            int port = in.readUnsignedShort();
            requests.add(request[3] + " " + port);
            out.write(new byte[] {5, 0, 0, 1, 127, 0, 0, 1, 0, 80});
            join(client, "127.0.0.1", port, new byte[0]);
        });
        fetch(Map.of("ALL_PROXY", scheme + address()));
        assertThat(requests)
                .anyMatch(request -> request.endsWith(" " + server.endpoint().getPort()));
    }

    @ParameterizedTest
    @CsvSource({"http://, HTTP_PROXY", "socks5://, ALL_PROXY", "'', http_proxy"})
    void aProxyThatIsDownIsNamedAndNotTheHub(String scheme, String variable) throws IOException {
        proxy.close();
        assertThatThrownBy(() -> fetch(Map.of(variable, scheme + address())))
                .isInstanceOf(HubException.class)
                .hasMessageStartingWith("hf-hub:owner/name: the proxy " + address() + " cannot be reached or refuses: ")
                .hasMessageEndingWith("; " + variable + " names it");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://me:pass word@proxy",
                "http://me:word@",
                "gopher://me:word@proxy",
                "me:word@pro xy",
                "http://me:word@proxy:99999",
                "http://me:w/ord@proxy"
            })
    void whatIsNoProxyIsSaidWithoutItsPassword(String proxy) {
        assertThatThrownBy(() -> fetch(Map.of("HTTP_PROXY", proxy)))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("HTTP_PROXY must be a proxy's address such as http://proxy:3128")
                .message()
                .doesNotContain("word");
    }

    @ParameterizedTest
    @CsvSource({
        "http://hub.corp, hub.corp, true",
        "http://hub.corp, .corp, true",
        "http://hub.corp, *.corp, true",
        "http://hub.corp, corp, true",
        "http://hub.corp, 'localhost, hub.corp', true",
        "http://hub.corp, 'localhost hub.corp', true",
        "http://hub.corp, HUB.corp:80, true",
        "http://hub.corp:8080, hub.corp:8080, true",
        "http://hub.corp:8080, hub.corp:80, false",
        "http://hub.corp:8080, hub.corp, true",
        "http://hub.corp, *, true",
        "http://hub.corp, b.corp, false",
        "http://hub.corp, '', false",
        "http://hub.corp, http://hub.corp, true",
        "http://[::1]:8080, ::1, true",
        "http://[::1]:8080, [::1]:8080, true",
        "http://[::1]:8080, [::1]:80, false",
        "http://10.1.2.3, 10.0.0.0/8, true",
        "http://11.1.2.3, 10.0.0.0/8, false",
        "http://11.1.2.3, 0.0.0.0/0, true",
        "http://10.1.2.3, 10.1.2.3:80, true"
    })
    void hostsAreExcludedAsOtherToolsDo(String place, String excluded, boolean straight) {
        HubProxies proxies = new HubProxies(Map.of("http_proxy", "proxy.invalid:3128", "NO_PROXY", excluded));
        assertThat(proxies.to(URI.create(place)).name()).isEqualTo(straight ? "" : "proxy.invalid:3128");
    }

    @Test
    void aVariableThatIsSetToNothingNamesNoProxy() {
        HubProxies proxies = new HubProxies(Map.of("http_proxy", "", "HTTP_PROXY", "http://proxy.invalid"));
        assertThat(proxies.to(URI.create("http://hub.corp")).name()).isEmpty();
    }
}
