package dev.thinkingvit.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How processes meet, before anything native begins; threads do for processes here. */
@NullUnmarked // a null fails the test
@Timeout(30)
class JoinTest {
    private static final Duration SHORT = Duration.ofMillis(700);
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final Pulse PULSE =
            new Pulse(Duration.ofMillis(100), Duration.ofSeconds(10), Duration.ofMillis(500));

    private int port;

    @BeforeEach
    void choosePort() throws IOException {
        port = Ports.free();
    }

    private Rendezvous process(int rank, int size) {
        return new Rendezvous("127.0.0.1", port, rank, size, 0);
    }

    /** Joins as {@code rank}, leaves again, and gives the error's message or "". */
    private CompletableFuture<String> join(int rank, int size, Duration timeout) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        if (rank == 0) {
                            Hub hub = Hub.open(process(0, size), PULSE);
                            try {
                                hub.awaitAll(timeout);
                                hub.welcome(4711);
                            } finally {
                                hub.leave();
                            }
                        } else {
                            Spoke spoke = Spoke.join(process(rank, size), timeout, PULSE);
                            spoke.leave();
                        }
                        return "";
                    } catch (DistributedException e) {
                        return e.getMessage();
                    }
                },
                work -> Channel.start("test", work));
    }

    private static String result(CompletableFuture<String> joined) throws Exception {
        return joined.get(20, TimeUnit.SECONDS);
    }

    @Test
    void processesMayComeInAnyOrder() throws Exception {
        List<CompletableFuture<String>> others = new ArrayList<>();
        for (int rank = 3; rank > 0; rank--) {
            others.add(join(rank, 4, LONG));
        }
        TimeUnit.MILLISECONDS.sleep(300);
        assertThat(result(join(0, 4, LONG))).isEmpty();
        for (CompletableFuture<String> other : others) {
            assertThat(result(other)).isEmpty();
        }
    }

    @Test
    void missingProcessesAreNamedToAllThatCame() throws Exception {
        CompletableFuture<String> second = join(2, 4, LONG);
        String message = result(join(0, 4, Duration.ofSeconds(1)));
        assertThat(message).startsWith("processes 1, 3 of 4 did not come to 127.0.0.1:" + port + " within 1 s");
        assertThat(result(second)).isEqualTo(message);
    }

    @Test
    void anUnreachableProcess0IsNamedWithItsAddress() throws Exception {
        // bound and not listening: nobody else can take the port meanwhile
        try (Socket held = new Socket()) {
            held.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            port = held.getLocalPort();
            assertThat(result(join(1, 2, SHORT)))
                    .startsWith("process 1 of 2 did not reach process 0 at 127.0.0.1:" + port + " within 700 ms")
                    .contains("refused");
        }
    }

    @Test
    void anUnknownMasterIsSaidToBeOne() {
        Rendezvous nowhere = new Rendezvous("no-such-host.invalid", port, 1, 2, 0);
        assertThatThrownBy(() -> Spoke.join(nowhere, SHORT, PULSE))
                .isInstanceOf(DistributedException.class)
                .hasMessageContaining("no-such-host.invalid")
                .hasMessageContaining("cannot be resolved");
    }

    @Test
    void twoProcessesOfTheSameRankAreBothNamed() throws Exception {
        CompletableFuture<String> first = join(1, 3, LONG);
        CompletableFuture<String> second = join(1, 3, LONG);
        assertThat(result(join(0, 3, LONG)))
                .startsWith("two processes say that they are process 1 of 3: host ")
                .contains("each needs a RANK of its own");
        assertThat(result(first)).contains("two processes say that they are process 1 of 3");
        assertThat(result(second)).contains("two processes say that they are process 1 of 3");
    }

    @Test
    void aLateDoubleIsRefusedAndDoesNotDisturbTheGroup() throws Exception {
        try (Hubbed hub = new Hubbed(Hub.open(process(0, 2), PULSE))) {
            CompletableFuture<Spoke> joined = CompletableFuture.supplyAsync(
                    () -> Spoke.join(process(1, 2), LONG, PULSE), work -> Channel.start("test", work));
            hub.hub().awaitAll(LONG);
            hub.hub().welcome(1);
            Spoke spoke = joined.get(20, TimeUnit.SECONDS);
            assertThatThrownBy(() -> Spoke.join(process(1, 2), LONG, PULSE)).hasMessageContaining("two processes");
            assertThat(hub.hub().watch.loss()).isNull();
            assertThat(spoke.watch.loss()).isNull();
            spoke.leave();
        }
    }

    @Test
    void aProcessThatFailsTellsAllOthersWhy() throws Exception {
        try (Hubbed hub = new Hubbed(Hub.open(process(0, 3), PULSE))) {
            List<CompletableFuture<Spoke>> joining = new ArrayList<>();
            for (int rank = 1; rank < 3; rank++) {
                Rendezvous other = process(rank, 3);
                joining.add(CompletableFuture.supplyAsync(
                        () -> Spoke.join(other, LONG, PULSE), work -> Channel.start("test", work)));
            }
            hub.hub().awaitAll(LONG);
            hub.hub().welcome(1);
            Spoke first = joining.get(0).get(20, TimeUnit.SECONDS);
            Spoke second = joining.get(1).get(20, TimeUnit.SECONDS);
            first.fail("picture 17 is damaged");
            for (Channel channel : List.of(hub.hub(), second, first)) {
                channel.watch.await(LONG);
                assertThat(channel.watch.loss())
                        .startsWith("process 1 of 3 (host ")
                        .endsWith(") cannot go on: picture 17 is damaged");
            }
            first.leave();
            second.leave();
        }
    }

    @Test
    void aPortInUseIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            assertThat(result(join(0, 2, SHORT)))
                    .startsWith("port " + taken.getLocalPort() + " is in use on this machine")
                    .contains("MASTER_PORT");
        }
    }

    @Test
    void differentNumbersOfProcessesAreNamed() throws Exception {
        CompletableFuture<String> other = join(1, 3, LONG);
        String message = result(join(0, 2, LONG));
        assertThat(message)
                .startsWith("process 1 (host ")
                .contains("was started as one of 3 processes, process 0 (host ")
                .contains("as one of 2; WORLD_SIZE must be the same for all");
        assertThat(result(other)).isEqualTo(message);
    }

    @Test
    void strangersAtTheDoorAreIgnored() throws Exception {
        CompletableFuture<String> hub = join(0, 2, LONG);
        TimeUnit.MILLISECONDS.sleep(200);
        try (Socket stranger = new Socket(InetAddress.getLoopbackAddress(), port)) {
            stranger.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(result(join(1, 2, LONG))).isEmpty();
            assertThat(result(hub)).isEmpty();
        }
    }

    @Test
    void aServerThatIsNotOursIsTold() throws Exception {
        try (ServerSocket other = new ServerSocket(port, 10, InetAddress.getLoopbackAddress())) {
            Channel.start("test", () -> {
                try {
                    while (true) {
                        other.accept().close();
                    }
                } catch (IOException e) {
                    assertThat(other.isClosed()).isTrue(); // the test is over
                }
            });
            assertThat(result(join(1, 2, SHORT))).contains("does not answer as process 0 would");
        }
    }

    private record Hubbed(Hub hub) implements AutoCloseable {
        @Override
        public void close() {
            hub.leave();
        }
    }
}
