package dev.thinkingvit.data;

import dev.thinkingvit.files.Reasons;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A batch being filled. Parts of it are tasks that write to disjoint places; the latch publishes them to the consumer.
 */
final class PendingBatch {

    /** Pictures per task: enough that queueing costs nothing, few enough that threads share one batch. */
    private static final int PART = 16;

    final CountDownLatch done;

    private final BatchLoader loader;
    private final int epoch;
    private final int[] samples; // indices of this batch, in order
    private final int floats; // per picture
    private final @Nullable Throwable[] errors; // by place
    private float @Nullable [] images; // allocated by the first task that runs
    private volatile boolean cancelled;

    PendingBatch(BatchLoader loader, int epoch, int[] order, int from, int to) {
        this.loader = loader;
        this.epoch = epoch;
        this.samples = Arrays.copyOfRange(order, from, to);
        this.floats = loader.settings.preprocessing.floatsPerPicture();
        this.errors = new Throwable[samples.length];
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
        } finally {
            done.countDown();
        }
    }

    private void fill(int place) throws IOException {
        int sample = samples[place];
        RandomGenerator random = Seeds.generator(loader.settings.seed, epoch, sample);
        Picture picture = loader.settings.transform.apply(loader.cache.get(sample), random);
        int size = loader.settings.preprocessing.size();
        if (picture.width() != size || picture.height() != size) {
            throw new IllegalArgumentException("The transforms must give " + size + "x" + size + " pixels, they gave "
                    + picture.width() + "x" + picture.height());
        }
        float[] target = images();
        int offset = place * floats;
        loader.normalizer.normalizeInto(picture, target, offset);
        for (InputTransform step : loader.settings.after) {
            step.apply(target, offset, size, random);
        }
    }

    private synchronized float[] images() {
        if (images == null) {
            images = new float[Math.multiplyExact(samples.length, floats)];
        }
        return images;
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
                        "Transforming " + loader.samples.get(samples[place]).path() + " failed: " + Reasons.line(error),
                        error);
            }
        }
    }

    /** Once done: what was left out. */
    List<BatchLoader.Failure> failures() {
        List<BatchLoader.Failure> failures = new ArrayList<>();
        for (int place = 0; place < errors.length; place++) {
            Throwable error = errors[place];
            if (error != null) {
                failures.add(new BatchLoader.Failure(loader.samples.get(samples[place]), Reasons.line(error)));
            }
        }
        return failures;
    }

    /** Once done: the batch without what was left out, or null if nothing remains. */
    @Nullable Batch batch() {
        float[] all = images();
        int kept = 0;
        int[] labels = new int[samples.length];
        int[] indices = new int[samples.length];
        for (int place = 0; place < samples.length; place++) {
            if (errors[place] != null) {
                continue;
            }
            if (kept < place) {
                System.arraycopy(all, place * floats, all, kept * floats, floats);
            }
            indices[kept] = samples[place];
            labels[kept] = loader.samples.get(samples[place]).label();
            kept++;
        }
        if (kept == 0) {
            return null;
        }
        int failed = samples.length - kept;
        if (failed == 0) {
            return new Batch(all, labels, indices, kept, 0);
        }
        return new Batch(
                Arrays.copyOf(all, kept * floats),
                Arrays.copyOf(labels, kept),
                Arrays.copyOf(indices, kept),
                kept,
                failed);
    }
}
