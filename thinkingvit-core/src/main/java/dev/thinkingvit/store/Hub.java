package dev.thinkingvit.store;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Models from a hub that speaks Hugging Face's protocol. {@link #fetch} gives the folder of a model in the cache, and
 * brings there what is missing. The cache is that of all tools for such hubs: what one has fetched, none fetches again.
 *
 * <p>A download that breaks goes on where it was, in the same call and in later ones; every file is compared with the
 * hash that the hub gives. Thread-safe; processes that want the same file wait for one of them.
 */
public final class Hub {
    private static final long FIRST_WAIT_MILLIS = 500;
    private static final long LOCK_POLL_MILLIS = 100;
    private static final int TRIES = 3;

    /** How long a busy hub is waited for. */
    static final int MAX_WAIT_SECONDS = 300;

    private static final int MAX_INDEX_BYTES = 32 << 20;
    private static final String WEIGHTS = "model.safetensors";
    private static final String INDEX = ".index.json";
    private static final String KEPT = "; the copy in the cache is taken";

    private static final Set<String> DESCRIPTIONS =
            Set.of("config.json", "preprocessor_config.json", "README.md", "thinkingvit.json", RangesFile.NAME);

    /** Without them a model may be read, but as another one: with other pictures, or other names of its classes. */
    private static final Set<String> DECIDING = Set.of("config.json", "preprocessor_config.json");

    /** Whose absence is noted. Where there are no weights of the usual name, others are looked for. */
    private static final Set<String> NOTED = Set.of("config.json", "preprocessor_config.json", WEIGHTS);

    private static final int MAX_NAMED = 20;

    private final HubSettings settings;
    private final HubClient client;
    private final Listener listener;
    private final long firstWaitMillis;

    /** Is told how a fetch goes on, on the fetching thread. */
    public interface Listener {
        /** Tells nobody. */
        Listener SILENT = new Listener() {};

        /** Something that people should know, in one line. */
        default void note(String line) {}

        /**
         * @param done bytes of the file that are there
         * @param size bytes of the whole; -1 if the hub does not say
         */
        default void onBytes(String file, long done, long size) {}
    }

    /** @param listener told how it goes */
    public Hub(HubSettings settings, Listener listener) {
        this(settings, listener, System.getenv(), FIRST_WAIT_MILLIS);
    }

    Hub(HubSettings settings, Listener listener, Map<String, String> environment, long firstWaitMillis) {
        this.settings = settings;
        this.listener = listener;
        this.client = new HubClient(settings, environment);
        this.firstWaitMillis = firstWaitMillis;
    }

