package dev.thinkingvit.verify;

import dev.thinkingvit.checkpoint.CheckpointException;
import dev.thinkingvit.checkpoint.Safetensors;
import dev.thinkingvit.model.NestedNetwork;
import dev.thinkingvit.model.NetworkConfig;
import dev.thinkingvit.model.Precision;
import dev.thinkingvit.network.DropPath;
import dev.thinkingvit.network.Halting;
import dev.thinkingvit.network.Network;
import dev.thinkingvit.store.ModelDirectory;
import dev.thinkingvit.tensor.ComputeThread;
import dev.thinkingvit.tensor.HostTensor;
import dev.thinkingvit.tensor.Scope;
import dev.thinkingvit.tensor.Tensors;
import dev.thinkingvit.train.HaltingPrior;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/**
 * What a training sees of halting tokens and inference does not, since it leaves them out: the blocks' mean scores, over
 * halted tokens too, and how far they are from the published prior.
 */
final class HaltingScores {
    private static final String SCORES = Halting.HALTING_SCORES;
    private static final String TARGET = "distr_target";
    private static final String DISTANCE = "distr_prior_kl";
    /** Metadata: the block, from 0, around which a recording's prior wants tokens to halt. */
    private static final String DEPTH = "distr_prior_depth";
    /** The published code's, of however many blocks. */
    private static final int PUBLISHED_DEPTH = 8;

    private HaltingScores() {}

    /** Whether a recorded tensor is one of these. */
    static boolean has(String name) {
        return name.equals(SCORES) || name.equals(TARGET) || name.equals(DISTANCE);
    }

    /**
     * The prior that a recording was made with, around the block that its metadata names, else the published one.
     *
     * @param file the recording
     * @param blocks of the network
     * @throws CheckpointException if the metadata has no such block
     */
    static HaltingPrior prior(Path file, Map<String, String> metadata, int blocks) {
        String said = metadata.getOrDefault(DEPTH, String.valueOf(PUBLISHED_DEPTH));
        try {
            return HaltingPrior.of(blocks, Integer.parseInt(said));
        } catch (NumberFormatException e) {
            throw new CheckpointException(file, "metadata " + DEPTH + " '" + said + "' is no whole number", e);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, "metadata: " + e.getMessage(), e);
        }
    }

    /**
     * As above; where the metadata is silent, a recorded target tells its block: of a bell, neighbours'
     * logarithms differ by their distance from its middle.
     */
    private static HaltingPrior prior(Path file, Safetensors.Contents recording, int blocks) {
        HostTensor target = recording.tensors().get(TARGET);
        if (recording.metadata().containsKey(DEPTH) || blocks < 2 || target == null || target.elements() != blocks) {
            return prior(file, recording.metadata(), blocks);
        }
        float[] values = target.toFloats();
        double steeper = Math.log(values[blocks - 1] / (double) values[blocks - 2]);
        long depth = Math.round(steeper + blocks - 1.5);
        return depth >= 1 && depth <= Math.max(blocks, PUBLISHED_DEPTH)
                ? HaltingPrior.of(blocks, (int) depth)
                : prior(file, recording.metadata(), blocks);
    }

    /**
     * All of them, of images that go together; of the prior only where something of it was recorded.
     *
     * @param model whose tokens halt
     * @param input (B, 3, h, w)
     * @param file the recording
     * @param recording what it holds
     */
    static Map<String, HostTensor> of(
            ModelDirectory.Model model, HostTensor input, Path file, Safetensors.Contents recording) {
        NetworkConfig network = model.config().network();
        Halting halting = Objects.requireNonNull(network.halting(), "no tokens halt");
        boolean judged =
                recording.tensors().containsKey(TARGET) || recording.tensors().containsKey(DISTANCE);
        HaltingPrior prior = judged ? prior(file, recording, halting.blocks()) : null;
        return ComputeThread.call(() -> {
            try (NestedNetwork weights = NestedNetwork.of(network, model.weights());
                    Scope scope = new Scope()) {
                List<Network.Output<Tensor>> outputs =
                        weights.cut(Precision.FP32).forward(Tensors.toNative(input), network.stages(), DropPath.NONE);
                Tensor scores = outputs.get(network.stages() - 1).extras().get(SCORES);
                if (scores == null) {
                    throw new IllegalStateException("the training's view says no scores");
                }
                Tensor mean = HaltingPrior.mean(scores);
                if (prior == null) {
                    return Map.of(SCORES, Tensors.toHost(mean));
                }
                float[] target = new float[prior.target().size()];
                for (int i = 0; i < target.length; i++) {
                    target[i] = prior.target().get(i).floatValue();
                }
                return Map.of(
                        SCORES, Tensors.toHost(mean),
                        TARGET, HostTensor.of(target, target.length),
                        DISTANCE, Tensors.toHost(prior.distance(mean).reshape(1)));
            }
        });
    }
}
