package io.github.steelyard.format;

/// The FP8 encoder: E4M3 codes under float32 scales.
///
/// ```text
/// scale = amax / 448            1 where that is zero
/// code  = e4m3(w / scale)       one float32 division, then one rounding to E4M3
/// ```
///
/// For weights loaded in BF16 ModelOpt rounds the quotient to BF16 in between; this encoder never does, so it equals
/// ModelOpt's bytes for a model loaded in float32 (see `docs/ODDITIES.md`).
///
/// The amax is that of the tensor, of a row (per channel) or of a block of 128 rows and 128 columns.
public final class Fp8 {

    /// Rows and columns of a block in the block format.
    public static final int BLOCK = Fp8Weight.BLOCK;

    private Fp8() {}

    /// Returns the scale for elements with this amax: `weight_scale`, `input_scale`, `k_scale`, `v_scale`. 1 if that
    /// would be zero.
    ///
    /// @throws IllegalArgumentException if `amax` is negative or not finite
    public static float scale(float amax) {
        float scale = Amax.require(amax) / E4m3.MAX;
        return scale == 0 ? 1 : scale;
    }

    /// Encodes `count` elements under one scale.
    public static void encode(float[] weights, int offset, int count, float scale, byte[] codes, int codesOffset) {
        for (int i = 0; i < count; i++) {
            codes[codesOffset + i] = (byte) E4m3.encode(weights[offset + i] / scale);
        }
    }

    /// Gives what is -0.0 the code of zero: compressed-tensors adds a zero point of 0 before it rounds. What rounds to
    /// zero keeps its sign.
    static void dropSignsOfZeros(float[] weights, int offset, byte[] codes) {
        for (int i = 0; i < codes.length; i++) {
            if (weights[offset + i] == 0) {
                codes[i] = 0;
            }
        }
    }

    /// Encodes dense rows with one scale per row.
    ///
    /// @param weights `(rows, columns)` from `offset` on, finite
    /// @param codes receives `(rows, columns)` bytes from `codesOffset` on
    /// @param scales receives `rows` scales from `scalesOffset` on
    /// @throws IllegalArgumentException if a weight is not finite
    public static void encodeChannels(
            float[] weights,
            int offset,
            int rows,
            int columns,
            byte[] codes,
            int codesOffset,
            float[] scales,
            int scalesOffset) {
        for (int row = 0; row < rows; row++) {
            int from = offset + row * columns;
            float scale = scale(Amax.of(weights, from, columns));
            scales[scalesOffset + row] = scale;
            encode(weights, from, columns, scale, codes, codesOffset + row * columns);
        }
    }

    /// Encodes dense rows with one scale per 128 x 128 block. Written in pieces, each piece but the last must have a
    /// multiple of 128 rows.
    ///
    /// @param weights `(rows, columns)` from `offset` on, finite
    /// @param codes receives `(rows, columns)` bytes from `codesOffset` on
    /// @param scales receives `(ceil(rows / 128), ceil(columns / 128))` scales from `scalesOffset` on
    /// @throws IllegalArgumentException if a weight is not finite
    public static void encodeBlocks(
            float[] weights,
            int offset,
            int rows,
            int columns,
            byte[] codes,
            int codesOffset,
            float[] scales,
            int scalesOffset) {
        int scaleIndex = scalesOffset;
        for (int top = 0; top < rows; top += BLOCK) {
            int height = Math.min(BLOCK, rows - top);
            for (int left = 0; left < columns; left += BLOCK) {
                int width = Math.min(BLOCK, columns - left);
                int at = top * columns + left;
                float scale = scale(blockAmax(weights, offset + at, height, width, columns));
                scales[scaleIndex++] = scale;
                for (int row = 0; row < height; row++, at += columns) {
                    encode(weights, offset + at, width, scale, codes, codesOffset + at);
                }
            }
        }
    }

    private static float blockAmax(float[] weights, int from, int height, int width, int stride) {
        float amax = 0;
        for (int row = 0; row < height; row++) {
            amax = Math.max(amax, Amax.of(weights, from + row * stride, width));
        }
        return amax;
    }
}
