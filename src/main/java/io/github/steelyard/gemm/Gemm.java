package io.github.steelyard.gemm;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.DenseSource;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.matrix.StoredSource;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The float32 matrix product, behind one of several implementations ([MatrixProduct]). Always single-threaded: callers
/// run one product per worker thread, with a [Workspace] of its own.
///
/// What a row of the result depends on is the implementation's [#rows]; all built-in ones promise
/// [RowPromise#SAME_BITS]. A product of two matrices, one with a packed weight, and one over a slice of the weight's
/// columns need not agree in the last bits.
public final class Gemm {

    // Where B is not packed yet, it is packed this many floats at a time.
    private static final int PACK_FLOATS = 1 << 20;

    private final MatrixProduct product;
    private final MatrixProduct small;
    private final Kernels kernels;
    private final String reason;

    /// @param small computes products of two matrices where the second is small
    /// @param kernels other arithmetic on the way
    Gemm(MatrixProduct product, MatrixProduct small, Kernels kernels, String reason) {
        this.product = product;
        this.small = small;
        this.kernels = kernels;
        this.reason = reason;
    }

    Gemm(MatrixProduct product, Kernels kernels, String reason) {
        this(product, product, kernels, reason);
    }

    /// Returns what [#select] takes: `auto`, the built-in names, and those of the providers that are found on the class
    /// path.
    public static List<String> names() {
        return GemmSelection.names();
    }

    /// Returns a product by preference: `auto` (the built-in one that suits the processor), `onednn`, `onednn-bf16x3`,
    /// `vector`, `reference`, or the name of a provider from the class path. Where the preferred one cannot run, the
    /// fastest that can is taken; [#reason] says so.
    ///
    /// @throws IllegalArgumentException if the preference is none of [#names], or two providers have it
    public static Gemm select(String preference) {
        return GemmSelection.select(preference);
    }

    /// Returns the product that a run was begun with, which goes on with it: last bits depend on the product.
    ///
    /// @param name its [#name]
    /// @return empty if it does not run here
    public static Optional<Gemm> named(String name) {
        return names().stream()
                .filter(name::startsWith)
                .map(Gemm::select)
                .filter(gemm -> gemm.name().equals(name))
                .findFirst()
                .map(gemm ->
                        new Gemm(gemm.product, gemm.small, gemm.kernels, "the run was begun with it; " + gemm.reason));
    }

    /// Returns a short name for log and provenance, for example `onednn-3.11`.
    public String name() {
        return product.name();
    }

    /// Returns why this product was taken, and why a faster one was declined, in one line.
    public String reason() {
        return reason;
    }

    /// Returns what people should know of how the products so far were computed, one line each.
    public List<String> remarks() {
        return product.remarks();
    }

    /// Returns what the product promises about rows.
    public RowPromise rows() {
        return product.rows();
    }

    /// Computes `C = A B`, or adds it to `C`.
    ///
    /// @param a `(m, k)`
    /// @param b `(k, n)`
    /// @param c `(m, n)`; must not overlap `a` or `b`
    /// @throws IllegalArgumentException if the extents do not fit
    public void multiply(Matrix a, Matrix b, Update update, Matrix c, Workspace workspace) {
        multiply(a, new DenseSource(b, true, kernels, workspace), update, c, workspace);
    }

    /// Computes `C = A Bᵀ`, or adds it to `C`.
    ///
    /// @param a `(m, k)`
    /// @param b `(n, k)`, the layout of stored weights
    /// @param c `(m, n)`; must not overlap `a` or `b`
    /// @throws IllegalArgumentException if the extents do not fit
    public void multiplyTransposed(Matrix a, Matrix b, Update update, Matrix c, Workspace workspace) {
        multiply(a, new DenseSource(b, false, kernels, workspace), update, c, workspace);
    }

    private void multiply(Matrix a, DenseSource b, Update update, Matrix c, Workspace workspace) {
        int n = b.rows();
        int k = b.columns();
        requireFit(a, n, k, c);
        MatrixProduct chosen = (long) n * k <= product.smallest() ? small : product;
        int step = Math.max(1, PACK_FLOATS / Math.max(1, k) / MatrixProduct.ROW_STEP) * MatrixProduct.ROW_STEP;
        PackedWeight packed = workspace.second(chosen);
        for (int from = 0; from < n; from += step) {
            int to = Math.min(n, from + step);
            packed.fill(chosen, b.rowRange(from, to), workspace.worker(chosen));
            multiply(chosen, a, packed.all(), update, c.columnRange(from, to), workspace);
        }
    }

    /// Decodes and packs weights that read the same input, stacked in this order: gate and up become one
    /// `(2 intermediate, hidden)` weight.
    ///
    /// @param weights at least one; all with the same number of columns
    /// @param decoder decodes the weights
    /// @param listener sees the decoded rows
    /// @param target is overwritten; one that has held a weight of this size already allocates nothing
    /// @throws IllegalArgumentException if the weights differ in their number of columns
    public void pack(
            List<? extends StoredWeight> weights,
            Kernels decoder,
            RowListener listener,
            PackedWeight target,
            Workspace workspace) {
        StoredSource source = new StoredSource(weights, decoder, listener, workspace);
        target.fill(product, source, workspace.worker(product));
        source.finish();
    }

