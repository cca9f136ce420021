package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// A weight stored as FP8 codes under float scales.
///
/// `value = code · scale`, one float32 multiplication; the scale is a multiplier under every name it goes by
/// (`weight_scale`, DeepSeek's `weight_scale_inv`). A scale covers a block of `blockRows` rows and `blockColumns`
/// columns: the whole tensor, one row (per channel), or 128 x 128. The last block of a row or column of blocks may be
/// partial; the block size is given, never derived from the number of scales.
///
/// @param codes `(rows, columns)`, one byte each
/// @param dtype the type of a code: F8_E4M3 or F8_E5M2
/// @param rows output features
/// @param columns input features
/// @param blockRows rows that share a scale
/// @param blockColumns columns that share a scale
/// @param scales `(ceil(rows / blockRows), ceil(columns / blockColumns))`
public record Fp8Weight(
        MemorySegment codes, DType dtype, int rows, int columns, int blockRows, int blockColumns, PlainWeight scales)
        implements StoredWeight {

    /// Rows and columns of a block in the block format of DeepSeek.
    public static final int BLOCK = 128;

    /// @throws IllegalArgumentException if the type is no FP8 or an extent does not fit
    public Fp8Weight {
        if (dtype != DType.F8_E4M3 && dtype != DType.F8_E5M2) {
            throw new IllegalArgumentException("FP8 weight: expected F8_E4M3 or F8_E5M2, found %s".formatted(dtype));
        }
        String what = String.format(Locale.ROOT, "FP8 weight [%d, %d]", rows, columns);
        StoredElements.requireExtents(what, rows, columns, 1);
        if (blockRows < 1 || blockColumns < 1) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%s: block [%d, %d] is empty", what, blockRows, blockColumns));
        }
        int scaleRows = Math.ceilDiv(rows, blockRows);
        int scaleColumns = Math.ceilDiv(columns, blockColumns);
        if (scales.rows() != scaleRows || scales.columns() != scaleColumns) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%s in blocks of [%d, %d]: expected scales [%d, %d], found [%d, %d]",
                    what,
                    blockRows,
                    blockColumns,
                    scaleRows,
                    scaleColumns,
                    scales.rows(),
                    scales.columns()));
        }
        codes = StoredElements.require(what, codes, (long) rows * columns, Byte.SIZE);
    }

    /// Returns a weight with one scale for the tensor.
    public static Fp8Weight perTensor(MemorySegment codes, DType dtype, int rows, int columns, float scale) {
        PlainWeight one = PlainWeight.ofFloats(new float[] {scale}, 1, 1);
        return new Fp8Weight(codes, dtype, rows, columns, Math.max(1, rows), Math.max(1, columns), one);
    }

    /// Returns a weight with one scale per output feature.
    ///
    /// @param scales `(rows, 1)`; a checkpoint's `[N]` and `[N, 1]` are the same bytes
    public static Fp8Weight perChannel(MemorySegment codes, DType dtype, int rows, int columns, PlainWeight scales) {
        return new Fp8Weight(codes, dtype, rows, columns, 1, Math.max(1, columns), scales);
    }

    /// Returns a weight with one scale per block of 128 rows and 128 columns.
    public static Fp8Weight blocks(MemorySegment codes, DType dtype, int rows, int columns, PlainWeight scales) {
        return new Fp8Weight(codes, dtype, rows, columns, BLOCK, BLOCK, scales);
    }

    @Override
    public String formatName() {
        if (blockColumns < columns) {
            return "FP8 block";
        }
        return blockRows < rows ? "FP8 channel" : "FP8 tensor";
    }

    /// Returns the scale of the block that element `(row, column)` lies in.
    public float scaleAt(int row, int column) {
        return scales.at(row / blockRows, column / blockColumns);
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        for (int row = fromRow; row < toRow; row++) {
            int at = offset + (row - fromRow) * columns;
            StoredElements.decode(codes, dtype, (long) row * columns, columns, target, at, 1);
            int end = 0;
            for (int start = 0; start < columns; start = end) {
                float scale = scaleAt(row, start);
                end = start + Math.min(columns - start, blockColumns);
                for (int column = start; column < end; column++) {
                    target[at + column] *= scale;
                }
            }
        }
    }

    @Override
    public StoredWeight rowRange(int fromRow, int toRow) {
        MemorySegment part = Slices.rows(codes, rows, columns, fromRow, toRow);
        int count = toRow - fromRow;
        if (blockRows >= rows && count > 0) {
            return new Fp8Weight(part, dtype, count, columns, blockRows, blockColumns, scales);
        }
        if (fromRow % blockRows == 0 && count > 0) {
            int firstScale = fromRow / blockRows;
            PlainWeight partScales =
                    (PlainWeight) scales.rowRange(firstScale, firstScale + Math.ceilDiv(count, blockRows));
            return new Fp8Weight(part, dtype, count, columns, blockRows, blockColumns, partScales);
        }
        return new RowSelection(this, fromRow, 1, count);
    }
}
