package dev.thinkingvit.tensor;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Where tensors live and are computed on: the processor, or one of the machine's CUDA devices.
 *
 * @param index of the CUDA device, from 0; −1 for the processor
 */
public record TorchDevice(int index) {
    /** The processor. */
    public static final TorchDevice CPU = new TorchDevice(-1);

    private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,2}))?");

    /**
     * The device of PyTorch's name: {@code cpu}, {@code cuda} or {@code cuda:n}.
     *
     * @param local index of a plain {@code cuda}: of several processes on a machine each takes its own
     * @throws IllegalArgumentException for any other name
     */
    public static TorchDevice named(String name, int local) {
        if (name.toLowerCase(Locale.ROOT).equals("cpu")) {
            return CPU;
        }
        Matcher cuda = CUDA.matcher(name.toLowerCase(Locale.ROOT));
        if (!cuda.matches()) {
            throw new IllegalArgumentException("unknown device '" + name + "': it must be cpu, cuda or cuda:n");
        }
        return new TorchDevice(cuda.group(1) == null ? local : Integer.parseInt(cuda.group(1)));
    }

    /** The device that {@code tensor} is on. */
    public static TorchDevice of(Tensor tensor) {
        if (!tensor.is_cuda()) {
            return CPU;
        }
        try (Scope scope = new Scope()) {
            return new TorchDevice(tensor.device().index());
        }
    }

    /** How many CUDA devices this process sees; 0 with a libtorch for processors only. */
    public static int cudaDevices() {
        Libtorch.load();
        return torch.cuda_is_available() ? torch.cuda_device_count() : 0;
    }

    public boolean isCuda() {
        return index >= 0;
    }

    /** @throws TensorException if the machine or this libtorch lacks the device */
    public void require() {
        if (!isCuda()) {
            return;
        }
        int devices = cudaDevices();
        if (index >= devices) {
            throw new TensorException(this + " is not there: "
                    + (devices == 0
                            ? "this build has no CUDA or the machine no CUDA device (build with -Pgpu)"
                            : "the machine has " + devices + " CUDA devices"));
        }
    }

    /**
     * A tensor of the same values on this device; the tensor itself if it is there. From the processor to a CUDA device it
     * goes by pinned memory without waiting, in order with what is computed there next.
     */
    public Tensor place(Tensor tensor) {
        if (of(tensor).equals(this)) {
            return tensor;
        }
        boolean up = isCuda() && !tensor.is_cuda();
        Tensor source = up ? tensor.pin_memory() : tensor;
        return source.to(device(), tensor.scalar_type(), up, false, new MemoryFormatOptional());
    }

    private Device device() {
        return new Device(toString());
    }

    /** PyTorch's name. */
    @Override
    public String toString() {
        return isCuda() ? "cuda:" + index : "cpu";
    }
}
