package dev.thinkingvit.run;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.thinkingvit.checkpoint.ProtoMessage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked // a null fails the test
class EventFileTest {
    private static final double WALL_SECONDS = 1767225600.25;

    @TempDir
    private Path folder;

    @Test
    void checksumsAreThoseOfTensorFlow() {
        byte[] digits = "123456789".getBytes(US_ASCII);

        assertThat(TfRecord.maskedCrc32c(digits, 0, digits.length)).isEqualTo(0xc78ab0e5);
        assertThat(TfRecord.maskedCrc32c(digits, 0, 0)).isEqualTo(0xa282ead8);
        assertThat(TfRecord.maskedCrc32c(new byte[32], 0, 32)).isEqualTo(0x0fd7fffa);
    }

    @Test
    void aScalarIsWrittenByteForByteAsTensorBoardsOwnWriterDoes() {
        assertThat(hex(EventFile.scalarEvent(WALL_SECONDS, "loss/stage1", 300, 1.5)))
                .isEqualTo(
                        "220000000000000078113dfd09000010406e55da4110ac022a140a120a0b6c6f73732f737461676531150000c03f"
                                + "eaef7dde");
    }

    @Test
    void aTextIsWrittenByteForByteAsTensorBoardsOwnWriterDoes() {
        assertThat(hex(EventFile.textEvent(WALL_SECONDS, "recipe", 300, "α = 1")))
                .isEqualTo(
                        "300000000000000095f5d05f09000010406e55da4110ac022a220a200a06726563697065420c080712004206ceb1"
                                + "203d20314a080a060a04746578748f3736c8");
    }

    @Test
    void aFileBeginsWithItsVersionAndTheStartOfASession() throws IOException {
        try (EventFile events = EventFile.open(folder.resolve("new/run"), 300)) {
            List<String> records = records(Files.readAllBytes(events.file()));

            assertThat(records).hasSize(2);
            assertThat(records.get(0)).startsWith("09").endsWith("1a0d627261696e2e4576656e743a32");
            assertThat(records.get(1)).startsWith("09").endsWith("10ac023a020801");
        }
    }

    @Test
    void theNameIsOneThatTensorBoardLooksForAndTellsNoMachine() throws IOException {
        try (EventFile events = EventFile.open(folder, 0)) {
            assertThat(events.file().getFileName().toString())
                    .matches("events\\.out\\.tfevents\\.\\d{10}\\.localhost\\.\\d+");
        }
    }

