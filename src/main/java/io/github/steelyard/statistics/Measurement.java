package io.github.steelyard.statistics;

import java.util.Locale;
import java.util.Optional;

/// The largest magnitude that one population of tokens showed at one site, and how many values there were; where a
/// recipe asks for it, how they are distributed. Two of the same site merge by maximum and sum.
///
/// @param amax the largest absolute value among the finite ones, 0 when there was none; in the tensor's own units
/// @param tokens the rows seen; for a weight its output features
/// @param nonFinite how many values were NaN or infinite
/// @param variant which copy of the text showed the largest value, the first of several: 0 for the model as it is, else
///     the place of an adapter among those of the run, from 1
/// @param magnitudes the distribution of the finite values; empty where not observed
/// @param blocks that of the amaxes of blocks; empty where not observed
/// @param channels the amax of each channel; empty where not observed
public record Measurement(
        float amax,
        long tokens,
        long nonFinite,
        int variant,
        Optional<Histogram> magnitudes,
        Optional<BlockHistogram> blocks,
        Optional<ChannelAmax> channels)
        implements Observation<Measurement> {

    /// Nothing seen.
    public static final Measurement NONE = new Measurement(0, 0, 0);

    /// @throws IllegalArgumentException if `amax` is negative or not finite, or a count is negative
    public Measurement {
        if (!Float.isFinite(amax) || amax < 0 || tokens < 0 || nonFinite < 0 || variant < 0) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "a measurement is finite and not negative: amax %s, tokens %d, non-finite %d",
                    amax,
                    tokens,
                    nonFinite));
        }
        amax += 0f; // -0 becomes +0: equal values have equal bytes
        variant = amax == 0 ? 0 : variant; // nothing was larger than in the first
    }

    /// A measurement without distributions.
    public Measurement(float amax, long tokens, long nonFinite) {
        this(amax, tokens, nonFinite, 0);
    }

    /// A measurement of which one variant showed the amax, without distributions.
    public Measurement(float amax, long tokens, long nonFinite, int variant) {
        this(amax, tokens, nonFinite, variant, Optional.empty(), Optional.empty(), Optional.empty());
    }

    /// Returns whether `distribution` covers every token; trivially so where there was none.
    public boolean covers(Distribution distribution) {
        return tokens == 0
                || switch (distribution) {
                    case MAGNITUDES -> magnitudes.isPresent();
                    case BLOCKS -> blocks.isPresent();
                    case CHANNELS -> channels.isPresent();
                };
    }

    @Override
    public Measurement merge(Measurement other) {
        boolean others = other.amax > amax || (other.amax == amax && other.variant < variant);
        return new Measurement(
                Math.max(amax, other.amax),
                Math.addExact(tokens, other.tokens),
                Math.addExact(nonFinite, other.nonFinite),
                others ? other.variant : variant,
                both(magnitudes, covers(Distribution.MAGNITUDES), other, Distribution.MAGNITUDES, other.magnitudes),
                both(blocks, covers(Distribution.BLOCKS), other, Distribution.BLOCKS, other.blocks),
                both(channels, covers(Distribution.CHANNELS), other, Distribution.CHANNELS, other.channels));
    }

    /// A distribution of both parts is there if it is there of each that has tokens: one that leaves out some would
    /// look like one of all.
    private static <T extends Observation<T>> Optional<T> both(
            Optional<T> one, boolean covered, Measurement other, Distribution kind, Optional<T> another) {
        if (!covered || !other.covers(kind)) {
            return Optional.empty();
        }
        return one.isPresent() && another.isPresent()
                ? Optional.of(one.get().merge(another.get()))
                : one.or(() -> another);
    }
}
