package io.github.steelyard.search;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.kernel.Kernels;

/// The search for one block after the other, over every candidate: the specification of [BlockSearch].
final class ReferenceBlockSearch {

    private static final int LAST_CODE = 126;
    private static final Kernels KERNELS = Kernels.reference();

    private ReferenceBlockSearch() {}

    /// Returns the chosen amax of the block.
    static float amax(BlockRule rule, StaticScales scales, float[] values, int offset) {
        float largest = Amax.of(values, offset, Nvfp4.BLOCK);
        return switch (rule) {
            case BlockRule.Largest none -> largest;
            case BlockRule.Grid grid -> {
                float[] candidates = grid.multipliers().toArray();
                for (int i = 0; i < candidates.length; i++) {
                    candidates[i] *= largest;
                }
                yield first(scales, candidates, values, offset);
            }
            case BlockRule.Sweep sweep -> {
                float[] candidates = new float[LAST_CODE];
                for (int code = 1; code <= LAST_CODE; code++) {
                    candidates[code - 1] = scales.swept(code);
                }
                yield first(scales, candidates, values, offset);
            }
        };
    }

    private static float first(StaticScales scales, float[] candidates, float[] values, int offset) {
        float best = candidates[0];
        float smallest = Float.POSITIVE_INFINITY;
        for (float candidate : candidates) {
            float error = error(values, offset, scales.tried(candidate));
            if (error < smallest) {
                smallest = error;
                best = candidate;
            }
        }
        return best;
    }

    /// Returns the squared error of the block under a scale.
    static float error(float[] values, int offset, float scale) {
        float[] error = new float[1];
        KERNELS.fp4Errors(values, offset, 1, new float[] {scale}, error);
        return error[0];
    }
}
