package dev.thinkingvit.benchmarks;

import dev.thinkingvit.data.Sample;
import dev.thinkingvit.eval.Recorder;
import dev.thinkingvit.inference.ElasticEngine;
import dev.thinkingvit.picture.Preprocessing;
import java.io.IOException;
import java.util.List;

/**
 * Pictures recorded as the {@code evaluate} command does it, all stages for each: files are read, decoded and prepared
 * by the loader's threads beside the network. A step is a batch.
 */
final class EvaluationFromFiles implements Contender {
    private final String name;
    private final ElasticEngine engine;
    private final Preprocessing preprocessing;
    private final List<Sample> samples;
    private final Recorder.Options options;
    private final SteppedThread recording;

    /**
     * @param engine stays the caller's
     * @param samples a multiple of the batch size
     */
    EvaluationFromFiles(
            String name,
            ElasticEngine engine,
            Preprocessing preprocessing,
            List<Sample> samples,
            Recorder.Options options) {
        this.name = name;
        this.engine = engine;
        this.preprocessing = preprocessing;
        this.samples = samples;
        this.options = options;
        this.recording = new SteppedThread(name, this::record);
    }

    /** How the recorder is left in the middle. */
    private static final class Ended extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private void record() throws IOException {
        try {
            while (true) {
                Recorder.record(engine, preprocessing, samples, options, done -> {
                    if (!recording.pause()) {
                        throw new Ended();
                    }
                });
            }
        } catch (Ended e) {
            // nobody wants a further step
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public double unitsPerStep() {
        return options.batchSize();
    }

    @Override
    public void settle() {
        Threads.OURS.settle();
    }

    @Override
    public int warmUpSteps(int turn) {
        return PicturePreparation.AHEAD;
    }

    @Override
    public void step() throws IOException {
        recording.step();
    }

    @Override
    public void close() {
        recording.close();
    }
}
