package io.github.steelyard.solve;

import java.util.Locale;

/// What a [Solver] needs of the inputs of a module.
///
/// @param block the input features whose products with one another are summed, in blocks of so many; [#NO_PRODUCTS] or
///     [#ALL_PRODUCTS]
/// @param quantised whether it is the input as its own quantizer leaves it
/// @param evenly whether each sequence counts as one, however many of its tokens come here
public record Observed(int block, boolean quantised, boolean evenly) {

    /// Channels alone: amax and mean magnitude.
    public static final int NO_PRODUCTS = 0;

    /// All features of an input together.
    public static final int ALL_PRODUCTS = Integer.MAX_VALUE;

    /// @throws IllegalArgumentException if `block` is negative
    public Observed {
        if (block < 0) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "blocks of %d features", block));
        }
    }
}
