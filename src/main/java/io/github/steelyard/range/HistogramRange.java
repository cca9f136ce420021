package io.github.steelyard.range;

import io.github.steelyard.format.Format;
import io.github.steelyard.statistics.Histogram;
import java.util.Optional;

/// A way to choose an amax from the distribution of magnitudes.
public sealed interface HistogramRange permits Percentile, LeastError, LeastDivergence {

    /// Returns the amax, positive, in the units of the tensor; empty if nothing was counted.
    ///
    /// @param largest the largest magnitude seen, positive
    /// @param format of the quantizer; FP8 or INT8 where its codes matter
    Optional<Float> amax(Histogram histogram, float largest, Format format);
}
