package io.github.steelyard.work;

import io.github.steelyard.site.ModuleInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A fixed set of worker threads, each with a [Lane] of its own. Items are taken in ascending order; who finds none
/// left helps the others with what these share ([Lane#share]).
public final class Workers implements AutoCloseable {

    /// Work on one item.
    @FunctionalInterface
    public interface Task {
        void run(int item, Lane lane);
    }

    private final List<Lane> lanes = new ArrayList<>();
    private final ExecutorService threads;
    private final Monitor monitor;
    private final Team team;

    /// Starts as many workers as `pass` wants.
    ///
    /// @param weightsUsed hears of each module whose weight is about to be read
    /// @param monitor where the workers wait for one another
    public Workers(Pass pass, Consumer<ModuleInfo> weightsUsed, Monitor monitor) {
        this(pass, weightsUsed, monitor, Workers::daemon);
    }

    /// @param monitor where the workers wait for one another
    /// @param maker makes their threads
    public Workers(Pass pass, Consumer<ModuleInfo> weightsUsed, Monitor monitor, ThreadFactory maker) {
        this.monitor = monitor;
        this.team = new Team(monitor);
        for (int i = 0; i < pass.threads(); i++) {
            lanes.add(new Lane(i, pass, weightsUsed, Optional.of(team)));
        }
        AtomicInteger names = new AtomicInteger();
        threads = Executors.newFixedThreadPool(pass.threads(), work -> {
            Thread thread = maker.newThread(work);
            thread.setName("steelyard-worker-" + names.getAndIncrement());
            return thread;
        });
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }

    /// Returns where the workers wait for one another.
    public Monitor monitor() {
        return monitor;
    }

    /// Returns the lane that single-threaded work may use while no [#forEach] is running.
    public Lane first() {
        return lanes.getFirst();
    }

    /// Returns the number of workers.
    public int count() {
        return lanes.size();
    }

    /// Runs `task` for items `0 .. items - 1` and returns when all are done. The first failure is thrown again; items
    /// not yet begun are then left. No worker is at work afterwards, whatever failed: the memory that it worked with
    /// can be given back.
    public void forEach(int items, Task task) {
        team.begin(items);
        List<Future<?>> running = new ArrayList<>();
        @Nullable Throwable failure = null;
        try {
            for (Lane lane : lanes) {
                running.add(threads.submit(() -> work(task, lane)));
            }
        } catch (RuntimeException | Error e) { // no thread to be had
            team.abandon();
            monitor.onlyBegin(running.size());
            failure = e;
        }
        boolean interrupted = false;
        for (Future<?> worker : running) {
            interrupted |= await(worker);
            failure = primary(failure, failure(worker));
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
            failure = primary(failure, new IllegalStateException("interrupted"));
        }
        Team.rethrow(failure);
    }

    /// Runs `task` on one worker, helped by all others, and returns its result.
    public <T> T lead(Function<Lane, T> task) {
        AtomicReference<T> result = new AtomicReference<>();
        forEach(1, (item, lane) -> result.set(task.apply(lane)));
        return result.get();
    }

    private void work(Task task, Lane lane) {
        monitor.begins(lane.index());
        try {
            team.work(task, lane);
        } finally {
            monitor.ends();
            lane.reset();
        }
    }

    /// Waits for a worker, and returns whether this thread was interrupted meanwhile. No more items are begun then, nor
    /// after a failure.
    private boolean await(Future<?> worker) {
        boolean interrupted = false;
        while (true) {
            try {
                worker.get();
                return interrupted;
            } catch (ExecutionException e) {
                team.abandon();
                return interrupted;
            } catch (InterruptedException e) {
                interrupted = true;
                team.abandon();
            }
        }
    }

    private static @Nullable Throwable failure(Future<?> ended) {
        return ended.state() == Future.State.FAILED ? ended.exceptionNow() : null;
    }

    /// A cancellation is a consequence: another worker holds the failure itself.
    private static @Nullable Throwable primary(@Nullable Throwable earlier, @Nullable Throwable failure) {
        return earlier == null || (earlier instanceof CancellationException && failure != null) ? failure : earlier;
    }

    /// Ends the threads; a task that is still running after a failure is waited for.
    @Override
    public void close() {
        threads.shutdownNow();
        threads.close();
        lanes.forEach(Lane::close);
    }
}
