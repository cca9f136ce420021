package io.github.steelyard.recipe;

import java.util.Optional;

/// The recipe's `calibration` section.
///
/// @param experts which tokens an expert's statistics cover
/// @param minTokens fewest routed tokens that an expert needs so as not to count as starved
/// @param starvedExperts what happens to experts below `minTokens`
/// @param unmatchedRules what happens when a rule that switches quantizers on matches none
/// @param moeBackend how experts are to be computed; empty: any way that shows their inputs
/// @param histogram how an amax is chosen from a histogram, where quantizers have one
public record CalibrationOptions(
        Experts experts,
        long minTokens,
        StarvedExperts starvedExperts,
        UnmatchedRules unmatchedRules,
        Optional<String> moeBackend,
        HistogramOptions histogram) {

    /// The section left out.
    public static final CalibrationOptions DEFAULT = new CalibrationOptions(
            Experts.ROUTED, 1, StarvedExperts.FAIL, UnmatchedRules.FAIL, Optional.empty(), HistogramOptions.DEFAULT);

    /// Which tokens an expert sees during calibration.
    public enum Experts {
        /// Those that the router sends to it.
        ROUTED,
        /// Also, in a second pass kept apart, every token.
        ALL
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
