package io.github.steelyard.kernel;

/// The exponential function in float32, as one fixed sequence of operations that scalar and SIMD code share, so that
/// both give the same bits on every machine.
///
/// `x = n ln 2 + r` with integer `n` and `|r| <= ln 2 / 2`; `exp(r)` by a polynomial, then a multiplication with `2^n`
/// in two steps, so that results in the subnormal range are rounded once. Within 1 ulp of the true value.
///
/// Source: polynomial and split of ln 2 from CEPHES, `expf` (see `docs/SOURCES.md`).
final class Exp {

    /// Beyond these the result is infinite, or rounds to 0.
    static final float MAX = 89;

    static final float MIN = -104;

    static final float LOG2_E = 1.442695f;

    /// Adding 1.5 * 2^23 rounds a small float to an integer, which then stands in the low bits.
    static final float ROUND = 12_582_912f;

    static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

    static final float LN2_HIGH = 0x1.63p-1f;
    static final float LN2_LOW = -2.1219444E-4f;
    static final float C2 = 0.5f;
    static final float C3 = 0.16666666f;
    static final float C4 = 0.041665796f;
    static final float C5 = 0.008333452f;
    static final float C6 = 0.0013981999f;
    static final float C7 = 1.9875691E-4f;

    private Exp() {}

    /// Returns `e^x`; NaN for NaN.
    static float of(float x) {
        float capped = x > MAX ? MAX : x;
        float clamped = capped < MIN ? MIN : capped;
        float shifted = Math.fma(clamped, LOG2_E, ROUND);
        int n = Float.floatToRawIntBits(shifted) - ROUND_BITS;
        float whole = shifted - ROUND;
        float r = Math.fma(whole, -LN2_LOW, Math.fma(whole, -LN2_HIGH, clamped));
        float p = Math.fma(Math.fma(Math.fma(Math.fma(Math.fma(C7, r, C6), r, C5), r, C4), r, C3), r, C2);
        float y = Math.fma(p, r * r, r) + 1;
        int half = n >> 1;
        return y * powerOfTwo(half) * powerOfTwo(n - half);
    }

    private static float powerOfTwo(int exponent) {
        return Float.intBitsToFloat((exponent + 127) << 23);
    }
}
