package dev.thinkingvit.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.thinkingvit.store.Checkpoints;
import java.io.IOException;

/** The input is an array, within a sound archive as the kernels of Google's Vision Transformer. */
class NumpyArchiveFuzzTest {
    @FuzzTest(maxDuration = "2m")
    void onlyCheckpointExceptionsEscape(byte[] array) throws IOException {
        String block = "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/";
        TestZip zip = new TestZip().stored("embedding/kernel.npy", array);
        for (String part : new String[] {"query", "key", "value", "out"}) {
            zip.stored(block + part + "/kernel.npy", array);
        }
        FuzzFile.with(
                zip.bytes(),
                file -> Checkpoints.read(file, Weights.AUTO).tensors().values().forEach(FuzzFile::touch));
    }
}
