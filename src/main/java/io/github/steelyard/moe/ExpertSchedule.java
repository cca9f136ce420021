package io.github.steelyard.moe;

import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Monitor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Hands out the work on the experts of one layer to any number of workers: an expert is packed once, its tiles of rows
/// are computed by whoever is free, in ascending order of expert and tile, and each token's outputs are added in
/// ascending order of expert, whoever was faster.
///
/// Few experts are packed at a time: the next one is packed as soon as all tiles of an earlier one are computed. The
/// rows of an expert are sorted by token, so a tile may be added as soon as every earlier expert is past its last
/// token; until then it waits in its buffer. Buffers are given to tiles in that ascending order too, so the first tile
/// that is not added always has one: there is no deadlock.
final class ExpertSchedule {

    /// What is done with experts. Called by many workers at once.
    interface Work {

        /// Reads the weights of an expert into a slot.
        void pack(int expert, int slot, Lane lane);

        /// Computes a tile with the weights in its slot.
        void compute(Tile tile, Lane lane);

        /// Adds the outputs of a tile, which lie in its buffer, to their tokens.
        void add(Tile tile, Lane lane);
    }

    /// What there is to do with one expert.
    ///
    /// @param expert its index
    /// @param shown rows that it is shown besides, of which nothing is added
    /// @param rows rows that were sent to it
    record Share(int expert, long shown, int rows) {}

    /// Some consecutive rows of one expert.
    ///
    /// @param slot where its weights lie
    /// @param shown whether these are rows to be shown and not to be added
    /// @param from first of the rows
    /// @param count number of rows
    /// @param buffer where its outputs lie; -1 if there are none
    record Tile(int expert, int slot, boolean shown, long from, int count, int buffer) {

        /// Returns the first of the rows that were sent to the expert.
        int row() {
            return (int) from;
        }
    }

    private sealed interface Step permits Pack, Compute, Add {}

    private record Pack(Progress of, int slot) implements Step {}

    private record Compute(Progress of, Tile tile) implements Step {}

    private record Add(Progress of, Tile tile) implements Step {}

    /// How far one expert is.
    private final class Progress {

        private final int index; // in `order`
        private final Share share;
        private final int shownTiles;
        private final int tiles; // those included
        private final BitSet added = new BitSet(); // of the tiles of its own rows
        private int slot = -1;
        private boolean packed;
        private int handedOut;
        private int computed;

        Progress(int index, Share share) {
            this.index = index;
            this.share = share;
            this.shownTiles = (int) Math.ceilDiv(share.shown, extent.tileRows());
            this.tiles = shownTiles + Math.ceilDiv(share.rows, extent.tileRows());
        }

        boolean isHandedOut() {
            return handedOut == tiles;
        }

        boolean isAdded() {
            return addedRows() == share.rows;
        }

        /// Returns how many rows are added without a gap.
        int addedRows() {
            return (int) Math.min(share.rows, (long) added.nextClearBit(0) * extent.tileRows());
        }

        boolean needsBuffer() {
            return handedOut >= shownTiles;
        }

        Tile next(int buffer) {
            boolean shown = !needsBuffer();
            long from = (long) (handedOut++ - (shown ? 0 : shownTiles)) * extent.tileRows();
            long end = shown ? share.shown : share.rows;
            int count = (int) Math.min(extent.tileRows(), end - from);
            return new Tile(share.expert, slot, shown, from, count, buffer);
        }
    }

    private final Assignment.ByExpert rows;
    private final Extent extent;
    private final Work work;
    private final Monitor monitor;
    private final List<Progress> order = new ArrayList<>();
    private final Deque<Integer> slots;
    private final Deque<Integer> buffers;
    private final PriorityQueue<Add> waiting = new PriorityQueue<>(
            Comparator.<Add>comparingInt(add -> add.of.index).thenComparingLong(add -> add.tile.from));
    private int unpacked; // place in `order`: all before it are packed or being packed
    private int current; // place in `order`: all tiles of those before it are handed out
    private int first; // place in `order`: all before it are added
    private long left; // steps that are not done
    private boolean failed;

