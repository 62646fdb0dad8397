package dev.thinkingvit.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.thinkingvit.store.Checkpoints;
import java.io.IOException;

/** Runs its seed inputs as a test; with {@code JAZZER_FUZZ=1} it searches for others. */
class TorchFileFuzzTest {
    @FuzzTest(maxDuration = "2m")
    void onlyCheckpointExceptionsEscape(byte[] content) throws IOException {
        FuzzFile.with(content, file -> {
            FuzzFile.walk(TorchFile.load(file));
            StateDict dict = Checkpoints.read(file, Weights.AUTO);
            dict.tensors().values().forEach(FuzzFile::touch);
            FuzzFile.walk(dict.facts());
        });
    }
}
