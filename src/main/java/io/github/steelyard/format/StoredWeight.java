package io.github.steelyard.format;

import java.util.Locale;

/// A weight matrix `(rows = output features, columns = input features)` as it lies in a checkpoint: codes and scales,
/// not yet float32. Implementations read mapped memory and hold no copy.
///
/// A weight is immutable and may be decoded from several threads at once.
public interface StoredWeight {

    /// Returns the number of output features.
    int rows();

    /// Returns the number of input features.
    int columns();

    /// Returns the name of the format for people: `BF16`, `FP8 tensor`, `NVFP4`, …
    String formatName();

    /// Decodes rows `fromRow` (inclusive) to `toRow` (exclusive) into `target`, row-major and dense, starting at
    /// `offset`. This plain loop is the specification of the format.
    ///
    /// @throws IllegalArgumentException if the rows do not exist or do not fit into `target`
    void decodeRows(int fromRow, int toRow, float[] target, int offset);

    /// Returns whether a row lies together in memory: reading one is then as cheap as its share of many, so that an
    /// embedding table can be read row by row. Of a weight that is stored transposed, read many rows at once.
    default boolean isRowMajor() {
        return true;
    }

    /// Returns rows `fromRow` (inclusive) to `toRow` (exclusive) as a weight of its own, without copying.
    ///
    /// @throws IllegalArgumentException if the rows do not exist
    default StoredWeight rowRange(int fromRow, int toRow) {
        return new RowSelection(this, fromRow, 1, toRow - fromRow);
    }

    /// Returns every second row, from `first` (0 or 1) on: one half of an interleaved gate and up projection.
    ///
    /// @throws IllegalArgumentException if `first` is neither 0 nor 1 or the number of rows is odd
    default StoredWeight everySecondRow(int first) {
        if (first < 0 || first > 1 || rows() % 2 != 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "every second row from %d of a weight with %d rows", first, rows()));
        }
        return new RowSelection(this, first, 2, rows() / 2);
    }
}
