package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// A weight stored `(input features, output features)`, as fused expert tensors are: plain values, or FP8 codes under
/// one scale. `value = element · scale`.
///
/// @param elements `(columns, rows)`, dense
/// @param dtype F32, F16, BF16, F8_E4M3 or F8_E5M2
/// @param rows output features: the extent that lies together in memory
/// @param columns input features
/// @param scale a multiplier; 1 for plain values
public record TransposedWeight(MemorySegment elements, DType dtype, int rows, int columns, float scale)
        implements StoredWeight {

    /// @throws IllegalArgumentException if the type has no codec or an extent does not fit
    public TransposedWeight {
        if (dtype != DType.F8_E4M3 && dtype != DType.F8_E5M2) {
            PlainWeight.requirePlain(dtype);
        }
        String what = String.format(Locale.ROOT, "%s weight [%d, %d], stored transposed", dtype, rows, columns);
        StoredElements.requireExtents(what, rows, columns, 1);
        elements = StoredElements.require(what, elements, (long) rows * columns, dtype.bits());
    }

    /// Returns a weight of plain values.
    public static TransposedWeight plain(MemorySegment elements, DType dtype, int rows, int columns) {
        PlainWeight.requirePlain(dtype);
        return new TransposedWeight(elements, dtype, rows, columns, 1f);
    }

    @Override
    public String formatName() {
        return dtype.bits() == Byte.SIZE ? "FP8 tensor" : dtype.name();
    }

    @Override
    public boolean isRowMajor() {
        return false;
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        int count = toRow - fromRow;
        for (int column = 0; column < columns; column++) {
            long first = (long) column * rows + fromRow;
            StoredElements.decode(elements, dtype, first, count, target, offset + column, columns);
        }
        if (scale != 1f) {
            for (int i = offset; i < offset + count * columns; i++) {
                target[i] *= scale;
            }
        }
    }
}
