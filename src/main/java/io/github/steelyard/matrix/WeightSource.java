package io.github.steelyard.matrix;

import io.github.steelyard.format.StoredWeight;
import java.util.List;
import java.util.Optional;

/// A weight `(rows = output features, columns = input features)` that a [MatrixProduct.Worker] is to pack, in whatever
/// form suits its layout: float32 rows, or codes and scales as they are stored. Used by one thread, within the call.
public sealed interface WeightSource permits DenseSource, StoredSource {

    /// Returns the number of output features, at least 1.
    int rows();

    /// Returns the number of input features, at least 1.
    int columns();

    /// Returns rows `from` (inclusive) to `to` (exclusive) as float32. Rows are asked for in ascending order, each at
    /// most once, and up to [MatrixProduct#ROW_STEP] at a time; the values are good until the next call.
    Matrix rows(int from, int to);

    /// Returns the values as `(columns, rows)`, where they lie so: taking them is then cheaper than [#rows].
    Optional<Matrix> transposed();

    /// Returns the weights one below the other as they are stored, codes and scales: what a product reads that keeps
    /// them narrower than float32. Empty where the values were computed or altered, so that only [#rows] has them.
    ///
    /// Whoever watches the decoded rows sees each of them once, whether or not the product asked for them.
    List<StoredWeight> stored();
}
