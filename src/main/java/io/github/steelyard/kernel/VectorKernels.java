package io.github.steelyard.kernel;

import io.github.steelyard.format.StoredWeight;
import java.util.Locale;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// [Kernels] in the Vector API, at the preferred width of the machine. Elementwise tails are left to plain loops, which
/// give the same bits.
public record VectorKernels(String reason) implements Kernels {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final Kernels REFERENCE = new ReferenceKernels("for what has no SIMD form");

    static Kernels fastest() {
        if (LANES < 4) {
            return new ReferenceKernels("no SIMD: the machine's vectors hold fewer than 4 floats");
        }
        return new VectorKernels(String.format(Locale.ROOT, "SIMD with %d-bit vectors", SPECIES.vectorBitSize()));
    }

    /// Returns the width of its vectors.
    public int bits() {
        return SPECIES.vectorBitSize();
    }

    @Override
    public String name() {
        return "vector-" + SPECIES.vectorBitSize();
    }

    @Override
    public void decode(StoredWeight weight, int fromRow, int toRow, float[] target, int offset) {
        VectorDecode.decode(weight, fromRow, toRow, target, offset);
    }

    @Override
    public void transpose(float[] x, int xOffset, int ldx, int rows, int columns, float[] y, int yOffset, int ldy) {
        VectorTranspose.transpose(x, xOffset, ldx, rows, columns, y, yOffset, ldy);
    }

    @Override
    public float absMax(float[] x, int offset, int length) {
        return VectorReductions.absMax(x, offset, length);
    }

    @Override
    public float absMaxFinite(float[] x, int offset, int length) {
        return VectorReductions.absMaxFinite(x, offset, length);
    }

    @Override
    public void absMaxColumns(float[] x, int offset, int rows, int columns, float[] amax, int amaxOffset) {
        VectorReductions.absMaxColumns(x, offset, rows, columns, amax, amaxOffset);
    }

    @Override
    public void fp4Errors(float[] x, int offset, int blocks, float[] scales, float[] errors) {
        VectorErrors.fp4Errors(x, offset, blocks, scales, errors);
    }

    @Override
    public void fp4Residuals(float[] x, int offset, int elements, int blocks, float[] scales, float[] residuals) {
        VectorErrors.fp4Residuals(x, offset, elements, blocks, scales, residuals);
    }

    @Override
    public void quadraticForms(float[] x, int blocks, float[] form, float[] values) {
        VectorErrors.quadraticForms(x, blocks, form, values);
    }

    @Override
    public double fp8Error(float[] x, int offset, int length, float factor, float inverse) {
        return switch (LANES) {
            case 16 -> VectorErrors.fp8ErrorWide(x, offset, length, factor, inverse);
            case 8 -> VectorErrors.fp8Error(x, offset, length, factor, inverse);
            default -> REFERENCE.fp8Error(x, offset, length, factor, inverse);
        };
    }

    @Override
    public double intError(float[] x, int offset, int length, float factor, int largest) {
        return LANES == 8 || LANES == 16
                ? VectorErrors.intError(x, offset, length, factor, largest)
                : REFERENCE.intError(x, offset, length, factor, largest);
    }

