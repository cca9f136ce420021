package io.github.steelyard.moe;

import io.github.steelyard.model.Lane;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.CancellationException;

/// Adds the outputs of experts to the tokens in ascending order of expert, while workers compute them in any order.
///
/// The rows of an expert are sorted by token, so a tile may be added as soon as every earlier expert is past its last
/// token: workers on neighbouring experts follow one another through the corpus a tile apart. A tile that comes too
/// early waits in one of a bounded number of buffers, and whoever makes way for it adds it. The first expert that is
/// not finished may always have a buffer and never waits, so there is no deadlock.
final class OrderedCommits {

    /// Adds a tile to its tokens.
    @FunctionalInterface
    interface Commit {

        /// Adds `tile`.
        ///
        /// @param lane the worker that happens to do it
        void run(Tile tile, Lane lane);
    }

    /// Outputs of some consecutive rows of one expert.
    ///
    /// @param from first of its rows
    /// @param count number of rows
    /// @param output `(count, width)`, in a buffer from [#buffer]
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Tile(int expert, int from, int count, float[] output) {}

    private final Assignment.ByExpert rows;
    private final Commit commit;
    private final Deque<float[]> free;
    private final PriorityQueue<Tile> waiting =
            new PriorityQueue<>(Comparator.comparingInt(Tile::expert).thenComparingInt(Tile::from));
    private final int[] added; // (experts): rows that are added
    private int first; // expert: all before it are finished
    private boolean failed;

    /// @param rows the rows of each expert
    /// @param buffers at least two; what a tile is computed into
    OrderedCommits(Assignment.ByExpert rows, List<float[]> buffers, Commit commit) {
        this.rows = rows;
        this.commit = commit;
        this.free = new ArrayDeque<>(buffers);
        this.added = new int[rows.experts()];
        skipFinished();
    }

    /// Returns a buffer for the next tile of `expert`; waits until there is one. The last one is kept for the expert
    /// that all others wait for.
    synchronized float[] buffer(int expert) {
        try {
            while (!failed && free.size() < (expert == first ? 1 : 2)) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            failed = true;
        }
        if (failed) {
            throw new CancellationException("another expert failed");
        }
        return free.pop();
    }

    /// Takes over a tile, and adds all that may be added now. Tiles of one expert come in ascending order.
    void done(Tile tile, Lane lane) {
        synchronized (this) {
            waiting.add(tile);
        }
        for (Optional<Tile> next = next(); next.isPresent(); next = next()) {
            commit.run(next.get(), lane);
            finish(next.get());
        }
    }

    /// Makes everyone who waits give up.
    synchronized void fail() {
        failed = true;
        notifyAll();
    }

    private synchronized Optional<Tile> next() {
        Optional<Tile> next = waiting.stream().filter(this::mayBeAdded).findAny();
        next.ifPresent(waiting::remove);
        return next;
    }

    private boolean mayBeAdded(Tile tile) {
        int last = rows.token(tile.expert, tile.from + tile.count - 1);
        for (int expert = first; expert < tile.expert; expert++) {
            if (added[expert] < rows.rows(expert) && rows.token(expert, added[expert]) <= last) {
                return false;
            }
        }
        return added[tile.expert] == tile.from;
    }

    private synchronized void finish(Tile tile) {
        added[tile.expert] += tile.count;
        skipFinished();
        free.push(tile.output);
        notifyAll();
    }

    private void skipFinished() {
        while (first < added.length && added[first] == rows.rows(first)) {
            first++;
        }
    }
}
