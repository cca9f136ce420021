package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// A weight stored as signed integers of four bits in groups of a row, two rows in a byte: ModelOpt's `W4A16_AWQ`.
///
/// `value = code · scale`, one float32 multiplication.
///
/// Source: MODELOPT (see `docs/SOURCES.md`).
///
/// @param codes `(ceil(rows / 2), columns)` bytes; low nibble = even row
/// @param rows output features
/// @param columns input features
/// @param group columns that share a scale; the last group of a row may be partial
/// @param scales `(rows, ceil(columns / group))`
public record PairedIntWeight(MemorySegment codes, int rows, int columns, int group, PlainWeight scales)
        implements StoredWeight {

    private static final int BITS = 4;

    /// @throws IllegalArgumentException if an extent does not fit
    public PairedIntWeight {
        String what = String.format(Locale.ROOT, "INT4 weight [%d, %d]", rows, columns);
        StoredElements.requireExtents(what, rows, columns, 1);
        IntWeight.requireScales(what, rows, columns, group, scales);
        codes = StoredElements.require(what + ": codes", codes, Math.ceilDiv(rows, 2) * (long) columns, Byte.SIZE);
    }

    @Override
    public String formatName() {
        return "INT" + BITS;
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        float[] rowScales = new float[scales.columns()];
        for (int row = fromRow; row < toRow; row++) {
            scales.decodeRows(row, row + 1, rowScales, 0);
            long first = row / 2 * (long) columns;
            int unwanted = Integer.SIZE - BITS - row % 2 * BITS;
            int at = offset + (row - fromRow) * columns;
            for (int column = 0; column < columns; column++) {
                int code = StoredElements.code(codes, first + column) << unwanted >> (Integer.SIZE - BITS);
                target[at + column] = code * rowScales[column / group];
            }
        }
    }
}
