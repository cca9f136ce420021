package io.github.steelyard.kernel;

/// One implementation of the matrix product. Arguments were checked by [Gemm].
///
/// Every provider promises what [Gemm] does: row `r` of `C` depends on row `r` of `A` and on the slice alone.
sealed interface GemmProvider permits ReferenceGemm, VectorGemm, OneDnnGemm {

    /// Returns a short name for log and provenance.
    String name();

    /// Returns the layout of the weights that this provider reads.
    Panels panels();

    /// Computes `C = A Wᵀ + beta C`, where `W` is a slice of a weight in the layout of [#panels], with at least one row
    /// and one column, and from a multiple of [Panels#ROW_STEP] on.
    ///
    /// @param m rows of `A` and `C`, at least 1
    /// @param a `(m, slice.columns())`, rows `lda` apart
    /// @param beta 0 or 1
    /// @param c `(m, slice.rows())`, rows `ldc` apart
    void multiply(
            int m,
            float[] a,
            int aOffset,
            int lda,
            PackedWeight.Slice slice,
            float beta,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace);
}
