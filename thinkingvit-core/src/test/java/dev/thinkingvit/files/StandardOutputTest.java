package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.io.OutputStream;
import org.junit.jupiter.api.Test;

class StandardOutputTest {
    @Test
    void standardOutputThatIsLostEndsTheWork() {
        assertThat(catchThrowable(() -> StandardOutput.checked(new Full("No space left on device"))
                        .println("a")))
                .isInstanceOfSatisfying(StandardOutput.Lost.class, lost -> assertThat(lost.nobodyReads())
                        .isFalse())
                .hasMessage("standard output: no space left on device");
        assertThat(catchThrowable(
                        () -> StandardOutput.checked(new Full("Broken pipe")).printf("%d%n", 1)))
                .isInstanceOfSatisfying(StandardOutput.Lost.class, lost -> assertThat(lost.nobodyReads())
                        .isTrue());
    }

    private static final class Full extends OutputStream {
        private final String why;

        Full(String why) {
            this.why = why;
        }

        @Override
        public void write(int b) throws IOException {
            throw new IOException(why);
        }
    }
}
