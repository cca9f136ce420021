package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/// A weight stored as NVFP4: E2M1 codes, an E4M3 scale per 16 columns, one float32 scale for the tensor.
///
/// `value = e2m1(code) · (e4m3(blockScale) · globalScale)`, in float32: the two scales are multiplied first, as in
/// ModelOpt and in the encoder. The other order differs in the last bit of about every thirteenth value.
///
/// @param codes `(rows, columns / 2)` bytes; low nibble = even column
/// @param blockScales `(rows, columns / 16)` E4M3 codes
/// @param rows output features
/// @param columns input features, a multiple of 16
/// @param globalScale a multiplier: ModelOpt's `weight_scale_2`
public record Nvfp4Weight(MemorySegment codes, MemorySegment blockScales, int rows, int columns, float globalScale)
        implements StoredWeight {

    /// Columns that share a block scale.
    public static final int BLOCK = 16;

    /// @throws IllegalArgumentException if an extent does not fit
    public Nvfp4Weight {
        String what = String.format(Locale.ROOT, "NVFP4 weight [%d, %d]", rows, columns);
        StoredElements.requireExtents(what, rows, columns, BLOCK);
        long elements = (long) rows * columns;
        codes = StoredElements.require(what + ": codes", codes, elements, 4);
        blockScales = StoredElements.require(what + ": block scales", blockScales, elements / BLOCK, Byte.SIZE);
    }

    /// Returns a weight in the convention of compressed-tensors, whose global scale is a divisor.
    ///
    /// Its reciprocal, rounded to float32, is used as multiplier; values may differ by one unit in the last place from
    /// those of a division.
    ///
    /// @param weightGlobalScale `2688 / amax`
    public static Nvfp4Weight ofReciprocal(
            MemorySegment codes, MemorySegment blockScales, int rows, int columns, float weightGlobalScale) {
        return new Nvfp4Weight(codes, blockScales, rows, columns, 1 / weightGlobalScale);
    }

    /// Returns a weight whose scales each cover 32 columns; they are copied, each twice.
    ///
    /// @param scales `(rows, columns / 32)` E4M3 codes
    /// @throws IllegalArgumentException if an extent does not fit
    public static Nvfp4Weight ofBlocks32(
            MemorySegment codes, MemorySegment scales, int rows, int columns, float globalScale) {
        StoredElements.requireExtents("NVFP4 weight in blocks of 32", rows, columns, 2 * BLOCK);
        byte[] twice = Nvfp4.twice(scales.toArray(ValueLayout.JAVA_BYTE));
        return new Nvfp4Weight(codes, MemorySegment.ofArray(twice), rows, columns, globalScale);
    }

    @Override
    public String formatName() {
        return "NVFP4";
    }

    /// Returns the multiplier of block `block` of row `row`: block scale times global scale, in float32.
    public float scaleAt(int row, int block) {
        long index = (long) row * (columns / BLOCK) + block;
        return E4m3.decode(StoredElements.code(blockScales, index)) * globalScale;
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        for (int row = fromRow; row < toRow; row++) {
            long first = (long) row * columns;
            int at = offset + (row - fromRow) * columns;
            for (int column = 0; column < columns; column += BLOCK) {
                float scale = scaleAt(row, column / BLOCK);
                for (int i = column; i < column + BLOCK; i++) {
                    target[at + i] = E2m1.decode(StoredElements.nibble(codes, first + i)) * scale;
                }
            }
        }
    }

    @Override
    public StoredWeight rowRange(int fromRow, int toRow) {
        return new Nvfp4Weight(
                Slices.rows(codes, rows, columns / 2, fromRow, toRow),
                Slices.rows(blockScales, rows, columns / BLOCK, fromRow, toRow),
                toRow - fromRow,
                columns,
                globalScale);
    }
}
