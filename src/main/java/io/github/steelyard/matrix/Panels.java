package io.github.steelyard.matrix;

import io.github.steelyard.kernel.Kernels;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// The layout of a packed weight `(n, k)` of the built-in products: panels of `width` output features, each
/// `(depth, width)` row-major, where `depth` is `k` rounded up to a multiple of `depthStep`. What lies beyond `n` and
/// `k` is zero.
///
/// @param width output features per panel; divides [MatrixProduct#ROW_STEP]
/// @param depthStep what the depth is a multiple of
public record Panels(int width, int depthStep) {

    public Panels {
        if (MatrixProduct.ROW_STEP % width != 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "panel width %d does not divide %d", width, MatrixProduct.ROW_STEP));
        }
    }

    /// Where panels are written, in ascending order.
    public interface Target {

        /// Returns an array in which the panel of `length` floats from float `start` on may be put together.
        float[] array(long start, int length);

        /// Returns where in that array it begins.
        int at(long start);

        /// Takes the finished panel.
        default void done(long start, int length) {}
    }

    /// Returns `k` rounded up to whole steps.
    public int depth(int k) {
        return Math.ceilDiv(k, depthStep) * depthStep;
    }

    /// Returns how many floats a packed `(n, k)` weight takes.
    long size(int n, int k) {
        return (long) Math.ceilDiv(n, width) * width * depth(k);
    }

    /// Returns where the panel that starts with output feature `row` begins.
    public long start(int row, int k) {
        return (long) row * depth(k);
    }

    /// Writes all panels of a weight.
    public void pack(WeightSource source, Target target, Kernels kernels) {
        int k = source.columns();
        int length = width * depth(k);
        Optional<Matrix> flipped = source.transposed();
        for (int from = 0; from < source.rows(); from += MatrixProduct.ROW_STEP) {
            int to = Math.min(source.rows(), from + MatrixProduct.ROW_STEP);
            Matrix rows = flipped.isPresent() ? flipped.get().columnRange(from, to) : source.rows(from, to);
            for (int row = from; row < to; row += width) {
                int count = Math.min(width, to - row);
                long start = start(row, k);
                float[] panel = target.array(start, length);
                int at = target.at(start);
                if (count < width) {
                    Arrays.fill(panel, at, at + k * width, 0);
                }
                Arrays.fill(panel, at + k * width, at + length, 0);
                if (flipped.isPresent()) {
                    copy(rows.columnRange(row - from, row - from + count), panel, at);
                } else {
                    kernels.transpose(rows.values(), rows.at(row - from), rows.stride(), count, k, panel, at, width);
                }
                target.done(start, length);
            }
        }
    }

    private void copy(Matrix columns, float[] panel, int at) {
        for (int i = 0; i < columns.rows(); i++) {
            System.arraycopy(columns.values(), columns.at(i), panel, at + i * width, columns.columns());
        }
    }
}
