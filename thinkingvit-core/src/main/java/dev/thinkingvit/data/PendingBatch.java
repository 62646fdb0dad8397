package dev.thinkingvit.data;

import dev.thinkingvit.files.Reasons;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.LabelledPicture;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureException;
import dev.thinkingvit.picture.UnfitPictureException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A batch being filled. Parts of it are tasks that write to disjoint places; the one that ends last does what concerns the
 * whole batch, while other threads are at the next one. The latch publishes it to the consumer.
 */
final class PendingBatch {

    /** Pictures per task: enough that queueing costs nothing, few enough that threads share one batch. */
    private static final int PART = 16;

    final CountDownLatch done;

    private final BatchLoader loader;
    private final int epoch;
    private final int number; // in the epoch
    private final int[] samples; // entries of the epoch's order in this batch; see BatchLoader#sample
    private final int values; // per picture
    private final @Nullable Throwable[] errors; // by place
    private final AtomicInteger unfinished; // tasks
    private final RandomGenerator[] generators; // by place, of pictures that are to be mixed
    private byte @Nullable [] levels; // of them
    private float @Nullable [] images; // normalised
    private byte @Nullable [] pixels; // classes of them
    private double ownShare = 1;
    private @Nullable Throwable failure; // of what concerns the whole batch
    private volatile boolean cancelled;

    /** @param number in the epoch, which how it is mixed is drawn from */
    PendingBatch(BatchLoader loader, int epoch, int number, int[] order, int from, int to) {
        this.loader = loader;
        this.epoch = epoch;
        this.number = number;
        this.samples = Arrays.copyOfRange(order, from, to);
        this.values = loader.settings.preprocessing.floatsPerPicture();
        this.errors = new Throwable[samples.length];
        this.generators = new RandomGenerator[samples.length];
        this.unfinished = new AtomicInteger(parts());
        this.done = new CountDownLatch(parts());
    }

    void submit() {
        for (int part = 0; part < parts(); part++) {
            int from = part * PART;
            int to = Math.min(from + PART, samples.length);
            loader.workers.execute(() -> fill(from, to));
        }
    }

    void cancel() {
        cancelled = true;
    }

    private int parts() {
        return (samples.length + PART - 1) / PART;
    }

    private void fill(int from, int to) {
        try {
            for (int place = from; place < to && !cancelled; place++) {
                try {
                    fill(place);
                } catch (IOException | RuntimeException | Error e) {
                    errors[place] = e;
                }
            }
            if (unfinished.decrementAndGet() == 0 && !cancelled) {
                finish();
            }
        } catch (RuntimeException | Error e) {
            failure = e;
        } finally {
            done.countDown();
        }
    }

    private void fill(int place) throws IOException {
        int sample = samples[place];
        RandomGenerator random = Seeds.generator(loader.settings.seed, epoch, sample);
        Picture decoded = loader.cache.get(loader.sample(sample));
        Picture picture;
        try {
            picture = loader.settings.pixels == null
                    ? loader.settings.transform.apply(decoded, random)
                    : withPixels(loader.settings.pixels, place, decoded, random);
        } catch (UnfitPictureException e) {
            throw new PictureException(sampleAt(place).path() + ": does not fit: " + e.getMessage(), e);
        }
        ImageSize size = loader.settings.preprocessing.size();
        if (picture.width() != size.width() || picture.height() != size.height()) {
            throw new IllegalArgumentException("The transforms must give " + size.height() + " × " + size.width()
                    + " pixels (height × width), they gave " + picture.height() + " × " + picture.width());
        }
        if (loader.settings.mixer == null) {
            float[] target = images();
            loader.normalizer.normalizeInto(picture, target, place * values);
            applyAfter(target, place, random);
        } else {
            picture.toChw(levels(), place * values);
            generators[place] = random;
        }
    }

    private Picture withPixels(PixelSource source, int place, Picture decoded, RandomGenerator random)
            throws IOException {
        LabelledPicture labelled = source.apply(sampleAt(place), decoded, random);
        byte[] own = labelled.labels().classes();
        System.arraycopy(own, 0, pixels(), place * own.length, own.length);
        return labelled.picture();
    }

    private synchronized byte[] pixels() {
        if (pixels == null) {
            pixels = new byte
                    [Math.multiplyExact(
                            samples.length, loader.settings.preprocessing.size().pixels())];
        }
        return pixels;
    }

