package io.github.steelyard.recipe;

/// `calibration.histogram`: how quantizers with `calibrator: histogram` choose their amax from it.
///
/// @param method what is chosen
/// @param percentile for [Method#PERCENTILE], in (0, 100]
public record HistogramOptions(Method method, double percentile) {

    /// ModelOpt's percentile where none is said.
    public static final HistogramOptions DEFAULT = new HistogramOptions(Method.PERCENTILE, 99.99);

    /// How an amax is chosen.
    public enum Method {
        /// The magnitude below which a share of the values lies.
        PERCENTILE,
        /// The one with the smallest squared error of the values.
        MSE,
        /// The one whose codes keep most of the distribution.
        ENTROPY
    }
}
