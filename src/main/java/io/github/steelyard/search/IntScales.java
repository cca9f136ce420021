package io.github.steelyard.search;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Ints;
import io.github.steelyard.format.PartScales;
import io.github.steelyard.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Chooses the scale of each row, or of each group of a row, of a weight in integers: of the multiples of the largest
/// magnitude the first with the smallest squared error.
///
/// A multiple `a` is tried as MODELOPT does: `clamp(rint(w · f)) / f` with `f = (2^(b - 1) - 1) / a`, and nothing but
/// zeros where `a` is at most `2^-24`. Errors are those of [Kernels#intError].
///
/// @param multipliers what is tried
/// @param bits 4 or 8
/// @param group columns that share a scale, 0 for whole rows; the last group of a row may be partial
/// @param arithmetic whose scale is made of the chosen amax
/// @param kernels whose errors are compared; all give the same
public record IntScales(Multipliers multipliers, int bits, int group, Arithmetic arithmetic, Kernels kernels)
        implements PartScales {

    private static final float SMALLEST_AMAX = 0x1p-24f;

    @Override
    public byte[] of(float[] values, int offset, int rows, int columns) {
        int width = group == 0 ? Math.max(1, columns) : group;
        ByteBuffer scales = ByteBuffer.allocate(rows * Math.ceilDiv(columns, width) * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < rows; row++) {
            for (int left = 0; left < columns; left += width) {
                float amax = amax(values, offset + row * columns + left, Math.min(width, columns - left));
                scales.putFloat(Ints.scale(arithmetic, bits, amax));
            }
        }
        return scales.array();
    }

    /// Returns the chosen amax of elements that share a scale.
    float amax(float[] values, int offset, int length) {
        float largest = Amax.of(values, offset, length);
        float best = largest;
        double smallest = Double.POSITIVE_INFINITY;
        for (float multiplier : multipliers.values()) {
            float amax = largest * multiplier;
            double error = error(kernels, bits, values, offset, length, amax);
            if (error < smallest) {
                smallest = error;
                best = amax;
            }
        }
        return best;
    }

    /// Returns the squared error of values in integers under the scale of an amax.
    static double error(Kernels kernels, int bits, float[] values, int offset, int length, float amax) {
        float factor = amax <= SMALLEST_AMAX ? 0 : Ints.largest(bits) / amax;
        return kernels.intError(values, offset, length, factor, Ints.largest(bits));
    }
}
