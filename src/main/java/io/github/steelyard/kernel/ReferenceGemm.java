package io.github.steelyard.kernel;

/// The specification of the matrix product: one float64 sum per element, rounded once. Its panels are one output
/// feature wide, which is the plain row-major weight.
record ReferenceGemm() implements GemmProvider {

    private static final Panels PANELS = new Panels("reference", 1, 1, false);

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public Panels panels() {
        return PANELS;
    }

    @Override
    public void multiply(
            int m,
            float[] a,
            int aOffset,
            int lda,
            PackedWeight.Slice slice,
            float beta,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace) {
        float[] w = slice.weight().heap();
        int k = slice.weight().columns();
        for (int row = 0; row < m; row++) {
            for (int column = 0; column < slice.rows(); column++) {
                int x = aOffset + row * lda;
                int y = (slice.fromRow() + column) * k + slice.fromColumn();
                double sum = 0;
                for (int i = 0; i < slice.columns(); i++) {
                    sum += (double) a[x + i] * w[y + i];
                }
                int target = cOffset + row * ldc + column;
                c[target] = beta == 0 ? (float) sum : (float) (sum + c[target]);
            }
        }
    }
}
