package dev.thinkingvit.network;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which tokens of a group of images are left, and what became of the others: {@link Layers#halting} with tokens that are
 * taken out. Plain Java, used again for one group after the other.
 *
 * <p>{@code G} images, {@code N} tokens, {@code d} features. Rows of an image's tokens that are left lie one after the other,
 * in their order.
 */
final class Halts {
    private final Halting how;
    private final int tokens; // N
    private final int width; // d
    private final int rowsTogether;
    private final int step;
    private int images;
    private Places now; // where images' rows are
    private Places later; // where they will be after the present block
    private final int[] token; // of each row, within its image; N apart
    private final float[] weights; // of each row's values in its token's result; as are the next two, N apart
    private final boolean[] on;
    // of all tokens, (G, N)
    private final float[] sums;
    private final float[] rests;
    private final float[] depth;
    private final float[] ponder;
    private final float[] outputs; // (G, N, d)
    private final float[] row;

    /**
     * Images whose rows go through a block together.
     *
     * @param first image
     * @param end the image after the last
     * @param start their first row
     * @param room rows from there on that are theirs, and after them nobody's
     */
    record Some(int first, int end, int start, int room) {}

    /**
     * @param images most that a group has
     * @param rowsTogether most rows of {@link Some}, unless an image alone has more
     * @param step their room is a multiple of it
     */
    Halts(Halting how, int images, int tokens, int width, int rowsTogether, int step) {
        this.how = how;
        this.tokens = tokens;
        this.width = width;
        this.rowsTogether = rowsTogether;
        this.step = step;
        this.now = new Places(images);
        this.later = new Places(images);
        this.token = new int[images * tokens];
        this.weights = new float[images * tokens];
        this.on = new boolean[images * tokens];
        this.sums = new float[images * tokens];
        this.rests = new float[images * tokens];
        this.depth = new float[images * tokens];
        this.ponder = new float[images * tokens];
        this.outputs = new float[images * tokens * width];
        this.row = new float[width];
    }

    /** Where each image's rows lie, and which images go together. */
    private final class Places {
        private final int[] starts; // row of each image's first token
        private final int[] left; // tokens of each image that are left
        private final List<Some> together = new ArrayList<>();
        private int first; // image of those that come together next
        private int start; // their first row
        private int rows; // theirs so far

        Places(int images) {
            this.starts = new int[images];
            this.left = new int[images];
        }

        void clear() {
            together.clear();
            first = 0;
            start = 0;
            rows = 0;
        }

        /** Gives the next image its place. */
        void add(int image, int count) {
            if (rows > 0 && rows + count > rowsTogether) {
                end(image);
            }
            starts[image] = start + rows;
            left[image] = count;
            rows += count;
        }

        /** There are no others, or they do not come together with those before. */
        void end(int image) {
            if (rows > 0) {
                int room = (rows + step - 1) / step * step;
                together.add(new Some(first, image, start, room));
                start += room;
                rows = 0;
            }
            first = image;
        }
    }

    /** Begins anew: every token is there. */
    void begin(int count) {
        images = count;
        now.clear();
        for (int image = 0; image < count; image++) {
            now.add(image, tokens);
            for (int i = 0; i < tokens; i++) {
                token[image * tokens + i] = i;
            }
        }
        now.end(count);
        later.clear();
        int all = count * tokens;
        Arrays.fill(sums, 0, all, 0);
        Arrays.fill(rests, 0, all, 1);
        Arrays.fill(depth, 0, all, 1);
        Arrays.fill(ponder, 0, all, 0);
        Arrays.fill(outputs, 0, all * width, 0);
    }

    /** Images with tokens that are left, a few at a time. */
    List<Some> together() {
        return now.together;
    }

    /** The first row of an image. */
    int start(int image) {
        return now.starts[image];
    }

    /** Tokens of an image that are left. */
    int left(int image) {
        return now.left[image];
    }

    /**
     * Reads what a block left of some images, one after the other of {@link #together}.
     *
     * @param block from 0
     * @param from rows of the tokens that were left
     * @param to where the rows of those go that go on
     */
    void after(int block, Some some, FloatBuffer from, FloatBuffer to) {
        for (int image = some.first; image < some.end; image++) {
            later.add(image, decide(image, block == how.blocks() - 1, from));
            move(image, from, to);
        }
    }

    /** The block has been done: what goes on is what is left. */
    void next() {
        later.end(images);
        Places before = now;
        now = later;
        later = before;
        later.clear();
    }

    /** Counts the image's tokens that go on. */
    private int decide(int image, boolean last, FloatBuffer from) {
        float scale = (float) how.gateScale();
        float center = (float) how.gateCenter();
        float limit = (float) how.limit();
        int own = image * tokens;
        int staying = 0;
        for (int i = 0; i < now.left[image]; i++) {
            int at = own + token[own + i];
            float gate = from.get((now.starts[image] + i) * width) * scale - center;
            float score = last && !Float.isNaN(gate) ? 1 : (float) (1 / (1 + Math.exp(-gate)));
            float sum = sums[at] + score;
            float rest = rests[at];
            sums[at] = sum;
            boolean goesOn = sum < limit;
            on[own + i] = goesOn;
            weights[own + i] = goesOn ? score : rest;
            if (goesOn) {
                rests[at] = rest - score;
                depth[at] += 1;
                ponder[at] += 1;
                staying++;
            } else {
                float none = Float.isNaN(sum) ? sum : 0; // no number stays none
                depth[at] += none;
                ponder[at] += 1 + rest + none;
            }
        }
        return staying;
    }

    private void move(int image, FloatBuffer from, FloatBuffer to) {
        int own = image * tokens;
        int goes = 0;
        for (int i = 0; i < now.left[image]; i++) {
            int which = token[own + i];
            float weight = weights[own + i];
            from.get((now.starts[image] + i) * width, row);
            int at = (own + which) * width;
            for (int k = 0; k < width; k++) {
                outputs[at + k] += weight * row[k];
            }
            if (on[own + i]) {
                to.put((later.starts[image] + goes) * width, row);
                token[own + goes] = which;
                goes++;
            }
        }
    }

    /** What the blocks left of each token, weighted by its scores: (G, N, d). */
    float[] tokens() {
        return outputs;
    }

    /** The block, from 1, after which each token halted: (G, N). */
    float[] depth() {
        return depth;
    }

    /** The blocks that each token used, and its last score: (G, N). */
    float[] ponder() {
        return ponder;
    }
}
