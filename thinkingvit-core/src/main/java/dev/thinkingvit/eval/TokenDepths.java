package dev.thinkingvit.eval;

import dev.thinkingvit.inference.StageOutcome;
import dev.thinkingvit.network.Halting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * How deep the tokens of some images went, the class token included, where tokens halt: what the published evaluation of A-ViT
 * reports.
 *
 * @param mean blocks that a token went through
 * @param least of all
 * @param largest of all
 * @param difference between an image's deepest and shallowest token, the mean over the images
 * @param ponder blocks and last score of a token (ρ), the mean over all
 * @param halted how many tokens halted after each block, up to the last after which any did
 * @param mostUneven the images whose patches' depths differ most, the most uneven first
 * @param leastUneven the images whose patches' depths differ least, the least uneven first
 */
public record TokenDepths(
        double mean,
        double least,
        double largest,
        double difference,
        double ponder,
        List<Long> halted,
        List<Uneven> mostUneven,
        List<Uneven> leastUneven) {
    /** Images kept at either end. */
    private static final int KEPT = 24;

    /**
     * How deep an image's patches went.
     *
     * @param path the picture
     * @param labels the right classes
     * @param depths block from 1 after which each patch halted, row by row, without the class token
     * @param deviation of the depths, its square the mean of the squared differences from their mean
     */
    public record Uneven(Path path, List<Integer> labels, List<Integer> depths, double deviation) {
        public Uneven {
            labels = List.copyOf(labels);
            depths = List.copyOf(depths);
        }
    }

    public TokenDepths {
        halted = List.copyOf(halted);
        mostUneven = List.copyOf(mostUneven);
        leastUneven = List.copyOf(leastUneven);
    }

    /** Images one after the other. */
    static final class Sum {
        private static final Comparator<Uneven> BY_DEVIATION = Comparator.comparingDouble(Uneven::deviation);

        private long images;
        private long tokens;
        private double depths;
        private double least = Double.POSITIVE_INFINITY;
        private double largest = Double.NEGATIVE_INFINITY;
        private double differences;
        private double ponders;
        private final List<Long> halted = new ArrayList<>();
        private final PriorityQueue<Uneven> most = new PriorityQueue<>(BY_DEVIATION); // the least of them first
        private final PriorityQueue<Uneven> lowest = new PriorityQueue<>(BY_DEVIATION.reversed());

        /** A stage whose tokens do not halt adds nothing. */
        void add(Path path, List<Integer> labels, StageOutcome stage) {
            float[] depth = stage.extras().get(Halting.TOKEN_DEPTH);
            float[] ponder = stage.extras().get(Halting.RHO_TOKEN);
            if (depth == null || ponder == null) {
                return;
            }
            double shallowest = Double.POSITIVE_INFINITY;
            double deepest = Double.NEGATIVE_INFINITY;
            List<Integer> patches = new ArrayList<>();
            for (int i = 0; i < depth.length; i++) {
                depths += depth[i];
                ponders += ponder[i];
                shallowest = Math.min(shallowest, depth[i]);
                deepest = Math.max(deepest, depth[i]);
                int block = (int) depth[i]; // 0 if it is no number
                while (halted.size() < block) {
                    halted.add(0L);
                }
                if (block > 0) {
                    halted.set(block - 1, halted.get(block - 1) + 1);
                }
                if (i > 0) {
                    patches.add(block);
                }
            }
            images++;
            tokens += depth.length;
            differences += deepest - shallowest;
            least = Math.min(least, shallowest);
            largest = Math.max(largest, deepest);
            Uneven own = new Uneven(path, labels, patches, deviation(patches));
            keep(most, own);
            keep(lowest, own);
        }

        private static void keep(PriorityQueue<Uneven> some, Uneven one) {
            some.add(one);
            if (some.size() > KEPT) {
                some.remove();
            }
        }

        private static double deviation(List<Integer> depths) {
            double mean = depths.stream().mapToInt(Integer::intValue).average().orElse(0);
            return Math.sqrt(depths.stream()
                    .mapToDouble(each -> (each - mean) * (each - mean))
                    .average()
                    .orElse(0));
        }

        /** Null if no tokens halted. */
        @Nullable TokenDepths done() {
            return images == 0
                    ? null
                    : new TokenDepths(
                            depths / tokens,
                            least,
                            largest,
                            differences / images,
                            ponders / tokens,
                            halted,
                            most.stream().sorted(BY_DEVIATION.reversed()).toList(),
                            lowest.stream().sorted(BY_DEVIATION).toList());
        }
    }
}
