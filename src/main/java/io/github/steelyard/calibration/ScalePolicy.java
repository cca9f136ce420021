package io.github.steelyard.calibration;

/// What the recipe says about experts when scales are made.
///
/// @param minTokens the fewest routed tokens that give an expert an amax of its own, at least 1
/// @param starved what experts with fewer get
/// @param sharing which experts have one input scale
public record ScalePolicy(long minTokens, Starved starved, Sharing sharing) {

    /// What an expert gets that saw too few tokens.
    public enum Starved {
        /// Nothing: the run fails and names it.
        FAIL,
        /// The largest amax that an expert of the layer measured at the same projection.
        LAYER_MAX,
        /// The amax over all tokens, at most the layer's maximum.
        ALL_TOKENS
    }

    /// Which experts of a layer have one input scale.
    public enum Sharing {
        /// Each has its own.
        EXPERT,
        /// All of a layer have one.
        LAYER
    }

    /// @throws IllegalArgumentException if `minTokens` is below 1
    public ScalePolicy {
        if (minTokens < 1) {
            throw new IllegalArgumentException("min_tokens must be at least 1, found %d".formatted(minTokens));
        }
    }
}
