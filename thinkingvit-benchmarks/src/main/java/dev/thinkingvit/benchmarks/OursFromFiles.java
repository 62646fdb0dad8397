package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.ImageFolder;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.train.Peers;
import dev.thinkingvit.train.Recipe;
import dev.thinkingvit.train.Trainer;
import dev.thinkingvit.train.TrainingListener;
import dev.thinkingvit.train.TrainingPictures;
import java.io.IOException;

/**
 * A training as the {@code train} command runs it: pictures are decoded, augmented as the recipe says and mixed while
 * the network trains. The training has a thread of its own, which waits after every update until the next is wanted.
 */
final class OursFromFiles implements Contender {
    private static final long CACHE_BYTES = 512L << 20;
    /** Batches that the loader had time to prepare while others had their turn, and one more. */
    private static final int PREPARED = 3;

    private final String name;
    private final NestedNetwork model;
    private final Trainer trainer;
    private final BatchLoader loader;
    private final int batchSize;
    private final SteppedThread training;

    OursFromFiles(String name, Recipe recipe, ImageFolder folder) {
        this.name = name;
        this.batchSize = recipe.optimizer().batchSize();
        if (folder.samples().size() < batchSize) {
            throw new IllegalArgumentException(
                    folder.samples().size() + " pictures do not fill a batch of " + batchSize);
        }
        NetworkConfig config = recipe.network().config(folder.classNames().size());
        this.model = NestedNetwork.initialise(config, recipe.execution().seed());
        this.trainer = new Trainer(model, recipe);
        this.loader = TrainingPictures.loader(
                        recipe, folder.samples(), Preprocessing.imagenet(config.imageSize(), 1.0), Peers.ALONE)
                .workers(1)
                .cacheBytes(CACHE_BYTES)
                .open();
        this.training = new SteppedThread(name, this::train);
    }

    private void train() throws IOException {
        TrainingListener pausing = new TrainingListener() {
            @Override
            public void onStep(Step step) {
                if (!training.pause()) {
                    trainer.stop(); // after one more update
                }
            }
        };
        while (trainer.epoch(loader, pausing) != null) {
            // and on to the next epoch
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
        training.step();
    }

    @Override
    public void close() {
        trainer.stop();
        training.close();
        loader.close();
        trainer.close();
        model.close();
    }
}
