package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.OutsidePython;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One cache, used by this library and by Hugging Face's own, where a Python has it. */
@NullUnmarked // a null fails the test
class HubPythonTest {
    private static final HubModel MODEL = HubModel.of("hf-hub:owner/name");
    private static final String PROGRAM = """
            import os, sys
            os.environ.update(HF_ENDPOINT=sys.argv[1], HF_HUB_CACHE=sys.argv[2], HF_HUB_OFFLINE=sys.argv[3])
            os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HOME=sys.argv[2] + "-home", HF_HUB_DISABLE_XET="1")
            from huggingface_hub import snapshot_download, hf_hub_download
            folder = snapshot_download("owner/name")
            print(folder)
            for file in sys.argv[4:]:
                print(hf_hub_download("owner/name", file))
                print(os.path.getsize(hf_hub_download("owner/name", file)))
            """;

    private final byte[] weights = new byte[3_000_001];

    @TempDir
    private Path cache;

    private LocalHub server;

    @BeforeEach
    void serve() throws IOException {
        new Random(2).nextBytes(weights);
        server = new LocalHub();
        server.resolveCache = true;
        server.files.put("config.json", "{}".getBytes(StandardCharsets.UTF_8));
        server.files.put("model.safetensors", weights);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private List<String> python(boolean offline, String... files) throws IOException, InterruptedException {
        String[] arguments = new String[3 + files.length];
        arguments[0] = server.endpoint().toString();
        arguments[1] = cache.toString();
        arguments[2] = offline ? "1" : "0";
        System.arraycopy(files, 0, arguments, 3, files.length);
        return OutsidePython.lines("huggingface_hub", PROGRAM, arguments);
    }

    private Path fetch(boolean offline) {
        HubSettings settings = new HubSettings(server.endpoint(), cache, null, offline, Duration.ofSeconds(5));
        return new Hub(settings, Hub.Listener.SILENT, Map.of(), 1).fetch(MODEL);
    }

    @Test
    void whatPythonFetchedIsFoundWithoutAHub() throws Exception {
        List<String> theirs = python(false);
        server.close();

        Path folder = fetch(true);
        assertThat(folder).hasToString(theirs.get(0));
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(weights);
    }

    @Test
    void whatIsFetchedHerePythonFindsWithoutAHub() throws Exception {
        server.breaks.set(3);
        Path folder = fetch(false);
        server.close();

        assertThat(python(true, "config.json", "model.safetensors"))
                .containsExactly(
                        folder.toString(),
                        folder.resolve("config.json").toString(),
                        "2",
                        folder.resolve("model.safetensors").toString(),
                        Integer.toString(weights.length));
    }

    @Test
    void bothFetchAtTheSameTime() throws Exception {
        server.breaks.set(4);
        List<Throwable> failures = new java.util.concurrent.CopyOnWriteArrayList<>();
        Thread here = new Thread(() -> fetch(false));
        here.setUncaughtExceptionHandler((thread, e) -> failures.add(e));
        here.start();
        List<String> theirs;
        try {
            theirs = python(false, "model.safetensors");
        } finally {
            here.join(); // also where there is no Python
        }

        assertThat(failures).isEmpty();
        assertThat(Path.of(theirs.get(1))).hasBinaryContent(weights);
        assertThat(fetch(true).resolve("model.safetensors")).hasBinaryContent(weights);
        assertThat(Files.exists(cache.resolve("models--owner--name/blobs/" + LocalHub.sha256(weights))))
                .isTrue();
    }
}
