package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.data.Preprocessing;
import dev.thinkingvit.model.ThinkingViT;
import dev.thinkingvit.model.ThinkingViTConfig;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainingListener;
import dev.thinkingvit.train.TrainingPictures;
import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.SynchronousQueue;
import org.jspecify.annotations.Nullable;

/**
 * A training as the {@code train} command runs it: pictures are decoded, augmented as the recipe says and mixed while
 * the network trains. The training has a thread of its own, which waits after every update until the next is wanted.
 */
final class OursFromFiles implements Contender {
    private static final long CACHE_BYTES = 512L << 20;
    /** Batches that the loader had time to prepare while others had their turn, and one more. */
    private static final int PREPARED = 3;

    private final String name;
    private final ThinkingViT model;
    private final Trainer trainer;
    private final BatchLoader loader;
    private final int batchSize;
    private volatile boolean closing;
    private final Thread training;
    private final SynchronousQueue<Boolean> wanted = new SynchronousQueue<>();
    private final BlockingQueue<Boolean> done = new ArrayBlockingQueue<>(1);
    private volatile @Nullable Throwable failure;

    OursFromFiles(String name, Recipe recipe, ImageFolder folder) {
        this.name = name;
        this.batchSize = recipe.optimizer().batchSize();
        if (folder.samples().size() < batchSize) {
            throw new IllegalArgumentException(
                    folder.samples().size() + " pictures do not fill a batch of " + batchSize);
        }
        ThinkingViTConfig config = recipe.network().config(folder.classNames().size());
        this.model = ThinkingViT.initialise(config, recipe.execution().seed());
        this.trainer = new Trainer(model, recipe);
        this.loader = TrainingPictures.loader(
                        recipe, folder.samples(), Preprocessing.imagenet(config.imageSize(), 1.0), Peers.ALONE)
                .workers(1)
                .cacheBytes(CACHE_BYTES)
                .open();
        this.training = new Thread(this::train, "benchmark-training");
        training.setDaemon(true);
    }

    private void train() {
        try {
            wanted.take();
            TrainingListener pausing = new TrainingListener() {
                @Override
                public void onStep(Step step) {
                    pause();
                }
            };
            while (trainer.epoch(loader, pausing) != null) {
                // and on to the next epoch
            }
        } catch (IOException | InterruptedException | RuntimeException e) {
            failure = e;
            done.add(false);
        }
    }

    private void pause() {
        if (closing) {
            return; // the update that the trainer makes to its stop
        }
        try {
            done.add(true);
            wanted.take();
        } catch (InterruptedException e) {
            trainer.stop();
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double unitsPerStep() {
        return batchSize;
    }

    @Override
    public void settle() {
        Threads.OURS.settle();
    }

    @Override
    public int warmUpSteps(int turn) {
        return PREPARED;
    }

    @Override
    public void step() throws IOException {
        if (training.getState() == Thread.State.NEW) {
            training.start();
        }
        try {
            wanted.put(true);
            if (!done.take()) {
                throw new IOException(name + " failed: " + failure, failure);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public void close() {
        closing = true;
        trainer.stop();
        training.interrupt();
        try {
            training.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        loader.close();
        trainer.close();
        model.close();
    }
}
