package dev.thinkingvit.tensor;

import java.util.Arrays;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;

/**
 * The weight and bias of a linear layer, laid out and cast once as oneDNN multiplies fastest. Any number of
 * {@link DnnlProgram}s on any threads may use it at a time.
 *
 * <p>Owns its memory; close it after the programs that use it.
 */
public final class DnnlMatrix implements AutoCloseable {
    private final long in;
    private final long out;
    private final DType dtype;
    private final memory.desc layout;
    private final memory weight;
    private final memory bias;

    /**
     * @param weight (out, in) F32
     * @param bias (out) F32
     * @param dtype F32 or BF16, of the products
     * @param rows about how many rows will be multiplied at a time, on which the layout may depend
     */
    public DnnlMatrix(Tensor weight, Tensor bias, DType dtype, long rows) {
        if (weight.dim() != 2
                || bias.numel() != weight.size(0)
                || Tensors.dtype(weight) != DType.F32
                || Tensors.dtype(bias) != DType.F32) {
            throw new IllegalArgumentException("an F32 weight (out, in) and an F32 bias (out) are required, "
                    + Tensors.dtype(weight) + Arrays.toString(Tensors.shape(weight)) + " and " + Tensors.dtype(bias)
                    + Arrays.toString(Tensors.shape(bias)) + " came");
        }
        this.out = weight.size(0);
        this.in = weight.size(1);
        this.dtype = dtype;
        try (Scope scope = new Scope()) {
            Tensor plain = weight.contiguous();
            Tensor plainBias = bias.contiguous();
            this.layout = Scope.own(
                    new memory.desc(DnnlProgram.product(rows, in, out, dtype).weights_desc()));
            this.weight = Scope.own(new memory(layout, Dnnl.engine()));
            memory source = new memory(
                    new memory.desc(new long[] {in, out}, memory.data_type.f32, new long[] {1, in}),
                    Dnnl.engine(),
                    plain.data_ptr());
            stream queue = new stream(Dnnl.engine());
            new reorder(source, this.weight).execute(queue, source, this.weight);
            this.bias = Scope.own(new memory(
                    new memory.desc(new long[] {1, out}, memory.data_type.f32, new long[] {out, 1}), Dnnl.engine()));
            BytePointer.memcpy(this.bias.get_data_handle(), plainBias.data_ptr(), out * DType.F32.bytes());
        } catch (RuntimeException e) {
            throw TensorException.translate("oneDNN", e);
        }
    }

    /** Length of a row that is multiplied. */
    public long in() {
        return in;
    }

    /** Length of a row of the product. */
    public long out() {
        return out;
    }

    DType dtype() {
        return dtype;
    }

    memory.desc layout() {
        return layout;
    }

    memory weight() {
        return weight;
    }

    memory bias() {
        return bias;
    }

    /** Bytes of memory that it takes. */
    public long bytes() {
        try (Scope scope = new Scope()) {
            return layout.get_size() + out * DType.F32.bytes();
        }
    }

    @Override
    public void close() {
        weight.close();
        bias.close();
        layout.close();
    }
}
