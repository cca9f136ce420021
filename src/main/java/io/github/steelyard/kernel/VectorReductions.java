package io.github.steelyard.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Reductions of [VectorKernels]. Sums run in four float32 accumulators per lane, whose lanes are then added in
/// ascending order in float64: the Vector API's own sum over lanes leaves its order open.
final class VectorReductions {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int UNROLLED = 4 * LANES;
    private static final int MAGNITUDE = 0x7fff_ffff;
    private static final int INFINITY_BITS = 0x7f80_0000;

    private VectorReductions() {}

    static float absMax(float[] x, int offset, int length) {
        IntVector max0 = IntVector.zero(INTS);
        IntVector max1 = max0;
        IntVector max2 = max0;
        IntVector max3 = max0;
        int i = 0;
        for (; i <= length - UNROLLED; i += UNROLLED) {
            max0 = max0.max(magnitudes(x, offset + i));
            max1 = max1.max(magnitudes(x, offset + i + LANES));
            max2 = max2.max(magnitudes(x, offset + i + 2 * LANES));
            max3 = max3.max(magnitudes(x, offset + i + 3 * LANES));
        }
        for (; i < length; i += LANES) {
            max0 = max0.max(magnitudes(x, offset + i, SPECIES.indexInRange(i, length)));
        }
        return Float.intBitsToFloat(max0.max(max1).max(max2.max(max3)).reduceLanes(VectorOperators.MAX));
    }

    static float absMaxFinite(float[] x, int offset, int length) {
        IntVector max = IntVector.zero(INTS);
        for (int i = 0; i < length; i += LANES) {
            IntVector magnitudes = magnitudes(x, offset + i, SPECIES.indexInRange(i, length));
            max = max.max(magnitudes.blend(0, magnitudes.compare(VectorOperators.GE, INFINITY_BITS)));
        }
        return Float.intBitsToFloat(max.reduceLanes(VectorOperators.MAX));
    }

    static void absMaxColumns(float[] x, int offset, int rows, int columns, float[] amax, int amaxOffset) {
        for (int column = 0; column < columns; column += LANES) {
            VectorMask<Float> mask = SPECIES.indexInRange(column, columns);
            IntVector max = FloatVector.fromArray(SPECIES, amax, amaxOffset + column, mask)
                    .reinterpretAsInts();
            for (int row = 0; row < rows; row++) {
                max = max.max(magnitudes(x, offset + row * columns + column, mask));
            }
            max.reinterpretAsFloats().intoArray(amax, amaxOffset + column, mask);
        }
    }

    static long countNonFinite(float[] x, int offset, int length) {
        long count = 0;
        for (int i = 0; i < length; i += LANES) {
            IntVector magnitudes = magnitudes(x, offset + i, SPECIES.indexInRange(i, length));
            count += magnitudes.compare(VectorOperators.GE, INFINITY_BITS).trueCount();
        }
        return count;
    }

    /// Returns the largest element by [Math#max], negative infinity if there are none.
    static float max(float[] x, int offset, int length) {
        FloatVector max = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            max = max.max(FloatVector.fromArray(SPECIES, x, i));
        }
        if (bound < length) {
            VectorMask<Float> tail = SPECIES.indexInRange(bound, length);
            max = max.lanewise(VectorOperators.MAX, FloatVector.fromArray(SPECIES, x, offset + bound, tail), tail);
        }
        return max.reduceLanes(VectorOperators.MAX);
    }

    static double dot(float[] x, int xOffset, float[] y, int yOffset, int length) {
        FloatVector sum0 = FloatVector.zero(SPECIES);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        int i = 0;
        for (; i <= length - UNROLLED; i += UNROLLED) {
            sum0 = load(x, xOffset + i).fma(load(y, yOffset + i), sum0);
            sum1 = load(x, xOffset + i + LANES).fma(load(y, yOffset + i + LANES), sum1);
            sum2 = load(x, xOffset + i + 2 * LANES).fma(load(y, yOffset + i + 2 * LANES), sum2);
            sum3 = load(x, xOffset + i + 3 * LANES).fma(load(y, yOffset + i + 3 * LANES), sum3);
        }
        for (; i < length; i += LANES) {
            VectorMask<Float> mask = SPECIES.indexInRange(i, length);
            FloatVector a = FloatVector.fromArray(SPECIES, x, xOffset + i, mask);
            sum0 = a.fma(FloatVector.fromArray(SPECIES, y, yOffset + i, mask), sum0);
        }
        return sumLanes(sum0) + sumLanes(sum1) + sumLanes(sum2) + sumLanes(sum3);
    }

    /// Returns the sum of the lanes, added in ascending order in float64.
    static double sumLanes(FloatVector v) {
        double sum = 0;
        for (float lane : v.toArray()) {
            sum += lane;
        }
        return sum;
    }

    private static FloatVector load(float[] x, int at) {
        return FloatVector.fromArray(SPECIES, x, at);
    }

    private static IntVector magnitudes(float[] x, int at) {
        return load(x, at).reinterpretAsInts().and(MAGNITUDE);
    }

    private static IntVector magnitudes(float[] x, int at, VectorMask<Float> mask) {
        return FloatVector.fromArray(SPECIES, x, at, mask).reinterpretAsInts().and(MAGNITUDE);
    }
}
