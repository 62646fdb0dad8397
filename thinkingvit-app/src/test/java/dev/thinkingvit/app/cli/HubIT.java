package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands on models of a hub; the hub is a small server here, with the shipped model in it. */
@NullUnmarked // a null fails the test
class HubIT {
    private static final Path SHIPPED = Path.of("../models/cifar10-3h-6h");
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @TempDir
    private Path directory;

    private HttpServer server;

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                answer(exchange);
            }
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        byte[] content;
        if (path.equals("/api/models/owner/name/revision/main")) {
            content = ("{\"sha\": \"" + COMMIT + "\", \"siblings\": [{\"rfilename\": \"config.json\"},"
                            + " {\"rfilename\": \"model.safetensors\"}, {\"rfilename\": \"int8.ranges\"}]}")
                    .getBytes(StandardCharsets.UTF_8);
        } else if (path.startsWith("/owner/name/resolve/" + COMMIT + "/")) {
            content = Files.readAllBytes(SHIPPED.resolve(path.substring(path.lastIndexOf('/') + 1)));
            exchange.getResponseHeaders().set("ETag", "\"etag-of-" + content.length + "\"");
        } else {
            exchange.getResponseHeaders().set("X-Error-Code", "RepoNotFound");
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        boolean head = exchange.getRequestMethod().equals("HEAD");
        if (head) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
        }
        exchange.sendResponseHeaders(200, head ? -1 : content.length);
        if (!head) {
            exchange.getResponseBody().write(content);
        }
    }

    private Launched run(String offline, String... arguments) throws IOException {
        Map<String, String> environment = Map.of(
                "HF_ENDPOINT",
                "http://127.0.0.1:" + server.getAddress().getPort(),
                "HF_HOME",
                directory.resolve("hf").toString(),
                "HF_HUB_OFFLINE",
                offline);
        return Launched.start(directory, environment, List.of(arguments));
    }

    @Test
    void aModelOfAHubIsTakenWhereAFolderIs() throws Exception {
        String sample = "../samples/cat-0777.jpg";
        try (Launched fetched = run("0", "classify", "--model", "hf-hub:owner/name", sample);
                Launched shipped = run("1", "classify", "--model", SHIPPED.toString(), sample)) {
            assertThat(fetched.exit()).as(fetched.err()).isZero();
            assertThat(shipped.exit()).as(shipped.err()).isZero();
            assertThat(fetched.out()).isEqualTo(shipped.out());
        }
        assertThat(directory.resolve("hf/hub/models--owner--name/snapshots/" + COMMIT + "/model.safetensors"))
                .hasBinaryContent(Files.readAllBytes(SHIPPED.resolve("model.safetensors")));
        try (Launched again = run("1", "info", "hf-hub:owner/name")) {
            assertThat(again.exit()).as(again.err()).isZero();
            assertThat(again.out()).contains("3H → 6H");
        }
    }

    @Test
    void resultsCallAModelOfAHubByItsName() throws Exception {
        try (Launched classified =
                run("0", "classify", "--json", "--model", "hf-hub:owner/name", "../samples/cat-0777.jpg")) {
            assertThat(classified.exit()).as(classified.err()).isZero();
            assertThat(classified.out()).contains("\"model\":\"hf-hub:owner/name\"");
        }
    }

    @Test
    void whatIsSaidOfAModelOfAHubNamesItAsItWasAskedFor() throws Exception {
        try (Launched verified = run("0", "verify", "hf-hub:owner/name")) {
            assertThat(verified.exit()).isEqualTo(1);
            assertThat(verified.err())
                    .isEqualToIgnoringNewLines(
                            "thinkingvit: hf-hub:owner/name/expected.safetensors: no such file or folder, and"
                                    + " --expected names no other recording");
        }
        try (Launched converted = run(
                "1", "convert", "hf-hub:owner/name", directory.resolve("out").toString())) {
            assertThat(converted.exit()).as(converted.err()).isZero();
            assertThat(converted.out()).startsWith("read hf-hub:owner/name/model.safetensors");
        }
    }

    @Test
    void aTrainingCallsItsTeacherAndItsFirstWeightsByTheirNames() throws Exception {
        String model = "hf-hub:owner/name";
        Path pictures = directory.resolve("pictures");
        for (String name : List.of("cat", "ship")) {
            Files.createDirectories(pictures.resolve(name));
            Files.copy(Path.of("../samples/cat-0777.jpg"), pictures.resolve(name + "/1.jpg"));
        }
        try (Launched trained = run(
                "0",
                "train",
                "--data=" + pictures,
                "--epochs=1",
                "--warmup-epochs=0",
                "--cooldown-epochs=0",
                "--batch-size=2",
                "--init=" + model,
                "--teacher=" + model,
                "--out=" + directory.resolve("run"))) {
            assertThat(trained.exit()).as(trained.err()).isZero();
            assertThat(trained.err())
                    .contains(" values, from hf-hub:owner/name/model.safetensors")
                    .contains("soft distillation from hf-hub:owner/name: 3H → 6H")
                    .doesNotContain("models--owner");
        }
    }

    @Test
    void aModelThatIsNotThereIsOneLine() throws Exception {
        try (Launched none = run("0", "info", "hf-hub:owner/none")) {
            assertThat(none.exit()).isEqualTo(Main.FAILED);
            assertThat(none.err().lines())
                    .singleElement()
                    .asString()
                    .startsWith("thinkingvit: hf-hub:owner/none: there is no such model on http://127.0.0.1:");
        }
    }
}
