package io.github.steelyard.format;

/// FP16: IEEE binary16 (sign, 5 bits of exponent, 10 of mantissa).
///
/// Decoding is exact. Encoding rounds to nearest, ties to the even code, subnormals included; magnitudes from 65520
/// become infinity; zeros and infinities keep their sign; a NaN keeps its sign and becomes quiet. Both are the JDK's
/// own conversions.
///
/// Source: IEEE754 (see `docs/SOURCES.md`).
public final class Fp16 {

    private Fp16() {}

    /// Returns the code nearest to `x`, `0..65535`.
    public static int encode(float x) {
        return Float.floatToFloat16(x) & 0xffff;
    }

    /// Returns the value of the code in the low sixteen bits of `code`; higher bits are not read.
    public static float decode(int code) {
        return Float.float16ToFloat((short) code);
    }
}
