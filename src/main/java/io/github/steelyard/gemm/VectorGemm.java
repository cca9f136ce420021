package io.github.steelyard.gemm;

import io.github.steelyard.kernel.VectorKernels;
import io.github.steelyard.matrix.HeapPanels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.NativePanels;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.Panels;
import io.github.steelyard.matrix.Processor;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.matrix.StagedPanel;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.WeightSource;
import io.github.steelyard.matrix.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import jdk.incubator.vector.FloatVector;

/// The matrix product in the Vector API.
///
/// One [VectorTile] of `C` at a time lives in registers. A panel of the weight, [#BLOCK_DEPTH] deep, stays in the L2
/// cache while [#BLOCK_ROWS] rows of `A` stream past it, read where they lie: the first tile of rows has to wait for a
/// panel that comes from memory, so the more rows share it, the better.
///
/// Each element of `C` is the sum, in ascending order, of one chain of fused multiply-adds per depth block. Edge tiles
/// are computed by the same kernel on zero-padded copies, so the promise about rows holds by construction, and the bits
/// are the same on every machine.
///
/// @param aligned whether weights lie outside the heap, at the start of cache lines ([VectorTileAligned]), on which no
///     bit depends. Needs 512-bit vectors
record VectorGemm(boolean aligned) implements MatrixProduct {

    private static final int BLOCK_ROWS = 512;
    private static final int BLOCK_DEPTH = 1024;
    private static final int LANES_OF_AVX2 = 8;

    private static final int LANES = FloatVector.SPECIES_PREFERRED.length();

    // A constant, so that C2 inlines the one tile that this machine uses.
    private static final VectorTile TILE = LANES == LANES_OF_AVX2 ? new VectorTile4x2() : new VectorTile4x4();
    private static final VectorKernels KERNELS = new VectorKernels("for edges");
    private static final Panels PANELS = new Panels(TILE.columns(), 1);

    /// Returns the product with its weights where this processor reads them fastest.
    static VectorGemm ofMachine() {
        int bits = LANES * Float.SIZE;
        return new VectorGemm(ProcessorKind.of(Processor.ofMachine(), bits).wantsAlignedPanels(bits));
    }

    @Override
    public String name() {
        return "vector-" + LANES * Float.SIZE;
    }

    @Override
    public String detail() {
        return String.format(Locale.ROOT, "SIMD with %d-bit vectors", LANES * Float.SIZE);
    }

    @Override
    public RowPromise rows() {
        return RowPromise.SAME_BITS;
    }

    @Override
    public Weight newWeight() {
        return aligned ? new NativePanels() : new HeapPanels(PANELS);
    }

    @Override
    public Worker newWorker() {
        return new Tiles(aligned);
    }

    private static final class Tiles implements Worker {

        private final boolean aligned;
        private final StagedPanel staged = new StagedPanel();
        private float[] edgeRows = new float[0];
        private final float[] edgeResult = new float[TILE.rows() * TILE.columns()];

        Tiles(boolean aligned) {
            this.aligned = aligned;
        }

        @Override
        public void pack(WeightSource source, Weight target) {
            if (aligned) {
                staged.pack(PANELS, source, (NativePanels) target, KERNELS);
            } else {
                ((HeapPanels) target).pack(source, KERNELS);
            }
        }

        @Override
        public void multiply(Matrix a, PackedWeight.Slice w, Update update, Matrix c) {
            for (int row = 0; row < a.rows(); row += BLOCK_ROWS) {
                int toRow = Math.min(a.rows(), row + BLOCK_ROWS);
                Matrix rows = a.rowRange(row, toRow);
                Matrix result = c.rowRange(row, toRow);
                for (int depth = 0; depth < w.columns(); depth += BLOCK_DEPTH) {
                    int toDepth = Math.min(w.columns(), depth + BLOCK_DEPTH);
                    boolean add = update == Update.ADD || depth > 0;
                    block(rows.columnRange(depth, toDepth), w, depth, add, result);
                }
            }
        }

        // Adds or sets C by the columns of A from `depth` on.
        private void block(Matrix a, PackedWeight.Slice w, int depth, boolean add, Matrix c) {
            int width = TILE.columns();
            for (int column = 0; column < w.rows(); column += width) {
                long panel = PANELS.start(w.fromRow() + column, w.weight().columns())
                        + (long) (w.fromColumn() + depth) * width;
                int columns = Math.min(width, w.rows() - column);
                for (int row = 0; row < a.rows(); row += TILE.rows()) {
                    int count = Math.min(TILE.rows(), a.rows() - row);
                    if (add || count < TILE.rows() || columns < width) {
                        Matrix part = new Matrix(c.values(), c.at(row) + column, count, columns, c.stride());
                        edge(a.rowRange(row, row + count), w.content(), panel, add, part);
                    } else {
                        int at = c.at(row) + column;
                        tile(
                                a.columns(),
                                a.values(),
                                a.at(row),
                                a.stride(),
                                w.content(),
                                panel,
                                c.values(),
                                at,
                                c.stride());
                    }
                }
            }
        }

        private void tile(int k, float[] a, int at, int lda, Weight weight, long panel, float[] c, int cAt, int ldc) {
            if (aligned) {
                MemorySegment panels = ((NativePanels) weight).values();
                VectorTileAligned.multiply(k, a, at, lda, panels, Float.BYTES * panel, c, cAt, ldc);
            } else {
                TILE.multiply(k, a, at, lda, ((HeapPanels) weight).values(), (int) panel, c, cAt, ldc);
            }
        }

        // A tile that cannot be written straight to C: it sticks out, or adds.
        private void edge(Matrix a, Weight weight, long panel, boolean add, Matrix c) {
            int width = TILE.columns();
            int k = a.columns();
            if (a.rows() == TILE.rows()) {
                tile(k, a.values(), a.offset(), a.stride(), weight, panel, edgeResult, 0, width);
            } else {
                // The rows beyond hold what earlier calls left: their results are thrown away.
                edgeRows = Workspace.grown(edgeRows, TILE.rows() * BLOCK_DEPTH);
                for (int row = 0; row < a.rows(); row++) {
                    System.arraycopy(a.values(), a.at(row), edgeRows, row * k, k);
                }
                tile(k, edgeRows, 0, k, weight, panel, edgeResult, 0, width);
            }
            for (int row = 0; row < c.rows(); row++) {
                if (add) {
                    KERNELS.add(edgeResult, row * width, c.values(), c.at(row), c.columns());
                } else {
                    System.arraycopy(edgeResult, row * width, c.values(), c.at(row), c.columns());
                }
            }
        }

        @Override
        public void close() {
            // Weights give back their own memory.
        }
    }
}
