package dev.thinkingvit.model;

import dev.thinkingvit.picture.ImageSize;

/**
 * Takes what a ViT has learnt of its patches to another number or another size of them, as timm does
 * ({@code resample_abs_pos_embed}, {@code resample_patch_embed}). Both rest on one matrix an axis, that of PIL's bicubic
 * resizing (a = −0.5, stretched when shrinking so that nothing aliases), computed in double precision.
 */
final class PatchGeometry {
    private static final double A = -0.5;
    private static final double SUPPORT = 2;

    private PatchGeometry() {}

    /**
     * Position embeddings of another grid.
     *
     * @param rows (from, D), row by row of the grid
     * @return (to, D)
     */
    static float[] positions(float[] rows, ImageSize from, ImageSize to, int width) {
        double[][] vertical = resize(from.height(), to.height());
        double[][] horizontal = resize(from.width(), to.width());
        float[] resized = new float[to.pixels() * width];
        double[] feature = new double[from.pixels()];
        for (int column = 0; column < width; column++) {
            for (int i = 0; i < feature.length; i++) {
                feature[i] = rows[i * width + column];
            }
            double[] grid = apply(vertical, horizontal, feature, from.width()); // of the other grid
            for (int i = 0; i < grid.length; i++) {
                resized[i * width + column] = (float) grid[i];
            }
        }
        return resized;
    }

    /**
     * Patch embeddings of another size: the kernels that see in a resized patch what the given ones saw in the patch
     * before, as nearly as that can be (Beyer et al., "FlexiViT", 2023, equation 3: the pseudo-inverse of the resize).
     *
     * @param kernels (K, height, width), as many as there are values in {@code kernels}
     * @return (K, to, to)
     */
    static float[] patches(float[] kernels, int height, int width, int to) {
        double[][] vertical = inverted(resize(height, to));
        double[][] horizontal = inverted(resize(width, to));
        int size = height * width;
        int count = kernels.length / size;
        float[] resized = new float[count * to * to];
        double[] kernel = new double[size];
        for (int k = 0; k < count; k++) {
            for (int i = 0; i < size; i++) {
                kernel[i] = kernels[k * size + i];
            }
            double[] patch = apply(vertical, horizontal, kernel, width); // (to, to)
            for (int i = 0; i < patch.length; i++) {
                resized[k * to * to + i] = (float) patch[i];
            }
        }
        return resized;
    }

    /** The matrix (to, from) that resizes an axis. */
    private static double[][] resize(int from, int to) {
        double[][] matrix = new double[to][from];
        double scale = (double) from / to;
        double stretch = Math.max(scale, 1);
        for (int i = 0; i < to; i++) {
            double centre = scale * (i + 0.5);
            int first = Math.max((int) (centre - SUPPORT * stretch + 0.5), 0);
            int end = Math.min((int) (centre + SUPPORT * stretch + 0.5), from);
            double sum = 0;
            for (int j = first; j < end; j++) {
                matrix[i][j] = kernel((j + 0.5 - centre) / stretch);
                sum += matrix[i][j];
            }
            for (int j = first; j < end; j++) {
                matrix[i][j] /= sum;
            }
        }
        return matrix;
    }

    /** Keys' cubic convolution. */
    private static double kernel(double x) {
        double distance = Math.abs(x);
        if (distance < 1) {
            return ((A + 2) * distance - (A + 3)) * distance * distance + 1;
        }
        return distance < SUPPORT ? (((distance - 5) * distance + 8) * distance - 4) * A : 0;
    }

    /**
     * The pseudo-inverse of the transposed matrix: (R Rᵀ)⁻¹ R where rows are fewer, R (Rᵀ R)⁻¹ where columns are. That of
     * both axes together is the product of one an axis. These matrices have full rank and a condition of at most 4, so
     * that the normal equations lose nothing.
     */
    private static double[][] inverted(double[][] r) {
        double[][] transposed = transposed(r);
        return r.length <= transposed.length
                ? solve(product(r, transposed), r)
                : transposed(solve(product(transposed, r), transposed));
    }

    /** X of A X = B, for a symmetric positive definite A, by elimination. Both are used up. */
    private static double[][] solve(double[][] a, double[][] b) {
        int size = a.length;
        for (int pivot = 0; pivot < size; pivot++) {
            for (int row = 0; row < size; row++) {
                double factor = a[row][pivot] / a[pivot][pivot];
                if (row != pivot && factor != 0) {
                    subtract(a[row], a[pivot], factor);
                    subtract(b[row], b[pivot], factor);
                }
            }
        }
        for (int row = 0; row < size; row++) {
            for (int column = 0; column < b[row].length; column++) {
                b[row][column] /= a[row][row];
            }
        }
        return b;
    }

    private static void subtract(double[] row, double[] other, double factor) {
        for (int i = 0; i < row.length; i++) {
            row[i] -= factor * other[i];
        }
    }

    private static double[][] product(double[][] a, double[][] b) {
        double[][] product = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int k = 0; k < b.length; k++) {
                subtract(product[i], b[k], -a[i][k]);
            }
        }
        return product;
    }

    private static double[][] transposed(double[][] matrix) {
        double[][] transposed = new double[matrix[0].length][matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            for (int j = 0; j < matrix[i].length; j++) {
                transposed[j][i] = matrix[i][j];
            }
        }
        return transposed;
    }

    /** V G Hᵀ of a grid G of {@code columns} columns. */
    static double[] apply(double[][] vertical, double[][] horizontal, double[] grid, int columns) {
        double[][] rows = new double[grid.length / columns][horizontal.length];
        for (int y = 0; y < rows.length; y++) {
            for (int x = 0; x < horizontal.length; x++) {
                for (int j = 0; j < columns; j++) {
                    rows[y][x] += horizontal[x][j] * grid[y * columns + j];
                }
            }
        }
        double[] applied = new double[vertical.length * horizontal.length];
        for (int y = 0; y < vertical.length; y++) {
            for (int x = 0; x < horizontal.length; x++) {
                for (int i = 0; i < rows.length; i++) {
                    applied[y * horizontal.length + x] += vertical[y][i] * rows[i][x];
                }
            }
        }
        return applied;
    }
}
