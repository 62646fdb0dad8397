package dev.thinkingvit.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

@NullUnmarked // a null fails the test
class TorchDeviceTest {
    @Test
    void devicesHavePyTorchsNames() {
        assertThat(TorchDevice.named("cpu", 3)).isEqualTo(TorchDevice.CPU).hasToString("cpu");
        assertThat(TorchDevice.named("cuda", 3)).hasToString("cuda:3");
        assertThat(TorchDevice.named("CUDA:1", 3)).hasToString("cuda:1");
        assertThatThrownBy(() -> TorchDevice.named("cuda:x", 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("unknown device 'cuda:x': it must be cpu, cuda or cuda:n");
    }

    @Test
    void aMissingDeviceIsNamed() {
        TorchDevice missing = TorchDevice.named("cuda:99", 0);
        assertThatThrownBy(missing::require)
                .isInstanceOf(TensorException.class)
                .hasMessageStartingWith("cuda:99 is not there: ");
    }

    @Test
    void aTensorThatIsThereAlreadyIsNotCopied() {
        try (Scope scope = new Scope()) {
            Tensor tensor = Tensors.floats(new float[] {1, 2}, 0, 2);
            assertThat(TorchDevice.CPU.place(tensor)).isSameAs(tensor);
        }
    }
}
