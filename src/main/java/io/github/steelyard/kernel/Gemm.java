package io.github.steelyard.kernel;

import io.github.steelyard.format.RowSelection;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedNvfp4Weight;
import io.github.steelyard.format.TransposedWeight;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/// The float32 matrix product, behind one of several providers. Always single-threaded: callers run one product per
/// worker thread.
///
/// **Row contract.** Row `r` of the result depends on row `r` of `A` and on `B` alone, bit for bit: not on the number
/// of rows, on the row's position, on its neighbours, or on strides and offsets. So results do not depend on how tokens
/// are batched, on threads or on the memory budget. [#multiply], [#multiplyPacked] and a product over a slice of the
/// weight's columns need not agree in the last bits.
///
/// Matrices are row-major in heap arrays; `ld*` is the distance between the starts of two rows.
public final class Gemm {

    // Where B is not packed yet, it is packed this many floats at a time.
    private static final int PACK_FLOATS = 1 << 20;

    // A row distance that is not a multiple of 4096 bytes, or all rows would fall on the same cache lines.
    private static final int STRIDE_PAD = 16;

    // A second matrix of up to this many floats, as in attention, is not worth copying out of the heap.
    private static final long SMALL = 1 << 17;

    private final GemmProvider provider;
    private final GemmProvider smallProvider;
    private final Kernels kernels;
    private final String reason;

    private Gemm(GemmProvider provider, GemmProvider smallProvider, Kernels kernels, String reason) {
        this.provider = provider;
        this.smallProvider = smallProvider;
        this.kernels = kernels;
        this.reason = reason;
    }

    /// Returns a product by preference: `auto` (the fastest here), `onednn`, `vector` or `reference`. Where the
    /// preferred one cannot run, the next slower one is taken and [#reason] says so.
    ///
    /// @throws IllegalArgumentException if the preference is none of these
    public static Gemm select(String preference) {
        return switch (preference) {
            case "auto" -> fastest();
            case "onednn" -> oneDnnOrVector();
            case "vector" -> vectorOrReference("");
            case "reference" -> of(new ReferenceGemm(), Kernels.reference(), "asked for");
            default ->
                throw new IllegalArgumentException(
                        "matrix product '%s': expected auto, onednn, vector or reference".formatted(preference));
        };
    }

    // With 512-bit vectors the Vector API's product, which needs no copies outside the heap, is the faster one.
    private static Gemm fastest() {
        return Kernels.fastest() instanceof VectorKernels vector && vector.isWide()
                ? vectorOrReference("oneDNN is slower here; ")
                : oneDnnOrVector();
    }

    private static Gemm oneDnnOrVector() {
        Kernels kernels = Kernels.fastest();
        try {
            OneDnnGemm oneDnn = OneDnnGemm.load(kernels);
            if (kernels instanceof ReferenceKernels) {
                return of(oneDnn, kernels, oneDnn.kernel());
            }
            GemmProvider small = new VectorGemm();
            return new Gemm(
                    oneDnn, small, kernels, "%s; small products by %s".formatted(oneDnn.kernel(), small.name()));
        } catch (OneDnnLibrary.UnavailableException e) {
            return vectorOrReference("oneDNN " + e.getMessage() + "; ");
        }
    }

    private static Gemm vectorOrReference(String declined) {
        Kernels fastest = Kernels.fastest();
        return switch (fastest) {
            case VectorKernels vector -> of(new VectorGemm(), vector, declined + vector.reason());
            case ReferenceKernels reference -> of(new ReferenceGemm(), reference, declined + reference.reason());
        };
    }

    private static Gemm of(GemmProvider provider, Kernels kernels, String reason) {
        return new Gemm(provider, provider, kernels, reason);
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
        GemmProvider chosen = (long) n * k <= SMALL ? smallProvider : provider;
        int step = Math.max(1, PACK_FLOATS / Math.max(1, k) / Panels.ROW_STEP) * Panels.ROW_STEP;
        PackedWeight packed = workspace.packed();
        for (int from = 0; from < n; from += step) {
            int count = Math.min(step, n - from);
            packed.reset(chosen.panels(), count, k);
            if (bTransposed) {
                chosen.panels().packRows(packed, 0, count, b, bOffset + from * ldb, ldb, kernels, workspace);
            } else {
                chosen.panels().packColumns(packed, 0, count, b, bOffset + from, ldb, workspace);
            }
            multiply(chosen, m, a, aOffset, lda, packed.all(), beta, c, cOffset + from, ldc, workspace);
        }
    }

    /// Decodes and packs weights that read the same input, stacked in this order: gate and up become one
    /// `(2 intermediate, hidden)` weight.
    ///
    /// @param weights at least one; all with the same number of columns
    /// @param decoder decodes the weights
    /// @param target is overwritten; one that has held a weight of this size already allocates nothing
    public void pack(List<? extends StoredWeight> weights, Kernels decoder, PackedWeight target, Workspace workspace) {
        int columns = weights.getFirst().columns();
        int rows = 0;
        for (StoredWeight weight : weights) {
            if (weight.columns() != columns) {
                throw new IllegalArgumentException(
                        "weights to pack together: expected %d columns, found %d".formatted(columns, weight.columns()));
            }
            rows = Math.addExact(rows, weight.rows());
        }
        target.reset(provider.panels(), rows, columns);
        int stride = Math.addExact(columns, weights.stream().allMatch(Gemm::hasRows) ? STRIDE_PAD : 0);
        float[] tile = workspace.floats(Workspace.DECODE_SLOT, Math.multiplyExact(Panels.ROW_STEP, stride));
        for (int from = 0; from < rows; from += Panels.ROW_STEP) {
            int count = Math.min(Panels.ROW_STEP, rows - from);
            decodeStacked(weights, decoder, from, count, tile, stride);
            provider.panels().packRows(target, from, count, tile, 0, stride, kernels, workspace);
        }
    }

