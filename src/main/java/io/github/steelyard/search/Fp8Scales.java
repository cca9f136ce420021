package io.github.steelyard.search;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.PartScales;
import io.github.steelyard.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Chooses the scale of each row, or of each tile of 128 rows and 128 columns, of an FP8 weight: of the multiples of
/// the largest magnitude the first with the smallest squared error.
///
/// A multiple `a` is tried as MODELOPT does: `e4m3(w · f) · (1 / f)` with `f = 448 · (1 / a)`, an `a` up to `2^-24`
/// counting as 1. Errors are those of [Kernels#fp8Error], in a tile those of its rows from above, added in float64.
///
/// @param multipliers what is tried
/// @param tile rows and columns of a tile, 0 for whole rows
/// @param kernels whose errors are compared; all give the same
public record Fp8Scales(Multipliers multipliers, int tile, Kernels kernels) implements PartScales {

    private static final float SMALLEST_AMAX = 0x1p-24f;

    @Override
    public byte[] of(float[] values, int offset, int rows, int columns) {
        int height = tile == 0 ? 1 : tile;
        int width = tile == 0 ? columns : tile;
        ByteBuffer scales = ByteBuffer.allocate(Math.ceilDiv(rows, height) * Math.ceilDiv(columns, width) * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int top = 0; top < rows; top += height) {
            for (int left = 0; left < columns; left += width) {
                scales.putFloat(Fp8.scale(amax(
                        values,
                        offset + top * columns + left,
                        Math.min(height, rows - top),
                        Math.min(width, columns - left),
                        columns)));
            }
        }
        return scales.array();
    }

    private float amax(float[] values, int from, int rows, int columns, int stride) {
        float largest = 0;
        for (int row = 0; row < rows; row++) {
            largest = Math.max(largest, Amax.of(values, from + row * stride, columns));
        }
        float best = largest;
        double smallest = Double.POSITIVE_INFINITY;
        for (float multiplier : multipliers.values()) {
            float amax = largest * multiplier;
            double error = 0;
            for (int row = 0; row < rows; row++) {
                error += error(kernels, values, from + row * stride, columns, amax);
            }
            if (error < smallest) {
                smallest = error;
                best = amax;
            }
        }
        return best;
    }

    /// Returns the squared error of values in E4M3 under the scale of an amax.
    static double error(Kernels kernels, float[] values, int offset, int length, float amax) {
        float factor = E4m3.MAX * (1 / (amax <= SMALLEST_AMAX ? 1 : amax));
        return kernels.fp8Error(values, offset, length, factor, 1 / factor);
    }
}
