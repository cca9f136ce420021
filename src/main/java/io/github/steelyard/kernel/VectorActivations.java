package io.github.steelyard.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Exponentials of [VectorKernels]: the operations of [Exp] lane by lane, so the bits are those of the reference.
///
/// All functions share the one loop that computes exponentials. No method takes or returns a vector: whether C2 inlines
/// such a method depends on what it has compiled before, and where it does not, each vector becomes an object
/// (measured: 20 times slower, in one run out of five).
final class VectorActivations {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int FLOAT_BIAS = 127;
    private static final int MANTISSA_BITS = 23;

    private VectorActivations() {}

    /// `y = exp(factor * x - shift)`; `y` may be `x`.
    static void exp(float factor, float shift, float[] x, int xOffset, float[] y, int yOffset, int length) {
        FloatVector log2e = FloatVector.broadcast(SPECIES, Exp.LOG2_E);
        FloatVector round = FloatVector.broadcast(SPECIES, Exp.ROUND);
        FloatVector ln2High = FloatVector.broadcast(SPECIES, -Exp.LN2_HIGH);
        FloatVector ln2Low = FloatVector.broadcast(SPECIES, -Exp.LN2_LOW);
        FloatVector c7 = FloatVector.broadcast(SPECIES, Exp.C7);
        FloatVector c6 = FloatVector.broadcast(SPECIES, Exp.C6);
        FloatVector c5 = FloatVector.broadcast(SPECIES, Exp.C5);
        FloatVector c4 = FloatVector.broadcast(SPECIES, Exp.C4);
        FloatVector c3 = FloatVector.broadcast(SPECIES, Exp.C3);
        FloatVector c2 = FloatVector.broadcast(SPECIES, Exp.C2);
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector v =
                    FloatVector.fromArray(SPECIES, x, xOffset + i).mul(factor).sub(shift);
            FloatVector capped = v.blend(Exp.MAX, v.compare(VectorOperators.GT, Exp.MAX));
            FloatVector clamped = capped.blend(Exp.MIN, capped.compare(VectorOperators.LT, Exp.MIN));
            FloatVector shifted = clamped.fma(log2e, round);
            IntVector n = shifted.reinterpretAsInts().sub(Exp.ROUND_BITS);
            FloatVector whole = shifted.sub(round);
            FloatVector r = whole.fma(ln2Low, whole.fma(ln2High, clamped));
            FloatVector p = c7.fma(r, c6).fma(r, c5).fma(r, c4).fma(r, c3).fma(r, c2);
            FloatVector result = p.fma(r.mul(r), r).add(1);
            IntVector half = n.lanewise(VectorOperators.ASHR, 1);
            FloatVector scale1 = half.add(FLOAT_BIAS)
                    .lanewise(VectorOperators.LSHL, MANTISSA_BITS)
                    .reinterpretAsFloats();
            FloatVector scale2 = n.sub(half)
                    .add(FLOAT_BIAS)
                    .lanewise(VectorOperators.LSHL, MANTISSA_BITS)
                    .reinterpretAsFloats();
            result.mul(scale1).mul(scale2).intoArray(y, yOffset + i);
        }
        if (bound < length) {
            // A loop over the rest would take as long as all the vectors before it.
            float[] rest = new float[LANES];
            System.arraycopy(x, xOffset + bound, rest, 0, length - bound);
            exp(factor, shift, rest, 0, rest, 0, LANES);
            System.arraycopy(rest, 0, y, yOffset + bound, length - bound);
        }
    }

    static void sigmoid(float[] x, int offset, int length) {
        exp(-1, 0, x, offset, x, offset, length);
        FloatVector one = FloatVector.broadcast(SPECIES, 1);
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            one.div(FloatVector.fromArray(SPECIES, x, i).add(1)).intoArray(x, i);
        }
        for (int i = offset + bound; i < offset + length; i++) {
            x[i] = 1 / (1 + x[i]);
        }
    }

    static void silu(float[] x, int offset, int length) {
        float[] e = new float[length];
        exp(-1, 0, x, offset, e, 0, length);
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector v = FloatVector.fromArray(SPECIES, x, offset + i);
            v.div(FloatVector.fromArray(SPECIES, e, i).add(1)).intoArray(x, offset + i);
        }
        for (int i = bound; i < length; i++) {
            x[offset + i] = x[offset + i] / (1 + e[i]);
        }
    }

    static void siluMultiply(
            float[] gate, int gateOffset, float[] up, int upOffset, float[] out, int outOffset, int length) {
        boolean separate = !isSame(out, gate) && !isSame(out, up);
        float[] e = separate ? out : new float[length];
        int eOffset = separate ? outOffset : 0;
        exp(-1, 0, gate, gateOffset, e, eOffset, length);
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector g = FloatVector.fromArray(SPECIES, gate, gateOffset + i);
            FloatVector u = FloatVector.fromArray(SPECIES, up, upOffset + i);
            FloatVector divisor = FloatVector.fromArray(SPECIES, e, eOffset + i).add(1);
            g.div(divisor).mul(u).intoArray(out, outOffset + i);
        }
        for (int i = bound; i < length; i++) {
            out[outOffset + i] = gate[gateOffset + i] / (1 + e[eOffset + i]) * up[upOffset + i];
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
        boolean separate = !isSame(out, gate) && !isSame(out, up);
        float[] e = separate ? out : new float[length];
        int eOffset = separate ? outOffset : 0;
        capped(gate, gateOffset, limit, e, eOffset, length);
        exp(-alpha, 0, e, eOffset, e, eOffset, length);
        FloatVector one = FloatVector.broadcast(SPECIES, 1);
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector gateIn = FloatVector.fromArray(SPECIES, gate, gateOffset + i);
            FloatVector g = gateIn.blend(limit, gateIn.compare(VectorOperators.GT, limit));
            FloatVector upIn = FloatVector.fromArray(SPECIES, up, upOffset + i);
            FloatVector raised = upIn.blend(-limit, upIn.compare(VectorOperators.LT, -limit));
            FloatVector u = raised.blend(limit, raised.compare(VectorOperators.GT, limit));
            FloatVector sigmoid =
                    one.div(FloatVector.fromArray(SPECIES, e, eOffset + i).add(1));
            u.add(1).mul(g.mul(sigmoid)).intoArray(out, outOffset + i);
        }
        for (int i = bound; i < length; i++) {
            float g = Math.min(gate[gateOffset + i], limit);
            float u = Math.min(Math.max(up[upOffset + i], -limit), limit);
            out[outOffset + i] = (u + 1) * (g * (1 / (1 + e[eOffset + i])));
        }
    }

    static void relu2(float[] x, int offset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = offset; i < offset + bound; i += LANES) {
            FloatVector v = FloatVector.fromArray(SPECIES, x, i);
            FloatVector positive = v.blend(0, v.compare(VectorOperators.LT, 0));
            positive.mul(positive).intoArray(x, i);
        }
        for (int i = offset + bound; i < offset + length; i++) {
            float positive = Math.max(x[i], 0);
            x[i] = positive * positive;
        }
    }

    @SuppressWarnings("ReferenceEquality")
    private static boolean isSame(float[] a, float[] b) {
        return a == b;
    }

    private static void capped(float[] x, int xOffset, float limit, float[] y, int yOffset, int length) {
        int bound = SPECIES.loopBound(length);
        for (int i = 0; i < bound; i += LANES) {
            FloatVector v = FloatVector.fromArray(SPECIES, x, xOffset + i);
            v.blend(limit, v.compare(VectorOperators.GT, limit)).intoArray(y, yOffset + i);
        }
        for (int i = bound; i < length; i++) {
            y[yOffset + i] = Math.min(x[xOffset + i], limit);
        }
    }
}
