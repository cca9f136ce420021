package io.github.steelyard.kernel;

import jdk.incubator.vector.FloatVector;

/// The matrix product in the Vector API.
///
/// One [VectorTile] of `C` at a time lives in registers. A panel of the weight, [#BLOCK_DEPTH] deep, stays in the L2
/// cache while [#BLOCK_ROWS] rows of `A` stream past it, read where they lie: the first tile of rows has to wait for a
/// panel that comes from memory, so the more rows share it, the better.
///
/// Each element of `C` is the sum, in ascending order, of one chain of fused multiply-adds per depth block. Edge tiles
/// are computed by the same kernel on zero-padded copies, so the row contract holds by construction, and the bits are
/// the same on every machine.
final class VectorGemm implements GemmProvider {

    private static final int BLOCK_ROWS = 512;
    private static final int BLOCK_DEPTH = 1024;
    private static final int LANES_OF_AVX2 = 8;

    private static final int LANES = FloatVector.SPECIES_PREFERRED.length();

    // A constant, so that C2 inlines the one tile that this machine uses.
    private static final VectorTile TILE = LANES == LANES_OF_AVX2 ? new VectorTile4x2() : new VectorTile4x4();
    private static final VectorKernels KERNELS = new VectorKernels("for edges");
    private static final Panels PANELS = new Panels("vector-" + LANES * Float.SIZE, TILE.columns(), 1, false);

    @Override
    public String name() {
        return PANELS.owner();
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
        for (int row = 0; row < m; row += BLOCK_ROWS) {
            int rows = Math.min(BLOCK_ROWS, m - row);
            for (int depth = 0; depth < slice.columns(); depth += BLOCK_DEPTH) {
                int k = Math.min(BLOCK_DEPTH, slice.columns() - depth);
                boolean add = beta != 0 || depth > 0;
                int aAt = aOffset + row * lda + depth;
                block(rows, k, a, aAt, lda, slice, depth, add, c, cOffset + row * ldc, ldc, workspace);
            }
        }
    }

    private static void block(
            int rows,
            int k,
            float[] a,
            int aOffset,
            int lda,
            PackedWeight.Slice slice,
            int depth,
            boolean add,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace) {
        PackedWeight weight = slice.weight();
        int width = TILE.columns();
        for (int column = 0; column < slice.rows(); column += width) {
            int panel = (int) PANELS.start(slice.fromRow() + column, weight.columns())
                    + (slice.fromColumn() + depth) * width;
            int columns = Math.min(width, slice.rows() - column);
            for (int row = 0; row < rows; row += TILE.rows()) {
                int count = Math.min(TILE.rows(), rows - row);
                int aAt = aOffset + row * lda;
                int cAt = cOffset + row * ldc + column;
                if (add || count < TILE.rows() || columns < width) {
                    edge(count, columns, k, a, aAt, lda, weight, panel, add, c, cAt, ldc, workspace);
                } else {
                    TILE.multiply(k, a, aAt, lda, weight.heap(), panel, c, cAt, ldc);
                }
            }
        }
    }

    // A tile that cannot be written straight to C: it sticks out, or adds.
    private static void edge(
            int rows,
            int columns,
            int k,
            float[] a,
            int aOffset,
            int lda,
            PackedWeight weight,
            int panel,
            boolean add,
            float[] c,
            int cOffset,
            int ldc,
            Workspace workspace) {
        int width = TILE.columns();
        float[] tile = workspace.floats(Workspace.EDGE_RESULT_SLOT, TILE.rows() * width);
        if (rows == TILE.rows()) {
            TILE.multiply(k, a, aOffset, lda, weight.heap(), panel, tile, 0, width);
        } else {
            // The rows beyond hold what earlier calls left: their results are thrown away.
            float[] padded = workspace.floats(Workspace.EDGE_ROWS_SLOT, TILE.rows() * BLOCK_DEPTH);
            for (int row = 0; row < rows; row++) {
                System.arraycopy(a, aOffset + row * lda, padded, row * k, k);
            }
            TILE.multiply(k, padded, 0, k, weight.heap(), panel, tile, 0, width);
        }
        for (int row = 0; row < rows; row++) {
            int cAt = cOffset + row * ldc;
            if (add) {
                KERNELS.add(tile, row * width, c, cAt, columns);
            } else {
                System.arraycopy(tile, row * width, c, cAt, columns);
            }
        }
    }
}
