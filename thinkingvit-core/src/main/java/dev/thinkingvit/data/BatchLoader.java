package dev.thinkingvit.data;

import dev.thinkingvit.picture.Normalizer;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.Preprocessing;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Turns samples into batches for training or evaluation, decoding and transforming ahead on its own threads.
 *
 * <p>A picture is decoded, transformed, and, where there is a mixer, mixed with another of its batch while it is levels;
 * then it is normalised, and the steps {@link Builder#after after} that follow. That is the order of timm's prefetching
 * loader, in which random erasing comes last, on the mixed batch.
 *
 * <p>What comes out depends on the settings, the seed and the epoch only: not on the number of threads, their timing,
 * or whether pictures were cached. The order is drawn per epoch, each picture's chance per epoch and sample, and how a
 * batch is mixed per epoch and number of the batch.
 *
 * <p>Memory is bounded: at most {@code prefetch} finished or unfinished batches wait besides those the consumer took,
 * plus one decoded picture per thread and the cache.
 *
 * <p>Threading: one epoch has one consumer thread; several epochs (of one loader) may run side by side and share the
 * threads. {@link #close} ends the threads; an epoch that is still read then fails.
 *
 * <pre>{@code
 * try (BatchLoader loader = BatchLoader.of(samples, augmentation, input).shuffle(7).open()) {
 *     try (Epoch epoch = loader.epoch(0)) {
 *         for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
 *             train(batch);
 *         }
 *     }
 * }
 * }</pre>
 */
public final class BatchLoader implements AutoCloseable {

    /** What to do about a file that cannot be read. */
    public enum BrokenPolicy {
        /** {@link Epoch#next} throws. */
        FAIL,
        /** The picture is left out of its batch and recorded in {@link Epoch#failures}. */
        SKIP
    }

    /**
     * A picture that was left out.
     *
     * @param sample the sample
     * @param message why, naming the file
     * @param unfit whether it can be read, but no transform can work on it
     */
    public record Failure(Sample sample, String message, boolean unfit) {
        /** Whether memory ended, and not the picture is broken. */
        public boolean isOfMemory() {
            return message.contains(PictureDecoder.NO_MEMORY);
        }
    }

    final Builder settings;
    final List<Sample> samples;
    final PictureCache cache;
    final ExecutorService workers;
    final Normalizer normalizer;

    private BatchLoader(Builder settings) {
        this.settings = settings;
        this.samples = settings.samples;
        this.cache = new PictureCache(samples, settings.decoding, settings.cacheBytes, settings.check);
        this.normalizer = settings.preprocessing.normalizer();
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                settings.workers, settings.workers, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread thread = new Thread(task, "picture-loader-" + number.getAndIncrement());
                    thread.setDaemon(true);
                    return thread;
                });
        // A loader that was forgotten keeps no threads.
        pool.allowCoreThreadTimeOut(true);
        this.workers = pool;
    }

    /**
     * Settings for a loader: batches of 32 in the order given, one thread per processor, no cache, broken files fail.
     *
     * @param samples what to load
     * @param transform from the decoded picture to one of the network's input size; {@code preprocessing} itself when
     *     evaluating
     * @param preprocessing the input size and normalisation
     */
    public static Builder of(List<Sample> samples, PictureTransform transform, Preprocessing preprocessing) {
        return new Builder(samples, transform, preprocessing);
    }

    /** Starts one pass over the samples. The number (from 0) chooses the order and the chances; equal ones repeat. */
    public Epoch epoch(int number) {
        return epoch(number, 0);
    }

    /** As {@link #epoch(int)}, without the first {@code firstBatch} batches: for a consumer that had taken them. */
    public Epoch epoch(int number, int firstBatch) {
        if (firstBatch < 0 || firstBatch > batches()) {
            throw new IllegalArgumentException("batch " + firstBatch + " does not exist: the epoch has " + batches());
        }
        int common = settings.shuffle ? settings.batchSize * settings.shards : settings.batchSize;
        int before = Math.min(firstBatch * common, limit());
        return epoch(number, EpochPlace.START.plus(before, settings.repeats), firstBatch, false);
    }

    /**
     * The rest of a pass, from a place that a consumer had come to, perhaps with batches of another size.
     *
     * @param from the place; one beyond the epoch's end leaves nothing
     * @param firstNumber number of the first batch that comes, from which its mixing is drawn
     * @param withRest whether what does not fill a batch at the end comes too, though a last batch is dropped; shards
     *     share it in equal and even parts, of which a picture or a few may be left
     */
    public Epoch epoch(int number, EpochPlace from, int firstNumber, boolean withRest) {
        if (workers.isShutdown()) {
            throw new IllegalStateException("The batch loader is closed");
        }
        return new Epoch(this, number, order(number, from, withRest), firstNumber);
    }

    /** The samples, as they are counted by {@link Batch#sampleIndices}. */
    public List<Sample> samples() {
        return samples;
    }

    /** Bytes taken by cached pictures. */
    public long cachedBytes() {
        return cache.bytes();
    }

    /** Ends the threads, waiting for pictures being decoded. Repeating it does nothing. */
    @Override
    public void close() {
        workers.shutdownNow();
        boolean interrupted = false;
        while (!workers.isTerminated()) {
            try {
                workers.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Batches of an epoch. */
    public int batches() {
        int size = settings.batchSize;
        return (entries(limit(), false) + size - 1) / size;
    }

    /** How many entries of an order, of which the given number is left, come in this shard. */
    private int entries(int left, boolean withRest) {
        int size = settings.batchSize;
        int shards = settings.shards;
        if (!settings.shuffle) { // evaluation counts each picture once
            int own = (left - settings.shard + shards - 1) / shards;
            return settings.dropLast ? own / size * size : own;
        }
        // Training steps are taken together: every shard must have as many.
        int common = size * shards;
        int rest = left % common;
        int ofRest = 0;
        if (!settings.dropLast) {
            ofRest = (rest + shards - 1) / shards;
        } else if (withRest) {
            ofRest = shards == 1 ? rest : rest / shards / 2 * 2;
        }
        return left / common * size + ofRest;
    }

    /** How many entries an epoch has, over all shards. */
    private int limit() {
        return settings.repeats == 1 ? samples.size() : selected();
    }

    /** Of how many entries an epoch with repeats takes the first, over all shards. */
    private int selected() {
        int n = samples.size();
        return n < Builder.SELECTED_ROUND ? n : n / Builder.SELECTED_ROUND * Builder.SELECTED_ROUND;
    }

    /** The sample behind an entry of an epoch's order. */
    int sample(int entry) {
        return entry % samples.size();
    }

    /** Entries of this shard: sample + n · copy, so that each copy has a number, and so a chance, of its own. */
    private int[] order(int epoch, EpochPlace from, boolean withRest) {
        int n = samples.size();
        int[] pictures = new int[n];
        for (int i = 0; i < n; i++) {
            pictures[i] = i;
        }
        if (settings.shuffle) {
            SplittableRandom random = Seeds.generator(settings.seed, epoch, Seeds.ORDER);
            for (int i = n - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                int swapped = pictures[i];
                pictures[i] = pictures[j];
                pictures[j] = swapped;
            }
        }
        int repeats = settings.repeats;
        EpochPlace start = from.within(repeats);
        int[] entries = new int[Math.max(0, limit() - start.entries())];
        for (int i = 0; i < entries.length; i++) {
            int shown = start.copy() + i;
            entries[i] =
                    Math.addExact(pictures[start.picture() + shown / repeats], Math.multiplyExact(n, shown % repeats));
        }
        return shard(entries, entries(entries.length, withRest));
    }

    private int[] shard(int[] order, int count) {
        int n = order.length;
        int shards = settings.shards;
        int[] part = new int[count];
        if (!settings.shuffle) {
            for (int i = 0; i < count; i++) {
                part[i] = order[i * shards + settings.shard];
            }
            return part;
        }
        for (int done = 0; done < count; done += settings.batchSize) {
            int rows = Math.min(settings.batchSize, count - done);
            for (int row = 0; row < rows; row++) {
                part[done + row] = order[(int) ((done * (long) shards + place(row, rows)) % n)];
            }
        }
        return part;
    }

    /**
     * Where this shard's row stands in the common batch: the first half of its rows in the front, the second mirrored at
     * the back, so that two pictures that stand mirrored in the common batch do so in a shard too (mixing pairs them).
     */
    private int place(int row, int rows) {
        int front = (rows + 1) / 2;
        int back = rows - front;
        return row < front
                ? settings.shard * front + row
                : settings.shards * front + (settings.shards - 1 - settings.shard) * back + row - front;
    }

    /** Settings of a {@link BatchLoader}. Not thread-safe. */
    public static final class Builder implements Cloneable {
        static final int SELECTED_ROUND = 256;

        final List<Sample> samples;
        final PictureTransform transform;
        final Preprocessing preprocessing;

        @Nullable BatchMixer mixer;

        @Nullable PixelSource pixels;

        List<InputTransform> after = new ArrayList<>();
        int batchSize = 32;
        int workers = Runtime.getRuntime().availableProcessors();
        int prefetch = 2;
        boolean shuffle;
        long seed;
        boolean dropLast;
        int repeats = 1;
        int shard;
        int shards = 1;
        long cacheBytes;
        BrokenPolicy broken = BrokenPolicy.FAIL;
        Consumer<Failure> onFailure = failure -> {};
        PictureDecoder.Options decoding = PictureDecoder.Options.DEFAULT;

        @Nullable ContentCheck check;

        private Builder(List<Sample> samples, PictureTransform transform, Preprocessing preprocessing) {
            this.samples = List.copyOf(samples);
            this.transform = transform;
            this.preprocessing = preprocessing;
            if (samples.isEmpty()) {
                throw new IllegalArgumentException("A batch loader needs at least one sample");
            }
        }

        /** Pictures per batch, at least 1. */
        public Builder batchSize(int pictures) {
            batchSize = atLeast(1, pictures, "The batch size");
            return this;
        }

        /** Threads that decode and transform, at least 1. Does not change what comes out. */
        public Builder workers(int threads) {
            workers = atLeast(1, threads, "The number of loader threads");
            return this;
        }

        /** Batches prepared ahead, at least 1. */
        public Builder prefetch(int batches) {
            prefetch = atLeast(1, batches, "The number of batches ahead");
            return this;
        }

        /** A new order each epoch, drawn from this seed. */
        public Builder shuffle(long orderAndAugmentationSeed) {
            shuffle = true;
            return seed(orderAndAugmentationSeed);
        }

        /** The seed of what transforms draw; 0 unless set. */
        public Builder seed(long augmentationSeed) {
            seed = augmentationSeed;
            return this;
        }

        /** Leaves out the last batch of an epoch if it is not full. */
        public Builder dropLast() {
            dropLast = true;
            return this;
        }

        /**
         * Repeated augmentation (Hoffer et al., 2020) as DeiT samples it: the order holds every sample this many times in
         * a row, each time augmented anew, and an epoch takes the first ⌊n/256⌋ · 256 of it, or n where n is less than
         * 256. An epoch is so as long as before and sees as many times fewer samples. {@link Batch#sampleIndices} of
         * the copy c (from 0) is then the sample's index + n · c.
         */
        public Builder repeats(int times) {
            repeats = atLeast(1, times, "The number of repeats");
            return this;
        }

        /**
         * Loads one of {@code count} equal shares, for {@code count} processes that share the work and use one seed. When
         * shuffling, the processes' batches of a number together are the batch of that number that one process alone
         * would load with {@code count} times the batch size; some samples come twice so that all shards are equally
         * long. Otherwise a share is every {@code count}-th sample from {@code index} on.
         */
        public Builder shard(int index, int count) {
            if (index < 0 || index >= count) {
                throw new IllegalArgumentException("Shard " + index + " of " + count + " does not exist");
            }
            shard = index;
            shards = count;
            return this;
        }

        /** Keeps decoded pictures up to this many bytes, so that later epochs need not decode them again. */
        public Builder cacheBytes(long bytes) {
            if (bytes < 0) {
                throw new IllegalArgumentException("The cache cannot hold " + bytes + " bytes");
            }
            cacheBytes = bytes;
            return this;
        }

        /** Leaves broken files out instead of failing; {@code onFailure} is called on the consumer's thread. */
        public Builder skipBroken(Consumer<Failure> onFailure) {
            broken = BrokenPolicy.SKIP;
            this.onFailure = onFailure;
            return this;
        }

        /** Takes what fails this check, whenever a picture is used, for a picture that cannot be read. */
        public Builder check(ContentCheck content) {
            check = content;
            return this;
        }

        /** How to decode. */
        public Builder decoding(PictureDecoder.Options options) {
            decoding = options;
            return this;
        }

        /** Loads the classes of pixels too; what brings both to the input size takes the transform's place. */
        public Builder pixels(PixelSource source) {
            pixels = source;
            return this;
        }

        /** Mixes each batch, after the transforms and before normalisation. What is left out takes no part. */
        public Builder mix(BatchMixer mixing) {
            mixer = mixing;
            return this;
        }

        /** Adds a step that works on the normalised floats, after those added before. */
        public Builder after(InputTransform step) {
            after.add(step);
            return this;
        }

        /** Starts the loader with these settings; changing them later does not touch it. */
        public BatchLoader open() {
            try {
                Builder copy = (Builder) clone();
                copy.after = List.copyOf(after);
                return new BatchLoader(copy);
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }

        private static int atLeast(int least, int value, String what) {
            if (value < least) {
                throw new IllegalArgumentException(what + " must be at least " + least + ", not " + value);
            }
            return value;
        }
    }
}