    /**
     * The folder that holds a model's configuration and weights. Asks the hub which commit the revision is now, unless
     * it is a commit that is there already; where the hub cannot be reached, what the cache has is taken, with a note.
     *
     * @throws HubException if there is no such model, it is not given to us, it has no weights, or the hub cannot be
     *     reached and the cache lacks it
     */
    public Path fetch(HubModel model) {
        HubCache cache = new HubCache(settings.cache(), model);
        try {
            Optional<String> commit = cache.commit(model);
            Optional<Path> kept = commit.isPresent() ? whole(cache, commit.get()) : Optional.empty();
            if (kept.isPresent() && (settings.offline() || (model.isPinned() && isSettled(cache, model.revision())))) {
                return kept.get();
            }
            if (settings.offline()) {
                throw new HubException(model + ": is not in the cache " + settings.cache()
                        + ", and HF_HUB_OFFLINE forbids to fetch it");
            }
            HubClient.Listing listing;
            try {
                listing = answer(() -> client.list(model));
            } catch (IOException e) {
                if (kept.isPresent()) {
                    listener.note(model + ": " + e.getMessage() + KEPT);
                    return kept.get();
                }
                throw new HubException(
                        model + ": " + e.getMessage()
                                + (e instanceof HubProxies.ProxyException
                                        ? ""
                                        : "; HF_ENDPOINT names the hub, now " + settings.endpoint()),
                        e);
            } catch (HubException e) { // a token that is no longer good takes nothing away from us
                if (kept.isPresent()) {
                    listener.note(e.getMessage() + KEPT);
                    return kept.get();
                }
                throw e;
            }
            try {
                Path folder = fetch(cache, model, listing);
                cache.keepCommit(model, listing.commit());
                return folder;
            } catch (IOException e) { // a cache that others fill and we may only read
                if (kept.isPresent() && kept.get().equals(cache.snapshot(listing.commit()))) {
                    return kept.get();
                }
                throw unusable(
                        model, e, kept.isPresent() ? "; HF_HUB_OFFLINE=1 takes the older revision that it has" : "");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HubException(model + ": interrupted while it was fetched; the next call goes on there", e);
        } catch (IOException e) {
            throw unusable(model, e, "");
        }
    }

    private HubException unusable(HubModel model, IOException e, String otherwise) {
        return new HubException(
                model + ": the cache " + settings.cache() + " cannot be used: " + Reasons.of(e) + "; HF_HOME moves it"
                        + otherwise,
                e);
    }

    private Path fetch(HubCache cache, HubModel model, HubClient.Listing listing)
            throws IOException, InterruptedException {
        HubModel pinned = model.at(listing.commit());
        Set<String> wanted = new LinkedHashSet<>(listing.files());
        wanted.retainAll(DESCRIPTIONS);
        String weights = weights(model, listing.files());
        wanted.add(weights);
        for (String file : wanted) {
            file(cache, pinned, file);
        }
        for (String file : NOTED) {
            if (!listing.files().contains(file)) {
                cache.keepAbsence(listing.commit(), file);
            }
        }
        if (weights.endsWith(INDEX)) {
            for (String shard : shards(cache.snapshot(listing.commit()).resolve(weights))) {
                if (!listing.files().contains(shard)) {
                    throw new HubException(model + ": " + weights + " names " + shard + ", which is not there");
                }
                file(cache, pinned, shard);
            }
        }
        return cache.snapshot(listing.commit());
    }

    private static String weights(HubModel model, Set<String> files) {
        return ModelFolders.weights(top(files))
                .orElseThrow(() -> new HubException(model + ": has no weights that can be read; model.safetensors,"
                        + " pytorch_model.bin, either's " + INDEX
                        + ", or just one other checkpoint is required, it has "
                        + String.join(", ", files.stream().limit(MAX_NAMED).toList())
                        + (files.size() > MAX_NAMED ? " and " + (files.size() - MAX_NAMED) + " others" : "")));
    }

    /** Without what is in folders, which are of other models, or of other forms of this one. */
    private static Set<String> top(Set<String> files) {
        return files.stream().filter(file -> !file.contains("/")).collect(Collectors.toSet());
    }

    /** The snapshot of a commit, if all that a model needs is there. */
    private static Optional<Path> whole(HubCache cache, String commit) throws IOException {
        Path folder = cache.snapshot(commit);
        return ModelFolders.weights(cache.files(commit))
                .filter(weights -> !weights.endsWith(INDEX)
                        || shards(folder.resolve(weights)).stream().allMatch(shard -> cache.has(commit, shard)))
                .map(weights -> folder);
    }

    /** Whether nothing has to be asked of a commit: its files never change, but another tool may have fetched just some. */
    private static boolean isSettled(HubCache cache, String commit) {
        return DECIDING.stream().allMatch(file -> cache.knows(commit, file)) && cache.knows(commit, WEIGHTS);
    }

    private static Set<String> shards(Path index) {
        Set<String> shards = new LinkedHashSet<>();
        try {
            if (Files.size(index) > MAX_INDEX_BYTES) {
                throw new HubException(index + ": is too long for an index");
            }
            JsonNode map =
                    JsonMapper.shared().readTree(Files.readAllBytes(index)).path("weight_map");
            map.properties().forEach(entry -> shards.add(entry.getValue().asString("")));
        } catch (IOException | JacksonException e) {
            throw new HubException(index + ": cannot be read as an index of weights", e);
        }
        if (shards.isEmpty()) {
            throw new HubException(index + ": names no weights");
        }
        return shards;
    }

    private void file(HubCache cache, HubModel pinned, String file) throws IOException, InterruptedException {
        if (cache.has(pinned.revision(), file)) {
            return;
        }
        HubClient.Remote remote;
        try {
            remote = answer(() -> client.look(pinned, file));
        } catch (IOException e) {
            throw new HubException(pinned + ": " + file + ": " + e.getMessage() + "; the next call goes on there", e);
        }
        Path blob = cache.blob(remote.etag());
        Path lock = cache.lock(remote.etag());
        synchronized (Hub.class) { // a process has a file's lock as a whole
            try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                @Nullable FileLock held = held(channel, file);
                try {
                    if (!Files.isRegularFile(blob)) {
                        new HubDownload(
                                        client,
                                        remote,
                                        blob,
                                        cache.incomplete(remote.etag()),
                                        listener,
                                        firstWaitMillis)
                                .run();
                    }
                    cache.place(pinned.revision(), file, remote.etag());
                } finally {
                    if (held != null) {
                        held.release();
                    }
                }
            }
        }
    }

    /** The lock, waited for; null on file systems without locks, where two processes may fetch the same. */
    private @Nullable FileLock held(FileChannel channel, String file) throws InterruptedException {
        boolean told = false;
        while (true) {
            try {
                FileLock lock = channel.tryLock();
                if (lock != null) {
                    return lock;
                }
            } catch (IOException e) {
                return null;
            }
            if (!told) {
                listener.note(file + ": another process is fetching it; waiting");
                told = true;
            }
            Thread.sleep(LOCK_POLL_MILLIS);
        }
    }

    /** What the network may fail at. */
    @FunctionalInterface
    private interface Question<T> {
        T ask() throws IOException;
    }

    /** Asks again where the network or a busy hub fails; the last failure is thrown. */
    private <T> T answer(Question<T> question) throws IOException, InterruptedException {
        for (int i = 1; i < TRIES; i++) {
            try {
                return question.ask();
            } catch (IOException e) {
                int asked = e instanceof HubClient.BusyException busy ? busy.seconds() : 0;
                if (asked > MAX_WAIT_SECONDS) {
                    throw e;
                }
                if (asked > 1) {
                    listener.note(Reasons.of(e));
                }
                Thread.sleep(Math.max(firstWaitMillis << i, asked * 1000L));
            }
        }
        return question.ask();
    }
}
