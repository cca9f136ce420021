package io.github.steelyard.kernel;

/// The specification of the matrix product: one float64 sum per element, rounded once.
record ReferenceGemm() implements GemmProvider {

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public void multiply(
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
            Workspace workspace) {
        int stepInner = bTransposed ? 1 : ldb;
        int stepColumn = bTransposed ? ldb : 1;
        for (int row = 0; row < m; row++) {
            for (int column = 0; column < n; column++) {
                double sum = 0;
                for (int i = 0; i < k; i++) {
                    sum += (double) a[aOffset + row * lda + i] * b[bOffset + column * stepColumn + i * stepInner];
                }
                int target = cOffset + row * ldc + column;
                c[target] = beta == 0 ? (float) sum : (float) (sum + c[target]);
            }
        }
    }

    @Override
    public long packedSize(int n, int k) {
        return (long) n * k;
    }

    @Override
    public void pack(int n, int k, int fromRow, int rows, float[] b, int bOffset, float[] packed) {
        System.arraycopy(b, bOffset, packed, fromRow * k, rows * k);
    }

    @Override
    public void multiplyPacked(
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
            Workspace workspace) {
        multiply(m, n, k, a, aOffset, lda, packed, 0, k, true, beta, c, cOffset, ldc, workspace);
    }
}
