package io.github.steelyard.range;

import io.github.steelyard.format.Format;
import io.github.steelyard.statistics.Histogram;
import java.util.Optional;

/// The amax with the smallest mean squared error of fake quantization `Q`: of the middles `c_i` of the bins from
/// 128 on
/// to the last that was met the first with the smallest `Σ_k h_k · (Q(c_k) - c_k)²`, all values being taken as the
/// middle
/// of their bin. So it can be above the largest magnitude, by half a bin.
///
/// Sums are in float64, code by code: `Σ h (v - c)² = v² Σh - 2v Σhc + Σhc²` over the bins that have the code of `v`,
/// from
/// running sums. `docs/NUMERICS.md` has the formula; ModelOpt's own call of it fails.
public record LeastError() implements HistogramRange {

    /// Bins below are not tried.
    static final int FIRST = 128;

    @Override
    public Optional<Float> amax(Histogram histogram, float largest, Format format) {
        Running sums = new Running(histogram);
        if (sums.bins == 0) {
            return Optional.empty();
        }
        int best = -1;
        double least = Double.POSITIVE_INFINITY;
        for (int i = FIRST; i < sums.bins; i++) {
            double error = sums.error(Codes.of(format, histogram.center(i)));
            if (error < least) {
                least = error;
                best = i;
            }
        }
        return Optional.of(best < 0 ? largest : histogram.center(best));
    }

    /// Sums of counts, of counts times middles and times their squares, over the bins below each.
    private static final class Running {

        private final Histogram histogram;
        private final int bins; // up to the last that was met
        private final double width;
        private final double[] counts = new double[Histogram.BINS + 1];
        private final double[] first = new double[Histogram.BINS + 1];
        private final double[] second = new double[Histogram.BINS + 1];

        Running(Histogram histogram) {
            this.histogram = histogram;
            this.width = histogram.edge(1);
            long[] found = histogram.bins();
            int met = 0;
            for (int k = 0; k < Histogram.BINS; k++) {
                double center = histogram.center(k);
                counts[k + 1] = counts[k] + found[k];
                first[k + 1] = first[k] + found[k] * center;
                second[k + 1] = second[k] + found[k] * center * center;
                met = found[k] > 0 ? k + 1 : met;
            }
            this.bins = met;
        }

        double error(Codes codes) {
            double error = 0;
            int from = 0;
            for (int code = 0; code < codes.count() && from < bins; code++) {
                int to = code + 1 == codes.count() ? bins : codes.first(histogram::center, code + 1, from, bins, width);
                double value = codes.value(code);
                error += value * value * (counts[to] - counts[from])
                        - 2 * value * (first[to] - first[from])
                        + (second[to] - second[from]);
                from = to;
            }
            return error;
        }
    }
}
