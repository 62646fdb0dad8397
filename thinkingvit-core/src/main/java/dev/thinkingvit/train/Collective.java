package dev.thinkingvit.train;

import org.bytedeco.pytorch.Tensor;

/** The processes that train one model together, each on its share of every batch. */
public interface Collective {
    /** A process of its own. */
    Collective ALONE = new Collective() {
        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public void sum(Tensor tensor) {}
    };

    /** This process, from 0. */
    int rank();

    /** How many there are. */
    int size();

    /** Replaces a tensor by its sum over all processes; all take part, in the same order of calls. */
    void sum(Tensor tensor);
}
