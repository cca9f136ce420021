package io.github.steelyard.format;

/// Rounding to a float of at most 8 bits, shared by the codecs [E2m1], [E4m3] and [E5m2].
///
/// A format with `mantissaBits` bits of mantissa and smallest normal exponent `minExponent` has, around a magnitude
/// with exponent `e = max(exponent(a), minExponent)`, the grid step `2^(e - mantissaBits)`. Adding
/// `2^(e + 23 - mantissaBits)` to a float32 leaves exactly that step as its last bit, so the addition itself rounds to
/// nearest, ties to even; subnormals need no branch. The tests compare this with a search for the nearest value.
final class SmallFloat {

    private static final int FLOAT_MANTISSA_BITS = 23;
    private static final int FLOAT_BIAS = 127;
    private static final int EXPONENT_MASK = 0x7f80_0000;
    private static final int SIGN_MASK = 0x8000_0000;

    private SmallFloat() {}

    /// Returns the code without sign of the value nearest to `|x|`, saturating at `max`.
    ///
    /// @param x not NaN
    static int magnitudeCode(float x, float max, int mantissaBits, int minExponent) {
        int magnitude = clamp(x, max);
        int exponentBits = exponentBits(magnitude, minExponent);
        float shifter = shifter(exponentBits, mantissaBits);
        int steps =
                Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + shifter) - Float.floatToRawIntBits(shifter);
        int binade = (exponentBits >>> FLOAT_MANTISSA_BITS) - FLOAT_BIAS - minExponent;
        return (binade << mantissaBits) + steps;
    }

    /// Returns the value nearest to `x`, saturating at `max`; it keeps the sign of `x`, also on zero. NaN gives NaN.
    static float round(float x, float max, int mantissaBits, int minExponent) {
        if (Float.isNaN(x)) {
            return x;
        }
        int magnitude = clamp(x, max);
        float shifter = shifter(exponentBits(magnitude, minExponent), mantissaBits);
        float rounded = Float.intBitsToFloat(magnitude) + shifter - shifter;
        return Float.intBitsToFloat(Float.floatToRawIntBits(rounded) | (Float.floatToRawIntBits(x) & SIGN_MASK));
    }

    /// The bits of `min(|x|, max)`: positive floats are ordered like their bits.
    private static int clamp(float x, float max) {
        return Math.min(Float.floatToRawIntBits(x) & ~SIGN_MASK, Float.floatToRawIntBits(max));
    }

    private static int exponentBits(int magnitude, int minExponent) {
        return Math.max(magnitude & EXPONENT_MASK, (minExponent + FLOAT_BIAS) << FLOAT_MANTISSA_BITS);
    }

    private static float shifter(int exponentBits, int mantissaBits) {
        return Float.intBitsToFloat(exponentBits + ((FLOAT_MANTISSA_BITS - mantissaBits) << FLOAT_MANTISSA_BITS));
    }
}
