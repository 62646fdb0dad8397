package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
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

    private final Map<String, HostTensor> weights;
    private final Packer packer;
    private final Map<ImageSize, Sized> shapes = latest(SHAPES); // guarded by itself
    private final Map<ImageSize, Packed> packed = latest(Integer.MAX_VALUE); // guarded by itself, as all below
    private boolean closed;

    /** Makes the backbone of one size. */
    @FunctionalInterface
    public interface Packer extends BiFunction<NetworkConfig, Map<String, HostTensor>, Backbone> {}

    private DynamicBackbone(NetworkConfig config, Map<String, HostTensor> weights, Packer packer) {
        super(config);
        this.weights = weights;
        this.packer = packer;
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
        DynamicBackbone backbone = new DynamicBackbone(config, copies, packer);
        backbone.use(config, Backbone::weightBytes);
        return backbone;
    }

    private static HostTensor copy(HostTensor tensor) {
        ByteBuffer data = tensor.data();
        ByteBuffer copy = ByteBuffer.allocate(data.remaining()).order(data.order());
        return new HostTensor(tensor.dtype(), tensor.shape(), copy.put(data).flip());
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

    @Override
    public Backbone at(ImageSize size) {
        if (size.equals(imageSize())) {
            return this;
        }
        synchronized (shapes) {
            return shapes.computeIfAbsent(size, of -> new Sized(config().withImageSize(of)));
        }
    }

    /** At another size than its own. */
    private final class Sized extends NetworkBackbone {
        Sized(NetworkConfig config) {
            super(config);
        }

        @Override
        public Backbone at(ImageSize size) {
            return DynamicBackbone.this.at(size);
        }

        @Override
        public StageOutput run(int stage, Tensor images, @Nullable Tensor previousTokens) {
            return use(config(), backbone -> backbone.run(stage, images, previousTokens));
        }

        @Override
        public int microBatch(int stage) {
            return use(config(), backbone -> backbone.microBatch(stage));
        }

        @Override
        public boolean runsSideBySide() {
            return DynamicBackbone.this.runsSideBySide();
        }

        @Override
        public long weightBytes() {
            return DynamicBackbone.this.weightBytes();
        }

        @Override
        public void close() {}
    }

    @Override
    public StageOutput run(int stage, Tensor images, @Nullable Tensor previousTokens) {
        return use(config(), backbone -> backbone.run(stage, images, previousTokens));
    }

    @Override
    public int microBatch(int stage) {
        return use(config(), backbone -> backbone.microBatch(stage));
    }

    @Override
    public boolean runsSideBySide() {
        return use(config(), Backbone::runsSideBySide);
    }

    /** Of all sizes that are kept. */
    @Override
    public long weightBytes() {
        synchronized (packed) {
            return packed.values().stream()
                    .mapToLong(each -> each.backbone.weightBytes())
                    .sum();
        }
    }

    /** The weights at a size. */
    private static final class Packed {
        final Backbone backbone;
        int users;

        Packed(Backbone backbone) {
            this.backbone = backbone;
        }
    }

    private <T> T use(NetworkConfig sized, Function<Backbone, T> work) {
        // packing waits for the compute thread, which may itself wait for the lock: whoever has that thread may take it
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
                    sized.imageSize(), size -> new Packed(packer.apply(sized, config().resized(weights, sized))));
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

    @Override
    public void close() {
        ComputeThread.free(() -> {
            synchronized (packed) {
                closed = true;
                packed.values().forEach(each -> each.backbone.close());
                packed.clear();
            }
        });
    }
}
