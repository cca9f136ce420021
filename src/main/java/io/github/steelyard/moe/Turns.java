package io.github.steelyard.moe;

import java.util.BitSet;
import java.util.concurrent.CancellationException;

/// Lets workers that run items in ascending order commit their results in that order.
final class Turns {

    private final BitSet done = new BitSet();
    private boolean broken;

    /// Waits until every item below `item` is done.
    ///
    /// @throws CancellationException if an earlier item failed; its own failure is the one to report
    synchronized void await(int item) {
        try {
            while (!broken && done.nextClearBit(0) < item) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for expert %d".formatted(item), e);
        }
        if (broken) {
            throw new CancellationException("an earlier expert failed");
        }
    }

    /// Marks `item` as done, or as failed.
    synchronized void done(int item, boolean success) {
        done.set(item);
        broken |= !success;
        notifyAll();
    }
}