    /// @param shares what there is to do, in ascending order of expert
    /// @param rows the rows of each expert
    ExpertSchedule(List<Share> shares, Assignment.ByExpert rows, Extent extent, Work work, Monitor monitor) {
        this.rows = rows;
        this.extent = extent;
        this.work = work;
        this.monitor = monitor;
        for (Share share : shares) {
            Progress progress = new Progress(order.size(), share);
            order.add(progress);
            left += 1 + progress.tiles + (progress.tiles - progress.shownTiles);
        }
        this.slots = numbers(extent.slots());
        this.buffers = numbers(extent.buffers());
        skipAdded();
    }

    private static Deque<Integer> numbers(int count) {
        return new ArrayDeque<>(IntStream.range(0, count).boxed().toList());
    }

    /// Works until all is done. Every worker calls it.
    ///
    /// @throws CancellationException if another worker failed
    void work(Lane lane) {
        try {
            for (Step step = await(); step != null; step = await()) {
                run(step, lane);
                done(step);
            }
        } catch (RuntimeException | Error e) {
            fail();
            throw e;
        }
    }

    private void run(Step step, Lane lane) {
        switch (step) {
            case Pack pack -> work.pack(pack.of.share.expert, pack.slot, lane);
            case Compute compute -> work.compute(compute.tile, lane);
            case Add add -> work.add(add.tile, lane);
        }
    }

    private @Nullable Step await() {
        monitor.enter();
        try {
            while (left > 0) {
                if (failed) {
                    throw new CancellationException("another worker failed");
                }
                Step next = next();
                if (next != null) {
                    return next;
                }
                monitor.await();
            }
            return null;
        } finally {
            monitor.leave();
        }
    }

    /// Returns what is best done now: adding makes room, packing makes work for others.
    private @Nullable Step next() {
        Step add = nextAdd();
        if (add != null) {
            return add;
        }
        if (unpacked < order.size() && !slots.isEmpty()) {
            Progress progress = order.get(unpacked++);
            progress.slot = slots.pop();
            return new Pack(progress, progress.slot);
        }
        while (current < unpacked
                && order.get(current).packed
                && order.get(current).isHandedOut()) {
            current++;
        }
        if (current == unpacked || !order.get(current).packed) {
            return null;
        }
        Progress progress = order.get(current);
        if (!progress.needsBuffer()) {
            return new Compute(progress, progress.next(-1));
        }
        return buffers.isEmpty() ? null : new Compute(progress, progress.next(buffers.pop()));
    }

    private @Nullable Step nextAdd() {
        for (Add add : waiting) {
            if (mayBeAdded(add)) {
                waiting.remove(add);
                return add;
            }
        }
        return null;
    }

    private boolean mayBeAdded(Add add) {
        int last = rows.token(add.tile.expert, add.tile.row() + add.tile.count - 1);
        for (int i = first; i < add.of.index; i++) {
            Progress earlier = order.get(i);
            int added = earlier.addedRows();
            if (added < earlier.share.rows && rows.token(earlier.share.expert, added) <= last) {
                return false;
            }
        }
        return true;
    }

    private void done(Step step) {
        monitor.enter();
        try {
            left--;
            switch (step) {
                case Pack pack -> {
                    pack.of.packed = true;
                    leaveSlot(pack.of);
                }
                case Compute compute -> {
                    compute.of.computed++;
                    leaveSlot(compute.of);
                    if (!compute.tile.shown) {
                        waiting.add(new Add(compute.of, compute.tile));
                    }
                }
                case Add add -> {
                    add.of.added.set(add.tile.row() / extent.tileRows());
                    buffers.push(add.tile.buffer);
                    skipAdded();
                }
            }
            monitor.wakeAll();
        } finally {
            monitor.leave();
        }
    }

    private void leaveSlot(Progress progress) {
        if (progress.computed == progress.tiles) {
            slots.push(progress.slot);
        }
    }

    private void skipAdded() {
        while (first < order.size() && order.get(first).isAdded()) {
            first++;
        }
    }

    private void fail() {
        monitor.enter();
        failed = true;
        monitor.wakeAll();
        monitor.leave();
    }
}
