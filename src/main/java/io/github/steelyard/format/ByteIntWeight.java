package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/// A weight stored as signed integers of one byte, with one scale per row or one for the tensor.
///
/// `value = code · scale`, one float32 multiplication.
///
/// Source: MODELOPT, COMPRESSED-TENSORS (see `docs/SOURCES.md`).
///
/// @param codes `(rows, columns)` bytes
/// @param rows output features
/// @param columns input features
/// @param scales `(rows, 1)`, or `(1, 1)` for the tensor
public record ByteIntWeight(MemorySegment codes, int rows, int columns, PlainWeight scales) implements StoredWeight {

    /// @throws IllegalArgumentException if an extent does not fit
    public ByteIntWeight {
        String what = String.format(Locale.ROOT, "INT8 weight [%d, %d]", rows, columns);
        StoredElements.requireExtents(what, rows, columns, 1);
        if (scales.columns() != 1 || (scales.rows() != rows && scales.rows() != 1)) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%s: expected scales [%d, 1] or [1, 1], found [%d, %d]",
                    what,
                    rows,
                    scales.rows(),
                    scales.columns()));
        }
        codes = StoredElements.require(what + ": codes", codes, (long) rows * columns, Byte.SIZE);
    }

    /// Returns a weight with one scale for the tensor.
    public static ByteIntWeight perTensor(MemorySegment codes, int rows, int columns, float scale) {
        return new ByteIntWeight(codes, rows, columns, PlainWeight.ofFloats(new float[] {scale}, 1, 1));
    }

    @Override
    public String formatName() {
        return scales.rows() < rows ? "INT8 tensor" : "INT8 channel";
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        for (int row = fromRow; row < toRow; row++) {
            float scale = scales.at(scales.rows() == 1 ? 0 : row, 0);
            long first = (long) row * columns;
            int at = offset + (row - fromRow) * columns;
            for (int column = 0; column < columns; column++) {
                target[at + column] = codes.get(ValueLayout.JAVA_BYTE, first + column) * scale;
            }
        }
    }
}
