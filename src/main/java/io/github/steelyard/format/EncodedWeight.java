package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A weight that was encoded before: an encoder of its format takes its codes and scales as they are.
///
/// @param format the format
/// @param codes as [WeightEncoder.Encoded] has them, of all rows
/// @param scales as well
/// @param values the weight that these make up
public record EncodedWeight(Format format, MemorySegment codes, MemorySegment scales, StoredWeight values)
        implements StoredWeight {

    /// Returns an NVFP4 weight.
    public static EncodedWeight of(Nvfp4Weight weight) {
        return new EncodedWeight(Format.NVFP4, weight.codes(), weight.blockScales(), weight);
    }

    /// Returns the codes and scales of some rows.
    public WeightEncoder.Encoded encoded(int fromRow, int toRow) {
        return new WeightEncoder.Encoded(rows(codes, fromRow, toRow), rows(scales, fromRow, toRow));
    }

    private byte[] rows(MemorySegment memory, int fromRow, int toRow) {
        return Slices.rows(memory, rows(), memory.byteSize() / Math.max(1, rows()), fromRow, toRow)
                .toArray(ValueLayout.JAVA_BYTE);
    }

    @Override
    public int rows() {
        return values.rows();
    }

    @Override
    public int columns() {
        return values.columns();
    }

    @Override
    public String formatName() {
        return values.formatName();
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        values.decodeRows(fromRow, toRow, target, offset);
    }
}
