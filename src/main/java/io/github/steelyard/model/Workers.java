package io.github.steelyard.model;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A fixed set of worker threads, each with a [Lane] of its own. Items are taken in ascending order.
public final class Workers implements AutoCloseable {

    /// Work on one item.
    @FunctionalInterface
    public interface Task {
        void run(int item, Lane lane);
    }

    private final List<Lane> lanes = new ArrayList<>();
    private final ExecutorService threads;

    /// Starts as many workers as `pass` wants.
    ///
    /// @param weightsUsed hears of each module whose weight is about to be read
    public Workers(Pass pass, Consumer<ModuleInfo> weightsUsed) {
        for (int i = 0; i < pass.threads(); i++) {
            lanes.add(new Lane(i, pass, weightsUsed));
        }
        AtomicInteger names = new AtomicInteger();
        threads = Executors.newFixedThreadPool(pass.threads(), work -> {
            Thread thread = new Thread(work, "steelyard-worker-" + names.getAndIncrement());
            thread.setDaemon(true);
            return thread;
        });
    }

    /// Returns the lane that single-threaded work may use while no [#forEach] is running.
    public Lane first() {
        return lanes.getFirst();
    }

    /// Returns the number of workers.
    public int count() {
        return lanes.size();
    }

    /// Returns the bytes of scratch memory that all lanes hold.
    public long scratchBytes() {
        return lanes.stream().mapToLong(Lane::scratchBytes).sum();
    }

    /// Runs `task` for items `0 .. items - 1` and returns when all are done. The first failure is thrown again; items
    /// not yet begun are then left.
    public void forEach(int items, Task task) {
        AtomicInteger next = new AtomicInteger();
        List<Future<?>> running = new ArrayList<>();
        for (Lane lane : lanes.subList(0, Math.min(lanes.size(), Math.max(1, items)))) {
            running.add(threads.submit(() -> drain(items, task, next, lane)));
        }
        RuntimeException failure = null;
        for (Future<?> worker : running) {
            failure = await(worker, next, items, failure);
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static void drain(int items, Task task, AtomicInteger next, Lane lane) {
        try {
            for (int item = next.getAndIncrement(); item < items; item = next.getAndIncrement()) {
                task.run(item, lane);
            }
        } finally {
            lane.reset();
        }
    }

    private static @Nullable RuntimeException await(
            Future<?> worker, AtomicInteger next, int items, @Nullable RuntimeException earlier) {
        while (true) {
            try {
                worker.get();
                return earlier;
            } catch (InterruptedException e) {
                next.set(items);
                Thread.currentThread().interrupt();
                return earlier == null ? new IllegalStateException("interrupted", e) : earlier;
            } catch (ExecutionException e) {
                next.set(items);
                return primary(earlier, unwrapped(e.getCause()));
            }
        }
    }

    /// A cancellation is a consequence: another worker holds the failure itself.
    private static RuntimeException primary(@Nullable RuntimeException earlier, RuntimeException failure) {
        return earlier == null || earlier instanceof CancellationException ? failure : earlier;
    }

    private static RuntimeException unwrapped(@Nullable Throwable cause) {
        return switch (cause) {
            case null -> new IllegalStateException("a worker failed without a cause");
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> new IllegalStateException(cause);
        };
    }

    /// Ends the threads; a task that is still running after a failure is waited for.
    @Override
    public void close() {
        threads.shutdownNow();
        threads.close();
        lanes.forEach(Lane::close);
    }
}
