package dev.thinkingvit.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;

/** As {@link TorchFileFuzzTest} behind a sound beginning: the input is the content, the list of storages and they. */
class LegacyTorchFileFuzzTest {
    @FuzzTest(maxDuration = "2m")
    void onlyCheckpointExceptionsEscape(byte[] content) throws IOException {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.writeBytes(TestLegacyFile.beginning());
        file.writeBytes(content);
        FuzzFile.with(file.toByteArray(), path -> FuzzFile.walk(TorchFile.load(path)));
    }
}
