package io.github.steelyard.format;

/// FP4 E2M1, the element type of NVFP4 and MXFP4.
///
/// ```text
/// bit   3      2 1        0
///       sign   exponent   mantissa      bias 1
/// ```
///
/// | code      | 0 | 1   | 2 | 3   | 4 | 5 | 6 | 7 |
/// |-----------|---|-----|---|-----|---|---|---|---|
/// | magnitude | 0 | 0.5 | 1 | 1.5 | 2 | 3 | 4 | 6 |
///
/// There is no infinity and no NaN. These are the plain E2M1 values: no factor is folded into the table or the scale.
///
/// Encoding rounds to nearest; a tie goes to the code with mantissa bit 0 (0.25 → 0, 0.75 → 1, 1.25 → 1, 1.75 → 2,
/// 2.5 → 2, 3.5 → 4, 5 → 4). Magnitudes above 6, infinities included, saturate. NaN is rejected.
///
/// The sign bit is `x < 0`: a negative number that rounds to zero becomes code 8, while -0.0 becomes code 0. Code 8
/// decodes to +0.0. So every code round-trips in value, and every code but 8 in bits. This is what ModelOpt writes
/// (see `docs/ODDITIES.md`).
///
/// Two codes share a byte: the low nibble is the even column, the high nibble the odd one.
///
/// Source: OCP-MX, element type FP4; MODELOPT for the sign of zero (see `docs/SOURCES.md`).
public final class E2m1 {

    /// The largest magnitude.
    public static final float MAX = 6f;

    private static final int MANTISSA_BITS = 1;
    private static final int MIN_EXPONENT = 0;
    private static final int SIGN = 8;
    private static final float[] VALUES = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6};

    private E2m1() {}

    /// Returns the code nearest to `x`.
    ///
    /// @param x the value in units of its block scale, that is `weight / scale`
    /// @return the code in the low four bits, `0..15`
    /// @throws IllegalArgumentException if `x` is NaN, which E2M1 cannot represent
    public static int encode(float x) {
        if (Float.isNaN(x)) {
            throw new IllegalArgumentException("NaN has no E2M1 code");
        }
        int magnitude = SmallFloat.magnitudeCode(x, MAX, MANTISSA_BITS, MIN_EXPONENT);
        return x < 0 ? magnitude | SIGN : magnitude;
    }

    /// Encodes `count` elements, an even number, under one scale, two to a byte.
    static void encode(float[] weights, int offset, int count, float scale, byte[] codes, int codesOffset) {
        for (int pair = 0; pair < count / 2; pair++) {
            int even = encode(weights[offset + 2 * pair] / scale);
            int odd = encode(weights[offset + 2 * pair + 1] / scale);
            codes[codesOffset + pair] = (byte) (even | (odd << 4));
        }
    }

    /// Returns the value of the code in the low four bits of `code`; higher bits are not read.
    public static float decode(int code) {
        return VALUES[code & 0xf];
    }

    /// Returns the value of the code nearest to `x`, with the sign of `x` also on zero. NaN gives NaN.
    public static float round(float x) {
        return SmallFloat.round(x, MAX, MANTISSA_BITS, MIN_EXPONENT);
    }
}