    private void applyAfter(float[] target, int place, RandomGenerator random) {
        for (InputTransform step : loader.settings.after) {
            step.apply(target, place * values, loader.settings.preprocessing.size(), random);
        }
    }

    private synchronized float[] images() {
        if (images == null) {
            images = new float[Math.multiplyExact(samples.length, values)];
        }
        return images;
    }

    private Sample sampleAt(int place) {
        return loader.samples.get(loader.sample(samples[place]));
    }

    private synchronized byte[] levels() {
        if (levels == null) {
            levels = new byte[Math.multiplyExact(samples.length, values)];
        }
        return levels;
    }

    /** Closes the gaps of what was left out, and mixes. All tasks but the calling one have ended. */
    private void finish() {
        int[] kept = kept();
        if (kept.length == 0) {
            return;
        }
        if (loader.settings.pixels != null) {
            int own = loader.settings.preprocessing.size().pixels();
            closeGaps(pixels(), kept, own);
            pixels = kept.length == samples.length ? pixels : Arrays.copyOf(pixels(), kept.length * own);
        }
        BatchMixer mixer = loader.settings.mixer;
        if (mixer == null) {
            closeGaps(images(), kept, values);
            images = kept.length == samples.length ? images : Arrays.copyOf(images(), kept.length * values);
            return;
        }
        byte[] mixed = levels();
        closeGaps(mixed, kept, values);
        ImageSize size = loader.settings.preprocessing.size();
        ownShare =
                mixer.mix(mixed, kept.length, size, Seeds.generator(loader.settings.seed, epoch, Seeds.mixing(number)));
        float[] target = new float[Math.multiplyExact(kept.length, values)];
        for (int i = 0; i < kept.length; i++) {
            loader.normalizer.normalizeInto(mixed, i * values, size.pixels(), target, i * values);
            applyAfter(target, i, generators[kept[i]]);
        }
        images = target;
        levels = null;
    }

    /** The places of pictures that could be read. */
    private int[] kept() {
        return IntStream.range(0, errors.length)
                .filter(place -> errors[place] == null)
                .toArray();
    }

    @SuppressWarnings("SuspiciousSystemArraycopy") // an array of whatever numbers
    private static void closeGaps(Object array, int[] kept, int values) {
        for (int i = 0; i < kept.length; i++) {
            if (i < kept[i]) {
                System.arraycopy(array, kept[i] * values, array, i * values, values);
            }
        }
    }

    /** Once done: throws what must not be passed over, the first in the batch's order. */
    void rethrow() throws IOException {
        for (int place = 0; place < errors.length; place++) {
            Throwable error = errors[place];
            if (error instanceof IOException broken) {
                if (loader.settings.broken == BatchLoader.BrokenPolicy.FAIL) {
                    throw new PictureException(Reasons.line(broken), broken);
                }
            } else if (error != null) {
                throw new IllegalStateException(
                        "Transforming " + sampleAt(place).path() + " failed: " + Reasons.line(error), error);
            }
        }
        if (failure != null) {
            throw new IllegalStateException(
                    "Preparing batch " + number + " of epoch " + epoch + " failed: " + Reasons.line(failure), failure);
        }
    }

    /** Once done: what was left out. */
    List<BatchLoader.Failure> failures() {
        List<BatchLoader.Failure> failures = new ArrayList<>();
        for (int place = 0; place < errors.length; place++) {
            Throwable error = errors[place];
            if (error != null) {
                boolean unfit = error.getCause() instanceof UnfitPictureException;
                failures.add(new BatchLoader.Failure(sampleAt(place), Reasons.line(error), unfit));
            }
        }
        return failures;
    }

    /** Once done: the batch without what was left out, or null if nothing remains. */
    @Nullable Batch batch() {
        int[] kept = kept();
        if (kept.length == 0) {
            return null;
        }
        int[] indices = IntStream.of(kept).map(place -> samples[place]).toArray();
        int[] labels = IntStream.of(kept).map(place -> sampleAt(place).label()).toArray();
        return new Batch(
                images(),
                labels,
                indices,
                kept.length,
                samples.length - kept.length,
                ownShare,
                loader.settings.pixels == null ? new byte[0] : pixels());
    }
}
