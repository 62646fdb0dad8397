package dev.thinkingvit.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two hosts that a cable joins: Linux network namespaces with a pair of virtual interfaces. Takes root and iproute2; skipped
 * where it cannot be had.
 */
@NullUnmarked // a null fails the test
class TwoHostsTest {
    private static final String ID = "tv" + ProcessHandle.current().pid();
    private static final List<String> HOSTS = List.of(ID + "a", ID + "b");
    private static final List<String> ADDRESSES = List.of("198.18.77.1", "198.18.77.2");
    private static final String MASTER = "headnode";

    @TempDir
    private Path folder;

    private final List<GroupProcess> processes = new ArrayList<>();

    @BeforeAll
    static void joinTwoHosts() throws Exception {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "network namespaces are Linux's");
        possible("ip", "netns", "add", HOSTS.get(0));
        possible("ip", "netns", "add", HOSTS.get(1));
        possible(
                "ip",
                "link",
                "add",
                "cable",
                "netns",
                HOSTS.get(0),
                "type",
                "veth",
                "peer",
                "name",
                "cable",
                "netns",
                HOSTS.get(1));
        for (int host = 0; host < 2; host++) {
            String name = HOSTS.get(host);
            possible("ip", "-n", name, "link", "set", "lo", "up");
            possible("ip", "-n", name, "addr", "add", ADDRESSES.get(host) + "/24", "dev", "cable");
            possible("ip", "-n", name, "link", "set", "cable", "up");
            // As distributions do it: a host's own name is a loopback address there. The other host knows better.
            Path etc = Files.createDirectories(Path.of("/etc/netns", name));
            Files.writeString(
                    etc.resolve("hosts"),
                    "127.0.0.1 localhost\n" + (host == 0 ? "127.0.1.1" : ADDRESSES.get(0)) + " " + MASTER + "\n");
        }
        // the second host does not even know its own name
        possible("ip", "netns", "exec", HOSTS.get(1), "unshare", "--uts", "hostname", "nameless");
    }

    @AfterAll
    static void removeHosts() throws Exception {
        for (String name : HOSTS) {
            execute("ip", "netns", "del", name); // and the cable with it
            Path etc = Path.of("/etc/netns", name);
            Files.deleteIfExists(etc.resolve("hosts"));
            Files.deleteIfExists(etc);
        }
        try {
            Files.deleteIfExists(Path.of("/etc/netns"));
        } catch (DirectoryNotEmptyException e) {
            // somebody else's
        }
    }

    @AfterEach
    void endProcesses() {
        processes.forEach(GroupProcess::close);
    }

    private void start(int host, int rank, int size, int port, String... arguments) throws IOException {
        List<String> prefix = new ArrayList<>(List.of("ip", "netns", "exec", HOSTS.get(host)));
        if (host == 1) {
            prefix.addAll(List.of("unshare", "--uts", "sh", "-c", "hostname nameless && exec \"$@\"", "sh"));
        }
        if (rank == 2) {
            prefix.addAll(List.of("env", "GLOO_SOCKET_IFNAME=cable"));
        }
        processes.add(GroupProcess.start(folder, prefix, MASTER, port, rank, size, List.of(arguments)));
    }

    @Test
    void processesOnTwoHostsExchangeValuesThoughNamesMislead() throws Exception {
        start(0, 0, 3, 29500, "exchange");
        start(0, 1, 3, 29500, "exchange");
        start(1, 2, 3, 29500, "exchange");
        for (GroupProcess process : processes) {
            assertThat(process.await()).as(process.err()).isZero();
            assertThat(process.out()).contains("sum F32 [6.0, 6.0, 6.0, 6.0, 6.0, 6.0]", "broadcast 6.0", "closed");
        }
    }

    @Test
    void aCutCableIsNoticedOnBothSides() throws Exception {
        String silence = "-D" + GroupMember.SILENCE + "=2500";
        start(0, 0, 2, 29501, silence, "forever");
        start(1, 1, 2, 29501, silence, "forever");
        for (GroupProcess process : processes) {
            process.awaitOutput("joined");
        }
        long begin = System.nanoTime();
        assertThat(execute("ip", "-n", HOSTS.get(1), "link", "set", "cable", "down"))
                .isEmpty();
        try {
            for (int rank = 0; rank < 2; rank++) {
                assertThat(processes.get(rank).await()).isEqualTo(1);
                assertThat(processes.get(rank).err())
                        .contains("process " + (1 - rank) + " of 2 (host ")
                        .contains("nothing was heard from it for 2500 ms");
            }
            assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begin))
                    .isLessThan(15);
            assertThat(processes.get(0).err()).contains("host nameless");
        } finally {
            execute("ip", "-n", HOSTS.get(1), "link", "set", "cable", "up");
        }
    }

    private static void possible(String... command) throws InterruptedException {
        String trouble;
        try {
            trouble = execute(command);
        } catch (IOException e) {
            trouble = e.getMessage();
        }
        assumeTrue(
                trouble.isEmpty(),
                "two hosts need root, iproute2 and network namespaces: " + String.join(" ", command) + ": " + trouble);
    }

    /** What went wrong, or "". */
    private static String execute(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        int code = process.waitFor();
        return code == 0 ? "" : code + " " + output;
    }
}
