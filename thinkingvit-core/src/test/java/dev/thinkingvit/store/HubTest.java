package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class HubTest {
    private static final HubModel MODEL = HubModel.of("hf-hub:owner/name");
    private static final byte[] CONFIG = "{\"architecture\": \"thinkingvit\"}".getBytes(StandardCharsets.UTF_8);
    private static final byte[] WEIGHTS = new byte[1_000_003];

    static {
        new Random(1).nextBytes(WEIGHTS);
    }

    @TempDir
    private Path cache;

    private final List<String> notes = new CopyOnWriteArrayList<>();
    private LocalHub server;

    @BeforeEach
    void serve() throws IOException {
        server = new LocalHub();
        server.files.put(".gitattributes", new byte[] {'x'});
        server.files.put("config.json", CONFIG);
        server.files.put("model.safetensors", WEIGHTS);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private HubSettings settings(String token, boolean offline) {
        return new HubSettings(server.endpoint(), cache, token, offline, Duration.ofSeconds(5));
    }

    private Hub hub(HubSettings settings) {
        return new Hub(
                settings,
                new Hub.Listener() {
                    @Override
                    public void note(String line) {
                        notes.add(line);
                    }
                },
                Map.of(),
                1);
    }

    private Path fetch() {
        return hub(settings(null, false)).fetch(MODEL);
    }

    @Test
    void aModelIsFetchedIntoTheLayoutThatAllToolsShare() throws IOException {
        Path folder = fetch();

        Path repository = cache.resolve("models--owner--name");
        assertThat(folder).isEqualTo(repository.resolve("snapshots").resolve(LocalHub.COMMIT));
        assertThat(folder.resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(Files.readSymbolicLink(folder.resolve("model.safetensors")))
                .hasToString("../../blobs/" + LocalHub.sha256(WEIGHTS));
        assertThat(Files.readSymbolicLink(folder.resolve("config.json")))
                .hasToString("../../blobs/" + LocalHub.gitHash(CONFIG));
        assertThat(repository.resolve("refs/main")).hasContent(LocalHub.COMMIT);
        assertThat(names(folder)).containsExactlyInAnyOrder("config.json", "model.safetensors");
        assertThat(names(repository.resolve("blobs"))).hasSize(2);
        assertThat(notes).isEmpty();
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    @Test
    void whatIsThereIsNotFetchedAgain() {
        Path first = fetch();
        server.asked.clear();

        assertThat(fetch()).isEqualTo(first);
        assertThat(server.asked).containsExactly("GET /api/models/owner/name/revision/main");
    }

    @Test
    void aCommitThatIsThereNeedsNoHub() {
        HubModel pinned = HubModel.of("hf-hub:owner/name@" + LocalHub.COMMIT);
        Path first = hub(settings(null, false)).fetch(pinned);
        server.asked.clear();

        assertThat(hub(settings(null, false)).fetch(pinned)).isEqualTo(first);
        assertThat(server.asked).isEmpty();
    }

    @Test
    void aNewCommitIsFetchedAndSharesWhatDidNotChange() throws IOException {
        fetch();
        server.commit = "f".repeat(40);
        byte[] config = "{}".getBytes(StandardCharsets.UTF_8);
        server.files.put("config.json", config);
        server.asked.clear();

        Path folder = fetch();

        assertThat(folder.resolve("config.json")).hasBinaryContent(config);
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(server.asked).noneMatch(line -> line.startsWith("GET elsewhere"));
        assertThat(cache.resolve("models--owner--name/refs/main")).hasContent("f".repeat(40));
    }

    @Test
    void brokenConnectionsLoseNothing() {
        server.breaks.set(9);
        Path folder = fetch();

        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(folder.resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(server.bytesSent.get()).isLessThan(WEIGHTS.length + CONFIG.length + 2_000L);
        assertThat(notes).anyMatch(note -> note.contains("going on at byte"));
    }

    @Test
    void whatAHubThatKnowsNoRangesSendsIsTakenFromTheStart() {
        server.ranges = false;
        server.breaks.set(2);

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @Test
    void aHubThatBeginsAnewAndBreaksOffSoonerTakesNothingAway() throws IOException {
        server.ranges = false;
        for (double at : new double[] {0.8, 0.3}) {
            server.breaks.set(9);
            server.breakAt = at;
            assertThatThrownBy(this::fetch).hasMessageContaining("broke off");
            server.breaks.set(0);
        }
        try (Stream<Path> blobs = Files.list(cache.resolve("models--owner--name/blobs"))) {
            assertThat(blobs).singleElement().satisfies(blob -> assertThat(Files.size(blob))
                    .isEqualTo((int) (CONFIG.length * 0.8)));
        }

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void whatAProxyPacksIsUnpacked(int breaks) {
        server.packs = true;
        server.breaks.set(breaks);

        Path folder = fetch();
        assertThat(folder.resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @Test
    void aHubThatHasMovedIsFollowedWithoutTheToken() throws IOException {
        try (LocalHub old = new LocalHub()) {
            old.movedTo = server.endpoint();
            Path folder = hub(new HubSettings(old.endpoint(), cache, "hf_x", false, Duration.ofSeconds(5)))
                    .fetch(MODEL);

            assertThat(folder.resolve("config.json")).hasBinaryContent(CONFIG);
            assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
            assertThat(old.tokens).isNotEmpty();
            assertThat(server.tokens).isEmpty();
        }
    }

    @Test
    void hubsThatSendToEachOtherAreLeft() throws IOException {
        try (LocalHub other = new LocalHub()) {
            other.movedTo = server.endpoint();
            server.movedTo = other.endpoint();
            assertThatThrownBy(this::fetch).hasMessageContaining("sends from one place to the next");
        }
    }

    @Test
    void aCommitOfWhichAnotherToolFetchedTheWeightsAloneGetsItsConfiguration() throws IOException {
        HubModel pinned = HubModel.of("hf-hub:owner/name@" + LocalHub.COMMIT);
        Path folder = hub(settings(null, false)).fetch(pinned);
        Files.delete(folder.resolve("config.json"));

        assertThat(hub(settings(null, true)).fetch(pinned)).isEqualTo(folder);
        assertThat(folder.resolve("config.json")).doesNotExist();
        assertThat(hub(settings(null, false)).fetch(pinned)).isEqualTo(folder);
        assertThat(folder.resolve("config.json")).hasBinaryContent(CONFIG);
    }

    @Test
    void aDownloadThatDoesNotMoveIsGivenUpAndGoesOnLater() throws IOException {
        fetch();
        byte[] other = new byte[1_000];
        server.files.put("model.safetensors", other);
        server.commit = "e".repeat(40);
        server.breaks.set(100);
        server.breakAt = 0;
        assertThatThrownBy(this::fetch)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("model.safetensors broke off after 0 bytes, 5 tries in a row brought no more")
                .hasMessageContaining("the next call goes on there");
        server.breaks.set(0);

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(other);
    }

    @Test
    void aContentThatIsNotItsHashsIsRefusedAndNotKept() throws IOException {
        server.etags.put("model.safetensors", "0".repeat(64));

        assertThatThrownBy(this::fetch)
                .isInstanceOf(HubException.class)
                .hasMessage(
                        "hf-hub:owner/name@" + LocalHub.COMMIT + ": model.safetensors came with another content than"
                                + " its hash " + "0".repeat(64) + " says, twice; nothing of it was kept");
        assertThat(names(cache.resolve("models--owner--name/blobs"))).containsExactly(LocalHub.gitHash(CONFIG));
    }

    @Test
    void aByteThatChangedOnItsWayIsFetchedAnew() {
        server.spoiled.set(1);

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(notes).anyMatch(note -> note.contains("is not what its hash says; it is fetched anew"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whereTheHubSaysNoSizeABrokenConnectionLosesNothing(boolean lengths) {
        server.linkedSize = null;
        server.lengths = lengths;
        server.breaks.set(3);

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(server.bytesSent.get()).isEqualTo(CONFIG.length + WEIGHTS.length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"abc", "-5", "", "99999999999999999999"})
    void aSizeThatIsNoneIsPassedOver(String size) {
        server.linkedSize = size;

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @ParameterizedTest
    @CsvSource({
        "1000013, 0",
        "1000013, 3",
        "999993, 0",
        "999993, 3",
        "100000000000000000, 0",
        "100000000000000000, 3",
        "0, 2"
    })
    void theHashDecidesWhereTheHubSaysAnotherSize(String size, int breaks) {
        server.linkedSize = size;
        server.breaks.set(breaks);

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(server.bytesSent.get()).isEqualTo(CONFIG.length + WEIGHTS.length);
        assertThat(notes).hasSize(breaks);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5})
    void aListThatBreaksOffIsAskedForAgain(double at) {
        server.lengths = false;
        server.brokenLists.set(1);
        server.breakAt = at;

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @Test
    void whatIsLeftOfSomethingElseIsFetchedAnew() throws IOException {
        Path blobs = Files.createDirectories(cache.resolve("models--owner--name/blobs"));
        Files.write(blobs.resolve(LocalHub.sha256(WEIGHTS) + ".thinkingvit.incomplete"), new byte[5_000]);

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(notes).anyMatch(note -> note.contains("is not what its hash says; it is fetched anew"));
    }

    @Test
    void whatAnEarlierProcessFetchedIsKept() throws IOException {
        Path blobs = Files.createDirectories(cache.resolve("models--owner--name/blobs"));
        Files.write(
                blobs.resolve(LocalHub.sha256(WEIGHTS) + ".thinkingvit.incomplete"),
                java.util.Arrays.copyOf(WEIGHTS, WEIGHTS.length - 10));

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(server.bytesSent.get()).isLessThan(1_000);
    }

    @Test
    void theTokenGoesToTheHubAlone() {
        server.requiredToken = "hf_secret";

        Path folder = hub(settings("hf_secret", false)).fetch(MODEL);

        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(server.asked).anyMatch(line -> line.startsWith("GET elsewhere"));
        assertThat(server.tokensElsewhere).isEmpty();
        assertThat(settings("hf_secret", false).toString()).doesNotContain("hf_secret");
    }

    @ParameterizedTest
    @CsvSource({"401,", "403, GatedRepo", "418,", "503,", "429,"})
    void whatAServerRepeatsOfTheTokenIsNotRepeated(int status, String code) {
        server.errorStatus = status;
        server.errorCode = code;
        server.errorMessage = "not for AUTHORIZATION, see http://me:word@host/x?token=abc";

        assertThatThrownBy(() -> hub(settings("the-token", false)).fetch(MODEL))
                .hasMessageContaining("not for Bearer ***, see http://***@host/x?token=***")
                .message()
                .doesNotContain("the-token");
        assertThat(notes).noneMatch(note -> note.contains("the-token"));
    }

    @Test
    void aUserInTheEndpointIsSentAndNotShown() {
        server.errorStatus = 401;
        server.errorMessage = "not for AUTHORIZATION";
        URI endpoint = URI.create(server.endpoint().toString().replace("//", "//me:w%20rd@"));
        HubSettings settings = new HubSettings(endpoint, cache, "the-token", false, Duration.ofSeconds(5));
        assertThat(settings.toString()).doesNotContain("rd@");
        assertThatThrownBy(() -> hub(settings).fetch(MODEL))
                .hasMessage("hf-hub:owner/name: there is no such model on " + server.endpoint()
                        + ", or it is private, or the user and password in HF_ENDPOINT are not good for it: not for"
                        + " Basic ***");
        server.errorStatus = 0;

        assertThat(hub(settings).fetch(MODEL).resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(server.tokens).containsOnly("Basic bWU6dyByZA==");
        assertThat(server.tokensElsewhere).isEmpty();
        server.close();
        assertThatThrownBy(() -> hub(settings).fetch(HubModel.of("hf-hub:owner/other")))
                .hasMessageContaining("cannot be reached")
                .message()
                .doesNotContain("w%20rd");
    }

    @Test
    void anAddressWithATokenThatIsNotGoneToIsShownWithoutIt() {
        server.sentTo = "ftp://me:word@host/model?signature=abc&expires=1";
        assertThatThrownBy(() -> hub(settings("the-token", false)).fetch(MODEL))
                .hasMessageContaining("sends to 'ftp://***@host/model?signature=***&expires=1', which is no address");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            401 |                  | there is no such model on http://127.0.0.1:%d, or it is private and HF_TOKEN must hold
            404 | RepoNotFound     | there is no such model on
            404 | RevisionNotFound | but has no revision main
            403 | GatedRepo        | gives it only to those who were granted access; http:
            418 |                  | answers 418
            503 |                  | answers 503; HF_ENDPOINT names the hub
            """)
    void whatTheHubRefusesIsSaidInOneLine(int status, String code, String message) {
        server.errorStatus = status;
        server.errorCode = code;

        assertThatThrownBy(this::fetch)
                .isInstanceOf(HubException.class)
                .hasMessageStartingWith("hf-hub:owner/name: ")
                .hasMessageContaining(String.format(message, server.endpoint().getPort()))
                .message()
                .doesNotContain("\n");
    }

    @ParameterizedTest
    @ValueSource(ints = {429, 408, 500, 503})
    void aBusyHubIsAskedAgain(int status) {
        server.busy.set(2);
        server.busyStatus = status;
        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @Test
    void aBusyHubIsLeftAloneForAsLongAsItsRateLimitSays() {
        server.busy.set(1);
        server.busyHeaders = Map.of("RateLimit", "\"api\";r=0;t=2");
        long began = System.nanoTime();

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThanOrEqualTo(Duration.ofSeconds(2));
        assertThat(notes).singleElement().asString().contains("answers 429 and asks to be left alone for 2 seconds");
    }

    @Test
    void aHubThatIsBusyForLongIsNotWaitedFor() {
        server.busy.set(1);
        server.busyHeaders = Map.of("Retry-After", "7200");
        assertThatThrownBy(this::fetch)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("answers 429 and asks to be left alone for 7200 seconds");
    }

    @Test
    void anAddressThatIsNoLongerGoodIsAskedForAnew() {
        server.refusedElsewhere.set(2);
        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc/passwd", "ftp://x/y", "http:///x", "mailto:a@b", "::"})
    void whereNoModelCanBeIsNotGoneTo(String place) {
        server.sentTo = place;
        assertThatThrownBy(this::fetch)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("sends to '" + place + "', which is no address");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://ELSEWHERE/model.safetensors?name=a b|c",
                "http://ELSEWHERE/model.safetensors?name=\"\u00e4\"",
                "http://ELSEWHERE/%6dodel.safetensors?share=50%&x=%41"
            })
    void addressesAreTakenAsTheyAreMeant(String place) {
        server.sentTo = place;
        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @Test
    void smallFilesThatTheHubKeepsAtAnotherOfItsAddressesAreFound() throws IOException {
        server.resolveCache = true;
        Path folder = fetch();
        assertThat(folder.resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(Files.readSymbolicLink(folder.resolve("config.json")))
                .hasToString("../../blobs/" + LocalHub.gitHash(CONFIG));
    }

    @Test
    void anEmptyFileIsAFile() {
        server.files.put("README.md", new byte[0]);
        assertThat(fetch().resolve("README.md")).isEmptyFile();
    }

    @Test
    void whatIsInTheCacheStaysOursWhenTheHubRefusesIt() {
        Path folder = fetch();
        server.requiredToken = "hf_other";

        assertThat(fetch()).isEqualTo(folder);
        assertThat(notes).singleElement().asString().contains("private", "the copy in the cache is taken");
    }

    @Test
    void aCacheThatMayOnlyBeReadHasToDo() throws IOException {
        Path folder = fetch();
        server.files.put("README.md", new byte[] {'x'}); // which the one who filled the cache did not want
        Path locks = cache.resolve(".locks");
        Files.move(locks, cache.resolve("moved"));
        Files.createFile(locks); // stands for a folder that nothing can be made in

        assertThat(fetch()).isEqualTo(folder);

        server.commit = "d".repeat(40);
        assertThatThrownBy(this::fetch)
                .isInstanceOf(HubException.class)
                .hasMessageStartingWith("hf-hub:owner/name: the cache " + cache + " cannot be used: ")
                .hasMessageEndingWith("; HF_HOME moves it; HF_HUB_OFFLINE=1 takes the older revision that it has");
    }

    @Test
    void whatAnotherToolIsFetchingIsNotTouched() throws IOException {
        Path blobs = Files.createDirectories(cache.resolve("models--owner--name/blobs"));
        Path theirs = Files.write(blobs.resolve(LocalHub.sha256(WEIGHTS) + ".incomplete"), new byte[5_000]);

        assertThat(fetch().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(theirs).hasSize(5_000);
    }

    @Test
    void aRenamedModelIsFound() {
        Path folder = hub(settings(null, false)).fetch(HubModel.of("hf-hub:owner/old-name"));
        assertThat(folder.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @Test
    void offlineTheCacheHasToDo() {
        assertThatThrownBy(() -> hub(settings(null, true)).fetch(MODEL))
                .hasMessage(
                        "hf-hub:owner/name: is not in the cache " + cache + ", and HF_HUB_OFFLINE forbids to fetch it");
        Path folder = fetch();
        server.asked.clear();

        assertThat(hub(settings(null, true)).fetch(MODEL)).isEqualTo(folder);
        assertThat(server.asked).isEmpty();
    }

    @Test
    void aHubThatCannotBeReachedIsReplacedByTheCache() throws IOException {
        Path folder = fetch();
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        HubSettings nowhere =
                new HubSettings(URI.create("http://127.0.0.1:" + port), cache, null, false, Duration.ofSeconds(5));

        assertThat(hub(nowhere).fetch(MODEL)).isEqualTo(folder);
        assertThat(notes).singleElement().asString().contains("cannot be reached", "the copy in the cache is taken");
        assertThatThrownBy(() -> hub(nowhere).fetch(HubModel.of("hf-hub:owner/other")))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("127.0.0.1 cannot be reached")
                .hasMessageContaining("HF_ENDPOINT names the hub, now http://127.0.0.1:" + port);
    }

    @Test
    void shardsAreFetchedWithTheirIndex() {
        server.files.remove("model.safetensors");
        server.files.put(
                "model.safetensors.index.json",
                "{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}}"
                        .getBytes(StandardCharsets.UTF_8));
        server.files.put("one.safetensors", new byte[] {1});
        assertThatThrownBy(this::fetch).hasMessageContaining("names two.safetensors, which is not there");
        server.files.put("two.safetensors", new byte[] {2});

        Path folder = fetch();
        assertThat(folder.resolve("one.safetensors")).hasBinaryContent(new byte[] {1});
        assertThat(folder.resolve("two.safetensors")).hasBinaryContent(new byte[] {2});
    }

    @ParameterizedTest
    @CsvSource({
        "vit_tiny.safetensors, vit_tiny.safetensors training_args.bin",
        "model_best.pth.tar, model_best.pth.tar README.md",
        "ViT.PTH, ViT.PTH optimizer.pt last/model.pth",
        "a.safetensors, a.safetensors a.pth b.bin"
    })
    void theOnlyCheckpointIsTakenWhateverItIsCalled(String taken, String files) throws IOException {
        server.files.remove("model.safetensors");
        for (String file : files.split(" ", -1)) {
            server.files.put(file, file.equals(taken) ? WEIGHTS : new byte[] {1});
        }
        Path folder = fetch();
        assertThat(folder.resolve(taken)).hasBinaryContent(WEIGHTS);
        assertThat(names(folder)).contains("config.json", taken).doesNotContain("training_args.bin", "a.pth");
        server.asked.clear();

        assertThat(hub(settings(null, true)).fetch(MODEL)).isEqualTo(folder);
        assertThat(hub(settings(null, false)).fetch(HubModel.of("hf-hub:owner/name@" + LocalHub.COMMIT)))
                .isEqualTo(folder);
        assertThat(server.asked).isEmpty();
    }

    @Test
    void nothingIsChosenBetweenCheckpoints() {
        server.files.remove("model.safetensors");
        server.files.put("a.pth", WEIGHTS);
        server.files.put("b.pth", WEIGHTS);
        assertThatThrownBy(this::fetch)
                .hasMessageContaining(
                        "just one other checkpoint is required, it has .gitattributes, config.json, a.pth, b.pth");
    }

    @Test
    void aModelWithoutWeightsIsNamedWithWhatItHas() {
        server.files.remove("model.safetensors");
        assertThatThrownBy(this::fetch)
                .hasMessageContaining("has no weights that can be read")
                .hasMessageContaining("it has .gitattributes, config.json");
    }

    @ParameterizedTest
    @CsvSource({"../../../evil", ".hidden", "a/b"})
    void aHashThatLeadsOutOfTheCacheIsRefused(String etag) {
        server.etags.put("config.json", etag);
        assertThatThrownBy(this::fetch)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("a plain name is required");
    }

    @Test
    void aCommitThatLeadsOutOfTheCacheIsRefused() {
        server.commit = "../../..";
        assertThatThrownBy(this::fetch).isInstanceOf(HubException.class);
    }

    @Test
    void oneOfManyCallersFetches() throws InterruptedException {
        List<Thread> callers = new ArrayList<>();
        List<Throwable> failures = new CopyOnWriteArrayList<>();
        for (int i = 0; i < 6; i++) {
            Thread caller = new Thread(this::fetch);
            caller.setUncaughtExceptionHandler((thread, e) -> failures.add(e));
            callers.add(caller);
            caller.start();
        }
        for (Thread caller : callers) {
            caller.join();
        }
        assertThat(failures).isEmpty();
        assertThat(server.bytesSent.get()).isLessThan(2L * WEIGHTS.length);
    }

    @ParameterizedTest
    @CsvSource({
        "hf-hub:owner/name, owner/name, main",
        "hf-hub:owner/name@v1.2, owner/name, v1.2",
        "hf-hub:owner/name@refs/pr/1, owner/name, refs/pr/1",
        "hf-hub:vit, vit, main"
    })
    void namesAreUnderstood(String text, String repository, String revision) {
        assertThat(HubModel.of(text))
                .isEqualTo(new HubModel(repository, revision))
                .hasToString(text);
    }

    @Test
    void aFolderInACacheKnowsItsName() {
        assertThat(HubModel.inCache(fetch()).map(HubModel::repository)).contains("owner/name");
        assertThat(HubModel.inCache(cache)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "deit_tiny_patch16_224.fb_in1k, hf-hub:timm/deit_tiny_patch16_224.fb_in1k",
        "vit_base_patch16_224, hf-hub:timm/vit_base_patch16_224.TAG",
        "owner/name-1.5, hf-hub:owner/name-1.5",
        "hf:owner/name, hf-hub:owner/name",
        "huggingface.co/owner/name, hf-hub:owner/name",
        "./owner/name,",
        "models,",
        "a/b/c,"
    })
    void whatMayHaveBeenMeantIsNamed(String text, String meant) {
        assertThat(HubModel.meant(text)).isEqualTo(java.util.Optional.ofNullable(meant));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hf_hub:owner/name",
                "hf://owner/name",
                "hf-hub:owner/name@main",
                "hf-hub://owner/name",
                "HF-HUB:owner/name/",
                "https://huggingface.co/owner/name",
                "http://www.huggingface.co/owner/name/",
                "https://hf.co/owner/name?library=timm",
                "https://huggingface.co/owner/name#use",
                "https://huggingface.co/owner/name/tree/main"
            })
    void otherSpellingsAreUnderstood(String text) {
        assertThat(HubModel.isName(text)).isTrue();
        assertThat(HubModel.of(text)).isEqualTo(MODEL);
    }

    @Test
    void aPageOfARevisionNamesIt() {
        assertThat(HubModel.of("https://huggingface.co/owner/name/tree/refs%2Fpr%2F1"))
                .isEqualTo(new HubModel("owner/name", "refs/pr/1"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://huggingface.co/",
                "https://huggingface.co/bert",
                "https://huggingface.co/datasets/imagenet-1k",
                "https://huggingface.co/datasets/owner/name",
                "https://huggingface.co/owner/name/blob/main/model.safetensors",
                "https://huggingface.co/owner/name/resolve/main/model.safetensors"
            })
    void aPageThatIsNoModelsIsRefused(String text) {
        assertThatThrownBy(() -> HubModel.of(text))
                .isInstanceOf(HubException.class)
                .hasMessage(text + ": is no page of a model; a model on a hub is named hf-hub:owner/name[@revision]");
    }

    @ParameterizedTest
    @CsvSource({"hf-hub:", "hf-hub:a/b/c", "hf-hub:../x", "hf-hub:a/b@", "hf-hub:a/b@../../x", "hf-hub:a b"})
    void whatIsNoNameIsRefused(String text) {
        assertThatThrownBy(() -> HubModel.of(text))
                .isInstanceOf(HubException.class)
                .hasMessageStartingWith("hf-hub:");
    }

    @Test
    void theEnvironmentSaysWhatItSaysToOtherTools() throws IOException {
        Path home = cache.resolve("home");
        Files.createDirectories(home.resolve(".cache/huggingface"));
        Files.writeString(home.resolve(".cache/huggingface/token"), "hf_kept\n");

        HubSettings plain = HubSettings.of(Map.of(), home);
        assertThat(plain.endpoint()).hasToString("https://huggingface.co");
        assertThat(plain.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(plain.token()).isEqualTo("hf_kept");
        assertThat(plain.offline()).isFalse();

        HubSettings said = HubSettings.of(
                Map.of("HF_ENDPOINT", "http://mirror/", "HF_HOME", "~/hf", "HF_TOKEN", "hf_x", "HF_HUB_OFFLINE", "yes"),
                home);
        assertThat(said)
                .isEqualTo(new HubSettings(
                        URI.create("http://mirror"), home.resolve("hf/hub"), "hf_x", true, Duration.ofSeconds(10)));

        assertThat(HubSettings.of(Map.of("HF_HOME", "$SCRATCH/${USER}/hf", "SCRATCH", "/s", "USER", "me"), home)
                        .cache())
                .isEqualTo(Path.of("/s/me/hf/hub"));
        assertThat(HubSettings.of(Map.of("TRANSFORMERS_OFFLINE", "1"), home).offline())
                .isTrue();
        assertThat(HubSettings.of(Map.of("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"), home)
                        .token())
                .isNull();
        assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "/c"), null).cache()).isEqualTo(Path.of("/c"));
        assertThatThrownBy(() -> HubSettings.of(Map.of(), null)).hasMessageContaining("HF_HOME must name one");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "mirror"), home))
                .hasMessageContaining("HF_ENDPOINT must be an address");
        for (String wrong : List.of("me:word@mirror", "http://me:w rd@mirror", "ftp://me:a/b@c@mirror")) {
            assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", wrong), home))
                    .hasMessageContaining("HF_ENDPOINT must be an address")
                    .message()
                    .endsWith("***@mirror")
                    .doesNotContain("me:");
        }
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN", "hf_a\nhf_b"), home))
                .hasMessageStartingWith("HF_TOKEN: a token is one word")
                .message()
                .doesNotContain("hf_a");
    }
}