    @Test
    void everyPartOfARunSortsAfterTheOneBefore() throws IOException {
        Files.createFile(folder.resolve("events.out.tfevents.4000000000.elsewhere.1.0"));
        List<Path> parts = new ArrayList<>();
        for (int part = 0; part < 3; part++) {
            try (EventFile events = EventFile.open(folder, part)) {
                parts.add(events.file());
            }
        }

        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.sorted().skip(1)).containsExactlyElementsOf(parts);
        }
    }

    @Test
    void aValueIsInTheFileAtOnce() throws IOException {
        try (EventFile events = EventFile.open(folder, 0)) {
            events.scalar("loss", 0, 1);
            events.scalar("loss", 1, 2);

            assertThat(records(Files.readAllBytes(events.file()))).hasSize(4);
        }
    }

    @Test
    void aTornFileIsReadableUpToItsLastWholeRecord() throws IOException {
        Path file = twoPoints();
        byte[] bytes = Files.readAllBytes(file);
        int lastRecord = bytes.length - TfRecord.frame(pointEvent().toByteArray()).length;

        for (int length = lastRecord; length < bytes.length; length++) {
            assertThat(records(Arrays.copyOf(bytes, length))).hasSize(3);
        }
    }

    @Test
    void tensorBoardReadsCurvesAndTexts() throws Exception {
        try (EventFile events = EventFile.open(folder, 0)) {
            events.text("recipe", 0, "epochs: *30*, α");
            for (int step = 0; step < 3; step++) {
                events.scalar("loss/stage1", step, 2.5 - step);
                events.scalar("loss/stage2", step, 1e-3 * step);
            }
            events.scalar("large", (1L << 40) + 1, Double.NaN);
        }

        assertThat(TensorBoard.read(folder))
                .containsExactly(
                        "scalars large 1099511627777 nan",
                        "scalars loss/stage1 0 2.5",
                        "scalars loss/stage1 1 1.5",
                        "scalars loss/stage1 2 0.5",
                        "scalars loss/stage2 0 0.0",
                        "scalars loss/stage2 1 " + (double) (float) 1e-3,
                        "scalars loss/stage2 2 " + (double) (float) 2e-3,
                        "text recipe 0 epochs: *30*, α");
    }

    @Test
    void tensorBoardForgetsWhatAKilledRunLoggedBeyondItsCheckpoint() throws Exception {
        try (EventFile events = EventFile.open(folder, 0)) {
            for (int step = 0; step < 6; step++) {
                events.scalar("loss", step, step);
                events.scalar("never logged again", step, step);
            }
        }
        try (EventFile events = EventFile.open(folder, 3)) {
            events.scalar("loss", 3, 30);
            events.scalar("loss", 4, 40);
        }

        assertThat(TensorBoard.read(folder))
                .containsExactly(
                        "scalars loss 0 0.0",
                        "scalars loss 1 1.0",
                        "scalars loss 2 2.0",
                        "scalars loss 3 30.0",
                        "scalars loss 4 40.0",
                        "scalars never logged again 0 0.0",
                        "scalars never logged again 1 1.0",
                        "scalars never logged again 2 2.0");
    }

    @Test
    void tensorBoardReadsATornFileAndThePartAfterIt() throws Exception {
        Path file = twoPoints();
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 7));
        try (EventFile events = EventFile.open(folder, 1)) {
            events.scalar("loss", 1, 10);
        }

        assertThat(TensorBoard.read(folder)).containsExactly("scalars loss 0 1.0", "scalars loss 1 10.0");
    }

    @Test
    void anInterruptDoesNotCloseTheFile() throws IOException {
        try (EventFile events = EventFile.open(folder, 0)) {
            Thread.currentThread().interrupt();
            events.scalar("loss", 0, 1);
            events.flush();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void whatCannotBeDrawnIsRefused() throws IOException {
        assertThatThrownBy(() -> EventFile.open(folder, -1)).hasMessage("a step must not be negative, got -1");
        try (EventFile events = EventFile.open(folder, 0)) {
            assertThatThrownBy(() -> events.scalar("loss", -2, 1)).hasMessage("a step must not be negative, got -2");
            assertThatThrownBy(() -> events.text(" ", 0, "")).hasMessage("an event needs a tag, got a blank one");

            assertThat(records(Files.readAllBytes(events.file()))).hasSize(2);
        }
    }

    @Test
    void writingToAClosedFileNamesIt() throws IOException {
        EventFile events = EventFile.open(folder, 0);
        events.close();

        assertThatThrownBy(() -> events.scalar("loss", 0, 1))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(events.file() + ": cannot be written: ");
    }

    private Path twoPoints() throws IOException {
        try (EventFile events = EventFile.open(folder, 0)) {
            events.scalar("loss", 0, 1);
            events.scalar("loss", 1, 2);
            return events.file();
        }
    }

    private static ProtoMessage pointEvent() {
        return EventFile.scalarEvent(WALL_SECONDS, "loss", 1, 2);
    }

    private static String hex(ProtoMessage event) {
        return HexFormat.of().formatHex(TfRecord.frame(event.toByteArray()));
    }

    /** The data of each whole record, as hexadecimal digits; checks the checksums. */
    private static List<String> records(byte[] file) {
        List<String> records = new ArrayList<>();
        ByteBuffer rest = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        while (rest.remaining() >= 12) {
            int start = rest.position();
            long length = rest.getLong();
            assertThat(rest.getInt()).isEqualTo(TfRecord.maskedCrc32c(file, start, 8));
            if (rest.remaining() < length + 4) {
                break;
            }
            byte[] data = new byte[(int) length];
            rest.get(data);
            assertThat(rest.getInt()).isEqualTo(TfRecord.maskedCrc32c(data, 0, data.length));
            records.add(HexFormat.of().formatHex(data));
        }
        return records;
    }
}
