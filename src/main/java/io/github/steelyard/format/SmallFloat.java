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

    private SmallFloat() {}

    /// Returns the code without sign of the nearest value.
    ///
    /// @param magnitude finite, not negative, at most the largest value of the format
    static int magnitudeCode(float magnitude, int mantissaBits, int minExponent) {
        int exponentBits = exponentBits(magnitude, minExponent);
        float shifter = shifter(exponentBits, mantissaBits);
        int steps = Float.floatToRawIntBits(magnitude + shifter) - Float.floatToRawIntBits(shifter);
        int binade = (exponentBits >>> FLOAT_MANTISSA_BITS) - FLOAT_BIAS - minExponent;
        return (binade << mantissaBits) + steps;
    }

    /// Returns the nearest value of the format.
    ///
    /// @param magnitude not negative and at most the largest value of the format; NaN gives NaN
    static float roundMagnitude(float magnitude, int mantissaBits, int minExponent) {
        float shifter = shifter(exponentBits(magnitude, minExponent), mantissaBits);
        return magnitude + shifter - shifter;
    }

    private static int exponentBits(float magnitude, int minExponent) {
        return Math.max(
                Float.floatToRawIntBits(magnitude) & EXPONENT_MASK, (minExponent + FLOAT_BIAS) << FLOAT_MANTISSA_BITS);
    }

    private static float shifter(int exponentBits, int mantissaBits) {
        return Float.intBitsToFloat(exponentBits + ((FLOAT_MANTISSA_BITS - mantissaBits) << FLOAT_MANTISSA_BITS));
    }
}
