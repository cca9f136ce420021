package io.github.steelyard.gemm;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The inner kernel of [VectorGemm] for 4 rows of `C` and 2 vectors of its columns,
/// for machines with 16 vector registers: 8 accumulators, 2 weights and, as C2 loads early, 4 of `A`.
final class VectorTile4x2 implements VectorTile {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int WIDTH = 2 * LANES;

    @Override
    public int rows() {
        return 4;
    }

    @Override
    public int columns() {
        return WIDTH;
    }

    // Unrolled by hand and branch-free, because C2 keeps the accumulators in registers only then.
    @Override
    public void multiply(int k, float[] a, int aOffset, int lda, float[] w, int wOffset, float[] c, int cAt, int ldc) {
        FloatVector c00 = FloatVector.zero(SPECIES);
        FloatVector c01 = FloatVector.zero(SPECIES);
        FloatVector c10 = FloatVector.zero(SPECIES);
        FloatVector c11 = FloatVector.zero(SPECIES);
        FloatVector c20 = FloatVector.zero(SPECIES);
        FloatVector c21 = FloatVector.zero(SPECIES);
        FloatVector c30 = FloatVector.zero(SPECIES);
        FloatVector c31 = FloatVector.zero(SPECIES);
        for (int i = 0; i < k; i++) {
            int wAt = wOffset + i * WIDTH;
            FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt);
            FloatVector w1 = FloatVector.fromArray(SPECIES, w, wAt + LANES);
            FloatVector a0 = FloatVector.broadcast(SPECIES, a[aOffset + i]);
            c00 = a0.fma(w0, c00);
            c01 = a0.fma(w1, c01);
            FloatVector a1 = FloatVector.broadcast(SPECIES, a[aOffset + i + lda]);
            c10 = a1.fma(w0, c10);
            c11 = a1.fma(w1, c11);
            FloatVector a2 = FloatVector.broadcast(SPECIES, a[aOffset + i + 2 * lda]);
            c20 = a2.fma(w0, c20);
            c21 = a2.fma(w1, c21);
            FloatVector a3 = FloatVector.broadcast(SPECIES, a[aOffset + i + 3 * lda]);
            c30 = a3.fma(w0, c30);
            c31 = a3.fma(w1, c31);
        }
        c00.intoArray(c, cAt);
        c01.intoArray(c, cAt + LANES);
        c10.intoArray(c, cAt + ldc);
        c11.intoArray(c, cAt + ldc + LANES);
        c20.intoArray(c, cAt + 2 * ldc);
        c21.intoArray(c, cAt + 2 * ldc + LANES);
        c30.intoArray(c, cAt + 3 * ldc);
        c31.intoArray(c, cAt + 3 * ldc + LANES);
    }
}
