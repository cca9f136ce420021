package io.github.steelyard.gemm;

/// The inner kernel of [VectorGemm]: one tile of `C`, `rows() x columns()`, kept in vector registers.
///
/// Each element is one chain of fused multiply-adds over `k` in ascending order, started at zero: the same arithmetic
/// in every tile shape and vector width.
sealed interface VectorTile permits VectorTile4x4, VectorTile4x2 {

    /// Returns the rows of the tile.
    int rows();

    /// Returns the columns of the tile, which is the width of a panel.
    int columns();

    /// Computes `C = A Wᵀ` for one tile.
    ///
    /// @param k length of the products
    /// @param a `(rows(), k)`, rows `lda` apart
    /// @param w panel `(k, columns())`, dense
    /// @param c `(rows(), columns())`, rows `ldc` apart
    void multiply(int k, float[] a, int aOffset, int lda, float[] w, int wOffset, float[] c, int cOffset, int ldc);
}