    @Override
    public long countNonFinite(float[] x, int offset, int length) {
        return VectorReductions.countNonFinite(x, offset, length);
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector.fromArray(SPECIES, y, yOffset + i)
                    .add(FloatVector.fromArray(SPECIES, x, xOffset + i))
                    .intoArray(y, yOffset + i);
        }
        REFERENCE.add(x, xOffset + bound, y, yOffset + bound, length - bound);
    }

    @Override
    public void addScaled(float a, float[] x, int xOffset, float[] y, int yOffset, int length) {
        FloatVector factor = FloatVector.broadcast(SPECIES, a);
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            factor.fma(FloatVector.fromArray(SPECIES, x, xOffset + i), FloatVector.fromArray(SPECIES, y, yOffset + i))
                    .intoArray(y, yOffset + i);
        }
        REFERENCE.addScaled(a, x, xOffset + bound, y, yOffset + bound, length - bound);
    }

    @Override
    public void scale(float a, float[] x, int offset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            FloatVector.fromArray(SPECIES, x, i).mul(a).intoArray(x, i);
        }
        REFERENCE.scale(a, x, offset + bound, length - bound);
    }

    @Override
    public void multiply(float[] x, int xOffset, float[] y, int yOffset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector.fromArray(SPECIES, y, yOffset + i)
                    .mul(FloatVector.fromArray(SPECIES, x, xOffset + i))
                    .intoArray(y, yOffset + i);
        }
        REFERENCE.multiply(x, xOffset + bound, y, yOffset + bound, length - bound);
    }

    @Override
    public float dot(float[] x, int xOffset, float[] y, int yOffset, int length) {
        return (float) VectorReductions.dot(x, xOffset, y, yOffset, length);
    }

    @Override
    public float sumOfSquares(float[] x, int offset, int length) {
        return (float) VectorReductions.dot(x, offset, x, offset, length);
    }

    @Override
    public void rmsNorm(
            float[] x,
            int xOffset,
            float[] weight,
            float weightOffset,
            float epsilon,
            float[] y,
            int yOffset,
            int length) {
        double squares = VectorReductions.dot(x, xOffset, x, xOffset, length);
        float factor = (float) (1 / Math.sqrt(squares / length + epsilon));
        if (weight.length == 0) {
            scaled(factor, x, xOffset, y, yOffset, length);
            return;
        }
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector normed = FloatVector.fromArray(SPECIES, x, xOffset + i).mul(factor);
            normed.mul(FloatVector.fromArray(SPECIES, weight, i).add(weightOffset))
                    .intoArray(y, yOffset + i);
        }
        for (int i = bound; i < length; i++) {
            y[yOffset + i] = x[xOffset + i] * factor * (weightOffset + weight[i]);
        }
    }

    private static void scaled(float a, float[] x, int xOffset, float[] y, int yOffset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector.fromArray(SPECIES, x, xOffset + i).mul(a).intoArray(y, yOffset + i);
        }
        for (int i = bound; i < length; i++) {
            y[yOffset + i] = x[xOffset + i] * a;
        }
    }

    @Override
    public void softmax(float factor, float[] x, int offset, int length, float sink) {
        float max = Math.max(sink, factor * VectorReductions.max(x, offset, length));
        VectorActivations.exp(factor, max, x, offset, x, offset, length);
        double sum = VectorReductions.sum(x, offset, length);
        sum += sink == Float.NEGATIVE_INFINITY ? 0 : Exp.of(sink - max);
        scale((float) (1 / sum), x, offset, length);
    }

    @Override
    public void exp(float[] x, int offset, int length) {
        VectorActivations.exp(1, 0, x, offset, x, offset, length);
    }

    @Override
    public void sigmoid(float[] x, int offset, int length) {
        VectorActivations.sigmoid(x, offset, length);
    }

    @Override
    public void silu(float[] x, int offset, int length) {
        VectorActivations.silu(x, offset, length);
    }

    @Override
    public void siluMultiply(
            float[] gate, int gateOffset, float[] up, int upOffset, float[] out, int outOffset, int length) {
        VectorActivations.siluMultiply(gate, gateOffset, up, upOffset, out, outOffset, length);
    }

    @Override
    public void clampedSwiglu(
            float[] gate,
            int gateOffset,
            float[] up,
            int upOffset,
            float limit,
            float alpha,
            float[] out,
            int outOffset,
            int length) {
        VectorActivations.clampedSwiglu(gate, gateOffset, up, upOffset, limit, alpha, out, outOffset, length);
    }

    @Override
    public void relu2(float[] x, int offset, int length) {
        VectorActivations.relu2(x, offset, length);
    }

    @Override
    public void softplus(float[] x, int offset, int length) {
        REFERENCE.softplus(x, offset, length);
    }

    @Override
    public void rotateHalf(float[] x, int offset, float[] cos, float[] sin, int angleOffset, int half) {
        int bound = SPECIES.loopBound(half);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector a = FloatVector.fromArray(SPECIES, x, offset + i);
            FloatVector b = FloatVector.fromArray(SPECIES, x, offset + half + i);
            FloatVector c = FloatVector.fromArray(SPECIES, cos, angleOffset + i);
            FloatVector s = FloatVector.fromArray(SPECIES, sin, angleOffset + i);
            a.mul(c).sub(b.mul(s)).intoArray(x, offset + i);
            b.mul(c).add(a.mul(s)).intoArray(x, offset + half + i);
        }
        for (int i = bound; i < half; i++) {
            float a = x[offset + i];
            float b = x[offset + half + i];
            x[offset + i] = a * cos[angleOffset + i] - b * sin[angleOffset + i];
            x[offset + half + i] = b * cos[angleOffset + i] + a * sin[angleOffset + i];
        }
    }

    @Override
    public void rotateInterleaved(float[] x, int offset, float[] cos, float[] sin, int angleOffset, int half) {
        REFERENCE.rotateInterleaved(x, offset, cos, sin, angleOffset, half);
    }
}
