package io.github.steelyard.format;

/// The MX encoders: E2M1 codes (MXFP4) or E4M3 codes (MXFP8) in blocks of 32 under an E8M0 scale.
///
/// ```text
/// scale = e8m0(b / max)                     b = amax of the block, max = 6 or 448; e8m0 rounds up
/// code  = element(w · 2^(127 - scale))      an exact multiplication, then one rounding, ties to even
/// ```
///
/// A block of zeros has scale code 0. The exponent is taken from the bits of the float32 quotient; ModelOpt takes
/// `ceil(log2(quotient))` in float32, which rounds down where the quotient lies less than one part in 2^20 or so above
/// a power of two. BF16 weights never do.
///
/// Rows are encoded independently of each other, so that a tensor can be written in pieces.
public final class Mx {

    /// Columns that share a scale.
    public static final int BLOCK = MxWeight.BLOCK;

    /// How MXFP4 codes are rounded.
    public enum Fp4Rounding {
        /// To nearest, ties to the even code, as in the kernels and in every other format here.
        NEAREST_EVEN,
        /// The bytes of ModelOpt's MXFP4 export: ties go down in magnitude, and zero gets the sign bit.
        MODELOPT_EXPORT
    }

    private static final float[] FP4_TIES = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5};

    private Mx() {}

    /// Encodes dense rows as MXFP4.
    ///
    /// @param weights `(rows, columns)` from `offset` on, finite
    /// @param columns a multiple of 32
    /// @param codes receives `(rows, columns / 2)` bytes from `codesOffset` on, low nibble = even column
    /// @param scales receives `(rows, columns / 32)` E8M0 codes from `scalesOffset` on
    /// @throws IllegalArgumentException if `columns` is no multiple of 32 or a weight is not finite
    public static void encodeFp4Rows(
            float[] weights,
            int offset,
            int rows,
            int columns,
            Fp4Rounding rounding,
            byte[] codes,
            int codesOffset,
            byte[] scales,
            int scalesOffset) {
        StoredElements.requireExtents("MXFP4 weight", rows, columns, BLOCK);
        for (int block = 0; block < rows * (columns / BLOCK); block++) {
            int from = offset + block * BLOCK;
            int scale = scaleCode(weights, from, E2m1.MAX);
            scales[scalesOffset + block] = (byte) scale;
            float inverse = E8m0.decode(254 - scale);
            for (int pair = 0; pair < BLOCK / 2; pair++) {
                int even = fp4Code(weights[from + 2 * pair] * inverse, rounding);
                int odd = fp4Code(weights[from + 2 * pair + 1] * inverse, rounding);
                codes[codesOffset + block * (BLOCK / 2) + pair] = (byte) (even | (odd << 4));
            }
        }
    }

    /// Encodes dense rows as MXFP8.
    ///
    /// @param weights `(rows, columns)` from `offset` on, finite
    /// @param columns a multiple of 32
    /// @param codes receives `(rows, columns)` bytes from `codesOffset` on
    /// @param scales receives `(rows, columns / 32)` E8M0 codes from `scalesOffset` on
    /// @throws IllegalArgumentException if `columns` is no multiple of 32 or a weight is not finite
    public static void encodeFp8Rows(
            float[] weights,
            int offset,
            int rows,
            int columns,
            byte[] codes,
            int codesOffset,
            byte[] scales,
            int scalesOffset) {
        StoredElements.requireExtents("MXFP8 weight", rows, columns, BLOCK);
        for (int block = 0; block < rows * (columns / BLOCK); block++) {
            int from = offset + block * BLOCK;
            int scale = scaleCode(weights, from, E4m3.MAX);
            scales[scalesOffset + block] = (byte) scale;
            float inverse = E8m0.decode(254 - scale);
            for (int i = 0; i < BLOCK; i++) {
                codes[codesOffset + block * BLOCK + i] = (byte) E4m3.encode(weights[from + i] * inverse);
            }
        }
    }

    /// Returns the E8M0 code of the scale of a block with this amax, `0..254`.
    ///
    /// @param blockAmax finite
    /// @param largest the largest element: 6 or 448
    public static int scaleCode(float blockAmax, float largest) {
        return E8m0.encode(blockAmax / largest);
    }

    /// Returns the E8M0 code of the scale of a block with this amax, `0..254`, or that of NaN.
    ///
    /// @param arithmetic whose order of roundings
    /// @param blockAmax finite or NaN
    /// @param largest the largest element: 6 or 448
    public static int scaleCode(Arithmetic arithmetic, float blockAmax, float largest) {
        return switch (arithmetic) {
            case MODELOPT -> scaleCode(blockAmax, largest);
            case COMPRESSED_TENSORS ->
                Float.isNaN(blockAmax) ? E8m0.NAN_CODE : NearMx.scaleCode(blockAmax, Math.getExponent(largest));
        };
    }

    private static int scaleCode(float[] weights, int from, float largest) {
        return scaleCode(Amax.require(Amax.of(weights, from, BLOCK)), largest);
    }

    private static int fp4Code(float x, Fp4Rounding rounding) {
        return switch (rounding) {
            case NEAREST_EVEN -> E2m1.encode(x);
            case MODELOPT_EXPORT -> {
                int magnitude = 0;
                for (float tie : FP4_TIES) {
                    magnitude += Math.abs(x) > tie ? 1 : 0;
                }
                yield x > 0 ? magnitude : magnitude | 8;
            }
        };
    }
}
