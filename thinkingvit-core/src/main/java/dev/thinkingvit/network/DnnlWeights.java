package dev.thinkingvit.network;

import dev.thinkingvit.tensor.DType;
import dev.thinkingvit.tensor.DnnlMatrix;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeArray;
import dev.thinkingvit.tensor.Quantizer;
import dev.thinkingvit.tensor.Scope;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a stage reads of its network's weights, packed as oneDNN likes them when they are first asked for, until
 * {@link #seal}. Owns what it packed; close it.
 */
final class DnnlWeights implements AutoCloseable {
    private static final int FEW_ROWS = 4;

    private final int stage;
    private final Arithmetic arithmetic;
    private @Nullable Map<String, HostTensor> source;
    private final Map<Use, Packed> matrices = new HashMap<>();
    private final Map<Shape, DnnlMatrix> shapes = new HashMap<>(); // the first of each
    private final Map<List<Object>, NativeArray> arrays = new HashMap<>(); // guarded by this, as the next three
    private final List<AutoCloseable> owned = new ArrayList<>();
    private final Map<Integer, float[]> spare =
            new HashMap<>(); // by length, of weights that are packed: to be used again
    private long bytes;

    /** A linear layer with what is folded into it. */
    private record Use(
            Linear layer,
            @Nullable Parameter factor,
            @Nullable Parameter pattern,
            EightBits.@Nullable Rounding rounding) {}

    /** Of weights that have one layout. */
    private record Shape(long out, long in, DType type, long rows) {}

    /**
     * A linear layer, packed.
     *
     * @param inputs how what is multiplied becomes eight bits; null where it does not
     */
    record Packed(DnnlMatrix matrix, @Nullable Quantizer inputs) {}

    /**
     * @param source all of the network's weights, of any float type
     * @param arithmetic of products whose weights are cast
     */
    DnnlWeights(int stage, Map<String, HostTensor> source, Arithmetic arithmetic) {
        this.stage = stage;
        this.source = source;
        this.arithmetic = arithmetic;
    }

    int stage() {
        return stage;
    }

    /** Of tokens, and of products that are cast and not in eight bits. */
    DType type() {
        return arithmetic.type();
    }

    /** Whether linear layers are in eight bits, as far as they can. */
    boolean rounds() {
        return arithmetic.eightBits() != null;
    }

    /** Where what goes into linear layers is added to; null if nobody asks. */
    @Nullable ActivationRanges watched() {
        return arithmetic.watched();
    }

    /** Everything has been asked for once: the source is not needed any more. */
    synchronized void seal() {
        source = null;
        spare.clear();
    }

    /** Bytes of native memory. */
    synchronized long bytes() {
        return bytes;
    }

    /**
     * A linear layer.
     *
     * @param factor of one value, by which the layer is multiplied; null for none
     * @param pattern (in, 1, f, f) by which inputs are spread before: the layer then has f · f times the outputs, those of
     *     a place of the pattern after the other; null for none
     * @param rows about how many rows will be multiplied at a time
     * @param rounding how what goes in becomes eight bits; null if it does not
     */
    synchronized Packed matrix(
            Linear layer,
            @Nullable Parameter factor,
            @Nullable Parameter pattern,
            long rows,
            EightBits.@Nullable Rounding rounding) {
        Use use = new Use(layer, factor, pattern, rounding);
        Packed known = matrices.get(use);
        if (known != null) {
            return known;
        }
        long atATime = Math.max(FEW_ROWS, rows);
        boolean stays = rounding == null || !rounds();
        boolean isPlain = stays && factor == null && pattern == null && !layer.isTransposed();
        Packed packed = isPlain
                ? packed(layer, atATime)
                : packed(layer, DenseLayer.of(layer, factor, pattern, stage, this::cut), atATime, rounding);
        matrices.put(use, packed);
        return packed;
    }

    /** A layer as it is stored. */
    private Packed packed(Linear layer, long rows) {
        try (Scope scope = new Scope()) {
            NativeArray weight = read(layer.weight());
            long out = layer.outputs(stage);
            Parameter bias = layer.bias();
            DnnlMatrix matrix = laidOut(
                    weight.reshape(out, weight.elements() / out),
                    null,
                    bias == null ? NativeArray.zeros(DType.F32, out) : read(bias),
                    layer.weight().cast() ? arithmetic.type() : DType.F32,
                    rows);
            return new Packed(matrix, null);
        }
    }

    private Packed packed(Linear layer, DenseLayer whole, long rows, EightBits.@Nullable Rounding rounding) {
        Packed packed = laidOut(layer, whole, rows, rounding);
        spare.put(whole.weight().length, whole.weight());
        return packed;
    }

    private Packed laidOut(Linear layer, DenseLayer whole, long rows, EightBits.@Nullable Rounding rounding) {
        boolean cast = layer.weight().cast();
        float[] bias = whole.bias();
        int in = whole.inputs();
        ActivationRanges ranges = arithmetic.eightBits();
        EightBits bits =
                ranges == null || rounding == null ? null : EightBits.of(layer, stage, whole, ranges, rounding);
        try (Scope scope = new Scope()) {
            if (bits == null) {
                DnnlMatrix matrix = laidOut(
                        NativeArray.of(whole.weight(), bias.length, in),
                        null,
                        NativeArray.of(bias, bias.length),
                        cast ? arithmetic.type() : DType.F32,
                        rows);
                return new Packed(matrix, null);
            }
            DnnlMatrix matrix = laidOut(
                    NativeArray.of(
                            new HostTensor(DType.I8, new long[] {bias.length, in}, ByteBuffer.wrap(bits.weight()))),
                    NativeArray.of(bits.unit(), bias.length),
                    NativeArray.of(bits.bias(), bias.length),
                    DType.U8,
                    rows);
            return new Packed(matrix, new Quantizer(kept(bits.scale()), kept(bits.shift())));
        }
    }

    private DnnlMatrix laidOut(
            NativeArray weight, @Nullable NativeArray units, NativeArray bias, DType type, long rows) {
        Shape shape = new Shape(weight.size(0), weight.size(1), type, rows);
        DnnlMatrix first = shapes.get(shape);
        DnnlMatrix matrix;
        if (first != null) {
            matrix = first.alike(weight, units, bias);
        } else if (units == null) {
            matrix = new DnnlMatrix(weight, bias, type, rows);
        } else {
            matrix = DnnlMatrix.inEightBits(weight, units, bias, rows);
        }
        shapes.putIfAbsent(shape, matrix);
        return own(matrix, matrix.bytes());
    }

    private <T extends AutoCloseable> T own(T one, long itsBytes) {
        owned.add(one);
        bytes += itsBytes;
        return one;
    }

    private NativeArray kept(float[] values) {
        NativeArray array = Scope.own(NativeArray.of(values, values.length));
        return own(array, array.bytes());
    }

    /** A parameter in F32. */
    NativeArray vector(Parameter parameter) {
        return made(List.of(parameter.name()), () -> read(parameter));
    }

    /** What a norm's weight and bias become where what it leaves is rounded to eight bits. */
    Quantizer normed(Norm norm, Quantizer how) {
        NativeArray weight = made(List.of(norm.weight().name(), how), () -> {
            float[] values = cut(norm.weight());
            float[] scale = how.scale().toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] *= scale[i];
            }
            return NativeArray.of(values, values.length);
        });
        NativeArray bias = made(List.of(norm.bias().name(), how), () -> {
            float[] values = cut(norm.bias());
            float[] scale = how.scale().toFloats();
            float[] shift = how.shift().toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] = values[i] * scale[i] + shift[i];
            }
            return NativeArray.of(values, values.length);
        });
        return new Quantizer(weight, bias);
    }

    /** (N, d) F32: the class token at its position, then the patches' positions. */
    NativeArray tokens(Parameter classToken, Parameter patchPositions) {
        return made(List.of(classToken.name(), patchPositions.name()), () -> {
            float[] tokens = cut(patchPositions); // (1, N, d)
            float[] first = cut(classToken); // (1, 1, d)
            for (int i = 0; i < first.length; i++) {
                tokens[i] += first[i];
            }
            return NativeArray.of(tokens, tokens.length / first.length, first.length);
        });
    }

    /** (windows, H, n, n) F32: what is added to the scores of each window of an image. */
    NativeArray windowBias(Parameter table, Windows how) {
        return made(List.of(table.name(), how), () -> {
            long n = how.tokens();
            long heads = table.shape(stage)[1];
            return NativeArray.of(windowBias(cut(table), Math.toIntExact(heads), how), how.count(), heads, n, n);
        });
    }

    /** @param table (distances, H) */
    private static float[] windowBias(float[] table, int heads, Windows how) {
        long[] rows = how.biasRows(); // (n · n)
        float[] mask = how.mask(); // (windows, n · n), or nothing
        int pairs = rows.length;
        float[] bias = new float[Math.multiplyExact(how.count() * heads, pairs)];
        for (int window = 0; window < how.count(); window++) {
            for (int head = 0; head < heads; head++) {
                int start = (window * heads + head) * pairs;
                for (int pair = 0; pair < pairs; pair++) {
                    float masked = mask.length == 0 ? 0 : mask[window * pairs + pair];
                    bias[start + pair] = table[Math.toIntExact(rows[pair]) * heads + head] + masked;
                }
            }
        }
        return bias;
    }

    /** The same value everywhere, F32. */
    NativeArray filled(float value, long... shape) {
        return made(List.of(value, Arrays.toString(shape)), () -> {
            float[] values = new float[Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact))];
            Arrays.fill(values, value);
            return NativeArray.of(values, shape);
        });
    }

    /** Zeros, F32 or whatever the products' type is. May be asked for later, by any thread. */
    NativeArray zeros(DType of, long... shape) {
        return made(List.of(of, Arrays.toString(shape)), () -> NativeArray.zeros(of, shape));
    }

    /** @param of everything that it is made of; the same for the same */
    private synchronized NativeArray made(List<Object> of, Supplier<NativeArray> maker) {
        NativeArray known = arrays.get(of);
        if (known != null) {
            return known;
        }
        try (Scope scope = new Scope()) {
            NativeArray array = Scope.own(maker.get());
            arrays.put(of, array);
            return own(array, array.bytes());
        }
    }

    private synchronized float[] cut(Parameter parameter) {
        try (Scope scope = new Scope()) {
            NativeArray read = read(parameter);
            int length = Math.toIntExact(read.elements());
            float[] known = spare.remove(length);
            float[] values = known == null ? new float[length] : known;
            floats(read).get(values);
            return values;
        }
    }

    /** What the stage reads, F32. What a file has in F32 comes from there without a copy in Java's heap. */
    private NativeArray read(Parameter parameter) {
        HostTensor host = source == null ? null : source.get(parameter.name());
        if (host == null) {
            throw new IllegalStateException(
                    source == null ? parameter.name() + " was not packed" : "no tensor " + parameter.name());
        }
        NativeArray whole =
                host.dtype() == DType.F32 ? NativeArray.of(host) : NativeArray.of(host.toFloats(), host.shape());
        NativeArray read = whole;
        if (!parameter.isWholeAt(stage)) {
            read = NativeArray.allocate(DType.F32, parameter.shape(stage));
            parameter.cut(stage, floats(whole), floats(read));
        }
        if (parameter.scales().isPresent()) {
            parameter.scale(floats(read));
        }
        return read;
    }

    private static FloatBuffer floats(NativeArray array) {
        return array.memory().asFloatBuffer();
    }

    @Override
    public synchronized void close() {
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
