package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class ProgressLineTest {
    private static String line(String task, int columns) {
        AtomicReference<String> last = new AtomicReference<>(""); // the bar has a thread of its own
        try (ProgressBar bar = new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(2_000_000)
                .startsFrom(0, Duration.ZERO)
                .setRenderer(new ProgressLine())
                .setConsumer(new DelegatingProgressBarConsumer(last::set, columns))
                .build()) {
            bar.setExtraMessage(" epoch 12/300 loss 1.234 / 1.123");
            bar.stepTo(1_000_000);
            bar.refresh();
        }
        return last.get();
    }

    @ParameterizedTest
    @CsvSource({"39, training", "39, judging the teacher", "39, fetching somebody/something-long-p16", "24, training"})
    void aNarrowTerminalKeepsTheRemainingTime(int columns, String task) {
        assertThat(line(task, columns))
                .contains(" 50%")
                .contains("(0:00:0")
                .contains(" / 0:00:0")
                .hasSizeLessThanOrEqualTo(columns);
    }

    @Test
    void aWideOneHasBarCountAndMessageToo() {
        assertThat(line("training", 119))
                .matches("training  50% \\[=+ +] 1000000/2000000 \\(0:00:0\\d / 0:00:0\\d\\) epoch 12/300 loss .*");
    }

    @Test
    void noColumnsAreNotOverrun() {
        for (int columns = 0; columns < 130; columns++) {
            assertThat(line("training", columns)).hasSizeLessThanOrEqualTo(columns);
        }
    }

    @Test
    void whatIsPrintedTakesTheBarsPlaceAndTheEndLeavesNone() {
        StringWriter screen = new StringWriter();
        TerminalLine terminal = new TerminalLine(screen);
        PrintWriter err = new PrintWriter(terminal, true);
        ConsoleProgressBarConsumer bar = terminal.bar();
        bar.accept("training 50%");
        err.print("epoch 1\n");
        err.flush();
        bar.accept("training 60%");
        bar.clear();
        bar.close();
        err.print("done\n");
        err.flush();
        String erase = "\r\u001b[K";
        assertThat(screen)
                .hasToString(erase + "training 50%" + erase + "epoch 1\n" + erase + "training 60%" + erase + "done\n");
    }
}
