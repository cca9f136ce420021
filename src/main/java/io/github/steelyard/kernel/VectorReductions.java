package io.github.steelyard.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Reductions of [VectorKernels]. No helper takes or returns a vector, see [VectorActivations]. Sums run in four
/// float32 accumulators per lane; these are added pairwise, then the lanes in ascending order in float64: the Vector
/// API's own sum over lanes leaves its order open.
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
            max0 = max0.max(FloatVector.fromArray(SPECIES, x, offset + i)
                    .reinterpretAsInts()
                    .and(MAGNITUDE));
            max1 = max1.max(FloatVector.fromArray(SPECIES, x, offset + i + LANES)
                    .reinterpretAsInts()
                    .and(MAGNITUDE));
            max2 = max2.max(FloatVector.fromArray(SPECIES, x, offset + i + 2 * LANES)
                    .reinterpretAsInts()
                    .and(MAGNITUDE));
            max3 = max3.max(FloatVector.fromArray(SPECIES, x, offset + i + 3 * LANES)
                    .reinterpretAsInts()
                    .and(MAGNITUDE));
        }
        for (; i < length; i += LANES) {
            max0 = max0.max(FloatVector.fromArray(SPECIES, x, offset + i, SPECIES.indexInRange(i, length))
                    .reinterpretAsInts()
                    .and(MAGNITUDE));
        }
        return Float.intBitsToFloat(max0.max(max1).max(max2.max(max3)).reduceLanes(VectorOperators.MAX));
    }

    static float absMaxFinite(float[] x, int offset, int length) {
        IntVector max = IntVector.zero(INTS);
        for (int i = 0; i < length; i += LANES) {
            IntVector magnitudes = FloatVector.fromArray(SPECIES, x, offset + i, SPECIES.indexInRange(i, length))
                    .reinterpretAsInts()
                    .and(MAGNITUDE);
            max = max.max(magnitudes.blend(0, magnitudes.compare(VectorOperators.GE, INFINITY_BITS)));
        }
        return Float.intBitsToFloat(max.reduceLanes(VectorOperators.MAX));
    }

    // A few vectors of columns at a time, so that whole cache lines are used; they stay in registers over the rows.
    static void absMaxColumns(float[] x, int offset, int rows, int columns, float[] amax, int amaxOffset) {
        int column = 0;
        for (; column <= columns - UNROLLED; column += UNROLLED) {
            int at = amaxOffset + column;
            IntVector max0 = FloatVector.fromArray(SPECIES, amax, at).reinterpretAsInts();
            IntVector max1 = FloatVector.fromArray(SPECIES, amax, at + LANES).reinterpretAsInts();
            IntVector max2 =
                    FloatVector.fromArray(SPECIES, amax, at + 2 * LANES).reinterpretAsInts();
            IntVector max3 =
                    FloatVector.fromArray(SPECIES, amax, at + 3 * LANES).reinterpretAsInts();
            for (int row = 0; row < rows; row++) {
                int from = offset + row * columns + column;
                max0 = max0.max(FloatVector.fromArray(SPECIES, x, from)
                        .reinterpretAsInts()
                        .and(MAGNITUDE));
                max1 = max1.max(FloatVector.fromArray(SPECIES, x, from + LANES)
                        .reinterpretAsInts()
                        .and(MAGNITUDE));
                max2 = max2.max(FloatVector.fromArray(SPECIES, x, from + 2 * LANES)
                        .reinterpretAsInts()
                        .and(MAGNITUDE));
                max3 = max3.max(FloatVector.fromArray(SPECIES, x, from + 3 * LANES)
                        .reinterpretAsInts()
                        .and(MAGNITUDE));
            }
            max0.reinterpretAsFloats().intoArray(amax, at);
            max1.reinterpretAsFloats().intoArray(amax, at + LANES);
            max2.reinterpretAsFloats().intoArray(amax, at + 2 * LANES);
            max3.reinterpretAsFloats().intoArray(amax, at + 3 * LANES);
        }
        for (; column < columns; column += LANES) {
            VectorMask<Float> mask = SPECIES.indexInRange(column, columns);
            IntVector max = FloatVector.fromArray(SPECIES, amax, amaxOffset + column, mask)
                    .reinterpretAsInts();
            for (int row = 0; row < rows; row++) {
                max = max.max(FloatVector.fromArray(SPECIES, x, offset + row * columns + column, mask)
                        .reinterpretAsInts()
                        .and(MAGNITUDE));
            }
            max.reinterpretAsFloats().intoArray(amax, amaxOffset + column, mask);
        }
    }

    static long countNonFinite(float[] x, int offset, int length) {
        long count = 0;
        for (int i = 0; i < length; i += LANES) {
            IntVector magnitudes = FloatVector.fromArray(SPECIES, x, offset + i, SPECIES.indexInRange(i, length))
                    .reinterpretAsInts()
                    .and(MAGNITUDE);
            count += magnitudes.compare(VectorOperators.GE, INFINITY_BITS).trueCount();
        }
        return count;
    }

    /// Returns the largest element by [Math#max], negative infinity if there are none.
    static float max(float[] x, int offset, int length) {
        FloatVector max0 = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
        FloatVector max1 = max0;
        FloatVector max2 = max0;
        FloatVector max3 = max0;
        int i = 0;
        for (; i <= length - UNROLLED; i += UNROLLED) {
            max0 = max0.max(FloatVector.fromArray(SPECIES, x, offset + i));
            max1 = max1.max(FloatVector.fromArray(SPECIES, x, offset + i + LANES));
            max2 = max2.max(FloatVector.fromArray(SPECIES, x, offset + i + 2 * LANES));
            max3 = max3.max(FloatVector.fromArray(SPECIES, x, offset + i + 3 * LANES));
        }
        for (; i < length; i += LANES) {
            VectorMask<Float> mask = SPECIES.indexInRange(i, length);
            max0 = max0.lanewise(VectorOperators.MAX, FloatVector.fromArray(SPECIES, x, offset + i, mask), mask);
        }
        return max0.max(max1).max(max2.max(max3)).reduceLanes(VectorOperators.MAX);
    }

    static double dot(float[] x, int xOffset, float[] y, int yOffset, int length) {
        FloatVector sum0 = FloatVector.zero(SPECIES);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        int i = 0;
        for (; i <= length - UNROLLED; i += UNROLLED) {
            sum0 = FloatVector.fromArray(SPECIES, x, xOffset + i)
                    .fma(FloatVector.fromArray(SPECIES, y, yOffset + i), sum0);
            sum1 = FloatVector.fromArray(SPECIES, x, xOffset + i + LANES)
                    .fma(FloatVector.fromArray(SPECIES, y, yOffset + i + LANES), sum1);
            sum2 = FloatVector.fromArray(SPECIES, x, xOffset + i + 2 * LANES)
                    .fma(FloatVector.fromArray(SPECIES, y, yOffset + i + 2 * LANES), sum2);
            sum3 = FloatVector.fromArray(SPECIES, x, xOffset + i + 3 * LANES)
                    .fma(FloatVector.fromArray(SPECIES, y, yOffset + i + 3 * LANES), sum3);
        }
        for (; i < length; i += LANES) {
            VectorMask<Float> mask = SPECIES.indexInRange(i, length);
            FloatVector a = FloatVector.fromArray(SPECIES, x, xOffset + i, mask);
            sum0 = a.fma(FloatVector.fromArray(SPECIES, y, yOffset + i, mask), sum0);
        }
        float[] lanes = new float[LANES];
        sum0.add(sum1).add(sum2.add(sum3)).intoArray(lanes, 0);
        return inOrder(lanes);
    }

    static double sum(float[] x, int offset, int length) {
        FloatVector sum0 = FloatVector.zero(SPECIES);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        int i = 0;
        for (; i <= length - UNROLLED; i += UNROLLED) {
            sum0 = sum0.add(FloatVector.fromArray(SPECIES, x, offset + i));
            sum1 = sum1.add(FloatVector.fromArray(SPECIES, x, offset + i + LANES));
            sum2 = sum2.add(FloatVector.fromArray(SPECIES, x, offset + i + 2 * LANES));
            sum3 = sum3.add(FloatVector.fromArray(SPECIES, x, offset + i + 3 * LANES));
        }
        for (; i < length; i += LANES) {
            sum0 = sum0.add(FloatVector.fromArray(SPECIES, x, offset + i, SPECIES.indexInRange(i, length)));
        }
        float[] lanes = new float[LANES];
        sum0.add(sum1).add(sum2.add(sum3)).intoArray(lanes, 0);
        return inOrder(lanes);
    }

    private static double inOrder(float[] lanes) {
        double sum = 0;
        for (float lane : lanes) {
            sum += lane;
        }
        return sum;
    }
}