    /// Packs a float32 weight `(n, k)`: its rows are output features, as in a stored weight.
    ///
    /// @param target is overwritten
    public void pack(Matrix weight, PackedWeight target, Workspace workspace) {
        target.fill(product, new DenseSource(weight, false, kernels, workspace), workspace.worker(product));
    }

    /// Packs a float32 weight given as `(k, n)`: its columns are output features.
    ///
    /// @param target is overwritten
    public void packTransposed(Matrix weight, PackedWeight target, Workspace workspace) {
        target.fill(product, new DenseSource(weight, true, kernels, workspace), workspace.worker(product));
    }

    /// Computes `C = A Wᵀ`, or adds it to `C`, with a part `W (n, k)` of a packed weight. A part that is not the whole
    /// is for causal attention, where a tile of queries needs the keys up to its own end only.
    ///
    /// @param a `(m, k)`
    /// @param c `(m, n)`; must not overlap `a`
    /// @throws IllegalArgumentException if the extents do not fit, or another product packed the weight
    public void multiplyPacked(Matrix a, PackedWeight.Slice w, Update update, Matrix c, Workspace workspace) {
        requireOwn(w);
        requireFit(a, w.rows(), w.columns(), c);
        multiply(product, a, w, update, c, workspace);
    }

    /// Computes `C = A Wᵀ`, or adds it to `C`, with parts of packed weights one below the other, to the bits of one
    /// product after the other: rows that the product copies or converts first are so once.
    ///
    /// @param a `(m, k)`
    /// @param parts of `k` columns each
    /// @param c `(m, n)`, the results side by side; must not overlap `a`
    /// @throws IllegalArgumentException if the extents do not fit, or another product packed a weight
    public void multiplyPacked(Matrix a, List<PackedWeight.Slice> parts, Update update, Matrix c, Workspace workspace) {
        int n = parts.stream().mapToInt(PackedWeight.Slice::rows).sum();
        if (n != c.columns()) {
            throw misfit(a, n, a.columns(), c);
        }
        boolean plain = parts.size() > 1 && a.rows() > 0 && a.columns() > 0;
        for (PackedWeight.Slice part : parts) {
            requireOwn(part);
            plain &= part.rows() > 0 && part.columns() == a.columns() && part.fromRow() % MatrixProduct.ROW_STEP == 0;
        }
        if (plain && c.rows() == a.rows()) {
            workspace.worker(product).multiply(a, parts, update, c);
            return;
        }
        int from = 0;
        for (PackedWeight.Slice part : parts) {
            multiplyPacked(a, part, update, c.columnRange(from, from + part.rows()), workspace);
            from += part.rows();
        }
    }

    private void requireOwn(PackedWeight.Slice w) {
        MatrixProduct packedBy = w.weight().product();
        if (!product.equals(packedBy)) {
            throw new IllegalArgumentException("packed weight: expected the layout of %s, found that of %s"
                    .formatted(name(), packedBy == null ? "nobody" : packedBy.name()));
        }
    }

    private void multiply(
            MatrixProduct chosen, Matrix a, PackedWeight.Slice w, Update update, Matrix c, Workspace workspace) {
        if (a.rows() == 0 || w.rows() == 0) {
            return;
        }
        if (w.columns() > 0) {
            multiplyAligned(chosen, a, w, update, c, workspace);
        } else if (update == Update.SET) {
            for (int row = 0; row < c.rows(); row++) {
                Arrays.fill(c.values(), c.at(row), c.at(row) + c.columns(), 0);
            }
        }
    }

    // Output features before the first whole step are computed with those that precede them, and picked out.
    private void multiplyAligned(
            MatrixProduct chosen, Matrix a, PackedWeight.Slice w, Update update, Matrix c, Workspace workspace) {
        MatrixProduct.Worker worker = workspace.worker(chosen);
        int lead = w.fromRow() % MatrixProduct.ROW_STEP;
        if (lead == 0) {
            worker.multiply(a, w, update, c);
            return;
        }
        int start = w.fromRow() - lead;
        int end = Math.min(w.toRow(), start + MatrixProduct.ROW_STEP);
        int width = end - start;
        int count = width - lead;
        Matrix wide = Matrix.dense(workspace.wide(Math.multiplyExact(a.rows(), width)), a.rows(), width);
        worker.multiply(a, w.weight().slice(start, end, w.fromColumn(), w.toColumn()), Update.SET, wide);
        for (int row = 0; row < c.rows(); row++) {
            switch (update) {
                case SET -> System.arraycopy(wide.values(), wide.at(row) + lead, c.values(), c.at(row), count);
                case ADD -> kernels.add(wide.values(), wide.at(row) + lead, c.values(), c.at(row), count);
            }
        }
        if (end < w.toRow()) {
            PackedWeight.Slice rest = w.weight().slice(end, w.toRow(), w.fromColumn(), w.toColumn());
            worker.multiply(a, rest, update, c.columnRange(count, c.columns()));
        }
    }

    private static void requireFit(Matrix a, int n, int k, Matrix c) {
        if (a.columns() != k || c.rows() != a.rows() || c.columns() != n) {
            throw misfit(a, n, k, c);
        }
    }

    private static IllegalArgumentException misfit(Matrix a, int n, int k, Matrix c) {
        return new IllegalArgumentException(String.format(
                Locale.ROOT,
                "product: A [%d, %d], W [%d, %d] and C [%d, %d] do not fit",
                a.rows(),
                a.columns(),
                n,
                k,
                c.rows(),
                c.columns()));
    }
}
