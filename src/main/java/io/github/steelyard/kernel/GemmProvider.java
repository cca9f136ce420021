package io.github.steelyard.kernel;

/// One implementation of the matrix product. Arguments were checked by [Gemm].
///
/// Every provider promises what [Gemm] does: row `r` of `C` depends on row `r` of `A` and on `B` alone, bit for bit.
sealed interface GemmProvider permits ReferenceGemm {

    /// Returns a short name for log and provenance.
    String name();

    /// Computes `C = A B + beta C`; parameters as in [Gemm#multiply].
    void multiply(
            int m,
            int n,
            int k,
            float[] a,
            int aOffset,
            int lda,
            float[] b,
            int bOffset,
            int ldb,
            boolean bTransposed,
            float beta,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace);

    /// Returns how many floats a packed `(n, k)` weight takes.
    long packedSize(int n, int k);

    /// Packs rows `fromRow ..` of an `(n, k)` weight; `b` holds `rows` of them, dense. `fromRow` is a multiple of 16,
    /// and so is `rows` unless these are the last rows.
    void pack(int n, int k, int fromRow, int rows, float[] b, int bOffset, float[] packed);

    /// Computes `C = A Wᵀ + beta C` with `W` packed by this provider. The same bits as [#multiply].
    void multiplyPacked(
            int m,
            int n,
            int k,
            float[] a,
            int aOffset,
            int lda,
            float[] packed,
            float beta,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace);
}
