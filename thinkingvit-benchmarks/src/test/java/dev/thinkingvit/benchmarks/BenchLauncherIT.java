package dev.thinkingvit.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked // a null fails the test
class BenchLauncherIT {
    private static final Path HOME = Path.of("").toAbsolutePath().getParent();

    private static String printed(String... arguments) throws Exception {
        List<String> command =
                new ArrayList<>(List.of(HOME.resolve("thinkingvit").toString()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        return printed;
    }

    @ParameterizedTest
    @ValueSource(strings = {"bench help training", "help bench training", "bench training --help"})
    void theLauncherHandsBenchmarksToThisModule(String line) throws Exception {
        assertThat(printed(line.split(" ", -1)))
                .startsWith("Usage: thinkingvit bench training")
                .contains("Examples");
    }

    @ParameterizedTest
    @ValueSource(strings = {"help bench", "bench help", "bench --help"})
    void whichBenchmarksThereAreTheAppSays(String line) throws Exception {
        String printed = printed(line.split(" ", -1));
        assertThat(printed).contains("Usage: thinkingvit bench ").contains("Examples");
        assertThat(BenchHelpTest.benchmarks()).isNotEmpty().allSatisfy(name -> assertThat(printed)
                .contains(name + ": "));
    }
}
