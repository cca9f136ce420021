package io.github.steelyard.kernel;

import io.github.steelyard.kernel.OneDnn.Product;
import io.github.steelyard.kernel.OneDnnLibrary.UnavailableException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The matrix product by oneDNN's `matmul` with packed weights.
///
/// Rows go in tiles of 128, the rest in tiles of 64, 32 and 16, the last one padded with zero rows. Output features go
/// in chunks of up to [#CHUNK]. Each tile is copied to memory outside the heap and its result back.
///
/// The kernel behind it (`brg_matmul`) sums each element along `k` in an order that depends on the extents of the
/// weight alone; that this holds for every number of rows above one is shown by the contract test. Where oneDNN picks
/// another kernel, all tiles have 128 rows.
final class OneDnnGemm implements GemmProvider {

    private static final int TILE_ROWS = 128;
    private static final int SMALLEST_TILE = 16;
    private static final int CHUNK = 512;
    private static final int WIDTH = 64;
    private static final int COLUMN_STEP = 16;
    private static final String KERNEL = "brg_matmul";

    private final OneDnn library;
    private final Kernels kernels;
    private final Panels panels;
    private final String kernel;
    private final Map<Extents, Product> products = new ConcurrentHashMap<>();

    private record Extents(int m, int n, int k) {}

    private OneDnnGemm(OneDnn library, Kernels kernels) {
        this.library = library;
        this.kernels = kernels;
        this.panels = new Panels("onednn-" + library.version(), WIDTH, 16, true);
        this.kernel = product(TILE_ROWS, CHUNK, CHUNK).implementation();
    }

    /// Loads the library.
    ///
    /// @throws UnavailableException if it cannot run here
    static OneDnnGemm load(Kernels kernels) throws UnavailableException {
        try {
            OneDnnGemm gemm = new OneDnnGemm(new OneDnn(OneDnnLibrary.load()), kernels);
            if (!gemm.kernel.startsWith(KERNEL)) {
                throw new UnavailableException(
                        "expected its kernel %s on this machine, found %s".formatted(KERNEL, gemm.kernel));
            }
            return gemm;
        } catch (IllegalStateException | IllegalCallerException | java.util.NoSuchElementException e) {
            throw new UnavailableException("does not work here: " + e.getMessage(), e);
        }
    }

    /// Returns oneDNN's name of the kernel that it uses here, with the instruction set.
    String kernel() {
        return kernel;
    }

    @Override
    public String name() {
        return panels.owner();
    }

    @Override
    public Panels panels() {
        return panels;
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
        int k = slice.columns();
        int packedColumns = slice.weight().columns();
        // A chunk is one piece of memory only if it takes the whole depth of its panels, or is a single panel.
        int chunk = k == packedColumns ? CHUNK : WIDTH;
        OneDnnWorker worker = worker(workspace);
        int tile;
        for (int row = 0; row < m; row += tile) {
            tile = tileRows(m - row, Math.min(chunk, slice.rows()), k);
            int rows = Math.min(tile, m - row);
            stage(worker.source((long) tile * k), tile, rows, k, a, aOffset + row * lda, lda);
            for (int column = 0; column < slice.rows(); column += chunk) {
                int columns = Math.min(chunk, slice.rows() - column);
                int n = padded(columns);
                long at = panels.start(slice.fromRow() + column, packedColumns) + (long) slice.fromColumn() * WIDTH;
                MemorySegment result = worker.target((long) tile * n);
                worker.execute(product(tile, n, k), slice.weight().offHeap().asSlice(4 * at));
                unstage(result, n, rows, columns, beta, c, cOffset + row * ldc + column, ldc, workspace);
            }
        }
    }

    // The largest tile that is full, or the smallest one that takes the rest.
    private int tileRows(int left, int columns, int k) {
        if (left >= TILE_ROWS
                || !product(TILE_ROWS, padded(columns), k).implementation().startsWith(KERNEL)) {
            return TILE_ROWS;
        }
        return Math.max(SMALLEST_TILE, Integer.highestOneBit(left));
    }

    private static int padded(int columns) {
        return Math.ceilDiv(columns, COLUMN_STEP) * COLUMN_STEP;
    }

    private Product product(int m, int n, int k) {
        return products.computeIfAbsent(new Extents(m, n, k), e -> library.product(e.m, e.n, e.k));
    }

    private OneDnnWorker worker(Workspace workspace) {
        OneDnnWorker worker = workspace.oneDnn();
        if (worker == null || !worker.belongsTo(library)) {
            worker = new OneDnnWorker(library);
            workspace.oneDnn(worker);
        }
        return worker;
    }

    private static void stage(MemorySegment target, int tile, int rows, int k, float[] a, int aOffset, int lda) {
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(a, aOffset + row * lda, target, ValueLayout.JAVA_FLOAT, 4L * row * k, k);
        }
        target.asSlice(4L * rows * k, 4L * (tile - rows) * k).fill((byte) 0);
    }

    private void unstage(
            MemorySegment result,
            int n,
            int rows,
            int columns,
            float beta,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace) {
        for (int row = 0; row < rows; row++) {
            int at = cOffset + row * ldc;
            if (beta == 0) {
                MemorySegment.copy(result, ValueLayout.JAVA_FLOAT, 4L * row * n, c, at, columns);
            } else {
                float[] line = workspace.floats(Workspace.EDGE_RESULT_SLOT, columns);
                MemorySegment.copy(result, ValueLayout.JAVA_FLOAT, 4L * row * n, line, 0, columns);
                kernels.add(line, 0, c, at, columns);
            }
        }
    }
}
