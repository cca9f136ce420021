package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// A weight stored in an MX format: E2M1 codes (MXFP4) or E4M3 codes (MXFP8) and an E8M0 scale per 32 columns.
///
/// `value = code · 2^(scale - 127)`; a scale byte of 255 makes its block NaN. The product is exact unless it leaves the
/// range of float32.
///
/// gpt-oss's `blocks (rows, columns / 32, 16)` and `scales (rows, columns / 32)` are these bytes.
///
/// @param element the type of a code
/// @param codes `(rows, columns)` codes; E2M1 codes are packed in pairs, low nibble = even column
/// @param scales `(rows, columns / 32)` E8M0 codes
/// @param rows output features
/// @param columns input features, a multiple of 32
public record MxWeight(Element element, MemorySegment codes, MemorySegment scales, int rows, int columns)
        implements StoredWeight {

    /// Columns that share a scale.
    public static final int BLOCK = 32;

    /// The element types.
    public enum Element {
        E2M1("MXFP4", 4),
        E4M3("MXFP8", 8);

        private final String formatName;
        private final int bits;

        Element(String formatName, int bits) {
            this.formatName = formatName;
            this.bits = bits;
        }
    }

    /// @throws IllegalArgumentException if an extent does not fit
    public MxWeight {
        String what = String.format(Locale.ROOT, "%s weight [%d, %d]", element.formatName, rows, columns);
        StoredElements.requireExtents(what, rows, columns, BLOCK);
        long elements = (long) rows * columns;
        codes = StoredElements.require(what + ": codes", codes, elements, element.bits);
        scales = StoredElements.require(what + ": scales", scales, elements / BLOCK, Byte.SIZE);
    }

    /// Returns a weight of E2M1 codes.
    public static MxWeight mxfp4(MemorySegment codes, MemorySegment scales, int rows, int columns) {
        return new MxWeight(Element.E2M1, codes, scales, rows, columns);
    }

    /// Returns a weight of E4M3 codes.
    public static MxWeight mxfp8(MemorySegment codes, MemorySegment scales, int rows, int columns) {
        return new MxWeight(Element.E4M3, codes, scales, rows, columns);
    }

    @Override
    public String formatName() {
        return element.formatName;
    }

    /// Returns the scale code of block `block` of row `row`.
    int scaleCode(int row, int block) {
        return StoredElements.code(scales, (long) row * (columns / BLOCK) + block);
    }

    /// Returns the code of element `(row, column)`.
    int code(int row, int column) {
        long index = (long) row * columns + column;
        return switch (element) {
            case E2M1 -> StoredElements.nibble(codes, index);
            case E4M3 -> StoredElements.code(codes, index);
        };
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        for (int row = fromRow; row < toRow; row++) {
            int at = offset + (row - fromRow) * columns;
            for (int column = 0; column < columns; column += BLOCK) {
                float scale = E8m0.decode(scaleCode(row, column / BLOCK));
                for (int i = column; i < column + BLOCK; i++) {
                    int code = code(row, i);
                    target[at + i] = (element == Element.E2M1 ? E2m1.decode(code) : E4m3.decode(code)) * scale;
                }
            }
        }
    }

    @Override
    public StoredWeight rowRange(int fromRow, int toRow) {
        return new MxWeight(
                element,
                Slices.rows(codes, rows, (long) columns * element.bits / Byte.SIZE, fromRow, toRow),
                Slices.rows(scales, rows, columns / BLOCK, fromRow, toRow),
                toRow - fromRow,
                columns);
    }
}
