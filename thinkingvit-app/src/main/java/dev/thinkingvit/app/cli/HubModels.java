package dev.thinkingvit.app.cli;

import dev.thinkingvit.store.Hub;
import dev.thinkingvit.store.HubModel;
import dev.thinkingvit.store.HubSettings;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/** Models that are named {@code hf-hub:owner/name}, wherever a command takes a file or a folder. */
final class HubModels {
    /** Java sends no password to a proxy for protected connections, unless this names no scheme. */
    private static final String TUNNELS = "jdk.http.auth.tunneling.disabledSchemes";

    /** By the folders that took the names' places. */
    private static final Map<Path, HubModel> ASKED = new ConcurrentHashMap<>();

    private HubModels() {}

    /**
     * The folder of a model in the cache, fetched where it is not there yet.
     *
     * @throws dev.thinkingvit.store.HubException if it cannot be had
     */
    static Path fetch(String name) {
        if (System.getProperty(TUNNELS) == null) {
            System.setProperty(TUNNELS, "");
        }
        try (Watcher watcher = new Watcher(Progress.err())) {
            HubModel model = HubModel.of(name);
            Path folder = new Hub(HubSettings.ofEnvironment(), watcher).fetch(model);
            ASKED.put(folder, model);
            return folder;
        }
    }

    /** How somebody named the model of a folder in the cache; nothing for other folders, and for those named as such. */
    static Optional<HubModel> asked(Path folder) {
        return Optional.ofNullable(ASKED.get(folder));
    }

    /** A text with the names of models in place of the cache's folders, of which who asked for a model knows nothing. */
    static String named(String text) {
        String named = text;
        for (Map.Entry<Path, HubModel> model : ASKED.entrySet()) {
            named = named.replace(model.getKey().toString(), model.getValue().toString());
        }
        return named;
    }

    /** A bar for each file that takes a while. */
    private static final class Watcher implements Hub.Listener, AutoCloseable {
        private static final long LARGE_BYTES = 1 << 20;

        private final PrintWriter err;
        private final boolean quiet = HubSettings.isQuiet(System.getenv());
        private @Nullable ProgressBar bar;
        private String file = "";

        Watcher(PrintWriter err) {
            this.err = err;
        }

        @Override
        public void note(String line) {
            err.println("note: " + line);
        }

        @Override
        public void onBytes(String name, long done, long size) {
            if (size < LARGE_BYTES || quiet) {
                return;
            }
            if (bar == null || !file.equals(name)) {
                close();
                file = name;
                bar = Progress.of("fetching " + name, done, size, err);
            }
            bar.stepTo(done);
        }

        @Override
        public void close() {
            if (bar != null) {
                bar.close();
                bar = null;
            }
        }
    }
}
