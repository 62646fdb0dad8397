package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trains with several processes as a user would: started by the launcher, or each by itself. */
@NullUnmarked // a null fails the test
class DistributedTrainingIT {
    @TempDir
    private Path directory;

    @BeforeEach
    void writePictures() throws IOException {
        TinyTraining.writePictures(directory);
    }

    private Launched train(int epochs, Path run, Object... more) throws IOException {
        return Launched.start(directory, Map.of(), TinyTraining.arguments(directory, run, epochs, more));
    }

    @Test
    void twoProcessesLearnInTenUpdatesWhatOneDoes() throws Exception {
        Path one = directory.resolve("one");
        Path two = directory.resolve("two");
        try (Launched alone = train(1, one)) {
            assertThat(alone.exit()).as(alone.err()).isZero();
        }
        try (Launched pair = train(1, two, "--processes=2")) {
            assertThat(pair.exit()).as(pair.err()).isZero();
        }
        assertThat(TinyTraining.updates(two)).isEqualTo(10);
        assertThat(TinyTraining.distance(two, one, "model.")).isLessThan(1e-5);
        assertThat(TinyTraining.distance(two, one, "ema.")).isLessThan(1e-5);
        assertThat(TinyTraining.distance(two, one, "model."))
                .as("processes add in another order")
                .isPositive();
        Map<String, List<Double>> epochs = TinyTraining.epochs(two);
        for (String stage : List.of("stage1_top1", "stage2_top1")) {
            double right = epochs.get(stage).get(0) / 100 * TinyTraining.VALIDATION;
            assertThat(right).as("whole pictures").isCloseTo(Math.rint(right), within(1e-9));
            assertThat(epochs.get(stage)).isEqualTo(TinyTraining.epochs(one).get(stage));
        }
    }

    @Test
    void whenAProcessDiesAllEndSoonAndTheTrainingGoesOnWithAnyNumber() throws Exception {
        Path run = directory.resolve("run");
        int epochs = 12;
        try (Launched pair = train(epochs, run, "--processes=2", "--save-seconds=0.05")) {
            pair.awaitWhileAlive(() -> TinyTraining.updates(run) >= 25);
            List<ProcessHandle> children = pair.handle().children().toList();
            long start = System.nanoTime();
            ofRank(1, children).destroyForcibly();
            assertThat(pair.exit()).isEqualTo(Main.FAILED);
            assertThat((System.nanoTime() - start) / 1e9).as("seconds").isLessThan(30);
            assertThat(children).noneMatch(ProcessHandle::isAlive);
            assertThat(pair.errors())
                    .singleElement()
                    .asString()
                    .matches(".*process 1 of 2 \\(pid \\d+\\) was ended by SIGKILL.*");
        }
        long dead = TinyTraining.updates(run);
        assertThat(dead).isGreaterThanOrEqualTo(25);
        try (Launched pair = train(epochs, run, "--processes=2", "--save-seconds=300")) {
            pair.awaitWhileAlive(() -> rows(run) >= 6);
            List<ProcessHandle> children = pair.handle().children().toList();
            long saved = TinyTraining.updates(run);
            pair.handle().destroy(); // SIGTERM
            assertThat(pair.exit()).as(pair.err()).isEqualTo(Main.INTERRUPTED);
            assertThat(children).noneMatch(ProcessHandle::isAlive);
            assertThat(pair.errors()).isEmpty();
            assertThat(TinyTraining.updates(run)).as("saved at the end").isGreaterThan(saved);
        }
        try (Launched alone = train(epochs, run)) {
            assertThat(alone.exit()).as(alone.err()).isZero();
            assertThat(alone.err()).contains("going on at epoch ");
        }
        assertThat(TinyTraining.updates(run)).isEqualTo((long) epochs * TinyTraining.UPDATES_PER_EPOCH);
        assertThat(TinyTraining.epochs(run).get("epoch")).hasSize(epochs);
    }

    @Test
    void whatEndsAllProcessesIsSaidOnce() throws Exception {
        try (Launched pair = train(1, directory.resolve("diverged"), "--processes=2", "--lr=1e30")) {
            assertThat(pair.exit()).isEqualTo(Main.FAILED);
            assertThat(pair.err().lines().filter(line -> line.contains("a lower learning rate than")))
                    .hasSize(1);
            assertThat(pair.errors()).hasSize(1);
        }
    }

    private static int rows(Path run) {
        try {
            return TinyTraining.epochs(run).get("epoch").size();
        } catch (IOException e) {
            return 0; // not there yet
        }
    }

    private static ProcessHandle ofRank(int rank, List<ProcessHandle> processes) throws IOException {
        for (ProcessHandle process : processes) {
            Path environment = Path.of("/proc", String.valueOf(process.pid()), "environ");
            if (List.of(Files.readString(environment, StandardCharsets.UTF_8).split("\0"))
                    .contains("RANK=" + rank)) {
                return process;
            }
        }
        throw new AssertionError("no process of rank " + rank + " among " + processes);
    }

    @Test
    void processesThatAClusterStartsFindEachOtherByTheirEnvironment() throws Exception {
        Path run = directory.resolve("run");
        Map<String, String> meeting = Map.of("MASTER_ADDR", "127.0.0.1", "MASTER_PORT", String.valueOf(freePort()));
        Map<String, String> torchrun = new HashMap<>(meeting);
        torchrun.putAll(Map.of("RANK", "0", "WORLD_SIZE", "2", "LOCAL_RANK", "0"));
        Map<String, String> slurm = new HashMap<>(meeting);
        slurm.putAll(Map.of("SLURM_PROCID", "1", "SLURM_NTASKS", "2", "SLURM_LOCALID", "1"));
        List<String> arguments = TinyTraining.arguments(directory, run, 1);
        try (Launched first = Launched.start(directory, torchrun, arguments);
                Launched second = Launched.start(directory, slurm, arguments)) {
            assertThat(first.exit()).as(first.err()).isZero();
            assertThat(second.exit()).as(second.err()).isZero();
            assertThat(first.out()).contains("trained ");
            assertThat(second.out()).doesNotContain("trained");
        }
        assertThat(TinyTraining.updates(run)).isEqualTo(10);
        try (Launched first = Launched.start(directory, torchrun, arguments);
                Launched second = Launched.start(directory, slurm, arguments)) {
            assertThat(first.exit()).as(first.err()).isZero();
            assertThat(second.exit()).as(second.err()).isZero();
            assertThat(first.out()).contains("trained to its end");
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return probe.getLocalPort();
        }
    }
}
