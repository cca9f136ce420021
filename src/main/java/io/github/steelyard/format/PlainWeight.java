package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// A weight stored as plain values: F32, F16 or BF16.
///
/// @param elements the values, row-major and dense, little-endian
/// @param dtype the type of a value
/// @param rows output features
/// @param columns input features
public record PlainWeight(MemorySegment elements, DType dtype, int rows, int columns) implements StoredWeight {

    /// @throws IllegalArgumentException if the type is none of the three or the size does not fit the extents
    public PlainWeight {
        requirePlain(dtype);
        String what = String.format(Locale.ROOT, "%s weight [%d, %d]", dtype, rows, columns);
        StoredElements.requireExtents(what, rows, columns, 1);
        elements = StoredElements.require(what, elements, (long) rows * columns, dtype.bits());
    }

    /// Returns a weight that reads the `rows · columns` values of an array, for example of one that was made here.
    public static PlainWeight ofFloats(float[] values, int rows, int columns) {
        return new PlainWeight(MemorySegment.ofArray(values), DType.F32, rows, columns);
    }

    static void requirePlain(DType dtype) {
        if (dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
            throw new IllegalArgumentException("plain weight: expected F32, F16 or BF16, found %s".formatted(dtype));
        }
    }

    @Override
    public String formatName() {
        return dtype.name();
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        for (int row = fromRow; row < toRow; row++) {
            int at = offset + (row - fromRow) * columns;
            StoredElements.decode(elements, dtype, (long) row * columns, columns, target, at, 1);
        }
    }

    @Override
    public StoredWeight rowRange(int fromRow, int toRow) {
        long rowBytes = (long) columns * dtype.bits() / Byte.SIZE;
        return new PlainWeight(Slices.rows(elements, rows, rowBytes, fromRow, toRow), dtype, toRow - fromRow, columns);
    }

    /// Returns element `(row, column)`.
    float at(int row, int column) {
        float[] one = new float[1];
        StoredElements.decode(elements, dtype, (long) row * columns + column, 1, one, 0, 1);
        return one[0];
    }
}
