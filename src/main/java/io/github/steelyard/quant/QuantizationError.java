package io.github.steelyard.quant;

import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.StoredWeight;

/// What quantising cost: the differences between values and their quantised copies.
///
/// Sums are kept in float64. [#plus] adds parts; add them in a fixed order where the last bits matter.
///
/// @param elements number of values
/// @param squaredError sum of squared differences
/// @param squaredSignal sum of squared values
/// @param maxAbsoluteError the largest absolute difference
/// @param clipped number of values beyond the representable range
public record QuantizationError(
        long elements, double squaredError, double squaredSignal, double maxAbsoluteError, long clipped) {

    private static final int PIECE = 1 << 19; // values that are decoded at once, unless one row holds more

    /// The error of nothing.
    public static final QuantizationError NONE = new QuantizationError(0, 0, 0, 0, 0);

    /// Compares `length` values with their quantised copies.
    ///
    /// @param range the largest representable magnitude, usually amax: values above it count as clipped; infinity for
    ///     none
    public static QuantizationError of(
            float[] values, int offset, float[] quantised, int quantisedOffset, int length, float range) {
        double squaredError = 0;
        double squaredSignal = 0;
        double maxAbsoluteError = 0;
        long clipped = 0;
        for (int i = 0; i < length; i++) {
            double value = values[offset + i];
            double error = quantised[quantisedOffset + i] - value;
            squaredError += error * error;
            squaredSignal += value * value;
            maxAbsoluteError = Math.max(maxAbsoluteError, Math.abs(error));
            clipped += Math.abs(value) > range ? 1 : 0;
        }
        return new QuantizationError(length, squaredError, squaredSignal, maxAbsoluteError, clipped);
    }

    /// Compares a weight with another of its shape, both decoded, some rows at a time.
    public static QuantizationError between(StoredWeight weight, StoredWeight quantised) {
        QuantizationError total = NONE;
        int rows = Math.ceilDiv(Math.max(1, PIECE / weight.columns()), Fp8.BLOCK) * Fp8.BLOCK;
        for (int from = 0; from < weight.rows(); from += rows) {
            int to = Math.min(from + rows, weight.rows());
            float[] values = new float[Math.multiplyExact(to - from, weight.columns())];
            float[] copies = new float[values.length];
            weight.decodeRows(from, to, values, 0);
            quantised.decodeRows(from, to, copies, 0);
            total = total.plus(of(values, 0, copies, 0, values.length, Float.POSITIVE_INFINITY));
        }
        return total;
    }

    /// Returns the error over the values of both.
    public QuantizationError plus(QuantizationError other) {
        return new QuantizationError(
                elements + other.elements,
                squaredError + other.squaredError,
                squaredSignal + other.squaredSignal,
                Math.max(maxAbsoluteError, other.maxAbsoluteError),
                clipped + other.clipped);
    }

    /// Returns the mean squared error, 0 for no values.
    public double mse() {
        return elements == 0 ? 0 : squaredError / elements;
    }

    /// Returns the ratio of signal to quantisation noise in dB; positive infinity if there is no error.
    public double sqnr() {
        return squaredError == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(squaredSignal / squaredError);
    }

    /// Returns the fraction of values beyond the representable range, 0 for no values.
    public double clippedFraction() {
        return elements == 0 ? 0 : (double) clipped / elements;
    }
}
