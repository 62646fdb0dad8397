package dev.thinkingvit.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.checkpoint.StateDict;
import dev.thinkingvit.checkpoint.TestPickle;
import dev.thinkingvit.checkpoint.Weights;
import dev.thinkingvit.tensor.HostTensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NullUnmarked // a null fails the test
class CheckpointsTest {
    private static final Path REFERENCE = Path.of("src/test/resources/reference/vit-3h-6h");

    @TempDir
    Path directory;

    @Test
    void theContentTellsTheKindOfFileWhateverItsName() throws IOException {
        Path safetensors = Files.copy(REFERENCE.resolve("model.safetensors"), directory.resolve("weights.pth"));
        Path torch = Files.copy(REFERENCE.resolve("checkpoint.pth.tar"), directory.resolve("model.safetensors"));

        assertThat(Checkpoints.read(safetensors, Weights.AUTO).get("cls_token")).hasToString("F32 [1, 1, 48]");
        assertThat(Checkpoints.read(torch, Weights.EMA).entry()).isEqualTo("state_dict_ema");
        assertThat(Checkpoints.read(torch, Weights.MODEL).entry()).isEqualTo("state_dict");
    }

    @Test
    void aDirectoryStandsForTheWeightsInIt() throws IOException {
        assertThat(Checkpoints.read(REFERENCE, Weights.AUTO).file()).isEqualTo(REFERENCE.resolve("model.safetensors"));

        Files.copy(REFERENCE.resolve("checkpoint.pth.tar"), directory.resolve("pytorch_model.bin"));
        assertThat(Checkpoints.read(directory, Weights.AUTO).entry()).isEqualTo("state_dict_ema");
    }

    @Test
    void aDirectoryWithoutWeightsIsRefused() throws IOException {
        assertRefused(directory, "neither model.safetensors nor pytorch_model.bin");
    }

    @Test
    void anExportIsToldFromACheckpoint() throws IOException {
        Files.writeString(directory.resolve("thinkingvit.json"), "{}");
        Files.write(directory.resolve("weights.bin"), new byte[1000]);
        assertRefused(directory, "is a model that was exported, whose weights are not read back");
    }

    @Test
    void aDirectoryThatCannotBeLookedIntoIsNotCalledEmpty() throws IOException {
        Files.createSymbolicLink(directory.resolve("model.safetensors"), Path.of("model.safetensors"));
        assertRefused(directory, "model.safetensors in it cannot be read: its links lead round in a circle");
    }

    @Test
    void aMissingFileIsRefused() {
        assertRefused(directory.resolve("none.pth"), "no such file");
    }

    @Test
    void aPipeIsNotWaitedFor() throws Exception {
        Path pipe = directory.resolve("pytorch_model.bin");
        assumeTrue(made(pipe), "mkfifo makes no pipes here");

        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertRefused(pipe, "is no regular file"));
        Files.copy(REFERENCE.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        assumeTrue(made(directory.resolve("config.json")));
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertThatThrownBy(() -> ModelDirectory.read(directory))
                .hasMessageContaining("is no regular file"));
    }

    private static boolean made(Path pipe) throws Exception {
        try {
            return new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void transformersNamesTellForWhichPictures() throws IOException {
        for (String prefix : new String[] {"", "vit.", "deit."}) {
            Path file = directory.resolve("bare.safetensors");
            Safetensors.write(
                    file,
                    Map.of(prefix + "embeddings.patch_embeddings.projection.weight", HostTensor.of(new float[1], 1)),
                    Map.of());
            assertThat(Checkpoints.read(file, Weights.AUTO).origin())
                    .isEqualTo(new StateDict.Origin("transformers'", 0, !prefix.equals("deit.")));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'', is empty",
        "'version https://git-lfs.github.com/spec/v1', git lfs pull",
        "'<!DOCTYPE html><html>', web page",
        "'  <html>', web page",
        "'<?xml version=\"1.0\"?><Error>', web page",
        "'epoch,loss', neither a safetensors file nor one of torch.save",
        "'PK\u0003\u0004', truncated",
        "'\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000', header"
    })
    void aFileOfAnotherKindIsRefusedWithAReason(String content, String reason) throws IOException {
        Path file = directory.resolve("weights.pth");
        assertRefused(Files.writeString(file, content, StandardCharsets.ISO_8859_1), reason);
    }

    @Test
    void aTarArchiveAndABarePickleAreNamed() throws IOException {
        byte[] tar = new byte[10_240];
        System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
        assertRefused(Files.write(directory.resolve("tar"), tar), "is a tar archive");
        byte[] pickle =
                new TestPickle().op(0x80, 4, 0x95).bytes(new byte[8]).raw("}").stop();
        assertRefused(Files.write(directory.resolve("pickle"), pickle), "pickle of Python that torch.save did not");
    }

    @Test
    void aLegacyTorchFileThatEndsAtOnceIsRefused() throws IOException {
        byte[] legacy = new TestPickle()
                .op(0x80, 2, 0x8a, 10)
                .op(0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)
                .stop();
        assertRefused(Files.write(directory.resolve("old.pth"), legacy), "its pickle breaks off at byte 15");
    }

    @Test
    void aSafetensorsFileHasNoMovingAverage() {
        assertThatThrownBy(() -> Checkpoints.read(REFERENCE, Weights.EMA))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("moving average");
    }

    private static void assertRefused(Path path, String reason) {
        assertThatThrownBy(() -> Checkpoints.read(path, Weights.AUTO))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(path.toString())
                .hasMessageContaining(reason);
    }
}
