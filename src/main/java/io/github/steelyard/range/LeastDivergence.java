package io.github.steelyard.range;

import io.github.steelyard.format.Format;
import io.github.steelyard.statistics.Histogram;
import java.util.Arrays;
import java.util.Optional;

/// The amax under which codes tell least of the distribution away, by the divergence of Kullback and Leibler.
///
/// For each number `i` of bins from 128 to the last that was met, `h_0` taken as `h_1`:
///
/// - `P`: the first `i` counts, all that lie above added to the last of them
/// - `Q`: the bins that become one FP8 code under amax `e_i`, the upper edge of bin `i - 1`, are one group; each bin of
/// it
///   that was met has the group's count, without what lies above, divided by how many were met; the others have 0
/// - `D_i = Σ P ln(P / Q)`, both with sum 1; infinite where `Q` is 0 and `P` is not
///
/// The amax is `e_i` of the last smallest. Source: ModelOpt's entropy calibrator, which groups bins evenly, as integers
/// do,
/// and fails for FP8: groups here are the codes'.
///
/// Sums are in float64, group by group: `Σ h ln h` and `Σ h` over its bins, from running sums.
public record LeastDivergence() implements HistogramRange {

    @Override
    public Optional<Float> amax(Histogram histogram, float largest, Format format) {
        long[] counts = histogram.bins();
        counts[0] = counts[1];
        Running sums = new Running(histogram, counts);
        if (Arrays.stream(histogram.bins()).allMatch(count -> count == 0)) {
            return Optional.empty();
        }
        int best = -1;
        double least = Double.POSITIVE_INFINITY;
        for (int i = LeastError.FIRST; i <= sums.bins; i++) {
            double divergence = sums.divergence(i, format);
            if (divergence <= least) {
                least = divergence;
                best = i;
            }
        }
        return Optional.of(best < 0 ? largest : histogram.edge(best));
    }

    /// Sums over the bins below each.
    private static final class Running {

        private final Histogram histogram;
        private final long[] counts;
        private final int bins; // up to the last that was met
        private final double width;
        private final double[] sum = new double[Histogram.BINS + 1];
        private final double[] weighted = new double[Histogram.BINS + 1]; // Σ h ln h
        private final int[] met = new int[Histogram.BINS + 1];

        Running(Histogram histogram, long[] counts) {
            this.histogram = histogram;
            this.counts = counts;
            this.width = histogram.edge(1);
            int last = 0;
            for (int k = 0; k < Histogram.BINS; k++) {
                boolean found = counts[k] > 0;
                sum[k + 1] = sum[k] + counts[k];
                weighted[k + 1] = weighted[k] + (found ? counts[k] * StrictMath.log((double) counts[k]) : 0);
                met[k + 1] = met[k] + (found ? 1 : 0);
                last = found ? k + 1 : last;
            }
            this.bins = last;
        }

        /// Returns where the group of a code ends.
        private int end(Codes codes, int code, int from, int i) {
            if (code + 1 == codes.count()) {
                return i;
            }
            return codes.fp8()
                    ? codes.first(histogram::center, code + 1, from, i, width)
                    : Math.ceilDiv((code + 1) * i, codes.count());
        }

        /// With `T` all counts and `S` those below `i`: `D = Σ h/T (ln h - ln T) - Σ h/T (ln q - ln S)`, the last bin
        /// put
        /// right for what lies above it.
        double divergence(int i, Format format) {
            double all = sum[bins];
            double above = all - sum[i];
            double own = counts[i - 1];
            if ((above > 0 && own == 0) || sum[i] == 0) {
                return Double.POSITIVE_INFINITY;
            }
            Codes codes = Codes.of(format, histogram.edge(i));
            double said = 0; // Σ P ln q
            int from = 0;
            double last = 0; // ln q of the last bin
            for (int code = 0; code < codes.count() && from < i; code++) {
                int to = end(codes, code, from, i);
                double group = sum[to] - sum[from];
                if (group > 0) {
                    last = StrictMath.log(group / (met[to] - met[from]));
                    said += group * last;
                }
                from = to;
            }
            said += above * last;
            double entropy = weighted[i];
            if (above > 0) {
                entropy += (own + above) * StrictMath.log(own + above) - own * StrictMath.log(own);
            }
            return (entropy - said) / all - StrictMath.log(all) + StrictMath.log(sum[i]);
        }
    }
}
