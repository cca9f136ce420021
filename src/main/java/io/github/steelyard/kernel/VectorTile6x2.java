package io.github.steelyard.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The inner kernel of [VectorGemm] for 6 rows of `C` and 2 vectors of its columns,
/// for machines with 16 vector registers: 12 accumulators, 2 weights.
final class VectorTile6x2 implements VectorTile {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int WIDTH = 2 * LANES;

    @Override
    public int rows() {
        return 6;
    }

    @Override
    public int columns() {
        return WIDTH;
    }

    // Unrolled by hand and branch-free, because C2 keeps the accumulators in registers only then.
    @Override
    public void multiply(
            int k, float[] a, int aOffset, int lda, float[] w, int wOffset, boolean add, float[] c, int cAt, int ldc) {
        int aAt = aOffset;
        int wAt = wOffset;
        FloatVector c00 = FloatVector.zero(SPECIES);
        FloatVector c01 = FloatVector.zero(SPECIES);
        FloatVector c10 = FloatVector.zero(SPECIES);
        FloatVector c11 = FloatVector.zero(SPECIES);
        FloatVector c20 = FloatVector.zero(SPECIES);
        FloatVector c21 = FloatVector.zero(SPECIES);
        FloatVector c30 = FloatVector.zero(SPECIES);
        FloatVector c31 = FloatVector.zero(SPECIES);
        FloatVector c40 = FloatVector.zero(SPECIES);
        FloatVector c41 = FloatVector.zero(SPECIES);
        FloatVector c50 = FloatVector.zero(SPECIES);
        FloatVector c51 = FloatVector.zero(SPECIES);
        for (int i = 0; i < k; i++) {
            FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt);
            FloatVector w1 = FloatVector.fromArray(SPECIES, w, wAt + LANES);
            FloatVector a0 = FloatVector.broadcast(SPECIES, a[aAt + i]);
            c00 = a0.fma(w0, c00);
            c01 = a0.fma(w1, c01);
            FloatVector a1 = FloatVector.broadcast(SPECIES, a[aAt + i + lda]);
            c10 = a1.fma(w0, c10);
            c11 = a1.fma(w1, c11);
            FloatVector a2 = FloatVector.broadcast(SPECIES, a[aAt + i + 2 * lda]);
            c20 = a2.fma(w0, c20);
            c21 = a2.fma(w1, c21);
            FloatVector a3 = FloatVector.broadcast(SPECIES, a[aAt + i + 3 * lda]);
            c30 = a3.fma(w0, c30);
            c31 = a3.fma(w1, c31);
            FloatVector a4 = FloatVector.broadcast(SPECIES, a[aAt + i + 4 * lda]);
            c40 = a4.fma(w0, c40);
            c41 = a4.fma(w1, c41);
            FloatVector a5 = FloatVector.broadcast(SPECIES, a[aAt + i + 5 * lda]);
            c50 = a5.fma(w0, c50);
            c51 = a5.fma(w1, c51);
            wAt += WIDTH;
        }
        if (add) {
            FloatVector.fromArray(SPECIES, c, cAt).add(c00).intoArray(c, cAt);
            FloatVector.fromArray(SPECIES, c, cAt + LANES).add(c01).intoArray(c, cAt + LANES);
            FloatVector.fromArray(SPECIES, c, cAt + ldc).add(c10).intoArray(c, cAt + ldc);
            FloatVector.fromArray(SPECIES, c, cAt + ldc + LANES).add(c11).intoArray(c, cAt + ldc + LANES);
            FloatVector.fromArray(SPECIES, c, cAt + 2 * ldc).add(c20).intoArray(c, cAt + 2 * ldc);
            FloatVector.fromArray(SPECIES, c, cAt + 2 * ldc + LANES).add(c21).intoArray(c, cAt + 2 * ldc + LANES);
            FloatVector.fromArray(SPECIES, c, cAt + 3 * ldc).add(c30).intoArray(c, cAt + 3 * ldc);
            FloatVector.fromArray(SPECIES, c, cAt + 3 * ldc + LANES).add(c31).intoArray(c, cAt + 3 * ldc + LANES);
            FloatVector.fromArray(SPECIES, c, cAt + 4 * ldc).add(c40).intoArray(c, cAt + 4 * ldc);
            FloatVector.fromArray(SPECIES, c, cAt + 4 * ldc + LANES).add(c41).intoArray(c, cAt + 4 * ldc + LANES);
            FloatVector.fromArray(SPECIES, c, cAt + 5 * ldc).add(c50).intoArray(c, cAt + 5 * ldc);
            FloatVector.fromArray(SPECIES, c, cAt + 5 * ldc + LANES).add(c51).intoArray(c, cAt + 5 * ldc + LANES);
        } else {
            c00.intoArray(c, cAt);
            c01.intoArray(c, cAt + LANES);
            c10.intoArray(c, cAt + ldc);
            c11.intoArray(c, cAt + ldc + LANES);
            c20.intoArray(c, cAt + 2 * ldc);
            c21.intoArray(c, cAt + 2 * ldc + LANES);
            c30.intoArray(c, cAt + 3 * ldc);
            c31.intoArray(c, cAt + 3 * ldc + LANES);
            c40.intoArray(c, cAt + 4 * ldc);
            c41.intoArray(c, cAt + 4 * ldc + LANES);
            c50.intoArray(c, cAt + 5 * ldc);
            c51.intoArray(c, cAt + 5 * ldc + LANES);
        }
    }
}
