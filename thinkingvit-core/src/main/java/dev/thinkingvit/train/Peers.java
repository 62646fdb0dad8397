package dev.thinkingvit.train;

import dev.thinkingvit.distributed.ProcessGroup;
import org.bytedeco.pytorch.Tensor;

/** The processes that train one model together, each on its share of every batch. */
public interface Peers {
    /** A process of its own. */
    Peers ALONE = new Peers() {
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

    /** The processes of a group. */
    static Peers of(ProcessGroup group) {
        return new Peers() {
            @Override
            public int rank() {
                return group.rank();
            }

            @Override
            public int size() {
                return group.size();
            }

            @Override
            public void sum(Tensor tensor) {
                group.sum(tensor);
            }
        };
    }

    /** This process, from 0. */
    int rank();

    /** How many there are. */
    int size();

    /** Replaces a tensor by its sum over all processes; all take part, in the same order of calls. */
    void sum(Tensor tensor);
}
