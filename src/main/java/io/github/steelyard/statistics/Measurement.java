package io.github.steelyard.statistics;

import io.github.steelyard.tensor.DType;
import java.util.Locale;
import java.util.Optional;

/// The largest magnitude that one population of tokens showed at one site, and how many values there were. Two of the
/// same site merge by maximum and sum.
///
/// @param amax the largest absolute value among the finite ones, 0 when there was none; in the tensor's own units
/// @param tokens the rows seen; for a weight its output features
/// @param nonFinite how many values were NaN or infinite
public record Measurement(float amax, long tokens, long nonFinite) implements Observation<Measurement> {

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

    /// The columns in the order of writing, each a number for each site.
    enum Column {
        TOKENS("tokens", DType.I64),
        NON_FINITE("non_finite", DType.I64),
        AMAX("amax", DType.F32);

        private final String tensor;
        private final DType dtype;

        Column(String tensor, DType dtype) {
            this.tensor = tensor;
            this.dtype = dtype;
        }

        /// Returns the tensor's name for routed tokens; for all tokens, `_all` follows.
        String tensor() {
            return tensor;
        }

        DType dtype() {
            return dtype;
        }

        /// Returns the bits of the number, NaN and zeros where nothing was measured.
        long bits(Optional<Measurement> found) {
            Measurement counts = found.orElse(NONE);
            return switch (this) {
                case TOKENS -> counts.tokens;
                case NON_FINITE -> counts.nonFinite;
                case AMAX -> Float.floatToIntBits(found.isPresent() ? counts.amax : Float.NaN);
            };
        }
    }

    @Override
    public Measurement merge(Measurement other) {
        return new Measurement(
                Math.max(amax, other.amax),
                Math.addExact(tokens, other.tokens),
                Math.addExact(nonFinite, other.nonFinite));
    }
}