    /// Packs a float32 weight.
    ///
    /// @param n rows of the weight (output features)
    /// @param k columns of the weight (input features)
    /// @param b `(n, k)` if `bTransposed`, the layout of stored weights, else `(k, n)`; rows `ldb` apart
    /// @param target is overwritten
    public void pack(
            int n,
            int k,
            float[] b,
            int bOffset,
            int ldb,
            boolean bTransposed,
            PackedWeight target,
            Workspace workspace) {
        checkMatrix("B", b, bOffset, bTransposed ? n : k, bTransposed ? k : n, ldb);
        target.reset(provider.panels(), n, k);
        if (bTransposed) {
            provider.panels().packRows(target, 0, n, b, bOffset, ldb, kernels, workspace);
        } else {
            provider.panels().packColumns(target, 0, n, b, bOffset, ldb, workspace);
        }
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
        multiplySlice(m, a, aOffset, lda, weight.all(), beta, c, cOffset, ldc, workspace);
    }

    /// Computes `C = A Wᵀ + beta C` with a part `W` of a packed weight: for causal attention, where a tile of queries
    /// needs the keys up to its own end only.
    ///
    /// @param a `(m, toColumn - fromColumn)`, rows `lda` apart
    /// @param c `(m, toRow - fromRow)`, rows `ldc` apart
    /// @throws IllegalArgumentException if another provider packed the weight
    public void multiplySlice(
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
        Panels found = slice.weight().panels();
        if (!found.equals(provider.panels())) {
            throw new IllegalArgumentException(
                    "packed weight: expected the layout of %s, found that of %s".formatted(name(), found.owner()));
        }
        multiply(provider, m, a, aOffset, lda, slice, beta, c, cOffset, ldc, workspace);
    }

    private void multiply(
            GemmProvider chosen,
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
        if (beta != 0 && beta != 1) {
            throw new IllegalArgumentException("beta: expected 0 or 1, found %s".formatted(beta));
        }
        checkMatrix("A", a, aOffset, m, slice.columns(), lda);
        checkMatrix("C", c, cOffset, m, slice.rows(), ldc);
        if (m == 0 || slice.rows() == 0) {
            return;
        }
        if (slice.columns() > 0) {
            multiplyAligned(chosen, m, a, aOffset, lda, slice, beta, c, cOffset, ldc, workspace);
        } else if (beta == 0) {
            for (int row = 0; row < m; row++) {
                Arrays.fill(c, cOffset + row * ldc, cOffset + row * ldc + slice.rows(), 0);
            }
        }
    }

    // Output features before the first whole panel are computed with those that precede them, and picked out.
    private void multiplyAligned(
            GemmProvider chosen,
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
        int lead = slice.fromRow() % Panels.ROW_STEP;
        if (lead == 0) {
            chosen.multiply(m, a, aOffset, lda, slice, beta, c, cOffset, ldc, workspace);
            return;
        }
        int start = slice.fromRow() - lead;
        int end = Math.min(slice.toRow(), start + Panels.ROW_STEP);
        int width = end - start;
        int count = width - lead;
        float[] wide = workspace.floats(Workspace.SLICE_SLOT, Math.multiplyExact(m, width));
        PackedWeight.Slice head = slice.weight().slice(start, end, slice.fromColumn(), slice.toColumn());
        chosen.multiply(m, a, aOffset, lda, head, 0, wide, 0, width, workspace);
        for (int row = 0; row < m; row++) {
            if (beta == 0) {
                System.arraycopy(wide, row * width + lead, c, cOffset + row * ldc, count);
            } else {
                kernels.add(wide, row * width + lead, c, cOffset + row * ldc, count);
            }
        }
        if (end < slice.toRow()) {
            PackedWeight.Slice rest = slice.weight().slice(end, slice.toRow(), slice.fromColumn(), slice.toColumn());
            chosen.multiply(m, a, aOffset, lda, rest, beta, c, cOffset + count, ldc, workspace);
        }
    }

    private static void decodeStacked(
            List<? extends StoredWeight> weights, Kernels decoder, int from, int count, float[] tile, int stride) {
        int start = 0;
        for (StoredWeight weight : weights) {
            int first = Math.max(from, start);
            int last = Math.min(from + count, start + weight.rows());
            int step = stride == weight.columns() ? Math.max(1, last - first) : 1;
            for (int row = first; row < last; row += step) {
                decoder.decode(weight, row - start, row - start + step, tile, (row - from) * stride);
            }
            start += weight.rows();
        }
    }

    // Whether a single row of the weight lies together in memory.
    private static boolean hasRows(StoredWeight weight) {
        return switch (weight) {
            case TransposedWeight plain -> false;
            case TransposedNvfp4Weight nvfp4 -> false;
            case RowSelection selection -> hasRows(selection.source());
            default -> true;
        };
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
