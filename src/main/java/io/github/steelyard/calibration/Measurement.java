package io.github.steelyard.calibration;

import java.util.Locale;

/// What one population of tokens showed at one site.
///
/// Two measurements of the same site merge by maximum and sum, so that any split of the tokens and any order of the
/// parts give the same result.
///
/// @param amax the largest absolute value among the finite ones, 0 when there was none; in the tensor's own units
/// @param tokens the rows seen; for a weight its output features
/// @param nonFinite how many values were NaN or infinite
public record Measurement(float amax, long tokens, long nonFinite) {

    /// Nothing seen.
    public static final Measurement NONE = new Measurement(0, 0, 0);

    /// @throws IllegalArgumentException if `amax` is negative or not finite, or a count is negative
    public Measurement {
        if (!Float.isFinite(amax) || amax < 0 || tokens < 0 || nonFinite < 0) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "a measurement is finite and not negative: amax %s, tokens %d, non-finite %d",
                    amax,
                    tokens,
                    nonFinite));
        }
        amax += 0f; // -0 becomes +0: equal values have equal bytes
    }

    /// Returns the measurement of both parts together.
    public Measurement merge(Measurement other) {
        return new Measurement(
                Math.max(amax, other.amax),
                Math.addExact(tokens, other.tokens),
                Math.addExact(nonFinite, other.nonFinite));
    }
}
