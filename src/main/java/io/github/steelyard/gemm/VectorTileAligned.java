package io.github.steelyard.gemm;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// [VectorTile4x4] with a panel outside the heap, whose vectors each lie in one cache line. Arrays on the heap begin 16
/// bytes into an object, so that each load of 512 bits takes from two lines, which costs nothing on AMD (Zen 4) and a
/// third of the rate on Intel.
final class VectorTileAligned {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int WIDTH = 4 * LANES;
    private static final int BYTES = LANES * Float.BYTES;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private VectorTileAligned() {}

    // Unrolled by hand and branch-free, because C2 keeps the accumulators in registers only then.
    static void multiply(
            int k, float[] a, int aOffset, int lda, MemorySegment w, long wOffset, float[] c, int cAt, int ldc) {
        FloatVector c00 = FloatVector.zero(SPECIES);
        FloatVector c01 = FloatVector.zero(SPECIES);
        FloatVector c02 = FloatVector.zero(SPECIES);
        FloatVector c03 = FloatVector.zero(SPECIES);
        FloatVector c10 = FloatVector.zero(SPECIES);
        FloatVector c11 = FloatVector.zero(SPECIES);
        FloatVector c12 = FloatVector.zero(SPECIES);
        FloatVector c13 = FloatVector.zero(SPECIES);
        FloatVector c20 = FloatVector.zero(SPECIES);
        FloatVector c21 = FloatVector.zero(SPECIES);
        FloatVector c22 = FloatVector.zero(SPECIES);
        FloatVector c23 = FloatVector.zero(SPECIES);
        FloatVector c30 = FloatVector.zero(SPECIES);
        FloatVector c31 = FloatVector.zero(SPECIES);
        FloatVector c32 = FloatVector.zero(SPECIES);
        FloatVector c33 = FloatVector.zero(SPECIES);
        for (int i = 0; i < k; i++) {
            long wAt = wOffset + (long) i * WIDTH * Float.BYTES;
            FloatVector w0 = FloatVector.fromMemorySegment(SPECIES, w, wAt, ORDER);
            FloatVector w1 = FloatVector.fromMemorySegment(SPECIES, w, wAt + BYTES, ORDER);
            FloatVector w2 = FloatVector.fromMemorySegment(SPECIES, w, wAt + BYTES * 2L, ORDER);
            FloatVector w3 = FloatVector.fromMemorySegment(SPECIES, w, wAt + BYTES * 3L, ORDER);
            FloatVector a0 = FloatVector.broadcast(SPECIES, a[aOffset + i]);
            c00 = a0.fma(w0, c00);
            c01 = a0.fma(w1, c01);
            c02 = a0.fma(w2, c02);
            c03 = a0.fma(w3, c03);
            FloatVector a1 = FloatVector.broadcast(SPECIES, a[aOffset + i + lda]);
            c10 = a1.fma(w0, c10);
            c11 = a1.fma(w1, c11);
            c12 = a1.fma(w2, c12);
            c13 = a1.fma(w3, c13);
            FloatVector a2 = FloatVector.broadcast(SPECIES, a[aOffset + i + 2 * lda]);
            c20 = a2.fma(w0, c20);
            c21 = a2.fma(w1, c21);
            c22 = a2.fma(w2, c22);
            c23 = a2.fma(w3, c23);
            FloatVector a3 = FloatVector.broadcast(SPECIES, a[aOffset + i + 3 * lda]);
            c30 = a3.fma(w0, c30);
            c31 = a3.fma(w1, c31);
            c32 = a3.fma(w2, c32);
            c33 = a3.fma(w3, c33);
        }
        c00.intoArray(c, cAt);
        c01.intoArray(c, cAt + LANES);
        c02.intoArray(c, cAt + 2 * LANES);
        c03.intoArray(c, cAt + 3 * LANES);
        c10.intoArray(c, cAt + ldc);
        c11.intoArray(c, cAt + ldc + LANES);
        c12.intoArray(c, cAt + ldc + 2 * LANES);
        c13.intoArray(c, cAt + ldc + 3 * LANES);
        c20.intoArray(c, cAt + 2 * ldc);
        c21.intoArray(c, cAt + 2 * ldc + LANES);
        c22.intoArray(c, cAt + 2 * ldc + 2 * LANES);
        c23.intoArray(c, cAt + 2 * ldc + 3 * LANES);
        c30.intoArray(c, cAt + 3 * ldc);
        c31.intoArray(c, cAt + 3 * ldc + LANES);
        c32.intoArray(c, cAt + 3 * ldc + 2 * LANES);
        c33.intoArray(c, cAt + 3 * ldc + 3 * LANES);
    }
}
