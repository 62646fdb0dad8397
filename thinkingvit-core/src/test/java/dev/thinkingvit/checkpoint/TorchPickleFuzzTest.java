package dev.thinkingvit.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;

/** As {@link TorchFileFuzzTest} within a sound archive, so that the search spends its time on the pickle. */
class TorchPickleFuzzTest {
    @FuzzTest(maxDuration = "2m")
    void onlyCheckpointExceptionsEscape(byte[] pickle) throws IOException {
        byte[] archive = new TestZip()
                .stored("a/data.pkl", pickle)
                .stored("a/data/0", new byte[24])
                .bytes();
        FuzzFile.with(archive, file -> FuzzFile.walk(TorchFile.load(file)));
    }
}
