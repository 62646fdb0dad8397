package dev.thinkingvit.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;

/** Runs its seed inputs as a test; with {@code JAZZER_FUZZ=1} it searches for others. */
class SafetensorsFuzzTest {
    @FuzzTest(maxDuration = "2m")
    void onlyCheckpointExceptionsEscape(byte[] content) throws IOException {
        FuzzFile.with(content, file -> {
            Safetensors.Contents contents = Safetensors.read(file);
            contents.tensors().values().forEach(FuzzFile::touch);
            Safetensors.write(file, contents.tensors(), contents.metadata());
            Safetensors.Contents again = Safetensors.read(file);
            if (!again.metadata().equals(contents.metadata())
                    || !again.tensors().keySet().equals(contents.tensors().keySet())) {
                throw new AssertionError("what was read and written reads differently");
            }
        });
    }
}
