package io.github.steelyard.matrix;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// A weight of float32 values in the heap.
///
/// @param values the weight, `(rows, columns)`, or `(columns, rows)` if `flipped`
/// @param flipped whether the weight's rows are the columns of `values`
/// @param kernels the arithmetic
/// @param workspace holds rows that had to be transposed
public record DenseSource(Matrix values, boolean flipped, Kernels kernels, Workspace workspace)
        implements WeightSource {

    @Override
    public int rows() {
        return flipped ? values.columns() : values.rows();
    }

    @Override
    public int columns() {
        return flipped ? values.rows() : values.columns();
    }

    /// Returns some of the rows as a weight of their own.
    public DenseSource rowRange(int from, int to) {
        Matrix part = flipped ? values.columnRange(from, to) : values.rowRange(from, to);
        return new DenseSource(part, flipped, kernels, workspace);
    }

    @Override
    public Matrix rows(int from, int to) {
        if (!flipped) {
            return values.rowRange(from, to);
        }
        Objects.checkFromToIndex(from, to, rows());
        Matrix tile = Matrix.dense(workspace.decoded(Math.multiplyExact(to - from, columns())), to - from, columns());
        kernels.transpose(
                values.values(),
                values.offset() + from,
                values.stride(),
                columns(),
                to - from,
                tile.values(),
                0,
                columns());
        return tile;
    }

    @Override
    public Optional<Matrix> transposed() {
        return flipped ? Optional.of(values) : Optional.empty();
    }

    @Override
    public List<StoredWeight> stored() {
        return List.of();
    }
}
