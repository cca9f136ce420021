package io.github.steelyard.recipe;

import java.util.Optional;
import java.util.OptionalInt;

/// The recipe's `calibration` section.
///
/// @param experts which tokens an expert's statistics cover
/// @param minTokens fewest routed tokens that an expert needs so as not to count as starved
/// @param starvedExperts what happens to experts below `minTokens`
/// @param unmatchedRules what happens when a rule that switches quantizers on matches none
/// @param moeBackend how experts are to be computed; empty: any way that shows their inputs
/// @param histogram how an amax is chosen from a histogram, where quantizers have one
/// @param drawing how much of the data is drawn
public record CalibrationOptions(
        Experts experts,
        long minTokens,
        StarvedExperts starvedExperts,
        UnmatchedRules unmatchedRules,
        Optional<String> moeBackend,
        HistogramOptions histogram,
        Drawing drawing) {

    /// The section left out.
    public static final CalibrationOptions DEFAULT = new CalibrationOptions(
            Experts.ROUTED,
            1,
            StarvedExperts.FAIL,
            UnmatchedRules.FAIL,
            Optional.empty(),
            HistogramOptions.DEFAULT,
            Drawing.AT_ONCE);

    /// Returns how much of the data is drawn where another choice of tokens takes the place of the recipe's.
    ///
    /// @throws IllegalArgumentException if no target is as large as the minimum of tokens
    public Drawing drawing(Experts chosen) {
        return chosen == Experts.TOP_UP
                ? drawing.withTarget(
                        experts == Experts.TOP_UP
                                ? drawing.targetTokens()
                                : OptionalInt.of(DrawingReader.target(minTokens)))
                : drawing.withTarget(OptionalInt.empty());
    }

    /// Which tokens an expert sees during calibration.
    public enum Experts {
        /// Those that the router sends to it.
        ROUTED,
        /// Besides, kept apart, every token.
        ALL,
        /// Where these are too few, other tokens with the nearest router scores, kept apart, until there are enough.
        TOP_UP
    }

    /// What gives a starved expert its input amax.
    public enum StarvedExperts {
        /// Nothing: the run fails and lists them.
        FAIL,
        /// The largest amax that was measured for the same projection in the same layer.
        LAYER_MAX,
        /// Its own amax over all tokens, at most the layer's largest; needs [Experts#ALL].
        ALL_TOKENS
    }

    /// What a rule without a match does.
    public enum UnmatchedRules {
        FAIL,
        WARN
    }
}
