package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;
import java.util.function.IntFunction;

/**
 * Takes a Swin Transformer's tables of relative position biases to windows of another size. A table has a row for each
 * distance between two tokens of a window: (2h − 1)(2w − 1) rows for a window of h · w, a column a head.
 */
final class BiasTables {
    /** Of torch's bicubic interpolation. */
    private static final double A = -0.75;

    private static final double SMALLEST_RATIO = 1.01;
    private static final double LARGEST_RATIO = 1.5;
    private static final double RATIO_TOLERANCE = 1e-6;

    /** How what lies between the distances of a table is told. */
    enum Manner {
        /**
         * timm's ({@code resize_rel_pos_bias_table}, after BEiT): the distances of the table are spread over those of the
         * other window in a geometric progression, finest near 0, and what lies between is interpolated linearly.
         */
        TIMM,
        /** Microsoft's, as its loader does: evenly spread, bicubic, no antialiasing. */
        MICROSOFT;

        /** The matrix (2 · to − 1, 2 · from − 1) that takes an axis of a window to another side. */
        double[][] axis(int from, int to) {
            return this == TIMM ? progression(2 * from - 1, 2 * to - 1) : bicubic(2 * from - 1, 2 * to - 1);
        }
    }

    private BiasTables() {}

    /**
     * A table for another window. timm's manner changes both axes of a window of which one is of another length, and so does
     * this.
     *
     * @param table (rows of {@code from}, H), row-major
     * @param from height and width of its window
     * @param to of the other window
     * @param heads H
     * @return (rows of {@code to}, H); the table where both windows are the same
     */
    static float[] resized(float[] table, ImageSize from, ImageSize to, int heads, Manner manner) {
        if (from.equals(to)) {
            return table;
        }
        double[][] vertical = manner.axis(from.height(), to.height());
        double[][] horizontal = manner.axis(from.width(), to.width());
        float[] resized = new float[vertical.length * horizontal.length * heads];
        double[] distances = new double[table.length / heads];
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < distances.length; i++) {
                distances[i] = table[i * heads + head];
            }
            double[] fitted = PatchGeometry.apply(vertical, horizontal, distances, 2 * from.width() - 1);
            for (int i = 0; i < fitted.length; i++) {
                resized[i * heads + head] = (float) fitted[i];
            }
        }
        return resized;
    }

    /** Linear between points of a progression 1, 1 + q, 1 + q + q², … to both sides of 0; beyond the last the last. */
    private static double[][] progression(int from, int to) {
        double ratio = ratio(from / 2, to / 2);
        double[] points = new double[from];
        double distance = 0;
        for (int i = 1; i <= from / 2; i++) {
            distance += Math.pow(ratio, i - 1);
            points[from / 2 + i] = (float) distance; // as wide as timm has them
            points[from / 2 - i] = (float) -distance;
        }
        return matrix(to, from, i -> {
            double place = i - to / 2;
            int right = 0;
            while (right < from - 1 && points[right] < place) {
                right++;
            }
            if (right == 0 || points[right] <= place) {
                return new double[] {right, 1};
            }
            double share = (place - points[right - 1]) / (points[right] - points[right - 1]);
            return new double[] {right - 1, 1 - share, share};
        });
    }

    /** That makes so many terms of the progression as long as the other window, as far as the bounds let it: by bisection. */
    private static double ratio(int terms, int length) {
        double left = SMALLEST_RATIO;
        double right = LARGEST_RATIO;
        double ratio = left;
        while (right - left > RATIO_TOLERANCE) {
            ratio = (left + right) / 2;
            if ((1 - Math.pow(ratio, terms)) / (1 - ratio) > length) {
                right = ratio;
            } else {
                left = ratio;
            }
        }
        return ratio;
    }

    private static double[][] bicubic(int from, int to) {
        double scale = (double) from / to;
        return matrix(to, from, i -> {
            double place = scale * (i + 0.5) - 0.5;
            double first = Math.floor(place);
            double t = place - first;
            return new double[] {first - 1, far(1 + t), near(t), near(1 - t), far(2 - t)};
        });
    }

    private static double near(double x) {
        return ((A + 2) * x - (A + 3)) * x * x + 1;
    }

    private static double far(double x) {
        return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
    }

    /** Of a row's first column and the weights from there on; what is beyond an edge counts for the edge. */
    private static double[][] matrix(int rows, int columns, IntFunction<double[]> row) {
        double[][] matrix = new double[rows][columns];
        for (int i = 0; i < rows; i++) {
            double[] weights = row.apply(i);
            for (int j = 1; j < weights.length; j++) {
                int column = (int) weights[0] + j - 1;
                matrix[i][Math.max(0, Math.min(columns - 1, column))] += weights[j];
            }
        }
        return matrix;
    }
}
