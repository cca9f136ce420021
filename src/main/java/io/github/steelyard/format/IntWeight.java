package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.Optional;

/// A weight stored as integers in groups of a row, packed into 32-bit words: `pack-quantized` of compressed-tensors.
///
/// `value = (code - zero) · scale`, the difference exact, then one float32 multiplication. Codes are unsigned, the
/// first column in the lowest bits; `zero` is `2^(bits - 1)` without zero points. Zero points are packed like codes,
/// but along the rows.
///
/// Source: COMPRESSED-TENSORS (see `docs/SOURCES.md`).
///
/// @param codes `(rows, ceil(columns · bits / 32))` words
/// @param bits 4 or 8
/// @param rows output features
/// @param columns input features
/// @param group columns that share a scale; the last group of a row may be partial
/// @param scales `(rows, ceil(columns / group))`
/// @param zeros `(ceil(rows · bits / 32), ceil(columns / group))` words; empty if codes are symmetric
public record IntWeight(
        MemorySegment codes,
        int bits,
        int rows,
        int columns,
        int group,
        PlainWeight scales,
        Optional<MemorySegment> zeros)
        implements StoredWeight {

    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// @throws IllegalArgumentException if the width is neither 4 nor 8, or an extent does not fit
    public IntWeight {
        if (bits != 4 && bits != 8) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "integer weight: expected 4 or 8 bits, found %d", bits));
        }
        String what = String.format(Locale.ROOT, "INT%d weight [%d, %d]", bits, rows, columns);
        StoredElements.requireExtents(what, rows, columns, 1);
        int groups = requireScales(what, rows, columns, group, scales);
        codes = StoredElements.require(what + ": codes", codes, (long) rows * words(columns, bits), Integer.SIZE);
        if (zeros.isPresent()) {
            zeros = Optional.of(StoredElements.require(
                    what + ": zero points", zeros.get(), (long) words(rows, bits) * groups, Integer.SIZE));
        }
    }

    /// Returns the number of groups in a row.
    ///
    /// @throws IllegalArgumentException if there is not a scale for each
    static int requireScales(String what, int rows, int columns, int group, PlainWeight scales) {
        if (group < 1) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "%s: groups of %d columns", what, group));
        }
        int groups = Math.ceilDiv(columns, group);
        if (scales.rows() != rows || scales.columns() != groups) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%s in groups of %d: expected scales [%d, %d], found [%d, %d]",
                    what,
                    group,
                    rows,
                    groups,
                    scales.rows(),
                    scales.columns()));
        }
        return groups;
    }

    /// Returns how many 32-bit words hold `count` codes.
    public static int words(int count, int bits) {
        return Math.ceilDiv(count, Integer.SIZE / bits);
    }

    @Override
    public String formatName() {
        return "INT" + bits;
    }

    private int zero(int row, int group) {
        if (zeros.isEmpty()) {
            return 1 << (bits - 1);
        }
        int inWord = Integer.SIZE / bits;
        long index = (long) (row / inWord) * scales.columns() + group;
        return (zeros.get().get(WORD, index * Integer.BYTES) >>> (row % inWord * bits)) & ((1 << bits) - 1);
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        float[] rowScales = new float[scales.columns()];
        int inWord = Integer.SIZE / bits;
        int mask = (1 << bits) - 1;
        for (int row = fromRow; row < toRow; row++) {
            scales.decodeRows(row, row + 1, rowScales, 0);
            long rowBytes = (long) row * words(columns, bits) * Integer.BYTES;
            int at = offset + (row - fromRow) * columns;
            for (int g = 0; g < rowScales.length; g++) {
                int zero = zero(row, g);
                float scale = rowScales[g];
                int end = Math.min(columns, (g + 1) * group);
                for (int column = g * group; column < end; column++) {
                    int word = codes.get(WORD, rowBytes + (long) (column / inWord) * Integer.BYTES);
                    int code = (word >>> (column % inWord * bits)) & mask;
                    target[at + column] = (code - zero) * scale;
                }
            }
        }
    }
}
