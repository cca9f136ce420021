package io.github.steelyard.format;

/// The MX encoders of compressed-tensors, whose scales are not rounded up but from 1.75 times a power of two on: the
/// largest values of a block may saturate, the others have finer steps.
///
/// ```text
/// e    = exponent of (bits of b + 2^21) - 2 or - 8, at least 0      b = amax of the block; 2 for E2M1, 8 for E4M3
/// code = element(w / 2^(e - 127))                                   saturating, ties to even
/// ```
///
/// Source: COMPRESSED-TENSORS (see `docs/SOURCES.md`).
final class NearMx {

    private static final int QUARTER = 1 << 21; // of the leading bit of a float32
    private static final int FP4_EXPONENT = 2; // of 6 and of 448: their largest powers of two
    private static final int FP8_EXPONENT = 8;

    private NearMx() {}

    /// Encodes dense rows as MXFP4; parameters as in [Mx#encodeFp4Rows].
    static void encodeFp4Rows(float[] weights, int offset, int rows, int columns, byte[] codes, byte[] scales) {
        StoredElements.requireExtents("MXFP4 weight", rows, columns, Mx.BLOCK);
        for (int block = 0; block < rows * (columns / Mx.BLOCK); block++) {
            int from = offset + block * Mx.BLOCK;
            int code = scaleCode(Amax.require(Amax.of(weights, from, Mx.BLOCK)), FP4_EXPONENT);
            scales[block] = (byte) code;
            E2m1.encode(weights, from, Mx.BLOCK, E8m0.decode(code), codes, block * (Mx.BLOCK / 2));
        }
    }

    /// Encodes dense rows as MXFP8; parameters as in [Mx#encodeFp8Rows].
    static void encodeFp8Rows(float[] weights, int offset, int rows, int columns, byte[] codes, byte[] scales) {
        StoredElements.requireExtents("MXFP8 weight", rows, columns, Mx.BLOCK);
        for (int block = 0; block < rows * (columns / Mx.BLOCK); block++) {
            int from = offset + block * Mx.BLOCK;
            int code = scaleCode(Amax.require(Amax.of(weights, from, Mx.BLOCK)), FP8_EXPONENT);
            scales[block] = (byte) code;
            Fp8.encode(weights, from, Mx.BLOCK, E8m0.decode(code), codes, block * Mx.BLOCK);
        }
        Fp8.dropSignsOfZeros(weights, offset, codes);
    }

    /// Returns the E8M0 code of the scale of a block with this amax, `0..254`.
    static int scaleCode(float blockAmax, int exponent) {
        int rounded = (Float.floatToRawIntBits(blockAmax) + QUARTER) >>> 23;
        return Math.max(rounded - exponent, 0);
    }
}
