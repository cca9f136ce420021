package io.github.steelyard.solve;

import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import java.util.Optional;

/// The upper triangular factor `U` of the inverse of a symmetric positive definite matrix, `H⁻¹ = Uᵀ U`, without the
/// inverse: `H = M Mᵀ` with `M` upper triangular, and `U = M⁻¹`. In reversed order of rows and columns `M` is the lower
/// factor of Cholesky.
///
/// In float32 but for blocks on the diagonal, which are factored in float64; the result has the same bits for any
/// number of threads.
final class InverseFactor {

    private static final int BLOCK = 128;

    private final int size;
    private final float[] lower; // (size, size), reversed
    private final Desk desk;

    private InverseFactor(int size, float[] lower, Desk desk) {
        this.size = size;
        this.lower = lower;
        this.desk = desk;
    }

    /// Returns the transpose of the factor `(size, size)`: row `j` is column `j` of `U`; empty if the matrix is not
    /// positive definite.
    ///
    /// @param matrix `(size, size)`, symmetric; overwritten
    static Optional<float[]> transposed(float[] matrix, int size, Desk desk) {
        InverseFactor factor = new InverseFactor(size, reversed(matrix), desk);
        if (!factor.factor()) {
            return Optional.empty();
        }
        factor.invert();
        float[] result = matrix;
        for (int j = 0; j < size; j++) {
            for (int i = 0; i < size; i++) {
                result[j * size + i] = i <= j ? factor.lower[(size - 1 - i) * size + size - 1 - j] : 0;
            }
        }
        return Optional.of(result);
    }

    private static float[] reversed(float[] matrix) {
        float[] reversed = new float[matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            reversed[i] = matrix[matrix.length - 1 - i];
        }
        return reversed;
    }

    /// Cholesky, block column by block column, in place; what is above the diagonal is not defined afterwards.
    private boolean factor() {
        for (int first = 0; first < size; first += BLOCK) {
            int count = Math.min(BLOCK, size - first);
            double[] diagonal = diagonal(first, count);
            if (!factor(diagonal, count)) {
                return false;
            }
            store(diagonal, first, count);
            int below = size - first - count;
            if (below == 0) {
                return true;
            }
            invert(diagonal, count);
            Matrix column = new Matrix(lower, (first + count) * size + first, below, count, size);
            Matrix solved = Matrix.dense(desk.rows(below * count), below, count);
            desk.gemm()
                    .multiplyTransposed(
                            column, Matrix.dense(floats(diagonal), count, count), Update.SET, solved, desk.workspace());
            float[] negative = desk.turned(below * count);
            for (int row = 0; row < below; row++) {
                System.arraycopy(solved.values(), row * count, lower, column.at(row), count);
            }
            for (int i = 0; i < below * count; i++) {
                negative[i] = -solved.values()[i];
            }
            subtract(Matrix.dense(negative, below, count), solved, first + count);
        }
        return true;
    }

    /// Adds `negative · solvedᵀ` to what lies right of and below `first`, up to the diagonal.
    private void subtract(Matrix negative, Matrix solved, int first) {
        int below = solved.rows();
        for (int from = 0; from < below; from += BLOCK) {
            int to = Math.min(below, from + BLOCK);
            desk.gemm()
                    .multiplyTransposed(
                            negative.rowRange(from, to),
                            solved.rowRange(0, to),
                            Update.ADD,
                            new Matrix(lower, (first + from) * size + first, to - from, to, size),
                            desk.workspace());
        }
    }

    /// Inverts the lower factor in place, block row by block row: `X_ik = -X_ii Σ_j L_ij X_jk`.
    private void invert() {
        for (int first = 0; first < size; first += BLOCK) {
            int count = Math.min(BLOCK, size - first);
            double[] diagonal = diagonal(first, count);
            invert(diagonal, count);
            if (first > 0) {
                clearAbove(first);
                float[] sums = desk.rows(count * first);
                desk.gemm()
                        .multiply(
                                new Matrix(lower, first * size, count, first, size),
                                new Matrix(lower, 0, first, first, size),
                                Update.SET,
                                Matrix.dense(sums, count, first),
                                desk.workspace());
                float[] negative = floats(diagonal);
                for (int i = 0; i < negative.length; i++) {
                    negative[i] = -negative[i];
                }
                desk.gemm()
                        .multiply(
                                Matrix.dense(negative, count, count),
                                Matrix.dense(sums, count, first),
                                Update.SET,
                                new Matrix(lower, first * size, count, first, size),
                                desk.workspace());
            }
            store(diagonal, first, count);
        }
    }

    /// Clears what lies above the diagonal in the block column that ends before `first`.
    private void clearAbove(int first) {
        for (int row = 0; row < first; row++) {
            for (int column = Math.max(row + 1, first - BLOCK); column < first; column++) {
                lower[row * size + column] = 0;
            }
        }
    }

    /// Returns the lower triangle of a block on the diagonal `(count, count)`, zeros above it.
    private double[] diagonal(int first, int count) {
        double[] block = new double[count * count];
        for (int row = 0; row < count; row++) {
            for (int column = 0; column <= row; column++) {
                block[row * count + column] = lower[(first + row) * size + first + column];
            }
        }
        return block;
    }

    private void store(double[] block, int first, int count) {
        for (int row = 0; row < count; row++) {
            for (int column = 0; column <= row; column++) {
                lower[(first + row) * size + first + column] = (float) block[row * count + column];
            }
        }
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    /// Cholesky of a small matrix in place, row by row.
    ///
    /// @return whether it is positive definite
    static boolean factor(double[] matrix, int size) {
        for (int i = 0; i < size; i++) {
            for (int j = 0; j <= i; j++) {
                double sum = matrix[i * size + j];
                for (int k = 0; k < j; k++) {
                    sum -= matrix[i * size + k] * matrix[j * size + k];
                }
                if (i == j && !(sum > 0)) {
                    return false;
                }
                matrix[i * size + j] = i == j ? Math.sqrt(sum) : sum / matrix[j * size + j];
            }
        }
        return true;
    }

    /// Inverts a small lower triangular matrix in place.
    static void invert(double[] matrix, int size) {
        for (int j = 0; j < size; j++) {
            matrix[j * size + j] = 1 / matrix[j * size + j];
            for (int i = j + 1; i < size; i++) {
                double sum = 0;
                for (int k = j; k < i; k++) {
                    sum += matrix[i * size + k] * matrix[k * size + j];
                }
                matrix[i * size + j] = -sum / matrix[i * size + i];
            }
        }
    }
}
