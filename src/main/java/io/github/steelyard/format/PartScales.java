package io.github.steelyard.format;

/// Chooses the scales of the parts of a weight that have one of their own: blocks, rows or tiles. Without one each part
/// has the scale of its largest magnitude.
@FunctionalInterface
public interface PartScales {

    /// Returns the scales of dense rows, which depend on these rows alone; in a format of tiles the first row begins
    /// one.
    ///
    /// @param values `(rows, columns)` from `offset` on, finite
    /// @return the scales as the format's [StoredWeight] has them: E4M3 codes for NVFP4, else little-endian float32
    /// @throws IllegalArgumentException if `columns` is no multiple of the format's block or a value is not finite
    byte[] of(float[] values, int offset, int rows, int columns);
}
