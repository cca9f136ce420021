package io.github.steelyard.matrix;

import java.util.Locale;
import java.util.Objects;

/// A float32 matrix in a part of a heap array, row-major.
///
/// @param values holds the elements; not copied
/// @param offset index of element `(0, 0)`
/// @param rows number of rows, may be 0
/// @param columns number of columns, may be 0
/// @param stride distance between the starts of two rows, at least `columns`
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Matrix(float[] values, int offset, int rows, int columns, int stride) {

    /// @throws IllegalArgumentException if an extent is negative or the stride below the number of columns
    /// @throws IndexOutOfBoundsException if the elements do not lie within `values`
    public Matrix {
        if (rows < 0 || columns < 0 || stride < columns) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "matrix: extents [%d, %d] with row distance %d", rows, columns, stride));
        }
        if (rows > 0 && columns > 0) {
            Objects.checkFromIndexSize((long) offset, (rows - 1L) * stride + columns, values.length);
        }
    }

    /// Returns the dense matrix `(rows, columns)` that begins with the first element of `values`.
    public static Matrix dense(float[] values, int rows, int columns) {
        return new Matrix(values, 0, rows, columns, columns);
    }

    /// Returns where row `row` begins in [#values].
    public int at(int row) {
        return offset + row * stride;
    }

    /// Returns rows `from` (inclusive) to `to` (exclusive), without copying.
    public Matrix rowRange(int from, int to) {
        Objects.checkFromToIndex(from, to, rows);
        return new Matrix(values, at(from), to - from, columns, stride);
    }

    /// Returns columns `from` (inclusive) to `to` (exclusive), without copying.
    public Matrix columnRange(int from, int to) {
        Objects.checkFromToIndex(from, to, columns);
        return new Matrix(values, offset + from, rows, to - from, stride);
    }
}
