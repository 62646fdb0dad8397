package dev.thinkingvit.tensor;

import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** What libtorch computed, on whatever device: stays there from stage to stage. */
public final class TorchTensor extends NativeTensor {
    private final Tensor tensor;

    /** @param tensor whose memory is this one's; without gradient */
    public TorchTensor(Tensor tensor) {
        this.tensor = tensor;
    }

    Tensor tensor() {
        return tensor;
    }

    @Override
    public DType dtype() {
        return Tensors.dtype(tensor);
    }

    @Override
    public long[] shape() {
        return Tensors.shape(tensor);
    }

    @Override
    public long size(int dim) {
        return tensor.size(dim);
    }

    @Override
    public TorchDevice device() {
        return TorchDevice.of(tensor);
    }

    @Override
    public NativeTensor rows(long from, long count) {
        if (from < 0 || count < 0 || count > size(0) - from) {
            throw new IllegalArgumentException(count + " rows from " + from + " on are not within " + this);
        }
        return new TorchTensor(tensor.narrow(0, from, count));
    }

    @Override
    public NativeTensor select(long[] rows) {
        return rows.length == size(0)
                ? this
                : new TorchTensor(tensor.index_select(0, device().place(Tensors.longs(rows))));
    }

    static NativeTensor joined(List<? extends NativeTensor> tensors) {
        Tensor[] all = tensors.stream().map(Tensors::shared).toArray(Tensor[]::new);
        return new TorchTensor(torch.cat(new TensorVector(all), 0));
    }

    @Override
    public float[] toFloats() {
        return Tensors.toFloats(tensor);
    }

    @Override
    public NativeArray array() {
        Tensor flat = tensor.cpu().contiguous();
        return NativeArray.at(flat, flat.data_ptr().address(), dtype(), shape());
    }

    @Override
    Pointer owner() {
        return tensor;
    }
}
