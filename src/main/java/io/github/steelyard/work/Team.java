package io.github.steelyard.work;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/// What workers do with a list of items: each item is taken by one of them, in ascending order; who finds none left
/// helps those that still are at one with the parts that they share. So neither the last items nor a list shorter than
/// the number of workers leaves workers idle.
final class Team {

    /// Parts of an item, to be done by whoever is free.
    private static final class Parts {

        private final int count;
        private final Workers.Task task;
        private int next;
        private int running;
        private @Nullable Throwable failure; // the first

        Parts(int count, Workers.Task task) {
            this.count = count;
            this.task = task;
        }
    }

    private final Monitor monitor;
    private final List<Parts> open = new ArrayList<>(); // with parts that nobody has taken
    private int items;
    private int next;
    private int atWork; // on an item
    private int idle;

    Team(Monitor monitor) {
        this.monitor = monitor;
    }

    /// Begins with a new list; no worker is at work.
    void begin(int newItems) {
        monitor.enter();
        items = newItems;
        next = 0;
        atWork = 0;
        idle = 0;
        open.clear();
        monitor.leave();
    }

    /// Leaves the items that nobody has taken.
    void abandon() {
        monitor.enter();
        next = items;
        monitor.wakeAll();
        monitor.leave();
    }

    /// Works until the last item is done. Every worker calls it.
    void work(Workers.Task task, Lane lane) {
        for (int item = takeItem(); item < items; item = takeItem()) {
            try {
                task.run(item, lane);
            } finally {
                itemDone();
            }
        }
        help(lane);
    }

    private int takeItem() {
        monitor.enter();
        try {
            if (next == items) {
                return items;
            }
            atWork++;
            return next++;
        } finally {
            monitor.leave();
        }
    }

    private void itemDone() {
        monitor.enter();
        atWork--;
        if (atWork == 0) {
            monitor.wakeAll();
        }
        monitor.leave();
    }

    private void help(Lane lane) {
        monitor.enter();
        try {
            while (atWork > 0) {
                if (open.isEmpty()) {
                    idle++;
                    try {
                        monitor.await();
                    } finally {
                        idle--;
                    }
                } else {
                    // The one with most left to do is what its owner would wait for longest.
                    Parts most = open.getFirst();
                    for (Parts parts : open) {
                        most = parts.count - parts.next > most.count - most.next ? parts : most;
                    }
                    runOne(most, lane);
                }
            }
        } finally {
            monitor.leave();
        }
    }

    /// Returns how many workers may be expected to work on what one of them shares, itself included.
    int hands() {
        monitor.enter();
        try {
            return 1 + idle / Math.max(1, atWork);
        } finally {
            monitor.leave();
        }
    }

    /// Runs `task` for parts `0 .. count - 1` on this worker and on those that are idle; returns when all are done. The
    /// first failure is thrown again; parts not yet begun are then left.
    void share(int count, Workers.Task task, Lane lane) {
        Parts parts = new Parts(count, task);
        monitor.enter();
        try {
            open.add(parts);
            if (idle > 0) {
                monitor.wakeAll();
            }
            while (parts.next < count) {
                runOne(parts, lane);
            }
            while (parts.running > 0) {
                monitor.await();
            }
        } finally {
            parts.next = count;
            open.remove(parts);
            monitor.leave();
        }
        rethrow(parts.failure);
    }

    /// Throws what a worker failed with; nothing if it did not.
    static void rethrow(@Nullable Throwable failure) {
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }

    /// Runs the next part, outside the monitor.
    private void runOne(Parts parts, Lane lane) {
        int part = parts.next++;
        if (parts.next == parts.count) {
            open.remove(parts);
        }
        parts.running++;
        monitor.leave();
        @Nullable Throwable thrown = null;
        try {
            parts.task.run(part, lane);
        } catch (RuntimeException | Error e) {
            thrown = e;
        }
        monitor.enter();
        parts.running--;
        if (thrown != null) {
            parts.next = parts.count;
            open.remove(parts);
            boolean primary = parts.failure == null || parts.failure instanceof CancellationException;
            parts.failure = primary ? thrown : parts.failure;
        }
        if (parts.running == 0 && parts.next == parts.count) {
            monitor.wakeAll();
        }
    }
}
