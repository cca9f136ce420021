package io.github.steelyard.range;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Histogram;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.StatisticsTap;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What is chosen from histograms, against the plain loops of the formulas in `docs/NUMERICS.md`.
final class HistogramRangeTest {

    private static final Site SITE = new Site("layers.0.mlp.down_proj", Role.INPUT);
    private static final int BINS = 4096;

    // Half of the numbers without zeros is 5; a bin of [8, 16) is 1/256 wide.
    @Test
    void percentile_ofTheSharedCase_isTheLowerEdgeOfItsBin() {
        Measurement seen = seen(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

        assertThat(new Percentile(50).amax(histogram(seen), 10, Format.FP8)).contains(5f);
        assertThat(new Percentile(51).amax(histogram(seen), 10, Format.FP8)).contains(6f);
        assertThat(new Percentile(100).amax(histogram(seen), 10, Format.FP8)).contains(10f);
    }

    @Test
    void percentile_amongZeros_isTheFirstEdge_andOfNothingNothing() {
        assertThat(new Percentile(50).amax(histogram(seen(0, 0, 0, 0, 12)), 12, Format.FP8))
                .contains(16f / BINS);
        assertThat(new Percentile(50).amax(histogram(seen(Float.NaN)), 1, Format.FP8))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(doubles = {50, 99, 99.9, 99.99})
    void percentile_ofManyValues_isTheSortedOneWithinABin(double percent) {
        float[] values = values(1, 40_000);
        Measurement seen = seen(values);
        float[] sorted = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            sorted[i] = Math.abs(values[i]);
        }
        Arrays.sort(sorted);
        float exact = sorted[(int) Math.ceil(percent / 100 * values.length) - 1];

        float found = new Percentile(percent)
                .amax(histogram(seen), seen.amax(), Format.FP8)
                .orElseThrow();

        assertThat(found).isLessThanOrEqualTo(exact).isCloseTo(exact, within(seen.amax() / 2048));
    }

    @ParameterizedTest
    @CsvSource({"1, FP8", "2, FP8", "3, FP8", "1, INT8", "2, INT8", "3, INT8"})
    void leastError_isThatOfThePlainLoop(int seed, Format format) {
        Measurement seen = seen(values(seed, 3000));
        Histogram histogram = histogram(seen);

        float found = new LeastError().amax(histogram, seen.amax(), format).orElseThrow();

        double[] errors = new double[BINS];
        Arrays.fill(errors, Double.POSITIVE_INFINITY);
        for (int i = 128; i < met(histogram.bins()); i++) {
            errors[i] = plainError(histogram, histogram.center(i), format);
        }
        int best = first(errors);
        assertThat(plainError(histogram, found, format)).isCloseTo(errors[best], within(1e-12 * errors[best]));
        assertThat(found).isEqualTo(histogram.center(best));
    }

    @ParameterizedTest
    @CsvSource({"1, FP8", "2, FP8", "3, FP8", "1, INT8", "2, INT8", "3, INT8"})
    void leastDivergence_isThatOfThePlainLoop(int seed, Format format) {
        Measurement seen = seen(values(seed, 3000));
        Histogram histogram = histogram(seen);

        float found = new LeastDivergence().amax(histogram, seen.amax(), format).orElseThrow();

        int best = -1;
        double least = Double.POSITIVE_INFINITY;
        for (int i = 128; i <= met(histogram.bins()); i++) {
            double divergence = plainDivergence(histogram, i, format);
            if (divergence <= least) {
                least = divergence;
                best = i;
            }
        }
        assertThat(found).isEqualTo(histogram.edge(best));
    }

    @Test
    void zerosAlone_giveNothing() {
        Histogram zeros = histogram(seen(0, 0));

        assertThat(new LeastError().amax(zeros, 1, Format.FP8)).contains(1f);
        assertThat(new LeastDivergence().amax(histogram(seen(Float.NaN)), 1, Format.FP8))
                .isEmpty();
        assertThat(new LeastError().amax(histogram(seen(Float.NaN)), 1, Format.FP8))
                .isEmpty();
    }

    private static double plainError(Histogram histogram, float amax, Format format) {
        long[] counts = histogram.bins();
        double error = 0;
        for (int k = 0; k < BINS; k++) {
            float center = histogram.center(k);
            double difference = (double) quantised(center, amax, format) - center;
            error += counts[k] * difference * difference;
        }
        return error;
    }

    private static float quantised(float x, float amax, Format format) {
        if (format == Format.INT8) {
            float factor = 127 / amax;
            return (float) Math.min(Math.rint(x * factor), 127) / factor;
        }
        float scale = 448 * (1 / amax);
        return E4m3.round(Math.min(x * scale, 448)) * (1 / scale);
    }

    private static double plainDivergence(Histogram histogram, int bins, Format format) {
        long[] counts = histogram.bins();
        counts[0] = counts[1];
        double[] p = new double[bins];
        double[] q = new double[bins];
        double[] sums = new double[128];
        int[] met = new int[128];
        for (int k = 0; k < bins; k++) {
            int code = group(histogram, k, bins, format);
            sums[code] += counts[k];
            met[code] += counts[k] > 0 ? 1 : 0;
        }
        for (int k = 0; k < BINS; k++) {
            p[Math.min(k, bins - 1)] += counts[k];
            if (k < bins && counts[k] > 0) {
                int code = group(histogram, k, bins, format);
                q[k] = sums[code] / met[code];
            }
        }
        double pSum = Arrays.stream(p).sum();
        double qSum = Arrays.stream(q).sum();
        double divergence = 0;
        for (int k = 0; k < bins; k++) {
            if (p[k] > 0) {
                divergence += p[k] / pSum * Math.log(p[k] / pSum / (q[k] / qSum));
            }
        }
        return divergence;
    }

    private static int group(Histogram histogram, int bin, int bins, Format format) {
        return format == Format.INT8
                ? bin * 128 / bins
                : E4m3.encode(Math.min(histogram.center(bin) * (448 * (1 / histogram.edge(bins))), 448));
    }

    private static int met(long[] counts) {
        int met = counts.length;
        while (counts[met - 1] == 0) {
            met--;
        }
        return met;
    }

    private static int first(double[] errors) {
        int best = 0;
        for (int i = 1; i < errors.length; i++) {
            best = errors[i] < errors[best] ? i : best;
        }
        return best;
    }

    /// Returns values as activations have them: most near zero, few far away.
    private static float[] values(int seed, int count) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * Math.exp(random.nextGaussian()));
        }
        return values;
    }

    private static Histogram histogram(Measurement seen) {
        return seen.magnitudes().orElseThrow();
    }

    private static Measurement seen(float... values) {
        StatisticsTap tap = new StatisticsTap(
                Kernels.reference(), (part, layer) -> {}, Map.of(SITE, Set.of(Distribution.MAGNITUDES)));
        tap.rows(List.of(SITE), new RowSource.Sequence(0), values, 0, 1, values.length);
        return tap.take().at(SITE).orElseThrow().routed();
    }
}
