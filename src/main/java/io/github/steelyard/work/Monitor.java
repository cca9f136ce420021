package io.github.steelyard.work;

import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// The lock under which workers agree on who does what, and where they wait for one another. A schedule holds it only
/// while it decides. It is an interface so that the same schedules can be replayed in simulated time.
public interface Monitor {

    /// Hears in its own thread that a worker begins, the others being about to begin as well.
    default void begins(int worker) {}

    /// Hears that no more than `workers` of those that are about to begin do: others have no thread.
    default void onlyBegin(int workers) {}

    /// Hears in its own thread that a worker has ended.
    default void ends() {}

    /// Enters; one worker at a time is inside.
    void enter();

    /// Leaves.
    void leave();

    /// Leaves, waits until somebody calls [#wakeAll] or for no reason at all, and enters again.
    ///
    /// @throws CancellationException if the thread was interrupted; it has entered again nevertheless
    void await();

    /// Wakes all that wait; called inside.
    void wakeAll();

    /// Returns the monitor of threads that really run.
    static Monitor ofThreads() {
        ReentrantLock lock = new ReentrantLock();
        Condition changed = lock.newCondition();
        return new Monitor() {
            @Override
            public void enter() {
                lock.lock();
            }

            @Override
            public void leave() {
                lock.unlock();
            }

            @Override
            @SuppressWarnings("WaitNotInLoop") // the callers' loop
            public void await() {
                try {
                    changed.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new CancellationException("interrupted");
                }
            }

            @Override
            public void wakeAll() {
                changed.signalAll();
            }
        };
    }
}
