package io.github.steelyard.moe;

import io.github.steelyard.matrix.RowPromise;

/// Packed experts and tiles under way, and how large a tile is.
///
/// @param slots experts that may be packed at a time
/// @param buffers tiles whose outputs may be under way at a time
/// @param tileRows rows of a tile
record Extent(int slots, int buffers, int tileRows) {

    /// Rows of the largest tile: fewer rows wait too often for a panel of the weight that comes from memory.
    static final int MOST_ROWS = 512;

    private static final int LEAST_ROWS = 64;
    private static final int TILES_PER_WORKER = 8;
    private static final int BUFFERS_PER_WORKER = 3;
    // Experts differ in their rows: as many experts as would keep this many times all workers busy on the average.
    private static final int RESERVE = 2;

    /// Returns what suits a layer.
    ///
    /// @param rows rows of all experts together
    /// @param experts number of experts
    /// @param threads number of workers
    /// @param promise what the product promises: where a row's bits depend on its tile, all tiles are alike
    static Extent of(long rows, int experts, int threads, RowPromise promise) {
        long wanted = Math.ceilDiv(Math.ceilDiv(rows, (long) TILES_PER_WORKER * threads), LEAST_ROWS) * LEAST_ROWS;
        int tileRows = switch (promise) {
            case SAME_BITS -> Math.clamp(wanted, LEAST_ROWS, MOST_ROWS);
            case SAME_WITHIN_ROUNDING -> MOST_ROWS;
        };
        return new Extent(slots(rows, experts, threads), BUFFERS_PER_WORKER * threads, tileRows);
    }

    private static int slots(long rows, int experts, int threads) {
        long tiles = Math.max(1, rows / experts / MOST_ROWS); // of one expert
        long slots = 1 + Math.ceilDiv((long) RESERVE * threads, tiles);
        return (int) Math.min(slots, Math.min(threads, experts));
    }

    /// Returns the most floats that all workers hold together.
    ///
    /// @param expert floats of the weights of one expert
    /// @param width values in a row of the outputs
    long floats(long expert, int width) {
        return slots * expert + (long) buffers * tileRows * width;
    }
}
