package dev.thinkingvit.network;

import dev.thinkingvit.tensor.Tensors;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Tokens that are left of several images, one row after the other, while libtorch's operators compute them: which row is
 * whose, and how an image's rows look at each other. Its tensors belong to the scope that it was made in.
 *
 * <p>{@code B} images, {@code N} tokens each at first, {@code R} rows that are left, {@code G} images of a group, {@code n}
 * rows of its largest image, {@code d} features.
 */
final class LeftRows {
    /** Images of a group have at least this share of its largest one's rows: more groups are more calls, fewer more padding. */
    private static final double ALIKE = 0.85;

    private final int images;
    private final int tokens; // N
    private final Device device;
    private final int[] place; // of each row among all tokens, image · N + token; growing
    private final Tensor places; // the same, (R)
    private final Tensor image; // of each row, (R)
    private final List<Group> groups = new ArrayList<>();
    private final Tensor back; // of each row its place among the groups' rows, (R)

    /**
     * Images whose attention is one call.
     *
     * @param rows (G · n), an image's last row in place of those that it lacks
     * @param mask (G, 1, 1, n): 1 for rows that are there, 0 for others; null where all are
     */
    private record Group(
            long images, long most, Tensor rows, @Nullable Tensor mask) {}

    /** How an image's tokens look at each other. */
    @FunctionalInterface
    interface Attention {
        /**
         * @param qkv (G, n, 3d)
         * @param mask (G, 1, 1, n); null where every row is there
         * @return (G, n, d)
         */
        Tensor of(Tensor qkv, @Nullable Tensor mask);
    }

    /** All tokens. */
    static LeftRows all(long images, long tokens, Device device) {
        int[] place = IntStream.range(0, Math.toIntExact(images * tokens)).toArray();
        return new LeftRows(Math.toIntExact(images), Math.toIntExact(tokens), device, place);
    }

    private LeftRows(int images, int tokens, Device device, int[] place) {
        this.images = images;
        this.tokens = tokens;
        this.device = device;
        this.place = place;
        this.places = longs(place);
        this.image = longs(IntStream.of(place).map(at -> at / tokens).toArray());
        int[] starts = new int[images + 1];
        for (int at : place) {
            starts[at / tokens + 1]++;
        }
        for (int i = 0; i < images; i++) {
            starts[i + 1] += starts[i];
        }
        this.back = longs(group(starts));
    }

    private Tensor longs(int[] values) {
        return Tensors.longs(IntStream.of(values).asLongStream().toArray()).to(device, ScalarType.Long);
    }

    /** Puts images of about as many rows together; returns where each row is then. */
    private int[] group(int[] starts) {
        List<Integer> byCount = IntStream.range(0, images)
                .boxed()
                .filter(i -> starts[i + 1] > starts[i])
                .sorted(Comparator.comparingInt(i -> starts[i] - starts[i + 1]))
                .toList();
        int[] where = new int[place.length];
        int before = 0;
        for (int first = 0; first < byCount.size(); ) {
            int most = starts[byCount.get(first) + 1] - starts[byCount.get(first)];
            int end = first;
            while (end < byCount.size() && count(starts, byCount.get(end)) >= ALIKE * most) {
                end++;
            }
            int[] rows = new int[(end - first) * most];
            float[] there = new float[rows.length];
            boolean full = true;
            for (int i = first; i < end; i++) {
                int own = byCount.get(i);
                int count = count(starts, own);
                full &= count == most;
                for (int k = 0; k < most; k++) {
                    int at = (i - first) * most + k;
                    rows[at] = starts[own] + Math.min(k, count - 1);
                    there[at] = k < count ? 1 : 0;
                    if (k < count) {
                        where[rows[at]] = before + at;
                    }
                }
            }
            Tensor mask = full
                    ? null
                    : Tensors.floats(there, 0, end - first, 1, 1, most).to(device, ScalarType.Float);
            groups.add(new Group(end - first, most, longs(rows), mask));
            before += rows.length;
            first = end;
        }
        return where;
    }

    private static int count(int[] starts, int image) {
        return starts[image + 1] - starts[image];
    }

    /** Of each row its place among all tokens: (R), whole numbers. */
    Tensor places() {
        return places;
    }

    /**
     * Some of these rows.
     *
     * @param rows of these, growing, at least one
     */
    LeftRows only(int[] rows) {
        return new LeftRows(
                images,
                tokens,
                device,
                IntStream.of(rows).map(row -> place[row]).toArray());
    }

    /**
     * Attention of each image's rows among themselves.
     *
     * @param qkv (1, R, 3d)
     * @return (1, R, d)
     */
    Tensor attention(Tensor qkv, Attention how) {
        Tensor rows = qkv.squeeze(0); // (R, 3d)
        TensorVector mixed = new TensorVector();
        for (Group group : groups) {
            Tensor own = rows.index_select(0, group.rows).view(group.images, group.most, rows.size(1)); // (G, n, 3d)
            mixed.push_back(how.of(own, group.mask).flatten(0, 1)); // (G · n, d)
        }
        return torch.cat(mixed, 0).index_select(0, back).unsqueeze(0);
    }

    /**
     * What becomes of each image, done to its rows.
     *
     * @param branch (1, R, d)
     * @param ofImages scales values of the images, (B, 1, 1)
     */
    @SuppressWarnings("ReferenceEquality") // what scales nothing returns what it was given
    Tensor scaled(Tensor branch, UnaryOperator<Tensor> ofImages) {
        Tensor ones = torch.ones(images, 1, 1).to(device, ScalarType.Float);
        Tensor scales = ofImages.apply(ones);
        return scales.is_same(ones)
                ? branch
                : branch.mul(scales.view(images, 1).index_select(0, image).to(branch.scalar_type()));
    }
}
