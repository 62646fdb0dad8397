package dev.thinkingvit.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class BenchLauncherIT {
    private static final Path HOME = Path.of("").toAbsolutePath().getParent();

    @Test
    void theLauncherHandsBenchmarksToThisModule() throws Exception {
        Process process = new ProcessBuilder(HOME.resolve("thinkingvit").toString(), "bench", "help", "training")
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        assertThat(printed).startsWith("Usage: thinkingvit bench training").contains("Examples");
    }
}
