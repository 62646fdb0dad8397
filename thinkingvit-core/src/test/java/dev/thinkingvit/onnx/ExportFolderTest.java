package dev.thinkingvit.onnx;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.model.ThinkingViTConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is in a folder while an export goes into it, and after one that failed. */
@NullUnmarked // a null fails the test
class ExportFolderTest {
    private static final Drawn OLD = Drawn.of(Drawn.THREE_STAGES);
    private static final Drawn NEW = Drawn.of(new ThinkingViTConfig(32, 4, 48, 1, 6, List.of(3, 6), 10, 1e-6));

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({"SHARED, SHARED", "SHARED, EMBEDDED", "EMBEDDED, FOLDED"})
    void aKillAtAnyMomentLeavesTheOldExportOrTheNew(OnnxExport.Layout oldLayout, OnnxExport.Layout newLayout)
            throws IOException {
        Path folder = directory.resolve("exported");
        ExportedModel old = OLD.export(folder, oldLayout);
        Files.writeString(folder.resolve("stage7.onnx"), "foreign");
        Map<String, String> before = contents(folder, old);
        List<Path> moments = new ArrayList<>();

        ExportedModel written = write(NEW, folder, newLayout, change -> {
            Path moment = directory.resolve("moment-" + moments.size());
            copy(folder, moment);
            moments.add(moment);
        });

        Map<String, String> after = contents(folder, written);
        int opensAsNew = 0;
        for (Path moment : moments) {
            ExportedModel found = ExportedModel.read(moment);
            boolean isNew = found.config().equals(NEW.config());
            assertThat(contents(moment, found)).as(moment.toString()).isEqualTo(isNew ? after : before);
            opensAsNew += isNew ? 1 : 0;

            NEW.export(moment, newLayout); // what the kill left is in nobody's way
            assertThat(ExportedModel.read(moment).config()).isEqualTo(NEW.config());
            assertThat(moment.resolve("stage7.onnx")).hasContent("foreign");
        }
        assertThat(moments).hasSizeGreaterThan(7);
        assertThat(opensAsNew).isBetween(1, moments.size() - 1);
    }

    @Test
    void aFailureAtAnyMomentLeavesTheOldExportAsItWasOrTheNewOneWhole() throws IOException {
        boolean reachedTheEnd = false;
        for (int failing = 0; !reachedTheEnd; failing++) {
            Path folder = directory.resolve("failing-" + failing);
            OLD.export(folder, OnnxExport.Layout.SHARED);
            Map<String, String> before = contents(folder);
            Countdown countdown = new Countdown(failing);

            Throwable failure = catchThrowable(() -> write(NEW, folder, OnnxExport.Layout.SHARED, countdown));

            reachedTheEnd = countdown.left >= 0;
            if (failure == null) {
                assertThat(ExportedModel.read(folder).config()).isEqualTo(NEW.config());
            } else {
                assertThat(failure)
                        .isInstanceOf(CheckpointException.class)
                        .hasMessage(folder + ": cannot be written: poisoned");
                assertThat(contents(folder)).isEqualTo(before);
            }
        }
    }

    /** Fails once, at one of the changes. */
    private static final class Countdown implements ExportFolder.Witness {
        private int left;

        Countdown(int changes) {
            this.left = changes;
        }

        @Override
        public void before(String change) throws IOException {
            if (left-- == 0) {
                throw new IOException("poisoned");
            }
        }
    }

    @Test
    void aFirstExportThatFailsLeavesNoFolder() {
        Path folder = directory.resolve("exported");
        for (int changes = 0; changes < 5; changes++) {
            Countdown countdown = new Countdown(changes);
            assertThatThrownBy(() -> write(NEW, folder, OnnxExport.Layout.SHARED, countdown))
                    .hasMessageContaining("poisoned");
            assertThat(folder).doesNotExist();
        }
    }

    @Test
    void aDescriptionThatCannotBeReplacedLeavesEverythingAsItWas() throws IOException {
        Path poison = Files.createDirectories(directory.resolve("thinkingvit.json"));

        assertThatThrownBy(() -> NEW.export(directory, OnnxExport.Layout.SHARED))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(poison + ": cannot be written: ");

        assertThat(names(directory)).containsExactlyInAnyOrder("thinkingvit.json", ".lock");
    }

