package io.github.steelyard.matrix;

/// Sees the rows of weights that are packed.
@FunctionalInterface
public interface RowListener {

    /// Wants to see nothing.
    RowListener NONE = (weight, rows) -> {};

    /// Sees rows as they were decoded. Each row of a weight is shown once, in ascending order.
    ///
    /// @param weight which of the weights that are packed together
    /// @param rows dense `(rows, columns)`; not to be changed, good until the call returns
    void rows(int weight, Matrix rows);
}
