package io.github.steelyard.search;

import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import java.util.List;

/// Searches for the one amax of a weight, or of several that are one matrix to ModelOpt: of the multiples of the
/// largest magnitude the first with the smallest squared error.
///
/// FP8 is tried as in [Fp8Scales], INT8 as in [IntScales]. In NVFP4 with dynamic blocks the amax is that of the global
/// scale `s = a / 2688`,
/// and a block with the largest magnitude `b` has the scale `e4m3(min(b / (6 · s), 448)) · s`, which zeroes it where it
/// rounds to 0: the quantizer that ModelOpt searches with. (Its scales below `1e-5` become 1; ours do not.)
///
/// The error of a row is that of [Kernels#fp8Error] or [Kernels#intError], or the sum of its blocks'
/// [Kernels#fp4Errors] in float64; rows are
/// added from above, weights in their order, so that neither pieces nor threads change a bit.
///
/// @param multipliers what is tried
/// @param kernels whose errors are compared; all give the same
public record TensorSearch(Multipliers multipliers, Kernels kernels) {

    /// Values that are decoded at a time, about.
    private static final int PIECE = 1 << 18;

    /// Returns the chosen amax.
    ///
    /// @param format FP8, INT8 or NVFP4
    /// @param weights finite
    /// @param amax their largest magnitude, or one that they share, positive and finite
    /// @throws IllegalArgumentException if `format` has no amax of the tensor
    public float amax(Format format, List<StoredWeight> weights, float amax) {
        double[] errors = errors(format, weights, amax);
        int best = 0;
        for (int i = 1; i < errors.length; i++) {
            if (errors[i] < errors[best]) {
                best = i;
            }
        }
        return amax * multipliers.values().get(best);
    }

    /// Returns the squared error of each candidate.
    double[] errors(Format format, List<StoredWeight> weights, float amax) {
        if (!format.hasTensorScale()) {
            throw new IllegalArgumentException("%s has no amax of the tensor".formatted(format));
        }
        double[] errors = new double[multipliers.values().size()];
        for (StoredWeight weight : weights) {
            int columns = weight.columns();
            int step = Math.max(1, PIECE / columns);
            float[] values = new float[Math.multiplyExact(Math.min(step, weight.rows()), columns)];
            for (int top = 0; top < weight.rows(); top += step) {
                int rows = Math.min(step, weight.rows() - top);
                kernels.decode(weight, top, top + rows, values, 0);
                for (int row = 0; row < rows; row++) {
                    if (format.hasSecondLevel()) {
                        addBlocks(format, values, row * columns, columns, amax, errors);
                    } else {
                        addRow(format, values, row * columns, columns, amax, errors);
                    }
                }
            }
        }
        return errors;
    }

    private void addRow(Format format, float[] values, int offset, int columns, float amax, double[] errors) {
        boolean integers = format.coding() == Format.Coding.INTEGERS;
        for (int i = 0; i < errors.length; i++) {
            float candidate = amax * multipliers.values().get(i);
            errors[i] += integers
                    ? IntScales.error(kernels, format.bits(), values, offset, columns, candidate)
                    : Fp8Scales.error(kernels, values, offset, columns, candidate);
        }
    }

    private void addBlocks(Format format, float[] values, int offset, int columns, float amax, double[] errors) {
        int blocks = columns / Nvfp4.BLOCK;
        float[] elements = new float[columns]; // (element, block)
        kernels.transpose(values, offset, Nvfp4.BLOCK, blocks, Nvfp4.BLOCK, elements, 0, blocks);
        float[] largest = new float[blocks];
        kernels.absMaxColumns(elements, 0, Nvfp4.BLOCK, blocks, largest, 0);
        for (int block = 0; format == Format.NVFP4_32 && block < blocks; block += 2) {
            largest[block] = Math.max(largest[block], largest[block + 1]);
            largest[block + 1] = largest[block];
        }
        float[] scales = new float[blocks];
        float[] found = new float[blocks];
        for (int i = 0; i < errors.length; i++) {
            float global = amax * multipliers.values().get(i) / Nvfp4.RANGE;
            for (int block = 0; block < blocks; block++) {
                scales[block] = E4m3.round(Math.min(largest[block] / (E2m1.MAX * global), E4m3.MAX)) * global;
            }
            kernels.fp4Errors(elements, 0, blocks, scales, found);
            double sum = 0;
            for (float one : found) {
                sum += one;
            }
            errors[i] += sum;
        }
    }
}
