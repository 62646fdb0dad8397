package dev.thinkingvit.tensor;

import java.util.Arrays;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.BytePointer;
import org.jspecify.annotations.Nullable;

/**
 * The weight and bias of a linear layer, laid out and cast once as oneDNN multiplies fastest. Any number of
 * {@link DnnlProgram}s on any threads may use it at a time.
 *
 * <p>In eight bits the rows that are multiplied are U8, the weight is I8 with a scale for each of its rows, sums are exact,
 * and what they are worth is F32 again.
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
    private final @Nullable memory scales;

    /**
     * @param weight (out, in) F32
     * @param bias (out) F32
     * @param dtype F32 or BF16, of the products
     * @param rows about how many rows will be multiplied at a time, on which the layout may depend
     */
    public DnnlMatrix(NativeArray weight, NativeArray bias, DType dtype, long rows) {
        this(weight, null, bias, dtype, null, rows);
    }

    /**
     * A layer in eight bits.
     *
     * @param weight (out, in) I8
     * @param scales (out) F32: what 1 of a row's product is worth
     * @param bias (out) F32, of the products' worth
     * @param rows about how many rows will be multiplied at a time, on which the layout may depend
     */
    public static DnnlMatrix inEightBits(NativeArray weight, NativeArray scales, NativeArray bias, long rows) {
        return new DnnlMatrix(weight, scales, bias, DType.U8, null, rows);
    }

    /**
     * Another layer of this one's shape and types, in the same layout: to ask oneDNN for one takes longer than to lay a weight
     * out.
     *
     * @param otherScales null if this one is not in eight bits
     */
    public DnnlMatrix alike(NativeArray otherWeight, @Nullable NativeArray otherScales, NativeArray otherBias) {
        if (!Arrays.equals(otherWeight.shape(), new long[] {out, in}) || (otherScales == null) != (scales == null)) {
            throw new IllegalArgumentException(
                    otherWeight + " is no other weight of " + out + " rows of " + in + " in " + dtype);
        }
        return new DnnlMatrix(otherWeight, otherScales, otherBias, dtype, layout, 0);
    }

    /**
     * @param dtype of the rows that are multiplied
     * @param known the layout; null to ask for the best one
     */
    private DnnlMatrix(
            NativeArray weight,
            @Nullable NativeArray scales,
            NativeArray bias,
            DType dtype,
            memory.@Nullable desc known,
            long rows) {
        DType stored = scales == null ? DType.F32 : DType.I8;
        if (weight.shape().length != 2
                || bias.elements() != weight.size(0)
                || weight.dtype() != stored
                || bias.dtype() != DType.F32) {
            throw new IllegalArgumentException(
                    stored + " weight (out, in) and F32 bias (out) are required, " + weight + " and " + bias + " came");
        }
        if (scales != null && (scales.dtype() != DType.F32 || scales.elements() != weight.size(0))) {
            throw new IllegalArgumentException("F32 scales (out) are required for " + weight + ", " + scales + " came");
        }
        this.out = weight.size(0);
        this.in = weight.size(1);
        this.dtype = dtype;
        try (Scope scope = new Scope()) {
            memory.desc best = new memory.desc(
                    known == null ? DnnlProgram.product(rows, in, out, dtype).weights_desc() : known);
            memory packed = new memory(best, Dnnl.engine());
            memory source = new memory(
                    new memory.desc(new long[] {in, out}, Dnnl.type(stored), new long[] {1, in}),
                    Dnnl.engine(),
                    new NativeArray.Address(weight.address()));
            stream queue = new stream(Dnnl.engine());
            new reorder(source, packed).execute(queue, source, packed);
            memory copy = copy(bias, new long[] {1, out}, new long[] {out, 1});
            memory units = scales == null ? null : copy(scales, new long[] {out}, new long[] {1});
            this.layout = Scope.own(best); // now that nothing fails any more
            this.weight = Scope.own(packed);
            this.bias = Scope.own(copy);
            this.scales = units == null ? null : Scope.own(units);
        } catch (RuntimeException e) {
            throw TensorException.translate("oneDNN", e);
        }
    }

    private static memory copy(NativeArray values, long[] shape, long[] strides) {
        memory copy = new memory(new memory.desc(shape, memory.data_type.f32, strides), Dnnl.engine());
        BytePointer.memcpy(copy.get_data_handle(), new NativeArray.Address(values.address()), values.bytes());
        return copy;
    }

    /** Length of a row that is multiplied. */
    public long in() {
        return in;
    }

    /** Length of a row of the product. */
    public long out() {
        return out;
    }

    /** Of the rows that are multiplied. */
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

    /** (out) F32 of a layer in eight bits; null of others. */
    @Nullable memory scales() {
        return scales;
    }

    /** Bytes of memory that it takes. */
    public long bytes() {
        try (Scope scope = new Scope()) {
            return layout.get_size() + (scales == null ? 1 : 2) * out * DType.F32.bytes();
        }
    }

    @Override
    public void close() {
        weight.close();
        bias.close();
        if (scales != null) {
            scales.close();
        }
        layout.close();
    }
}
