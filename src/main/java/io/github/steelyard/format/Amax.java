package io.github.steelyard.format;

/// The largest absolute value of a slice, and what a scale may be made from.
public final class Amax {

    private Amax() {}

    /// Returns the largest absolute value, 0 for an empty slice, NaN if there is one. Without their sign, floats are
    /// ordered like their bits, and NaN comes last.
    public static float of(float[] x, int offset, int length) {
        int amax = 0;
        for (int i = offset; i < offset + length; i++) {
            amax = Math.max(amax, Float.floatToRawIntBits(x[i]) & 0x7fff_ffff);
        }
        return Float.intBitsToFloat(amax);
    }

    /// Returns `amax`.
    ///
    /// @throws IllegalArgumentException if it is negative or not finite
    static float require(float amax) {
        if (!(amax >= 0) || amax == Float.POSITIVE_INFINITY) {
            throw new IllegalArgumentException("amax must be finite and not negative, found %s".formatted(amax));
        }
        return amax;
    }
}
