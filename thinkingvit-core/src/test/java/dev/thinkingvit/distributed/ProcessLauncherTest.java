package dev.thinkingvit.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class ProcessLauncherTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private void launch(int processes, String behaviour) {
        new ProcessLauncher(
                        GroupMember.class.getName(),
                        List.of(behaviour),
                        new ProcessLauncher.Grace(Duration.ofSeconds(1), Duration.ofSeconds(20)))
                .run(processes, out, new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    @Test
    void theOutputIsProcess0sAndTheCoresAreShared() {
        launch(2, "print");
        int cores = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);
        assertThat(out.toString(StandardCharsets.UTF_8))
                .isEqualTo("cores " + cores + System.lineSeparator() + "no newline at the end");
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void theProcessesFormAGroupWhoseChatterIsLeftOut() {
        launch(2, "exchange");
        assertThat(out.toString(StandardCharsets.UTF_8))
                .startsWith("joined")
                .contains("sum F32 [3.0", "buckets [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]")
                .contains("bytes r|ra|", "closed")
                .doesNotContain("[Gloo]");
    }

    @Test
    void theOneThatFailsIsNamedWithItsLastWordsAndTheOthersAreEnded() {
        assertThatThrownBy(() -> launch(3, "break"))
                .isInstanceOf(DistributedException.class)
                .hasMessageMatching("process 1 of 3 \\(pid \\d+\\) failed with exit code 7.*");
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("[process 1] something broke");
        assertThat(ProcessHandle.current().children().filter(ProcessHandle::isAlive))
                .isEmpty();
    }

    @Test
    void theOneThatWasKilledIsNamed() throws Exception {
        Set<ProcessHandle> others = ProcessHandle.current().children().collect(Collectors.toSet());
        Thread killer = new Thread(() -> {
            while (!out.toString(StandardCharsets.UTF_8).contains("joined")) {
                pause();
            }
            ProcessHandle.current()
                    .children()
                    .filter(child -> !others.contains(child))
                    .max((a, b) -> Long.compare(a.pid(), b.pid()))
                    .ifPresent(ProcessHandle::destroyForcibly);
        });
        killer.start();
        assertThatThrownBy(() -> launch(2, "forever"))
                .isInstanceOf(DistributedException.class)
                .hasMessageMatching("process [01] of 2 \\(pid \\d+\\) was ended by SIGKILL \\(exit code 137\\)");
        killer.join();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a\nb", "[", "[Gloo]\n[Gloo] Ra", "x[Gloo] Rank 1\n", "\n\n[[Gloo] Rank 0\n"})
    void otherOutputPassesUnchanged(String text) throws IOException {
        assertThat(withoutNotices(text)).isEqualTo(text);
        assertThat(withoutNotices("[Gloo] Rank 0 is connected\n" + text)).isEqualTo(text);
        assertThat(withoutNotices("a\n[Gloo] Rank 0 is connected\n" + text)).isEqualTo("a\n" + text);
    }

    private static String withoutNotices(String text) throws IOException {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        GlooNotices.copyWithout(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), copy);
        return copy.toString(StandardCharsets.UTF_8);
    }

    private static void pause() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
