package io.github.steelyard.onednn;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.GemmProvider.UnavailableException;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.NativePanels;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.Panels;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.matrix.StagedPanel;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.WeightSource;
import io.github.steelyard.matrix.Workspace;
import io.github.steelyard.onednn.OneDnn.Operands;
import io.github.steelyard.onednn.OneDnn.Product;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/// The matrix product by oneDNN's `matmul` with packed weights.
///
/// Rows go in tiles of 128, the rest in tiles of 64, 32 and 16, the last one padded with zero rows. Output features go
/// in chunks of up to [#CHUNK]. Each tile is copied to memory outside the heap and its result back.
///
/// The kernel behind it (`brg_matmul`) sums each element along `k` in an order that depends on the extents of the
/// weight alone; that this holds for every number of rows above one is shown by the contract test. Where oneDNN picks
/// another kernel, all tiles have 128 rows.
public final class OneDnnGemm implements MatrixProduct {

    /// Rows of the largest tile.
    static final int TILE_ROWS = 128;

    /// Output features of one product at most.
    static final int CHUNK = 512;

    private static final int SMALLEST_TILE = 16;
    private static final int WIDTH = 64;
    private static final int COLUMN_STEP = 16;
    private static final String KERNEL = "brg_matmul";
    private static final Panels PANELS = new Panels(WIDTH, 16);

    // A second matrix of up to this many floats, as in recurrences, is not worth copying out of the heap.
    private static final int SMALLEST = 1 << 17;

    private final OneDnn library;
    private final Kernels kernels;
    private final String kernel;
    private final Map<Extents, Product> products = new ConcurrentHashMap<>();

    private record Extents(int m, int n, int k) {}

    private OneDnnGemm(OneDnn library, Kernels kernels) {
        this.library = library;
        this.kernels = kernels;
        this.kernel = product(TILE_ROWS, CHUNK, CHUNK).implementation();
    }

    /// Loads the library.
    ///
    /// @throws UnavailableException if it cannot run here
    public static OneDnnGemm load(Kernels kernels) throws UnavailableException {
        try {
            OneDnnGemm gemm = new OneDnnGemm(new OneDnn(OneDnnLibrary.load()), kernels);
            requireKernel(gemm.kernel);
            return gemm;
        } catch (OneDnnLibrary.UnavailableException e) {
            throw new UnavailableException(String.valueOf(e.getMessage()), e);
        } catch (IllegalStateException | IllegalCallerException | NoSuchElementException e) {
            throw new UnavailableException("does not work here: " + e.getMessage(), e);
        }
    }

    /// Makes sure that oneDNN takes the kernel whose rows keep their bits.
    static void requireKernel(String found) throws UnavailableException {
        if (!found.startsWith(KERNEL)) {
            throw new UnavailableException("expected its kernel %s on this machine, found %s".formatted(KERNEL, found));
        }
    }

    OneDnn library() {
        return library;
    }

    @Override
    public String name() {
        return "onednn-" + library.version();
    }

    /// Returns oneDNN's name of the kernel that it uses here, with the instruction set.
    @Override
    public String detail() {
        return kernel;
    }

    @Override
    public RowPromise rows() {
        return RowPromise.SAME_BITS;
    }

    @Override
    public int smallest() {
        return SMALLEST;
    }

    @Override
    public Weight newWeight() {
        return new NativePanels();
    }

    @Override
    public Worker newWorker() {
        return new Tiles(new OneDnnWorker(library));
    }

    static int padded(int columns) {
        return Math.ceilDiv(columns, COLUMN_STEP) * COLUMN_STEP;
    }

    private Product product(int m, int n, int k) {
        return products.computeIfAbsent(new Extents(m, n, k), e -> library.product(Operands.F32, e.m, e.n, e.k));
    }

    /// Returns the product of the largest tile that decides how rows are cut: the first of another kind than the
    /// usual, or the last.
    static Product largest(List<PackedWeight.Slice> parts, Function<PackedWeight.Slice, Product> product) {
        return parts.stream()
                .map(product)
                .reduce((one, other) -> one.implementation().startsWith(KERNEL) ? other : one)
                .orElseThrow();
    }

