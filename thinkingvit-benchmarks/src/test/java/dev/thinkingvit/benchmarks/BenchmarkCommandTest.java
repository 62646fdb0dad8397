package dev.thinkingvit.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class BenchmarkCommandTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"inference,--json", "inference,--html", "training,--json", "micro,--json"})
    void aReportThatCouldNotBeWrittenIsRefusedBeforeAnythingIsMeasured(String benchmark, String option) {
        Path report = folder.resolve("missing/report");
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();

        int exit = Main.run(new PrintWriter(out), new PrintWriter(err), benchmark, option, report.toString());

        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).isEqualToIgnoringNewLines("thinkingvit: " + report + ": its folder does not exist");
        assertThat(out.toString()).isEmpty();
    }
}
