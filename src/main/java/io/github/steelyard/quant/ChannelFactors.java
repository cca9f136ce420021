package io.github.steelyard.quant;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Factors of input channels: an input is multiplied by them before it is quantised, the columns of the weight that it
/// meets by their inverse.
public final class ChannelFactors {

    private final float[] factors;

    /// @param factors one for each channel, positive and finite
    /// @throws IllegalArgumentException if one is not
    public ChannelFactors(float[] factors) {
        this.factors = factors.clone();
        for (float factor : factors) {
            if (!(factor > 0 && factor <= Float.MAX_VALUE)) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "a factor is positive and finite, found %s", factor));
            }
        }
    }

    /// Returns the factors.
    public float[] values() {
        return factors.clone();
    }

    /// Returns the mean of factors, channel by channel, summed in their order.
    ///
    /// @param all at least one, each with as many channels
    public static float[] mean(List<float[]> all) {
        float[] mean = new float[all.getFirst().length];
        for (int i = 0; i < mean.length; i++) {
            float sum = 0;
            for (float[] factors : all) {
                sum += factors[i];
            }
            mean[i] = sum / all.size();
        }
        return mean;
    }

    /// Returns the factors of the weight's columns, each rounded once.
    public ChannelFactors inverse() {
        float[] inverse = new float[factors.length];
        for (int i = 0; i < inverse.length; i++) {
            inverse[i] = 1 / factors[i];
        }
        return new ChannelFactors(inverse);
    }

    /// Returns the largest magnitude after the factors.
    ///
    /// @param amax of each channel before
    public float largest(float[] amax) {
        float largest = 0;
        for (int i = 0; i < factors.length; i++) {
            largest = Math.max(largest, amax[i] * factors[i]);
        }
        return largest;
    }

    /// Multiplies rows of as many columns.
    void apply(float[] x, int offset, int rows, int columns) {
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < columns; i++) {
                x[offset + row * columns + i] *= factors[i];
            }
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ChannelFactors found && Arrays.equals(factors, found.factors);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(factors);
    }

    @Override
    public String toString() {
        return Arrays.toString(factors);
    }
}
