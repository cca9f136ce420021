package io.github.steelyard.kernel;

import io.github.steelyard.format.StoredWeight;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// [Kernels] in the Vector API, at the preferred width of the machine. Tails run the same operations under a mask.
record VectorKernels(String reason) implements Kernels {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final Kernels REFERENCE = new ReferenceKernels("for what has no SIMD form");

    static Kernels fastest() {
        if (LANES < 4) {
            return new ReferenceKernels("no SIMD: the machine's vectors hold fewer than 4 floats");
        }
        return new VectorKernels("SIMD with %d-bit vectors".formatted(SPECIES.vectorBitSize()));
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
    public long countNonFinite(float[] x, int offset, int length) {
        return VectorReductions.countNonFinite(x, offset, length);
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            load(y, yOffset + i).add(load(x, xOffset + i)).intoArray(y, yOffset + i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            load(y, yOffset + bound, tail).add(load(x, xOffset + bound, tail)).intoArray(y, yOffset + bound, tail);
        }
    }

    @Override
    public void addScaled(float a, float[] x, int xOffset, float[] y, int yOffset, int length) {
        FloatVector factor = FloatVector.broadcast(SPECIES, a);
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            factor.fma(load(x, xOffset + i), load(y, yOffset + i)).intoArray(y, yOffset + i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            factor.fma(load(x, xOffset + bound, tail), load(y, yOffset + bound, tail))
                    .intoArray(y, yOffset + bound, tail);
        }
    }

    @Override
    public void scale(float a, float[] x, int offset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            load(x, i).mul(a).intoArray(x, i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            load(x, offset + bound, tail).mul(a).intoArray(x, offset + bound, tail);
        }
    }

    @Override
    public void multiply(float[] x, int xOffset, float[] y, int yOffset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            load(y, yOffset + i).mul(load(x, xOffset + i)).intoArray(y, yOffset + i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            load(y, yOffset + bound, tail).mul(load(x, xOffset + bound, tail)).intoArray(y, yOffset + bound, tail);
        }
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
        int bound = SPECIES.loopBound(length);
        boolean weighted = weight.length > 0;
        for (int i = 0; i < bound; i += LANES) {
            FloatVector normed = load(x, xOffset + i).mul(factor);
            FloatVector scaled = weighted ? normed.mul(load(weight, i).add(weightOffset)) : normed;
            scaled.intoArray(y, yOffset + i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            FloatVector normed = load(x, xOffset + bound, tail).mul(factor);
            FloatVector scaled = weighted ? normed.mul(load(weight, bound, tail).add(weightOffset)) : normed;
            scaled.intoArray(y, yOffset + bound, tail);
        }
    }

    @Override
    public void softmax(float[] x, int offset, int length, float sink) {
        float max = Math.max(sink, VectorReductions.max(x, offset, length));
        double sum = VectorActivations.expOfDifference(x, offset, length, max);
        sum += sink == Float.NEGATIVE_INFINITY ? 0 : Exp.of(sink - max);
        scale((float) (1 / sum), x, offset, length);
    }

    @Override
    public void exp(float[] x, int offset, int length) {
        VectorActivations.exp(x, offset, length);
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
            FloatVector a = load(x, offset + i);
            FloatVector b = load(x, offset + half + i);
            FloatVector c = load(cos, angleOffset + i);
            FloatVector s = load(sin, angleOffset + i);
            a.mul(c).sub(b.mul(s)).intoArray(x, offset + i);
            b.mul(c).add(a.mul(s)).intoArray(x, offset + half + i);
        }
        if (bound < half) {
            VectorMask<Float> tail = tail(half - bound);
            FloatVector a = load(x, offset + bound, tail);
            FloatVector b = load(x, offset + half + bound, tail);
            FloatVector c = load(cos, angleOffset + bound, tail);
            FloatVector s = load(sin, angleOffset + bound, tail);
            a.mul(c).sub(b.mul(s)).intoArray(x, offset + bound, tail);
            b.mul(c).add(a.mul(s)).intoArray(x, offset + half + bound, tail);
        }
    }

    @Override
    public void rotateInterleaved(float[] x, int offset, float[] cos, float[] sin, int angleOffset, int half) {
        REFERENCE.rotateInterleaved(x, offset, cos, sin, angleOffset, half);
    }

    private static FloatVector load(float[] x, int at) {
        return FloatVector.fromArray(SPECIES, x, at);
    }

    private static FloatVector load(float[] x, int at, VectorMask<Float> mask) {
        return FloatVector.fromArray(SPECIES, x, at, mask);
    }

    private static VectorMask<Float> tail(int count) {
        return SPECIES.indexInRange(0, count);
    }
}
