package io.github.steelyard.format;

/// The largest absolute value of a slice, and what a scale may be made from.
final class Amax {

    private Amax() {}

    /// Returns the largest absolute value, 0 for an empty slice, NaN if there is one.
    static float of(float[] x, int offset, int length) {
        float amax = 0;
        for (int i = offset; i < offset + length; i++) {
            amax = Math.max(amax, Math.abs(x[i]));
        }
        return amax;
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
