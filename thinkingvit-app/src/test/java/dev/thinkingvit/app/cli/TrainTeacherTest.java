package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.store.ModelConfig;
import dev.thinkingvit.store.ModelDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code train --teacher} does and remembers. */
@NullUnmarked // a null fails the test
class TrainTeacherTest {
    @TempDir
    Path directory;

    private Path teacher;
    private Path run;

    @BeforeEach
    void writePicturesAndTeacher() throws IOException {
        TinyTraining.writePictures(directory);
        teacher = teacher("teacher", 3, List.of("dark", "light"));
        run = directory.resolve("run");
    }

    /** Of another size than the student, and of one stage. */
    private Path teacher(String name, long seed, List<String> labels) {
        ThinkingViTConfig network = new ThinkingViTConfig(24, 8, 16, 1, 2, List.of(2), labels.size(), 1e-6);
        Path folder = directory.resolve(name);
        try (ThinkingViT drawn = ThinkingViT.initialise(network, seed)) {
            ModelDirectory.write(
                    folder,
                    ModelConfig.of(network)
                            .withPreprocessing(Preprocessing.imagenet(24))
                            .withLabels(labels),
                    drawn.stateDict());
        }
        return folder;
    }

    private CommandRun train(Path out, int epochs, Object... more) {
        return CommandRun.of(
                TinyTraining.arguments(directory, out, epochs, more).toArray());
    }

    private CommandRun resume(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("train", "--resume", "--out", run));
        arguments.addAll(Arrays.asList(more));
        return CommandRun.of(arguments.toArray());
    }

    private static void assertRefused(CommandRun refused, int code, String... parts) {
        assertThat(refused.code()).as(refused.err()).isEqualTo(code);
        assertThat(refused.err().lines().filter(line -> line.startsWith("thinkingvit: ")))
                .singleElement()
                .asString()
                .contains(parts);
    }

    @Test
    void theTeacherIsJudgedFirstAndItsPartIsLogged() throws IOException {
        CommandRun begun = train(run, 1, "--teacher", teacher);
        assertThat(begun.code()).as(begun.err()).isZero();
        assertThat(begun.err())
                .contains("note: soft distillation, since a teacher is given")
                .contains("soft distillation from " + teacher + ": 2H of ")
                .containsPattern("teacher: top-1 \\d+\\.\\d\\d % of 21 validation pictures")
                .contains("epoch 1 of 1");
        assertThat(begun.err().indexOf("teacher: top-1")).isLessThan(begun.err().indexOf("epoch 1 of 1"));
        assertThat(Files.readString(run.resolve("recipe.yaml"))).contains("distillation_type: soft");
        assertThat(Files.readString(run.resolve("run.json")))
                .contains("\"fingerprint\"")
                .contains("\"top1\" : 0.");
        List<String> steps = Files.readAllLines(run.resolve("steps.csv"));
        assertThat(steps.get(0)).contains("stage1_loss,stage2_loss,stage1_distillation,stage2_distillation");
        assertThat(steps.get(1).split(",", -1)).noneMatch(String::isEmpty);
        CommandRun evaluated =
                CommandRun.of("evaluate", "--model", teacher, "--data", directory.resolve("val"), "--thresholds=0");
        String accuracy = begun.err().replaceAll("(?s).*teacher: top-1 (\\d+\\.\\d)\\d %.*", "$1");
        assertThat(evaluated.out()).contains(accuracy);
    }

    @Test
    void aResumedTrainingGoesOnBitForBitWithItsTeacherWhereverItLies() throws IOException {
        Path whole = directory.resolve("whole");
        assertThat(train(whole, 2, "--teacher", teacher, "--distillation-type=hard", "--lr=1e-3")
                        .code())
                .isZero();
        assertThat(train(run, 1, "--teacher", teacher, "--distillation-type=hard", "--lr=1e-3")
                        .code())
                .isZero();
        Path moved = Files.move(teacher, directory.resolve("moved"));
        assertRefused(resume("--epochs=2"), Main.FAILED, teacher.toString(), "--teacher must say where it is now");
        Path other = teacher("other", 4, List.of("dark", "light"));
        assertRefused(resume("--epochs=2", "--teacher", other), Main.FAILED, other.toString(), "is another teacher");
        CommandRun further = resume("--epochs=2", "--teacher", moved);
        assertThat(further.code()).as(further.err()).isZero();
        assertThat(further.err())
                .contains("goes on with its teacher in " + moved)
                .contains("when the training began");
        assertThat(TinyTraining.updates(run)).isEqualTo(TinyTraining.updates(whole));
        CommandRun forced = resume("--epochs=3", "--force", "--teacher", other);
        assertThat(forced.code()).as(forced.err()).isZero();
        assertThat(forced.err()).contains("forced: the training goes on with another teacher");
    }

    @Test
    void whatTheCommandLineContradictsIsRefused() throws IOException {
        assertRefused(train(run, 1, "--distillation-type=hard"), Main.USAGE, "--teacher is required");
        assertRefused(train(run, 1, "--distillation-tau=2"), Main.USAGE, "--distillation-tau is about a teacher");
        assertRefused(train(run, 1, "--distillation-alpha=0"), Main.USAGE, "--distillation-alpha is about a teacher");
        assertRefused(
                train(run, 1, "--teacher", teacher, "--distillation-type=none"),
                Main.USAGE,
                "distillation_type is none");
        assertRefused(
                train(run, 1, "--teacher", directory.resolve("nowhere")), Main.FAILED, "there is no such teacher");
        Path text = Files.writeString(directory.resolve("teacher.txt"), "no model");
        assertRefused(train(run, 1, "--teacher", text), Main.FAILED, text.toString());
        assertRefused(
                train(run, 1, "--teacher", teacher("birds", 1, List.of("wren", "owl", "dark"))),
                Main.FAILED,
                "lacks 1 of the data's 2 classes: light");
        assertThat(run).doesNotExist();
        assertThat(train(run, 1).code()).isZero();
        assertRefused(resume("--epochs=2", "--teacher", teacher), Main.USAGE, "goes on without a teacher");
        assertRefused(resume("--epochs=2", "--distillation-type=soft"), Main.FAILED, "cannot change from none to soft");
    }

    @Test
    void aTeacherOfMoreClassesIsJudgedOnTheDatasAlone() {
        Path more = teacher("more", 3, List.of("light", "grey", "dark"));
        CommandRun begun = train(run, 1, "--teacher", more);
        assertThat(begun.code()).as(begun.err()).isZero();
        assertThat(begun.err()).contains("2 of the teacher's 3 classes").contains("teacher: top-1");
    }

    @Test
    void aStartingModelNeedsNoTeacherAndLearnsFromItLater() throws IOException {
        CommandRun started = train(run, 0, "--teacher", teacher);
        assertThat(started.code()).as(started.err()).isZero();
        assertThat(run.resolve("last/model.safetensors")).exists();
        CommandRun further = resume("--epochs=1");
        assertThat(further.code()).as(further.err()).isZero();
        assertThat(further.err()).contains("soft distillation from " + teacher);
        assertThat(Files.readAllLines(run.resolve("steps.csv")).get(0)).contains("stage1_distillation");
    }

    @Test
    void withoutValidationTheTeacherIsNotJudged() {
        List<String> arguments = new ArrayList<>(TinyTraining.arguments(directory, run, 1, "--teacher=" + teacher));
        arguments.removeIf(argument -> argument.startsWith("--val="));
        CommandRun begun = CommandRun.of(arguments.toArray());
        assertThat(begun.code()).as(begun.err()).isZero();
        assertThat(begun.err()).contains("teacher: not judged");
    }
}
