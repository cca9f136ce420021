package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// An NVFP4 weight stored `(input features, output features)`, as ModelOpt writes the fused experts of gpt-oss and
/// Llama-4: blocks and packing run along the inputs, which are the first extent. Arithmetic as in [Nvfp4Weight].
///
/// @param codes `(columns / 2, rows)` bytes; low nibble = even column
/// @param blockScales `(columns / 16, rows)` E4M3 codes
/// @param rows output features: the extent that lies together in memory
/// @param columns input features, a multiple of 16
/// @param globalScale a multiplier: `weight_scale_2`
public record TransposedNvfp4Weight(
        MemorySegment codes, MemorySegment blockScales, int rows, int columns, float globalScale)
        implements StoredWeight {

    /// @throws IllegalArgumentException if an extent does not fit
    public TransposedNvfp4Weight {
        String what = String.format(Locale.ROOT, "NVFP4 weight [%d, %d], stored transposed", rows, columns);
        StoredElements.requireExtents(what, rows, columns, Nvfp4Weight.BLOCK);
        long elements = (long) rows * columns;
        codes = StoredElements.require(what + ": codes", codes, elements, 4);
        blockScales =
                StoredElements.require(what + ": block scales", blockScales, elements / Nvfp4Weight.BLOCK, Byte.SIZE);
    }

    @Override
    public String formatName() {
        return "NVFP4";
    }

    @Override
    public boolean isRowMajor() {
        return false;
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        for (int column = 0; column < columns; column += 2) {
            long codeRow = (long) (column / 2) * rows;
            long scaleRow = (long) (column / Nvfp4Weight.BLOCK) * rows;
            for (int row = fromRow; row < toRow; row++) {
                float scale = E4m3.decode(StoredElements.code(blockScales, scaleRow + row)) * globalScale;
                int pair = StoredElements.code(codes, codeRow + row);
                int at = offset + (row - fromRow) * columns + column;
                target[at] = E2m1.decode(pair) * scale;
                target[at + 1] = E2m1.decode(pair >>> 4) * scale;
            }
        }
    }
}
