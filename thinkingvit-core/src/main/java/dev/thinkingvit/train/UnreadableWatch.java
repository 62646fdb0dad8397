package dev.thinkingvit.train;

import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.Sample;
import java.util.Collection;

/**
 * Watches the pictures that a training cannot read. Each process has one; what one of them {@link #met}, all are
 * {@link #told} at the same moment, so that all decide alike.
 */
public interface UnreadableWatch {
    /**
     * What this process has to tell the others.
     *
     * @param failures pictures it could not read
     * @param read those that it could
     * @return nothing where nothing is new
     */
    byte[] met(Collection<BatchLoader.Failure> failures, Collection<Sample> read);

    /**
     * Takes down what all processes met.
     *
     * @param all what {@link #met} gave in each
     * @throws TrainingException if too many are lost to go on
     */
    void told(byte[][] all);
}
