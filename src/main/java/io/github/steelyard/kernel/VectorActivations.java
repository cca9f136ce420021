package io.github.steelyard.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Exponentials of [VectorKernels]: the operations of [Exp] lane by lane, so the bits are those of the reference.
final class VectorActivations {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int FLOAT_BIAS = 127;
    private static final int MANTISSA_BITS = 23;

    private VectorActivations() {}

    /// Replaces `x` by `exp(x - max)` and returns the sum of the results.
    static double expOfDifference(float[] x, int offset, int length, float max) {
        FloatVector sum = FloatVector.zero(SPECIES);
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            FloatVector y = exp(FloatVector.fromArray(SPECIES, x, i).sub(max));
            y.intoArray(x, i);
            sum = sum.add(y);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            FloatVector y =
                    exp(FloatVector.fromArray(SPECIES, x, offset + bound, tail).sub(max));
            y.intoArray(x, offset + bound, tail);
            sum = sum.add(y, tail);
        }
        return VectorReductions.sumLanes(sum);
    }

    static void exp(float[] x, int offset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            exp(FloatVector.fromArray(SPECIES, x, i)).intoArray(x, i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            exp(FloatVector.fromArray(SPECIES, x, offset + bound, tail)).intoArray(x, offset + bound, tail);
        }
    }

    static void sigmoid(float[] x, int offset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            sigmoid(FloatVector.fromArray(SPECIES, x, i)).intoArray(x, i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            sigmoid(FloatVector.fromArray(SPECIES, x, offset + bound, tail)).intoArray(x, offset + bound, tail);
        }
    }

    static void silu(float[] x, int offset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            silu(FloatVector.fromArray(SPECIES, x, i)).intoArray(x, i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            silu(FloatVector.fromArray(SPECIES, x, offset + bound, tail)).intoArray(x, offset + bound, tail);
        }
    }

    static void siluMultiply(
            float[] gate, int gateOffset, float[] up, int upOffset, float[] out, int outOffset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector g = FloatVector.fromArray(SPECIES, gate, gateOffset + i);
            FloatVector u = FloatVector.fromArray(SPECIES, up, upOffset + i);
            silu(g).mul(u).intoArray(out, outOffset + i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            FloatVector g = FloatVector.fromArray(SPECIES, gate, gateOffset + bound, tail);
            FloatVector u = FloatVector.fromArray(SPECIES, up, upOffset + bound, tail);
            silu(g).mul(u).intoArray(out, outOffset + bound, tail);
        }
    }

    static void clampedSwiglu(
            float[] gate,
            int gateOffset,
            float[] up,
            int upOffset,
            float limit,
            float alpha,
            float[] out,
            int outOffset,
            int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector g = FloatVector.fromArray(SPECIES, gate, gateOffset + i);
            FloatVector u = FloatVector.fromArray(SPECIES, up, upOffset + i);
            clampedSwiglu(g, u, limit, alpha).intoArray(out, outOffset + i);
        }
        if (bound < length) {
            VectorMask<Float> tail = tail(length - bound);
            FloatVector g = FloatVector.fromArray(SPECIES, gate, gateOffset + bound, tail);
            FloatVector u = FloatVector.fromArray(SPECIES, up, upOffset + bound, tail);
            clampedSwiglu(g, u, limit, alpha).intoArray(out, outOffset + bound, tail);
        }
    }

    static void relu2(float[] x, int offset, int length) {
        for (int i = 0; i < length; i += LANES) {
            VectorMask<Float> mask = SPECIES.indexInRange(i, length);
            FloatVector v = FloatVector.fromArray(SPECIES, x, offset + i, mask);
            FloatVector positive = v.blend(0, v.compare(VectorOperators.LT, 0));
            positive.mul(positive).intoArray(x, offset + i, mask);
        }
    }

    private static FloatVector clampedSwiglu(FloatVector gate, FloatVector up, float limit, float alpha) {
        FloatVector g = gate.blend(limit, gate.compare(VectorOperators.GT, limit));
        FloatVector capped = up.blend(-limit, up.compare(VectorOperators.LT, -limit));
        FloatVector u = capped.blend(limit, capped.compare(VectorOperators.GT, limit));
        return u.add(1).mul(g.mul(sigmoid(g.mul(alpha))));
    }

    private static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(SPECIES, 1).div(exp(x.neg()).add(1));
    }

    private static FloatVector silu(FloatVector x) {
        return x.div(exp(x.neg()).add(1));
    }

    private static FloatVector exp(FloatVector x) {
        FloatVector capped = x.blend(Exp.MAX, x.compare(VectorOperators.GT, Exp.MAX));
        FloatVector clamped = capped.blend(Exp.MIN, capped.compare(VectorOperators.LT, Exp.MIN));
        FloatVector shifted = clamped.fma(broadcast(Exp.LOG2_E), broadcast(Exp.ROUND));
        IntVector n = shifted.reinterpretAsInts().sub(Exp.ROUND_BITS);
        FloatVector whole = shifted.sub(Exp.ROUND);
        FloatVector r = whole.fma(broadcast(-Exp.LN2_LOW), whole.fma(broadcast(-Exp.LN2_HIGH), clamped));
        FloatVector p = broadcast(Exp.C7)
                .fma(r, broadcast(Exp.C6))
                .fma(r, broadcast(Exp.C5))
                .fma(r, broadcast(Exp.C4))
                .fma(r, broadcast(Exp.C3))
                .fma(r, broadcast(Exp.C2));
        FloatVector y = p.fma(r.mul(r), r).add(1);
        IntVector half = n.lanewise(VectorOperators.ASHR, 1);
        return y.mul(powerOfTwo(half)).mul(powerOfTwo(n.sub(half)));
    }

    private static FloatVector powerOfTwo(IntVector exponent) {
        return exponent.add(FLOAT_BIAS)
                .lanewise(VectorOperators.LSHL, MANTISSA_BITS)
                .reinterpretAsFloats();
    }

    private static FloatVector broadcast(float value) {
        return FloatVector.broadcast(SPECIES, value);
    }

    private static VectorMask<Float> tail(int count) {
        return SPECIES.indexInRange(0, count);
    }
}