    @Test
    void filesOfSomebodyElseStayAndTheirNamesAreNotTaken() throws IOException {
        for (String name : List.of("weights.bin", "stage1.onnx", "stage3.onnx")) {
            Files.writeString(directory.resolve(name), "foreign " + name);
        }

        ExportedModel first = NEW.export(directory, OnnxExport.Layout.SHARED);
        assertThat(first.fileNames()).containsExactly("stage1-2.onnx", "stage2-2.onnx", "weights-2.bin");
        ExportedModel second = NEW.export(directory, OnnxExport.Layout.SHARED);
        assertThat(second.fileNames()).containsExactly("stage1-3.onnx", "stage2-3.onnx", "weights-3.bin");

        assertThat(ExportedModel.read(directory)).isEqualTo(second);
        assertThat(names(directory))
                .containsExactlyInAnyOrder(
                        ".lock",
                        "thinkingvit.json",
                        "stage1-3.onnx",
                        "stage2-3.onnx",
                        "weights-3.bin",
                        "weights.bin",
                        "stage1.onnx",
                        "stage3.onnx");
        for (String name : List.of("weights.bin", "stage1.onnx", "stage3.onnx")) {
            assertThat(directory.resolve(name)).hasContent("foreign " + name);
        }
    }

    @Test
    void plainNamesAreTakenAgainWhenTheyAreFree() {
        List<String> plain = List.of("stage1.onnx", "stage2.onnx", "weights.bin");
        assertThat(NEW.export(directory, OnnxExport.Layout.SHARED).fileNames()).isEqualTo(plain);
        assertThat(NEW.export(directory, OnnxExport.Layout.SHARED).fileNames()).doesNotContainAnyElementsOf(plain);
        assertThat(NEW.export(directory, OnnxExport.Layout.SHARED).fileNames()).isEqualTo(plain);
    }

    @Test
    void aDescriptionThatNobodyCanReadIsReplacedAndWhatItMayNameStays() throws IOException {
        Files.writeString(directory.resolve("thinkingvit.json"), "{\"stages\": [\"stage1.onnx\"]}");
        Files.writeString(directory.resolve("stage1.onnx"), "of whom?");

        NEW.export(directory, OnnxExport.Layout.SHARED);

        assertThat(ExportedModel.read(directory).config()).isEqualTo(NEW.config());
        assertThat(directory.resolve("stage1.onnx")).hasContent("of whom?");
    }

    @Test
    void aSecondExportAtTheSameTimeIsRefusedAndTheFirstNotHarmed() throws IOException {
        List<Throwable> refusals = new ArrayList<>();

        write(
                NEW,
                directory,
                OnnxExport.Layout.SHARED,
                change -> refusals.add(catchThrowable(() -> OLD.export(directory, OnnxExport.Layout.SHARED))));

        assertThat(refusals).hasSizeGreaterThan(3).allSatisfy(refusal -> assertThat(refusal)
                .isInstanceOf(CheckpointException.class)
                .hasMessage(directory + ": another export is at work in it; wait for its end, or export elsewhere"));
        assertThat(ExportedModel.read(directory).config()).isEqualTo(NEW.config());
    }

    private static ExportedModel write(
            Drawn drawn, Path folder, OnnxExport.Layout layout, ExportFolder.Witness witness) {
        return OnnxExport.write(folder, drawn.config(), drawn.weights(), null, layout, "test", true, witness);
    }

    /** Everything that an export consists of. */
    private static Map<String, String> contents(Path folder, ExportedModel model) throws IOException {
        Map<String, String> contents = contents(folder);
        List<String> names = new ArrayList<>(model.fileNames());
        names.add(ExportedModel.DESCRIPTION);
        assertThat(contents.keySet()).containsAll(names);
        contents.keySet().retainAll(names);
        return contents;
    }

    /** Files and what is in them, below the folder. */
    private static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(folder.relativize(file).toString(), Files.readString(file, ISO_8859_1));
            }
        }
        return contents;
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)));
            }
        }
    }
}
