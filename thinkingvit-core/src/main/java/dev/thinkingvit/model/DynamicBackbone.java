package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.NativeTensor;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A network that takes images of other sizes than its own, each batch of one size, as timm's {@code dynamic_img_size} does:
 * what it learned of one size is brought to another ({@link NetworkConfig#resized}) when images of that come. The last
 * {@value #KEPT} sizes are kept, each with packed weights of its own.
 *
 * <p>Holds a Java copy of the weights, and the native ones of the sizes that are kept; close it. Its work belongs on the
 * {@linkplain ComputeThread compute thread} and its workers; {@link #at} may be called on any thread.
 */
public final class DynamicBackbone extends NetworkBackbone {
    /** Sizes whose packed weights are kept. */
    public static final int KEPT = 4;

    private static final int SHAPES = 64; // that are remembered: they are small, and costs have been counted

    private final Sizes sizes;
    private final @Nullable DynamicBackbone whole; // of another size than its own: which it is a part of

    /** Makes the backbone of one size. */
    @FunctionalInterface
    public interface Packer extends BiFunction<NetworkConfig, Map<String, HostTensor>, Backbone> {}

    private DynamicBackbone(NetworkConfig config, Sizes sizes, @Nullable DynamicBackbone whole) {
        super(config);
        this.sizes = sizes;
        this.whole = whole;
    }

    /**
     * Packs weights for the network's own size; for others when they come.
     *
     * @param weights exactly the parameters of {@link NetworkConfig#parameterShapes()}, of any float type; copied
     * @param packer such as {@code (config, weights) -> PackedBackbone.of(config, weights, Precision.FP32)}
     * @throws WeightsException if a tensor is missing, left over, of another shape or not of a float type
     */
    public static DynamicBackbone of(NetworkConfig config, Map<String, HostTensor> weights, Packer packer) {
        WeightsException.check(config.parameterShapes(), weights);
        Map<String, HostTensor> copies = new LinkedHashMap<>(); // their file may be another when the next size comes
        weights.forEach((name, tensor) -> copies.put(name, copy(tensor)));
        DynamicBackbone backbone = new DynamicBackbone(config, new Sizes(config, copies, packer), null);
        backbone.use(Backbone::weightBytes);
        return backbone;
    }

    private static HostTensor copy(HostTensor tensor) {
        ByteBuffer data = tensor.data();
        ByteBuffer copy = ByteBuffer.allocate(data.remaining()).order(data.order());
        return new HostTensor(tensor.dtype(), tensor.shape(), copy.put(data).flip());
    }

    private <T> T use(Function<Backbone, T> work) {
        return sizes.use(config(), work);
    }

    @Override
    public Backbone at(ImageSize size) {
        if (size.equals(imageSize())) {
            return this;
        }
        return whole == null ? sizes.at(size, this) : whole.at(size);
    }

    @Override
    public StageOutput run(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        return use(backbone -> backbone.run(stage, images, previousTokens));
    }

    @Override
    public StageOutput predict(int stage, NativeTensor images, @Nullable NativeTensor previousTokens) {
        return use(backbone -> backbone.predict(stage, images, previousTokens));
    }

    @Override
    public int microBatch(int stage) {
        return use(backbone -> backbone.microBatch(stage));
    }

    @Override
    public boolean runsSideBySide() {
        return sizes.use(sizes.own, Backbone::runsSideBySide);
    }

    /** Of all sizes that are kept. */
    @Override
    public long weightBytes() {
        return sizes.weightBytes();
    }

    /** Closes all sizes; nothing, if it was asked for by {@link #at}. */
    @Override
    public void close() {
        if (whole == null) {
            sizes.close();
        }
    }

    /** A map that forgets what was not asked for longest. */
    private static <T> Map<ImageSize, T> latest(int most) {
        return new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<ImageSize, T> eldest) {
                return size() > most;
            }
        };
    }

    /** The weights at a size. */
    private static final class Packed {
        final Backbone backbone;
        int users;

        Packed(Backbone backbone) {
            this.backbone = backbone;
        }
    }

    /** What all sizes share: the weights, and the packed ones of the sizes that are kept. */
    private static final class Sizes {
        final NetworkConfig own;
        private final Map<String, HostTensor> weights;
        private final Packer packer;
        private final Map<ImageSize, Backbone> shapes = latest(SHAPES); // guarded by itself
        private final Map<ImageSize, Packed> packed = latest(Integer.MAX_VALUE); // guarded by itself, as all below
        private boolean closed;

        Sizes(NetworkConfig own, Map<String, HostTensor> weights, Packer packer) {
            this.own = own;
            this.weights = weights;
            this.packer = packer;
        }

        Backbone at(ImageSize size, DynamicBackbone whole) {
            synchronized (shapes) {
                return shapes.computeIfAbsent(size, of -> new DynamicBackbone(own.withImageSize(of), this, whole));
            }
        }

        <T> T use(NetworkConfig sized, Function<Backbone, T> work) {
            // packing waits for the compute thread, which may itself wait for the lock: whoever has that thread may
            // take it
            Packed taken = ComputeThread.callToTheEnd(() -> take(sized));
            try {
                return work.apply(taken.backbone);
            } finally {
                synchronized (packed) {
                    taken.users--;
                }
            }
        }

        private Packed take(NetworkConfig sized) {
            synchronized (packed) {
                if (closed) {
                    throw new IllegalStateException("the model is closed");
                }
                Packed taken = packed.computeIfAbsent(
                        sized.imageSize(), size -> new Packed(packer.apply(sized, own.resized(weights, sized))));
                taken.users++;
                forget();
                return taken;
            }
        }

        /** Closes the sizes that were used longest ago, but for those that are in use. */
        private void forget() {
            int tooMany = packed.size() - KEPT;
            for (var each = packed.values().iterator(); tooMany > 0 && each.hasNext(); ) {
                Packed oldest = each.next();
                if (oldest.users == 0) {
                    oldest.backbone.close();
                    each.remove();
                    tooMany--;
                }
            }
        }

        void close() {
            ComputeThread.free(() -> {
                synchronized (packed) {
                    closed = true;
                    packed.values().forEach(each -> each.backbone.close());
                    packed.clear();
                }
            });
        }

        long weightBytes() {
            synchronized (packed) {
                return packed.values().stream()
                        .mapToLong(each -> each.backbone.weightBytes())
                        .sum();
            }
        }
    }
}
