package io.github.steelyard.format;

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
    void decodeRows(int fromRow, int toRow, float[] target, int offset);
}
