package dev.thinkingvit.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.TensorException;
import dev.thinkingvit.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With real processes, since a process that dies cannot be imitated. */
@NullUnmarked // a null fails the test
class ProcessGroupTest {
    @TempDir
    private Path folder;

    private final List<GroupProcess> processes = new ArrayList<>();

    @AfterEach
    void endProcesses() {
        processes.forEach(GroupProcess::close);
    }

    private void start(int size, String... arguments) throws IOException, InterruptedException {
        List<GroupProcess> started = GroupProcess.startAll(folder, size, arguments);
        processes.addAll(started);
        for (GroupProcess process : started) {
            process.awaitOutput("joined");
        }
    }

    private static double secondsSince(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }

    @Test
    void allProcessesHaveTheSumsAndEachOthersValues() throws Exception {
        start(3, "exchange");
        for (GroupProcess process : processes) {
            assertThat(process.await()).as(process.err()).isZero();
            assertThat(process.out())
                    .contains(
                            "sum F32 [6.0, 6.0, 6.0, 6.0, 6.0, 6.0]",
                            "sum F64 [6.0, 6.0, 6.0, 6.0, 6.0, 6.0]",
                            "sum I64 [6.0, 6.0, 6.0, 6.0, 6.0, 6.0]",
                            "sum BF16 [6.0, 6.0, 6.0, 6.0, 6.0, 6.0]",
                            "buckets [3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0]",
                            "broadcast 6.0",
                            "doubles [[0.1, Infinity], [1.1, Infinity], [2.1, Infinity]]",
                            "bytes r|ra|ran|",
                            "native objects left behind: 0",
                            "closed");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void whenAProcessIsKilledTheOthersStopAndNameIt(int victim) throws Exception {
        start(2 + victim, "forever");
        long pid = processes.get(victim).pid();
        long begin = System.nanoTime();
        processes.get(victim).signal("KILL");
        for (GroupProcess process : processes) {
            if (process.pid() != pid) {
                assertThat(process.await()).as(process.err()).isEqualTo(1);
                assertThat(process.err())
                        .contains("process " + victim + " of " + processes.size() + " (host ")
                        .contains("pid " + pid + ") is gone: its connection");
            }
        }
        report("killed rank " + victim, begin);
        assertThat(secondsSince(begin)).isLessThan(30);
    }

    @Test
    void aProcessThatHangsIsNamedToo() throws Exception {
        // two groups at once, since a silence takes its time
        start(2, "-D" + GroupMember.SILENCE + "=2500", "forever");
        start(2, "-D" + GroupMember.SILENCE + "=2500", "forever");
        long begin = System.nanoTime();
        processes.get(0).signal("STOP"); // rank 0 of the first
        processes.get(3).signal("STOP"); // rank 1 of the second
        for (int victim = 0; victim < 2; victim++) {
            GroupProcess other = processes.get(1 + victim);
            assertThat(other.await()).isEqualTo(1);
            assertThat(other.err())
                    .contains("process " + victim + " of 2 (host ")
                    .contains("is gone: nothing was heard from it for 2500 ms");
            report("stopped rank " + victim + " at a silence of 2.5 s", begin);
        }
        assertThat(secondsSince(begin)).isBetween(2.0, 15.0);
    }

    @Test
    void aProcessThatPausesIsWaitedFor() throws Exception {
        start(2, "-D" + GroupMember.SILENCE + "=8000", "slow");
        processes.get(1).signal("STOP");
        TimeUnit.MILLISECONDS.sleep(1000);
        assertThat(processes.get(0).isAlive()).isTrue();
        processes.get(1).signal("CONT");
        for (GroupProcess process : processes) {
            assertThat(process.await()).as(process.err()).isZero();
            assertThat(process.out()).contains("finished", "closed");
        }
    }

    @Test
    void aPauseOfThemAllIsNoSilence() throws Exception {
        start(2, "-D" + GroupMember.SILENCE + "=3000", "slow");
        for (GroupProcess process : processes) {
            process.signal("STOP");
        }
        TimeUnit.MILLISECONDS.sleep(5000);
        for (GroupProcess process : processes) {
            process.signal("CONT");
        }
        for (GroupProcess process : processes) {
            assertThat(process.await()).as(process.err()).isZero();
            assertThat(process.out()).contains("finished", "closed");
        }
    }

    @Test
    void waitingForAProcessThatHasLeftIsAnError() throws Exception {
        start(2, "leave");
        assertThat(processes.get(1).await()).as(processes.get(1).err()).isZero();
        assertThat(processes.get(0).await()).isEqualTo(1);
        assertThat(processes.get(0).err())
                .contains("process 1 of 2 (host ")
                .contains("has left the group, while process 0 of 2 still waits for it in sum");
    }

    @Test
    void aGroupOfOneNeedsNoNetwork() {
        try (Scope scope = new Scope();
                ProcessGroup group =
                        ProcessGroup.join(new Rendezvous("localhost", 1, 0, 1, 0), GroupOptions.defaults())) {
            Tensor ones = torch.ones(3);
            group.sum(ones);
            group.broadcast(ones, 0);
            group.barrier();
            group.startSum(ones).await();
            group.check();
            assertThat(Tensors.toFloats(ones)).containsExactly(1, 1, 1);
            assertThat(group.gather(1.5, 2)).isDeepEqualTo(new double[][] {{1.5, 2}});
            assertThat(group.gather(new byte[] {7})).isDeepEqualTo(new byte[][] {{7}});
        }
    }

    @Test
    void tensorsThatCannotBeExchangedAreRefusedBeforeTheNetworkSeesThem() {
        try (Scope scope = new Scope();
                ProcessGroup group =
                        ProcessGroup.join(new Rendezvous("localhost", 1, 0, 1, 0), GroupOptions.defaults())) {
            assertThatThrownBy(() -> group.sum(torch.ones(2, 3).t()))
                    .isInstanceOf(TensorException.class)
                    .hasMessageContaining("contiguous");
            assertThatThrownBy(() -> group.sum(torch.ones(2).to(ScalarType.Bool)))
                    .isInstanceOf(TensorException.class)
                    .hasMessageContaining("BOOL");
            assertThatThrownBy(() -> group.broadcast(torch.ones(2), 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("0 to 0");
        }
    }

    @Test
    void cudaWithoutItsLibrariesSaysWhatToPutWhere() {
        GroupOptions cuda = new GroupOptions(GroupOptions.Processor.CUDA, Duration.ofSeconds(1), Duration.ofSeconds(1));
        assumeFalse(torch.cuda_is_available(), "this machine has CUDA");
        assertThatThrownBy(() -> ProcessGroup.join(new Rendezvous("localhost", 1, 0, 2, 0), cuda))
                .isInstanceOf(DistributedException.class)
                .hasMessageContaining("NCCL")
                .hasMessageContaining("linux-x86_64-gpu");
    }

    /** Measured times, for whoever looks at the test's output. */
    private static void report(String what, long begin) {
        System.out.printf("%s: the last of the others ended after %.2f s%n", what, secondsSince(begin));
    }
}
