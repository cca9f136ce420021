package io.github.steelyard.kernel;

import java.util.Arrays;

/// The layout of a packed weight `(n, k)`: panels of `width` output features, each `(depth, width)` row-major, where
/// `depth` is `k` rounded up to a multiple of `depthStep`. What lies beyond `n` and `k` is zero.
///
/// @param owner name of the provider that reads it
/// @param width output features per panel; divides [#ROW_STEP]
/// @param depthStep what the depth is a multiple of
/// @param offHeap whether the panels must lie outside the Java heap, at an address that never changes
record Panels(String owner, int width, int depthStep, boolean offHeap) {

    /// Weights are packed, and providers read slices of them, from multiples of this output feature on.
    static final int ROW_STEP = 64;

    static final Panels NONE = new Panels("nobody", 1, 1, false);

    Panels {
        if (ROW_STEP % width != 0) {
            throw new IllegalArgumentException("panel width %d does not divide %d".formatted(width, ROW_STEP));
        }
    }

    /// Returns `k` rounded up to whole steps.
    int depth(int k) {
        return Math.ceilDiv(k, depthStep) * depthStep;
    }

    /// Returns how many floats a packed `(n, k)` weight takes.
    long size(int n, int k) {
        return (long) Math.ceilDiv(n, width) * width * depth(k);
    }

    /// Returns where the panel that starts with output feature `row` begins.
    long start(int row, int k) {
        return (long) row * depth(k);
    }

    /// Packs output features `fromRow .. fromRow + rows` from `b`, where they are the rows (`(rows, k)`, rows `ldb`
    /// apart). `fromRow` is a multiple of [#ROW_STEP].
    void packRows(
            PackedWeight target,
            int fromRow,
            int rows,
            float[] b,
            int bOffset,
            int ldb,
            Kernels kernels,
            Workspace workspace) {
        int k = target.columns();
        for (int row = 0; row < rows; row += width) {
            int count = Math.min(width, rows - row);
            float[] panel = offHeap ? workspace.floats(Workspace.PANEL_SLOT, width * depth(k)) : target.heap();
            int at = offHeap ? 0 : (int) start(fromRow + row, k);
            clearEdges(panel, at, count, k);
            kernels.transpose(b, bOffset + row * ldb, ldb, count, k, panel, at, width);
            if (offHeap) {
                target.write(start(fromRow + row, k), panel, width * depth(k));
            }
        }
    }

    /// Packs output features `fromRow .. fromRow + rows` from `b`, where they are the columns (`(k, rows)`, rows `ldb`
    /// apart). `fromRow` is a multiple of [#ROW_STEP].
    void packColumns(PackedWeight target, int fromRow, int rows, float[] b, int bOffset, int ldb, Workspace workspace) {
        int k = target.columns();
        for (int row = 0; row < rows; row += width) {
            int count = Math.min(width, rows - row);
            float[] panel = offHeap ? workspace.floats(Workspace.PANEL_SLOT, width * depth(k)) : target.heap();
            int at = offHeap ? 0 : (int) start(fromRow + row, k);
            clearEdges(panel, at, count, k);
            for (int i = 0; i < k; i++) {
                System.arraycopy(b, bOffset + i * ldb + row, panel, at + i * width, count);
            }
            if (offHeap) {
                target.write(start(fromRow + row, k), panel, width * depth(k));
            }
        }
    }

    private void clearEdges(float[] panel, int at, int count, int k) {
        if (count < width) {
            Arrays.fill(panel, at, at + k * width, 0);
        }
        Arrays.fill(panel, at + k * width, at + depth(k) * width, 0);
    }
}
