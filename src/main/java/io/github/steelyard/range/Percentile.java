package io.github.steelyard.range;

import io.github.steelyard.format.Format;
import io.github.steelyard.statistics.Histogram;
import java.util.Optional;

/// The magnitude below which a share of the values lies: the lower edge of the first bin up to which `percent` of all
/// values lie. At 100 the largest magnitude itself. Where all but the rest lie in the first bin, its upper edge, since
/// 0
/// covers nothing.
///
/// ModelOpt's percentile takes the lower edge too, of bins that are as wide as its first batch wants them.
///
/// @param percent in (0, 100]
public record Percentile(double percent) implements HistogramRange {

    /// The percentile that is the maximum.
    static final double ALL = 100;

    @Override
    public Optional<Float> amax(Histogram histogram, float largest, Format format) {
        if (percent == ALL) {
            return Optional.of(largest);
        }
        int bin = bin(histogram.bins(), percent);
        return bin < 0 ? Optional.empty() : Optional.of(histogram.edge(Math.max(1, bin)));
    }

    /// Returns the first bin up to which `percent` of all counts lie; -1 if there are none.
    static int bin(long[] counts, double percent) {
        long total = 0;
        for (long count : counts) {
            total = Math.addExact(total, count);
        }
        double wanted = percent / ALL * total;
        long sum = 0;
        for (int k = 0; k < counts.length; k++) {
            sum += counts[k];
            if (sum > 0 && sum >= wanted) {
                return k;
            }
        }
        return -1;
    }
}
