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

        @Override
        public void broadcast(Tensor tensor) {}

        @Override
        public byte[] share(byte[] mine) {
            return mine;
        }

        @Override
        public byte[][] gather(byte[] mine) {
            return new byte[][] {mine};
        }
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

            @Override
            public void broadcast(Tensor tensor) {
                group.broadcast(tensor, 0);
            }

            @Override
            public byte[] share(byte[] mine) {
                return group.gather(group.rank() == 0 ? mine : new byte[0])[0];
            }

            @Override
            public byte[][] gather(byte[] mine) {
                return group.gather(mine);
            }
        };
    }

    /** This process, from 0. */
    int rank();

    /** How many there are. */
    int size();

    /** Replaces a tensor by its sum over all processes; all take part, in the same order of calls. */
    void sum(Tensor tensor);

    /** Replaces a tensor by process 0's; all take part. */
    void broadcast(Tensor tensor);

    /** Process 0's bytes, in all processes; all take part. */
    byte[] share(byte[] mine);

    /** Every process's bytes, by rank, in all processes; all take part. */
    byte[][] gather(byte[] mine);
}