    /// Returns the rows of the next tile: the largest that is full, or the smallest one that takes the rest.
    ///
    /// @param left rows that are left
    /// @param smallest rows of the smallest tile
    /// @param largest the product of the largest tile
    static int tileRows(int left, int smallest, Product largest) {
        return left >= TILE_ROWS || !largest.implementation().startsWith(KERNEL)
                ? TILE_ROWS
                : Math.max(smallest, Integer.highestOneBit(left));
    }

    /// The work of one thread.
    private final class Tiles implements Worker {

        private final OneDnnWorker worker;
        private final StagedPanel panel = new StagedPanel();
        private float[] line = new float[0];

        Tiles(OneDnnWorker worker) {
            this.worker = worker;
        }

        @Override
        public void pack(WeightSource source, Weight target) {
            panel.pack(PANELS, source, (NativePanels) target, kernels);
        }

        @Override
        public void multiply(Matrix a, PackedWeight.Slice w, Update update, Matrix c) {
            multiply(a, List.of(w), update, c);
        }

        @Override
        public void multiply(Matrix a, List<PackedWeight.Slice> parts, Update update, Matrix c) {
            int k = a.columns();
            int depth = parts.getFirst().weight().columns();
            if (parts.stream().anyMatch(part -> part.weight().columns() != depth)) {
                Worker.super.multiply(a, parts, update, c);
                return;
            }
            // A chunk is one piece of memory only if it takes the whole depth of its panels, or is a single panel.
            int chunk = k == depth ? CHUNK : WIDTH;
            Product largest = largest(parts, part -> product(TILE_ROWS, padded(Math.min(chunk, part.rows())), k));
            int tile;
            for (int row = 0; row < a.rows(); row += tile) {
                tile = tileRows(a.rows() - row, SMALLEST_TILE, largest);
                int toRow = Math.min(a.rows(), row + tile);
                stage(worker.source((long) tile * k), tile, a.rowRange(row, toRow));
                int first = 0;
                for (PackedWeight.Slice part : parts) {
                    Matrix result = c.rowRange(row, toRow).columnRange(first, first + part.rows());
                    multiplyStaged(tile, k, part, chunk, update, result);
                    first += part.rows();
                }
            }
        }

        private void multiplyStaged(int tile, int k, PackedWeight.Slice w, int chunk, Update update, Matrix c) {
            NativePanels panels = (NativePanels) w.content();
            for (int column = 0; column < w.rows(); column += chunk) {
                int toColumn = Math.min(w.rows(), column + chunk);
                int n = padded(toColumn - column);
                long at = PANELS.start(w.fromRow() + column, panels.columns()) + (long) w.fromColumn() * WIDTH;
                MemorySegment result = worker.target((long) tile * n);
                worker.execute(product(tile, n, k), panels.values().asSlice(Float.BYTES * at));
                unstage(result, n, update, c.columnRange(column, toColumn));
            }
        }

        private static void stage(MemorySegment target, int tile, Matrix a) {
            long rowBytes = (long) Float.BYTES * a.columns();
            for (int row = 0; row < a.rows(); row++) {
                MemorySegment.copy(a.values(), a.at(row), target, ValueLayout.JAVA_FLOAT, row * rowBytes, a.columns());
            }
            target.asSlice(a.rows() * rowBytes, (tile - a.rows()) * rowBytes).fill((byte) 0);
        }

        private void unstage(MemorySegment result, int n, Update update, Matrix c) {
            for (int row = 0; row < c.rows(); row++) {
                long from = (long) Float.BYTES * row * n;
                switch (update) {
                    case SET ->
                        MemorySegment.copy(result, ValueLayout.JAVA_FLOAT, from, c.values(), c.at(row), c.columns());
                    case ADD -> {
                        line = Workspace.grown(line, c.columns());
                        MemorySegment.copy(result, ValueLayout.JAVA_FLOAT, from, line, 0, c.columns());
                        kernels.add(line, 0, c.values(), c.at(row), c.columns());
                    }
                }
            }
        }

        @Override
        public void close() {
            // The collector gives back what the worker holds outside the heap.
        }
    }
}
