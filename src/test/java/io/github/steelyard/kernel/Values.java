package io.github.steelyard.kernel;

import java.util.Arrays;
import java.util.SplittableRandom;

/// Seeded arrays for the contracts of this package.
public final class Values {

    /// Lengths around the widths of vectors and of unrolled loops.
    static final int[] LENGTHS = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 1000, 4098};

    private static final float[] SPECIALS = {
        0f,
        -0f,
        Float.MIN_VALUE,
        -Float.MIN_VALUE,
        Float.MIN_NORMAL,
        -0x0.7ffffep-126f,
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        1f,
        -1f,
        88.72f,
        -87.4f,
        -103.9f,
        1e-20f,
        20f,
        -1e4f
    };

    private Values() {}

    /// Returns values of a normal distribution.
    public static float[] normal(long seed, int length) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] x = new float[length];
        for (int i = 0; i < length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    /// Returns normal values of which every third is replaced by zeros, extremes, subnormals or thresholds.
    static float[] mixed(long seed, int length) {
        float[] x = normal(seed, length);
        SplittableRandom random = new SplittableRandom(~seed);
        for (int i = 0; i < length; i += 3) {
            x[i] = SPECIALS[random.nextInt(SPECIALS.length)];
        }
        return x;
    }

    /// Returns [#mixed] with NaN and infinities among it.
    static float[] nonFinite(long seed, int length) {
        float[] x = mixed(seed, length);
        float[] values = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (int i = 1; i < length; i += 5) {
            x[i] = values[i % 3];
        }
        return x;
    }

    /// Returns a copy of `x` that starts at `offset` in an array with room behind it, all else NaN.
    static float[] at(int offset, float[] x) {
        float[] y = new float[offset + x.length + 19];
        Arrays.fill(y, Float.NaN);
        System.arraycopy(x, 0, y, offset, x.length);
        return y;
    }

    /// Returns `length` elements from `offset`, after checking that nothing around them was written.
    static float[] from(int offset, float[] y, int length) {
        for (int i = 0; i < y.length; i++) {
            if ((i < offset || i >= offset + length) && !Float.isNaN(y[i])) {
                throw new AssertionError(
                        "element %d outside [%d, %d) was written".formatted(i, offset, offset + length));
            }
        }
        return Arrays.copyOfRange(y, offset, offset + length);
    }
}
