package io.github.steelyard.statistics;

import java.util.Locale;

/// How the magnitudes at a site are distributed: counts of 4096 bins of equal width, zeros included, NaN and infinities
/// left out.
///
/// With the smallest `e ≥ -125` for which all magnitudes are below `2^e`, bin `k` holds those in
/// `[k · 2^(e-12), (k+1) · 2^(e-12))`. More than half of the bins lie below the largest magnitude, so that a bin is
/// never
/// wider than its 2048th part. A larger `e` joins bins two by two, whole ones: the histogram of all values follows from
/// those of any parts, in any order, exactly. ModelOpt's bins are as wide as its first batch wants them, and so depend
/// on
/// which came first.
///
/// @param exponent `e`
/// @param counts of each bin
public record Histogram(int exponent, Counts counts) implements Observation<Histogram> {

    /// How many bins there are.
    public static final int BINS = 1 << 12;

    /// The exponent where nothing reaches the smallest normal number.
    static final int LEAST_EXPONENT = Float.MIN_EXPONENT + 1;

    private static final int BIN_BITS = 12;

    /// @throws IllegalArgumentException if `exponent` is not that of the counts
    public Histogram {
        long[] found = counts.unpacked(BINS);
        int last = BINS - 1;
        while (last > 0 && found[last] == 0) {
            last--;
        }
        if (exponent < LEAST_EXPONENT
                || exponent > Float.MAX_EXPONENT + 1
                || (last < BINS / 2 && exponent > LEAST_EXPONENT)) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "no histogram has the exponent %d and %d bins", exponent, last + 1));
        }
    }

    /// Returns the exponent of a histogram whose largest magnitude is `amax`, finite.
    static int exponent(float amax) {
        return Math.max(Math.getExponent(amax), Float.MIN_EXPONENT) + 1;
    }

    /// Counts magnitudes into bins of `exponent`.
    ///
    /// @param counts gets one more for each finite value, all of them below `2^exponent`
    static void count(float[] values, int offset, int length, int exponent, int[] counts) {
        double inverse = Math.scalb(1.0, BIN_BITS - exponent); // a power of two: products are exact
        for (int i = offset; i < offset + length; i++) {
            double magnitude = Math.abs(values[i]);
            if (magnitude <= Float.MAX_VALUE) {
                counts[(int) (magnitude * inverse)]++;
            }
        }
    }

    /// Returns the count of each bin.
    public long[] bins() {
        return counts.unpacked(BINS);
    }

    /// Returns the lower edge of bin `k`, exact; that of bin 4096 is the upper edge of the last.
    public float edge(int k) {
        return (float) Math.scalb((double) k, exponent - BIN_BITS);
    }

    /// Returns the middle of bin `k`, exact but for the smallest subnormal numbers.
    public float center(int k) {
        return (float) Math.scalb(k + 0.5, exponent - BIN_BITS);
    }

    @Override
    public Histogram merge(Histogram other) {
        Counter both = new Counter();
        both.add(exponent, bins());
        both.add(other.exponent, other.bins());
        return both.histogram();
    }

    /// Adds up counts whose exponents differ.
    static final class Counter {

        private int exponent = LEAST_EXPONENT;
        private final long[] counts = new long[BINS];

        void add(int otherExponent, long[] others) {
            raise(otherExponent);
            int shift = exponent - otherExponent;
            for (int k = 0; k < BINS; k++) {
                int bin = joined(k, shift);
                counts[bin] = Math.addExact(counts[bin], others[k]);
            }
        }

        void add(int otherExponent, int[] others) {
            raise(otherExponent);
            int shift = exponent - otherExponent;
            for (int k = 0; k < BINS; k++) {
                counts[joined(k, shift)] += others[k];
            }
        }

        Histogram histogram() {
            return new Histogram(exponent, Counts.of(counts));
        }

        private void raise(int wanted) {
            int shift = wanted - exponent;
            if (shift <= 0) {
                return;
            }
            for (int k = 0; k < BINS; k++) {
                long moved = counts[k];
                counts[k] = 0;
                counts[joined(k, shift)] += moved; // never above k
            }
            exponent = wanted;
        }

        private static int joined(int bin, int shift) {
            return shift >= BIN_BITS ? 0 : bin >> shift;
        }
    }
}
