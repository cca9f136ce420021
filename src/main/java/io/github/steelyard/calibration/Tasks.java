package io.github.steelyard.calibration;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Pieces of work that do not depend on one another, done by several threads.
public final class Tasks {

    private Tasks() {}

    /// Returns the results in the order of the work. Once one has failed, no further one begins.
    static <T> List<T> all(int threads, List<? extends Callable<T>> work) {
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<T>> futures = new ArrayList<>();
            try {
                work.forEach(task -> futures.add(pool.submit(task)));
                List<T> results = new ArrayList<>();
                for (Future<T> future : futures) {
                    results.add(future.get());
                }
                return results;
            } finally {
                futures.forEach(future -> future.cancel(false));
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        }
    }

    /// Does all of the work. Once a part has failed, no further one begins.
    public static void run(int threads, List<Runnable> work) {
        all(threads, work.stream().map(Executors::callable).toList());
    }
}
