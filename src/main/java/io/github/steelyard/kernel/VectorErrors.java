package io.github.steelyard.kernel;

import io.github.steelyard.format.E4m3;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Errors of quantization for [VectorKernels]. Rounding is that of the codecs: adding and subtracting a power of two
/// that leaves the grid's step as the last bit. Magnitudes are limited as integers, whose order is that of positive
/// floats: the minimum of floats costs more, for the sake of NaN.
final class VectorErrors {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int PARTIAL_SUMS = 16;
    private static final int MAGNITUDE = 0x7fff_ffff;
    private static final int SIGN = 0x8000_0000;
    private static final int EXPONENT = 0x7f80_0000;

    private static final int FP4_MAX = Float.floatToRawIntBits(6);
    private static final int FP4_MIN_EXPONENT = 127 << 23;
    private static final int FP4_SHIFT = (23 - 1) << 23;
    private static final int FP8_MAX = Float.floatToRawIntBits(E4m3.MAX);
    private static final int FP8_MIN_EXPONENT = (127 - 6) << 23;
    private static final int FP8_SHIFT = (23 - 3) << 23;

    private static final float WHOLE_NUMBERS = 0x1.8p23f;

    private VectorErrors() {}

    /// A lane is a block.
    static void fp4Errors(float[] x, int offset, int blocks, float[] scales, float[] errors) {
        int bound = SPECIES.loopBound(blocks);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector scale = FloatVector.fromArray(SPECIES, scales, i);
            // Under a scale of zero everything becomes zero, and 0 / 0 would not.
            FloatVector divisor = scale.blend(Float.POSITIVE_INFINITY, scale.compare(VectorOperators.EQ, 0));
            FloatVector sum = FloatVector.zero(SPECIES);
            for (int e = 0; e < 8; e++) {
                FloatVector one = FloatVector.fromArray(SPECIES, x, offset + e * blocks + i);
                FloatVector other = FloatVector.fromArray(SPECIES, x, offset + (e + 8) * blocks + i);
                sum = sum.add(fp4Square(one, divisor, scale).add(fp4Square(other, divisor, scale)));
            }
            sum.intoArray(errors, i);
        }
        for (int i = bound; i < blocks; i++) {
            errors[i] = ReferenceKernels.fp4Error(x, offset + i, blocks, scales[i]);
        }
    }

    /// A lane is a block.
    static void fp4Residuals(float[] x, int offset, int elements, int blocks, float[] scales, float[] residuals) {
        int bound = SPECIES.loopBound(blocks);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector scale = FloatVector.fromArray(SPECIES, scales, i);
            FloatVector divisor = scale.blend(Float.POSITIVE_INFINITY, scale.compare(VectorOperators.EQ, 0));
            for (int e = 0; e < elements; e++) {
                FloatVector value = FloatVector.fromArray(SPECIES, x, offset + e * blocks + i);
                IntVector signs = value.reinterpretAsInts().and(SIGN);
                fp4Rest(value.abs(), divisor, scale)
                        .reinterpretAsInts()
                        .lanewise(VectorOperators.XOR, signs)
                        .reinterpretAsFloats()
                        .intoArray(residuals, e * blocks + i);
            }
        }
        ReferenceKernels.fp4Residuals(x, offset, elements, bound, blocks, scales, residuals);
    }

    /// A lane is a block.
    static void quadraticForms(float[] x, int blocks, float[] form, float[] values) {
        int bound = SPECIES.loopBound(blocks);
        for (int block = 0; block < bound; block += LANES) {
            FloatVector value = FloatVector.zero(SPECIES);
            for (int i = 0; i < 16; i++) {
                FloatVector own = FloatVector.fromArray(SPECIES, x, i * blocks + block);
                FloatVector product = own.mul(form[i * 16 + i]);
                for (int j = i + 1; j < 16; j++) {
                    product = product.add(FloatVector.fromArray(SPECIES, x, j * blocks + block)
                            .mul(form[i * 16 + j]));
                }
                value = value.add(own.mul(product));
            }
            value.intoArray(values, block);
        }
        ReferenceKernels.quadraticForms(x, bound, blocks, form, values);
    }

    private static FloatVector fp4Square(FloatVector value, FloatVector divisor, FloatVector scale) {
        FloatVector error = fp4Rest(value.abs(), divisor, scale);
        return error.mul(error);
    }

    private static FloatVector fp4Rest(FloatVector magnitude, FloatVector divisor, FloatVector scale) {
        IntVector bits = magnitude.div(divisor).reinterpretAsInts().min(FP4_MAX);
        FloatVector shifter =
                bits.and(EXPONENT).max(FP4_MIN_EXPONENT).add(FP4_SHIFT).reinterpretAsFloats();
        return magnitude.sub(
                bits.reinterpretAsFloats().add(shifter).sub(shifter).mul(scale));
    }

    /// For 16 lanes: two vectors of eight sums.
    static double fp8ErrorWide(float[] x, int offset, int length, float factor, float inverse) {
        DoubleVector low = DoubleVector.zero(DOUBLES);
        DoubleVector high = low;
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector square = fp8Square(FloatVector.fromArray(SPECIES, x, offset + i), factor, inverse);
            low = low.add(square.convertShape(VectorOperators.F2D, DOUBLES, 0));
            high = high.add(square.convertShape(VectorOperators.F2D, DOUBLES, 1));
        }
        double[] sums = new double[PARTIAL_SUMS];
        low.intoArray(sums, 0);
        high.intoArray(sums, 8);
        return total(sums, x, offset, bound, length, factor, inverse);
    }

    /// For 8 lanes: four vectors of four sums.
    static double fp8Error(float[] x, int offset, int length, float factor, float inverse) {
        DoubleVector sum0 = DoubleVector.zero(DOUBLES);
        DoubleVector sum1 = sum0;
        DoubleVector sum2 = sum0;
        DoubleVector sum3 = sum0;
        int bound = length - length % PARTIAL_SUMS;
        for (int i = 0; i < bound; i += LANES) {
            FloatVector square = fp8Square(FloatVector.fromArray(SPECIES, x, offset + i), factor, inverse);
            DoubleVector low = (DoubleVector) square.convertShape(VectorOperators.F2D, DOUBLES, 0);
            DoubleVector high = (DoubleVector) square.convertShape(VectorOperators.F2D, DOUBLES, 1);
            if (i % PARTIAL_SUMS == 0) {
                sum0 = sum0.add(low);
                sum1 = sum1.add(high);
            } else {
                sum2 = sum2.add(low);
                sum3 = sum3.add(high);
            }
        }
        double[] sums = new double[PARTIAL_SUMS];
        sum0.intoArray(sums, 0);
        sum1.intoArray(sums, 4);
        sum2.intoArray(sums, 8);
        sum3.intoArray(sums, 12);
        return total(sums, x, offset, bound, length, factor, inverse);
    }

    private static FloatVector fp8Square(FloatVector value, float factor, float inverse) {
        IntVector scaled = value.mul(factor).reinterpretAsInts();
        IntVector bits = scaled.and(MAGNITUDE).min(FP8_MAX);
        FloatVector shifter =
                bits.and(EXPONENT).max(FP8_MIN_EXPONENT).add(FP8_SHIFT).reinterpretAsFloats();
        IntVector rounded = bits.reinterpretAsFloats().add(shifter).sub(shifter).reinterpretAsInts();
        FloatVector error =
                value.sub(rounded.or(scaled.and(SIGN)).reinterpretAsFloats().mul(inverse));
        return error.mul(error);
    }

    /// For 8 or 16 lanes: the squares of 16 elements are added to 16 sums.
    static double intError(float[] x, int offset, int length, float factor, int largest) {
        double[] sums = new double[PARTIAL_SUMS];
        int bound = factor == 0 ? 0 : length - length % PARTIAL_SUMS;
        int doubles = DOUBLES.length();
        for (int lane = 0; lane < PARTIAL_SUMS; lane += LANES) {
            DoubleVector low = DoubleVector.zero(DOUBLES);
            DoubleVector high = low;
            for (int i = lane; i < bound; i += PARTIAL_SUMS) {
                FloatVector square = intSquare(FloatVector.fromArray(SPECIES, x, offset + i), factor, largest);
                low = low.add(square.convertShape(VectorOperators.F2D, DOUBLES, 0));
                high = high.add(square.convertShape(VectorOperators.F2D, DOUBLES, 1));
            }
            low.intoArray(sums, lane);
            high.intoArray(sums, lane + doubles);
        }
        for (int i = bound; i < length; i++) {
            sums[i % PARTIAL_SUMS] += ReferenceKernels.intSquare(x[offset + i], factor, largest);
        }
        return ReferenceKernels.total(sums);
    }

    /// Codes are small: adding and subtracting 1.5 · 2^23 rounds to whole numbers, halves to even ones.
    private static FloatVector intSquare(FloatVector value, float factor, int largest) {
        FloatVector limited = value.mul(factor).max(-largest - 1f).min((float) largest);
        FloatVector error =
                value.sub(limited.add(WHOLE_NUMBERS).sub(WHOLE_NUMBERS).div(factor));
        return error.mul(error);
    }

    private static double total(
            double[] sums, float[] x, int offset, int from, int length, float factor, float inverse) {
        for (int i = from; i < length; i++) {
            sums[i % PARTIAL_SUMS] += ReferenceKernels.fp8Square(x[offset + i], factor, inverse);
        }
        return ReferenceKernels.total(sums);
    }
}
