package dev.thinkingvit.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code train --resume} does with a run that is not as it was. */
@NullUnmarked // a null fails the test
class TrainResumeTest {
    @TempDir
    Path directory;

    private Path run;

    @BeforeEach
    void trainOneEpoch() throws IOException {
        TinyTraining.writePictures(directory);
        run = directory.resolve("run");
        CommandRun begun = train(1, "--lr=1e-3");
        assertThat(begun.code()).as(begun.err()).isZero();
    }

    private CommandRun train(int epochs, Object... more) {
        return CommandRun.of(
                TinyTraining.arguments(directory, run, epochs, more).toArray());
    }

    private CommandRun resume(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("train", "--resume", "--out", run));
        arguments.addAll(Arrays.asList(more));
        return CommandRun.of(arguments.toArray());
    }

    /** Every file of the run with its content, apart from the lock. */
    private Map<String, ByteBuffer> content() throws IOException {
        Map<String, ByteBuffer> content = new TreeMap<>();
        try (Stream<Path> files = Files.walk(run)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                content.put(run.relativize(file).toString(), ByteBuffer.wrap(Files.readAllBytes(file)));
            }
        }
        return content;
    }

    private static void assertOneLine(CommandRun failed, String... parts) {
        assertThat(failed.code()).as(failed.err()).isEqualTo(Main.FAILED);
        assertThat(failed.err().lines().filter(line -> line.startsWith("thinkingvit: ")))
                .singleElement()
                .asString()
                .contains(parts);
        assertThat(failed.err()).doesNotContain("\tat ");
    }

    @Test
    void aFinishedRunSaysSoAndStaysAsItIs() throws IOException {
        Map<String, ByteBuffer> before = content();
        CommandRun again = resume();
        assertThat(again.code()).isZero();
        assertThat(again.out()).contains("is trained to its end, 1 epochs");
        assertThat(content()).isEqualTo(before);
        Files.move(directory.resolve("train"), directory.resolve("gone"));
        assertThat(resume().code()).as("needs no pictures").isZero();
    }

    @Test
    void aRunWhoseReportWasNotFinishedMakesIt() throws IOException {
        Files.delete(run.resolve("report/index.html"));
        CommandRun again = resume();
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.err()).contains("going on with the report");
        assertThat(run.resolve("report/index.html")).exists();
    }

    @Test
    void moreEpochsGoOnWithAFinishedRun() {
        CommandRun further = resume("--epochs=2");
        assertThat(further.code()).as(further.err()).isZero();
        assertThat(further.err()).contains("goes on with a change of epochs").contains("epoch 2 of 2");
        assertThat(TinyTraining.updates(run)).isEqualTo(20);
    }

    @Test
    void picturesThatAreGoneAreNamedAndMayBeElsewhere() throws IOException {
        Path elsewhere = directory.resolve("elsewhere");
        Files.move(directory.resolve("train"), elsewhere);
        Map<String, ByteBuffer> before = content();
        assertOneLine(resume("--epochs=2"), directory.resolve("train").toString(), "no such file or folder");
        assertThat(content()).isEqualTo(before);
        CommandRun moved = resume("--epochs=2", "--data", elsewhere);
        assertThat(moved.code()).as(moved.err()).isZero();
        assertThat(moved.err()).contains("goes on with the pictures in " + elsewhere);
        assertThat(resume("--epochs=3").code()).as("remembers it").isZero();
    }

    @Test
    void classesAndPicturesThatChangedAreNamedAndTakenOnlyIfForced() throws IOException {
        Path dark = directory.resolve("train/dark");
        Path night = directory.resolve("train/night");
        Files.move(dark, night);
        Map<String, ByteBuffer> before = content();
        assertOneLine(resume("--epochs=2"), "class 'dark' is called 'night' now", "--resume --force");
        Files.move(directory.resolve("val/dark"), directory.resolve("val/night"));
        assertThat(content()).isEqualTo(before);

        CommandRun forced = resume("--epochs=2", "--force");

        assertThat(forced.code()).as(forced.err()).isZero();
        assertThat(forced.err()).contains("forced: what the model called 'dark' it calls 'night'");
        assertThat(ModelDirectory.readConfig(run.resolve("last/config.json")).labels())
                .as("each row of the head keeps its pictures")
                .containsExactly("night", "light");
        Files.delete(night.resolve("0.png"));
        assertOneLine(resume("--epochs=3"), "of class 'night' 1 picture is gone (0.png)");
    }

    @Test
    void aRunWithoutAnInventoryGoesOnWithAWordIfItsClassesAreTheSame() throws IOException {
        Files.delete(run.resolve("inventory.json.gz"));
        Path data = directory.resolve("train");
        Files.createDirectory(data.resolve("grey"));
        Files.copy(data.resolve("dark/0.png"), data.resolve("grey/0.png"));
        assertOneLine(resume("--epochs=2"), "class grey is new");
        Files.delete(data.resolve("grey/0.png"));
        Files.delete(data.resolve("grey"));
        CommandRun again = resume("--epochs=2");
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.err()).contains("begun without an inventory");
        assertThat(run.resolve("inventory.json.gz")).exists();
    }

    @Test
    void aRunWithoutItsStateIsNamedAndNothingIsOverwritten() throws IOException {
        Files.delete(run.resolve("last/state.safetensors"));
        Map<String, ByteBuffer> before = content();
        assertOneLine(resume("--epochs=2"), "last/state.safetensors: is gone", run.toString(), "--force");
        assertOneLine(train(2), "last/state.safetensors: is gone");
        assertThat(content()).isEqualTo(before);
    }

    @Test
    void aRunWithoutItsRecordIsNoNewOneHoweverItIsCalled() throws IOException {
        Files.delete(run.resolve("run.json"));
        Map<String, ByteBuffer> before = content();
        for (List<Object> how : List.<List<Object>>of(
                List.of("--resume"),
                List.of("--resume", "--data", directory.resolve("train")),
                List.of("--force", "--data", directory.resolve("train")),
                List.of("--data", directory.resolve("train")))) {
            List<Object> arguments = new ArrayList<>(List.of("train", "--out", run));
            arguments.addAll(how);
            arguments.addAll(List.of("--recipe", "../recipes/cifar10-3h-6h.yaml"));
            assertOneLine(
                    CommandRun.of(arguments.toArray()), run.toString(), "but no run.json", "train into another folder");
        }
        assertThat(content()).isEqualTo(before);
    }

    @Test
    void aLostBestModelIsNamedAndTheNextTakesItsPlaceIfForced() throws IOException {
        Files.delete(run.resolve("best/model.safetensors"));
        Map<String, ByteBuffer> before = content();
        assertOneLine(
                resume("--epochs=2"), run.resolve("best").toString(), "the best model so far", "--resume --force");
        assertThat(content()).isEqualTo(before);
        CommandRun forced = resume("--epochs=2", "--force");
        assertThat(forced.code()).as(forced.err()).isZero();
        assertThat(forced.err())
                .contains("forced: the best model so far is lost")
                .contains("(best)");
        assertThat(run.resolve("best/model.safetensors")).exists();
    }

    @Test
    void anAbsurdRateOverwritesNothing() throws IOException {
        Map<String, ByteBuffer> before = content();
        CommandRun broken = resume("--epochs=2", "--lr=1e30", "--batch-size=80");
        assertThat(broken.code()).as(broken.err()).isEqualTo(Main.FAILED);
        Map<String, ByteBuffer> after = content();
        for (String file : List.of("last/state.safetensors", "last/model.safetensors", "best/model.safetensors")) {
            assertThat(after.get(file)).as(file).isEqualTo(before.get(file));
        }
        assertThat(run.resolve("history/epoch-0002")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5, 100, 20_000})
    void aTornStateIsNamedAndNothingIsOverwritten(int bytes) throws IOException {
        Path state = run.resolve("last/state.safetensors");
        Files.write(state, Arrays.copyOf(Files.readAllBytes(state), bytes));
        Map<String, ByteBuffer> before = content();
        assertOneLine(resume("--epochs=2"), state.toString());
        assertThat(content()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"loss_sums", "update", "accuracies", "epoch", "loss_images"})
    void aStateWithASenselessPositionIsNoCrash(String key) throws IOException {
        Path state = run.resolve("last/state.safetensors");
        Safetensors.Contents contents = Safetensors.read(state);
        Map<String, String> facts = new TreeMap<>(contents.metadata());
        facts.put(key, key.equals("epoch") ? "99999999999" : "1,");
        Map<String, HostTensor> tensors = contents.tensors();
        Safetensors.write(state, tensors, facts);
        Map<String, ByteBuffer> before = content();
        CommandRun failed = resume("--epochs=2");
        if (!key.equals("accuracies")) { // one more or less does no harm
            assertOneLine(failed, key.startsWith("loss") ? "each of this training's 2 stages" : state.toString());
            assertThat(content()).isEqualTo(before);
        }
    }

    @Test
    void anotherNetworkIsRefusedAndNothingIsOverwritten() throws IOException {
        Map<String, ByteBuffer> before = content();
        assertOneLine(
                resume("--epochs=2", "--depth=3", "--stages=1,3"),
                run.toString(),
                "stages ([1, 2] → [1, 3]), depth (2 → 3)");
        assertOneLine(
                resume("--epochs=2", "--recipe=../recipes/cifar10-3h-6h.yaml", "--warmup-epochs=0"),
                run.toString(),
                "network");
        assertOneLine(resume("--epochs=2", "--model-ema-decay=0"), run.toString(), "model_ema_decay");
        assertThat(content()).isEqualTo(before);
        assertThat(resume("--epochs=2").code()).isZero();
    }

    @Test
    void aRecipeFileThatWasEditedIsComparedWithWhatTheTrainingBeganWith() throws IOException {
        Path recipe = run.resolve("recipe.yaml");
        String text = Files.readString(recipe);
        Files.writeString(recipe, "# nothing\n");
        assertOneLine(resume("--epochs=2"), recipe + ": is empty");
        Files.writeString(recipe, text.replaceAll("seed: \\d+", "seed: 77"));
        assertOneLine(resume("--epochs=2"), "seed", "cannot change", "→ 77)");
        Files.writeString(recipe, text.replaceAll("depth: 2", "depth: 4"));
        assertOneLine(resume("--epochs=2"), "network", "depth (2 → 4)");
        Files.writeString(recipe, text.replaceAll("(?m)^  lr: .*$", "  lr: 0.002"));
        CommandRun further = resume("--epochs=2");
        assertThat(further.code()).as(further.err()).isZero();
        assertThat(further.err()).contains("goes on with a change of lr (0.001 → 0.002), epochs (1 → 2)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "null", "{}", "[]", "7", "{\"data\":null}", "{\"data\":\"x\",\"recipe\":[]}"})
    void aRecordThatSaysSomethingElseIsDamagedInPlainWords(String json) throws IOException {
        Files.writeString(run.resolve("run.json"), json);
        CommandRun failed = resume("--epochs=2");
        assertOneLine(failed, run.resolve("run.json") + ": is damaged: ");
        assertThat(failed.err()).doesNotContain("java", "program itself", "NullPointer");
    }

    @Test
    void aFolderThatCannotBeLookedIntoIsNotSaidToHoldNoTraining() throws IOException {
        Path loop = directory.resolve("loop");
        Files.createSymbolicLink(loop, loop);
        CommandRun failed = CommandRun.of("train", "--resume", "--out", loop);
        assertOneLine(failed, loop.toString());
        assertThat(failed.err()).doesNotContain("holds no training");
    }

    @Test
    void aRunWhoseRecipeWasNotKeptApartGoesOn() throws IOException {
        Path record = run.resolve("run.json");
        String text = Files.readString(record);
        assertThat(text).contains("\"recipe\" : {");
        Files.writeString(record, text.substring(0, text.indexOf(",\n  \"recipe\"")) + "\n}\n");
        CommandRun further = resume("--epochs=2");
        assertThat(further.code()).as(further.err()).isZero();
        assertThat(record).content().contains("\"recipe\" : {");
    }

    @Test
    void whatIsNotUsedOfTheDataIsWrittenDown() throws IOException {
        Path data = directory.resolve("train");
        Files.writeString(data.resolve("dark/notes.txt"), "text");
        Files.writeString(data.resolve("dark/0.png"), "no picture");
        run = directory.resolve("other");
        CommandRun again = train(1);
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(run.resolve("unused.json"))
                .content()
                .contains(
                        "\"kind\" : \".txt files\"",
                        data.resolve("dark/notes.txt").toString())
                .contains("\"skipped\" : 1", data.resolve("dark/0.png").toString());
    }

    @Test
    void whatAResumedRunCannotHeedIsRefused() throws IOException {
        Map<String, ByteBuffer> before = content();
        CommandRun otherStart = resume("--epochs=2", "--init", directory.resolve("other.pth"));
        assertThat(otherStart.code()).isEqualTo(2);
        assertThat(otherStart.err()).contains("--init cannot change the first ones, drawn at random");
        assertThat(content()).isEqualTo(before);
    }

    /** As if the training had been interrupted after some updates of its second epoch. */
    private void standIn(int updates) {
        Path state = run.resolve("last/state.safetensors");
        Safetensors.Contents contents = Safetensors.read(state);
        Map<String, String> facts = new TreeMap<>(contents.metadata());
        int pictures = 8 * updates;
        facts.put("update", updates + "");
        facts.put("place", pictures + "," + pictures + ",0");
        facts.put("images", pictures + "");
        Safetensors.write(state, contents.tensors(), facts);
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 12, 28, 80})
    void anEpochThatGoesOnInOtherBatchesShowsEveryPictureOnce(int batch) throws IOException {
        standIn(3);
        CommandRun further = resume("--epochs=2", "--batch-size=" + batch);
        assertThat(further.code()).as(further.err()).isZero();
        int left = (80 - 24 + batch - 1) / batch;
        assertThat(TinyTraining.epochs(run).get("images")).containsExactly(80.0, 80.0);
        assertThat(TinyTraining.epochs(run).get("step")).containsExactly(10.0, 10.0 + left);
    }

    @Test
    void howItIsKeptIsRememberedAndCanBeChanged() throws IOException {
        assertThat(resume("--epochs=5", "--history=4", "--save-seconds=7", "--save-pth")
                        .code())
                .isZero();
        for (int i = 1; i <= 2; i++) { // pth files may be deleted, or not be there yet
            Files.delete(run.resolve("last.pth.tar"));
            Files.deleteIfExists(run.resolve("model_best.pth.tar"));
            CommandRun more = resume("--epochs=" + (5 + i));
            assertThat(more.code()).as(more.err()).isZero();
            assertThat(run.resolve("last.pth.tar")).exists();
        }
        assertThat(history()).containsExactly("epoch-0004", "epoch-0005", "epoch-0006", "epoch-0007");
        assertThat(Files.readString(run.resolve("run.json"))).contains("\"save_seconds\" : 7.0");
        assertThat(resume("--epochs=8", "--history=1").code()).isZero();
        assertThat(resume("--epochs=9").code()).isZero();
        assertThat(history()).containsExactly("epoch-0009");
    }

    private List<String> history() throws IOException {
        try (Stream<Path> kept = Files.list(run.resolve("history"))) {
            return kept.map(each -> each.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aTrainingOnATarGoesOnAndKnowsItAgain() throws IOException {
        Path tar = directory.resolve("train.tar");
        TinyTraining.tar(directory.resolve("train"), tar);
        run = directory.resolve("of-tar");
        List<String> arguments = TinyTraining.arguments(directory, run, 1);
        arguments.replaceAll(argument -> argument.startsWith("--data=") ? "--data=" + tar : argument);
        CommandRun begun = CommandRun.of(arguments.toArray());
        assertThat(begun.code()).as(begun.err()).isZero();
        CommandRun more = resume("--epochs=2");
        assertThat(more.code()).as(more.err()).isZero();

        byte[] whole = Files.readAllBytes(tar);
        Files.write(tar, Arrays.copyOf(whole, whole.length / 2));
        assertOneLine(resume("--epochs=3"), tar.toString(), "--data says where they are now");
        Files.delete(tar);
        assertOneLine(resume("--epochs=3"), tar.toString(), "no such file", "--data says where they are now");
        Files.delete(directory.resolve("train/dark/0.png"));
        TinyTraining.tar(directory.resolve("train"), tar);
        assertOneLine(resume("--epochs=3"), tar.toString(), "not the pictures of the training");
        Files.write(tar, whole);
        assertThat(resume("--epochs=3").code()).isZero();
    }

    @Test
    void aLearningRateThatJumpsIsSaid() {
        CommandRun further = resume("--epochs=4");
        assertThat(further.err())
                .contains(
                        "learning rate of the next update is 1.0E-5 → 8.55E-4; the schedule so far had come to its end");
        assertThat(resume("--epochs=4").err()).doesNotContain("learning rate of");
    }

    @Test
    void anotherValidationSetHasABestOfItsOwn() throws IOException {
        Path other = directory.resolve("other");
        TinyTraining.writePictures(other);
        Files.delete(other.resolve("val/dark/80.png"));
        assertThat(resume("--epochs=2").err()).contains("epoch 2 of 2");
        CommandRun judged = resume("--epochs=3", "--lr=1e-30", "--min-lr=0", "--val", other.resolve("val"));
        assertThat(judged.code()).as(judged.err()).isZero();
        assertThat(judged.err())
                .contains("of class 'dark' 1 picture is gone (80.png)", "the scores do not compare")
                .containsPattern("epoch 3 of 3: .* \\(best\\)");
        assertThat(run.resolve("earlier-bests/epoch-0002/model.safetensors")).exists();
        CommandRun moved = resume("--epochs=4", "--val", Files.move(other.resolve("val"), directory.resolve("val2")));
        assertThat(moved.err()).as("the same pictures").doesNotContain("do not compare");
        assertOneLine(resume("--epochs=5", "--val", directory.resolve("val3")), "--val says where they are now");
    }

    @Test
    void aLossThatIsNoNumberKeepsTheLastGoodState() throws IOException {
        CommandRun diverged =
                resume("--epochs=3", "--lr=1e30", "--clip-grad=null", "--save-seconds=1e-9", "--model-ema-decay=0.9");
        assertOneLine(diverged, "became", "learning rate", "may help");
        long kept = TinyTraining.updates(run);
        assertThat(kept).isGreaterThanOrEqualTo(10);
        CommandRun calmer = resume("--lr=1e-3");
        assertThat(calmer.code()).as(calmer.err()).isZero();
        assertThat(TinyTraining.updates(run)).isEqualTo(30);
    }

    @Test
    void aTrainingGoesOnThoughItsInitialWeightsAreGone() throws IOException {
        Path source = Files.copy(run.resolve("best/model.safetensors"), directory.resolve("source.safetensors"));
        Path other = directory.resolve("other");
        CommandRun begun = CommandRun.of(
                TinyTraining.arguments(directory, other, 1, "--init=" + source).toArray());
        assertThat(begun.code()).as(begun.err()).isZero();
        Files.delete(source);
        CommandRun again = CommandRun.of("train", "--resume", "--out", other, "--epochs=2");
        assertThat(again.code()).as(again.err()).isZero();
        Files.delete(other.resolve("last/state.safetensors"));
        assertOneLine(CommandRun.of("train", "--resume", "--out", other, "--epochs=3"), "state.safetensors: is gone");
    }

    @Test
    void whatIsNoTrainingIsNotResumedOver() throws IOException {
        Files.delete(run.resolve("run.json"));
        Map<String, ByteBuffer> before = content();
        assertOneLine(train(1), run.toString(), "--force");
        assertThat(content()).isEqualTo(before);
    }

    @Test
    void aStartThatWasKilledIsNoObstacle() throws IOException {
        Path begun = Files.createDirectory(directory.resolve("begun"));
        Files.createFile(begun.resolve(".lock"));
        Files.createFile(begun.resolve(".recipe.yaml.12ab.tmp"));
        Files.copy(run.resolve("recipe.yaml"), begun.resolve("recipe.yaml"));
        CommandRun trained =
                CommandRun.of(TinyTraining.arguments(directory, begun, 1).toArray());
        assertThat(trained.code()).as(trained.err()).isZero();
        assertThat(begun.resolve(".recipe.yaml.12ab.tmp")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--lr=abc",
                "--batch-size=0",
                "--batch-size=9999",
                "--sched=up",
                "--save-seconds=0",
                "--grad-accum-steps=3",
                "--wd=1",
                "--holdout=3"
            })
    void aBadValueIsTheCommandLinesFault(String option) throws IOException {
        Map<String, ByteBuffer> before = content();
        CommandRun refused = resume("--epochs=2", option);
        assertThat(refused.code()).as(refused.err()).isEqualTo(Main.USAGE);
        assertThat(refused.err().lines().filter(line -> line.startsWith("thinkingvit: ")))
                .hasSize(1);
        assertThat(content()).isEqualTo(before);
    }

    @Test
    void aBadRecipeFileIsTheFilesFault() throws IOException {
        Path recipe = Files.writeString(directory.resolve("r.yaml"), "optimizer:\n  learning_rate: 1\n");
        assertOneLine(resume("--epochs=2", "--recipe", recipe), recipe.toString(), "learning_rate");
    }
}
