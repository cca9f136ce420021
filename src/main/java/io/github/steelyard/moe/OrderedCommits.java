package io.github.steelyard.moe;

import io.github.steelyard.model.Lane;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/// Lets workers compute items in any order and commits the results in ascending order of item, without making a worker
/// wait for a slower one: whoever finishes the item that is next commits it, and all that are ready after it.
///
/// Results wait in a bounded number of buffers. The item that is next may always have one, so there is no deadlock.
final class OrderedCommits {

    /// Adds a result where it belongs.
    @FunctionalInterface
    interface Commit {

        /// Adds `result`.
        ///
        /// @param lane the worker that happens to do it
        void run(float[] result, Lane lane);
    }

    private record Ready(Optional<float[]> result, Commit commit) {}

    private final int buffers;
    private final Deque<float[]> free = new ArrayDeque<>();
    private final Map<Integer, Ready> ready = new HashMap<>();
    private int taken;
    private int next;
    private boolean committing;
    private boolean failed;

    /// @param buffers how many results may be under way at once
    OrderedCommits(int buffers) {
        this.buffers = buffers;
    }

    /// Returns a buffer of at least `size` elements for the result of `item`; waits until there is one.
    synchronized float[] buffer(int item, int size) {
        awaitUntil(item, buffers);
        taken++;
        float[] buffer = free.isEmpty() ? new float[0] : free.pop();
        return buffer.length < size ? new float[size] : buffer;
    }

    /// Waits until `item` is next; its worker then commits piece by piece.
    synchronized void awaitTurn(int item) {
        awaitUntil(item, 0);
    }

    /// Hands over the result of `item`, in a buffer from [#buffer].
    void done(int item, float[] result, Commit commit, Lane lane) {
        enqueue(item, new Ready(Optional.of(result), commit), lane);
    }

    private void enqueue(int item, Ready result, Lane lane) {
        synchronized (this) {
            ready.put(item, result);
        }
        commitReady(lane);
    }

    /// Marks `item` as done with nothing left to commit.
    void done(int item, Lane lane) {
        enqueue(item, new Ready(Optional.empty(), (result, worker) -> {}), lane);
    }

    /// Makes everyone who waits give up.
    synchronized void fail() {
        failed = true;
        notifyAll();
    }

    private void awaitUntil(int item, int allowed) {
        try {
            while (!failed && next != item && taken >= allowed) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            failed = true;
        }
        if (failed) {
            throw new CancellationException("another expert failed");
        }
    }

    private void takeBack(float[] buffer) {
        free.push(buffer);
        taken--;
    }

    private void commitReady(Lane lane) {
        while (true) {
            Ready item;
            synchronized (this) {
                if (committing || failed || !ready.containsKey(next)) {
                    return;
                }
                committing = true;
                item = ready.remove(next);
            }
            item.result.ifPresent(result -> item.commit.run(result, lane));
            synchronized (this) {
                item.result.ifPresent(this::takeBack);
                next++;
                committing = false;
                notifyAll();
            }
        }
    }
}
