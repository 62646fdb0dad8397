package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlMatrix;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * What a stage reads of its network's weights, packed as oneDNN likes them when they are first asked for, until
 * {@link #seal}. Owns what it packed; close it.
 */
final class DnnlWeights implements AutoCloseable {
    private static final int FEW_ROWS = 4;

    private final int stage;
    private final DType type;
    private @Nullable Map<String, HostTensor> source;
    private final Map<Use, DnnlMatrix> matrices = new HashMap<>();
    private final IdentityHashMap<Parameter, Tensor> vectors = new IdentityHashMap<>();
    private final IdentityHashMap<Parameter, Tensor> positions = new IdentityHashMap<>();
    private final Map<String, Tensor> zeros = new ConcurrentHashMap<>();
    private final List<AutoCloseable> owned = new ArrayList<>();
    private long bytes;

    /** A linear layer with what is folded into it. */
    private record Use(
            Linear layer,
            @Nullable Parameter factor,
            @Nullable Parameter pattern) {}

    /**
     * @param source all of the network's weights, of any float type
     * @param type of products whose weights are cast
     */
    DnnlWeights(int stage, Map<String, HostTensor> source, DType type) {
        this.stage = stage;
        this.source = source;
        this.type = type;
    }

    int stage() {
        return stage;
    }

    DType type() {
        return type;
    }

    /** Everything has been asked for once: the source is not needed any more. */
    void seal() {
        source = null;
    }

    /** Bytes of native memory. */
    long bytes() {
        return bytes;
    }

    /**
     * A linear layer.
     *
     * @param factor of one value, by which the layer is multiplied; null for none
     * @param pattern (in, 1, f, f) by which inputs are spread before: the layer then has f · f times the outputs, those of
     *     a place of the pattern after the other; null for none
     * @param rows about how many rows will be multiplied at a time
     */
    DnnlMatrix matrix(Linear layer, @Nullable Parameter factor, @Nullable Parameter pattern, long rows) {
        Use use = new Use(layer, factor, pattern);
        DnnlMatrix known = matrices.get(use);
        if (known != null) {
            return known;
        }
        try (Scope scope = new Scope()) {
            Tensor weight = cut(layer.weight()).flatten(1, -1);
            Parameter shift = layer.bias();
            Tensor bias = shift == null ? torch.zeros(weight.size(0)) : cut(shift);
            if (factor != null) {
                Tensor by = cut(factor);
                weight = weight.mul(by);
                bias = bias.mul(by);
            }
            if (pattern != null) {
                Tensor spread = cut(pattern).permute(2, 3, 1, 0); // (f, f, 1, in)
                long places = spread.size(0) * spread.size(1);
                weight = spread.mul(weight).reshape(places * weight.size(0), weight.size(1));
                bias = bias.repeat(places);
            }
            DnnlMatrix matrix =
                    new DnnlMatrix(weight, bias, layer.weight().cast() ? type : DType.F32, Math.max(FEW_ROWS, rows));
            owned.add(matrix);
            matrices.put(use, matrix);
            bytes += matrix.bytes();
            return matrix;
        }
    }

    /** A parameter in F32. */
    Tensor vector(Parameter parameter) {
        Tensor known = vectors.get(parameter);
        if (known != null) {
            return known;
        }
        try (Scope scope = new Scope()) {
            Tensor vector = own(cut(parameter));
            vectors.put(parameter, vector);
            return vector;
        }
    }

    /** (N, d) F32: the class token at its position, then the patches' positions. */
    Tensor tokens(Parameter classToken, Parameter patchPositions) {
        Tensor known = positions.get(patchPositions);
        if (known != null) {
            return known;
        }
        try (Scope scope = new Scope()) {
            Tensor all = cut(patchPositions).flatten(0, 1); // (N, d)
            Tensor first = cut(classToken).flatten(0, 1).add(all.narrow(0, 0, 1)); // (1, d)
            Tensor joined = own(torch.cat(new TensorVector(first, all.narrow(0, 1, all.size(0) - 1)), 0));
            positions.put(patchPositions, joined);
            return joined;
        }
    }

    /** (windows, H, n, n) F32: what is added to the scores of each window of an image. */
    Tensor windowBias(Parameter table, Windows how) {
        Tensor known = positions.get(table);
        if (known != null) {
            return known;
        }
        try (Scope scope = new Scope()) {
            long n = how.tokens();
            Tensor values = cut(table); // (distances, H)
            Tensor bias = values.index_select(0, Tensors.longs(how.biasRows()))
                    .view(n, n, values.size(1))
                    .permute(2, 0, 1)
                    .unsqueeze(0)
                    .expand(how.count(), values.size(1), n, n);
            float[] mask = how.mask();
            Tensor masked = mask.length == 0 ? bias : bias.add(Tensors.floats(mask, 0, how.count(), 1, n, n));
            Tensor kept = own(masked);
            positions.put(table, kept);
            return kept;
        }
    }

    /** Zeros, F32 or whatever the products' type is. */
    Tensor zeros(DType of, long... shape) {
        String key = of + java.util.Arrays.toString(shape);
        Tensor known = zeros.get(key);
        if (known == null) {
            try (Scope scope = new Scope()) {
                known = own(torch.zeros(shape).to(Tensors.scalarType(of)));
                zeros.put(key, known);
            }
        }
        return known;
    }

    private Tensor own(Tensor tensor) {
        Tensor kept = Scope.own(tensor.contiguous().clone());
        owned.add(kept);
        bytes += kept.nbytes();
        return kept;
    }

    private Tensor cut(Parameter parameter) {
        HostTensor host = source == null ? null : source.get(parameter.name());
        if (host == null) {
            throw new IllegalStateException(
                    source == null ? parameter.name() + " was not packed" : "no tensor " + parameter.name());
        }
        Tensor full = Tensors.toNative(host).to(ScalarType.Float);
        return new Slice(parameter, stage).cut(full, ScalarType.Float);
    }

    @Override
    public void close() {
        for (AutoCloseable each : owned) {
            try {
                each.close();
            } catch (Exception e) {
                throw new IllegalStateException(e); // none of them throws a checked one
            }
        }
        owned.clear();
    }
}
