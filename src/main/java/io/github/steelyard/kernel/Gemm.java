package io.github.steelyard.kernel;

import io.github.steelyard.format.StoredWeight;
import java.util.List;
import java.util.Objects;

/// The float32 matrix product, behind one of several providers. Always single-threaded: callers run one product per
/// worker thread.
///
/// **Row contract.** Row `r` of the result depends on row `r` of `A` and on `B` alone, bit for bit: not on the number
/// of rows, on the row's position, on its neighbours, or on strides and offsets. So results do not depend on how tokens
/// are batched, on threads or on the memory budget. [#multiplyPacked] gives the same bits as [#multiply].
///
/// Matrices are row-major in heap arrays; `ld*` is the distance between the starts of two rows.
public final class Gemm {

    private static final int PACK_ROWS = 64;

    private final GemmProvider provider;
    private final String reason;

    private Gemm(GemmProvider provider, String reason) {
        this.provider = provider;
        this.reason = reason;
    }

    /// Returns a product by preference: `auto` (the fastest that loads), `onednn`, `vector` or `reference`. Where the
    /// preferred one cannot run, the next slower one is taken and [#reason] says so.
    ///
    /// @throws IllegalArgumentException if the preference is none of these
    public static Gemm select(String preference) {
        return switch (preference) {
            case "auto", "onednn", "vector", "reference" -> new Gemm(new ReferenceGemm(), "no faster path is built in");
            default ->
                throw new IllegalArgumentException(
                        "matrix product '%s': expected auto, onednn, vector or reference".formatted(preference));
        };
    }

    /// Returns a short name for log and provenance, for example `onednn-3.11`.
    public String name() {
        return provider.name();
    }

    /// Returns why this provider was taken, and why a faster one was declined, in one line.
    public String reason() {
        return reason;
    }

    /// Computes `C = A B + beta C`.
    ///
    /// @param m rows of `A` and `C`
    /// @param n columns of `C`
    /// @param k columns of `A`
    /// @param a `(m, k)`, rows `lda` apart
    /// @param b `(n, k)` if `bTransposed`, the layout of stored weights, else `(k, n)`; rows `ldb` apart
    /// @param beta 0 to overwrite `C`, whose old values are not read, or 1 to add to it
    /// @param c `(m, n)`, rows `ldc` apart; must not overlap `a` or `b`
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
        checkMatrix("A", a, aOffset, m, k, lda);
        checkMatrix("B", b, bOffset, bTransposed ? n : k, bTransposed ? k : n, ldb);
        checkMatrix("C", c, cOffset, m, n, ldc);
        checkBeta(beta);
        provider.multiply(m, n, k, a, aOffset, lda, b, bOffset, ldb, bTransposed, beta, c, cOffset, ldc, workspace);
    }

    /// Decodes and packs weights that read the same input, stacked in this order: gate and up become one
    /// `(2 intermediate, hidden)` weight.
    ///
    /// @param weights at least one; all with the same number of columns
    /// @param target is overwritten; one that holds a weight of this size already allocates nothing
    public void pack(List<? extends StoredWeight> weights, Kernels kernels, PackedWeight target, Workspace workspace) {
        int columns = weights.getFirst().columns();
        int rows = 0;
        for (StoredWeight weight : weights) {
            if (weight.columns() != columns) {
                throw new IllegalArgumentException(
                        "weights to pack together: expected %d columns, found %d".formatted(columns, weight.columns()));
            }
            rows = Math.addExact(rows, weight.rows());
        }
        float[] packed = target.reset(provider.name(), rows, columns, provider.packedSize(rows, columns));
        float[] tile = workspace.floats(Workspace.DECODE_SLOT, Math.multiplyExact(PACK_ROWS, columns));
        for (int from = 0; from < rows; from += PACK_ROWS) {
            int count = Math.min(PACK_ROWS, rows - from);
            decodeStacked(weights, kernels, from, count, tile);
            provider.pack(rows, columns, from, count, tile, 0, packed);
        }
    }

    /// Packs a float32 weight `(n, k)`, rows dense.
    public void pack(int n, int k, float[] b, int bOffset, PackedWeight target) {
        checkMatrix("B", b, bOffset, n, k, k);
        float[] packed = target.reset(provider.name(), n, k, provider.packedSize(n, k));
        provider.pack(n, k, 0, n, b, bOffset, packed);
    }

    /// Computes `C = A Wᵀ + beta C` with a packed weight `W (n, k)`; other parameters as in [#multiply].
    ///
    /// @throws IllegalArgumentException if another provider packed the weight
    public void multiplyPacked(
            int m,
            float[] a,
            int aOffset,
            int lda,
            PackedWeight weight,
            float beta,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace) {
        if (!weight.layout().equals(provider.name())) {
            throw new IllegalArgumentException(
                    "packed weight: expected the layout of %s, found %s".formatted(provider.name(), weight.layout()));
        }
        int n = weight.rows();
        int k = weight.columns();
        checkMatrix("A", a, aOffset, m, k, lda);
        checkMatrix("C", c, cOffset, m, n, ldc);
        checkBeta(beta);
        provider.multiplyPacked(m, n, k, a, aOffset, lda, weight.data(), beta, c, cOffset, ldc, workspace);
    }

    private static void decodeStacked(
            List<? extends StoredWeight> weights, Kernels kernels, int from, int count, float[] tile) {
        int start = 0;
        for (StoredWeight weight : weights) {
            int first = Math.max(from, start);
            int last = Math.min(from + count, start + weight.rows());
            if (first < last) {
                kernels.decode(weight, first - start, last - start, tile, (first - from) * weight.columns());
            }
            start += weight.rows();
        }
    }

    private static void checkBeta(float beta) {
        if (beta != 0 && beta != 1) {
            throw new IllegalArgumentException("beta: expected 0 or 1, found %s".formatted(beta));
        }
    }

    private static void checkMatrix(String name, float[] x, int offset, int rows, int columns, int stride) {
        if (rows < 0 || columns < 0 || stride < columns) {
            throw new IllegalArgumentException(
                    "matrix %s: extents [%d, %d] with row distance %d".formatted(name, rows, columns, stride));
        }
        if (rows > 0 && columns > 0) {
            long last = (rows - 1L) * stride + columns;
            Objects.checkFromIndexSize((long) offset, last, x.length);
        }
    }
}
