package io.github.steelyard.statistics;

/// How the largest magnitudes of blocks of 16 are distributed: counts of 512 bins over their logarithm to base 2, from
/// -40
/// to 40. Blocks of zeros, NaN and infinities are left out; what lies beyond falls into the first or last bin. The bins
/// depend on nothing, so that counts add up exactly.
///
/// Bin `k` holds `[2^(-40 + 5k/32), 2^(-40 + 5(k+1)/32))`. Source of the bins: MODELOPT.
///
/// @param counts of each bin
public record BlockHistogram(Counts counts) implements Observation<BlockHistogram> {

    /// How many bins there are.
    public static final int BINS = 512;
    /// Logarithm to base 2 of the lower edge of the first bin.
    public static final int LEAST = -40;
    /// What the logarithms of neighbouring edges differ by.
    public static final double WIDTH = 80.0 / BINS;

    private static final int BLOCK = 16;
    private static final int ROOTS = 32;

    /// Lower edges of the bins; each a power of two times a root that is rounded once.
    private static final double[] EDGES = edges();

    /// Counts the blocks of rows, each row's last block cut off where it ends.
    ///
    /// @param counts gets one more for each block that is not left out
    static void count(float[] values, int offset, int rows, int columns, int[] counts) {
        for (int row = 0; row < rows; row++) {
            int end = offset + (row + 1) * columns;
            for (int from = offset + row * columns; from < end; from += BLOCK) {
                float amax = 0;
                for (int i = from; i < Math.min(end, from + BLOCK); i++) {
                    float magnitude = Math.abs(values[i]);
                    amax = magnitude <= Float.MAX_VALUE ? Math.max(amax, magnitude) : amax;
                }
                if (amax > 0) {
                    counts[bin(amax)]++;
                }
            }
        }
    }

    /// Returns the bin of a positive finite magnitude.
    public static int bin(double amax) {
        int bin = Math.clamp((Math.getExponent(amax) - (long) LEAST) * ROOTS / 5, 0, BINS - 1); // or one below it
        while (bin + 1 < BINS && EDGES[bin + 1] <= amax) {
            bin++;
        }
        return bin;
    }

    /// Returns the count of each bin.
    public long[] bins() {
        return counts.unpacked(BINS);
    }

    @Override
    public BlockHistogram merge(BlockHistogram other) {
        long[] sum = bins();
        long[] others = other.bins();
        for (int i = 0; i < BINS; i++) {
            sum[i] = Math.addExact(sum[i], others[i]);
        }
        return new BlockHistogram(Counts.of(sum));
    }

    private static double[] edges() {
        double[] edges = new double[BINS];
        for (int k = 0; k < BINS; k++) {
            edges[k] = Math.scalb(StrictMath.pow(2, (5 * k % ROOTS) / (double) ROOTS), LEAST + 5 * k / ROOTS);
        }
        return edges;
    }
}
