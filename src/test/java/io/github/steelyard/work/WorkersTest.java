package io.github.steelyard.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Tap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

final class WorkersTest {

    @Test
    void forEach_runsEachItemAndEachPartOnce() {
        for (int threads = 1; threads <= 5; threads++) {
            for (int items = 0; items < 7; items++) {
                int parts = 1 + threads * items % 4;
                AtomicIntegerArray runs = new AtomicIntegerArray(7 * 4);
                try (Workers workers = workers(threads)) {
                    workers.forEach(
                            items,
                            (item, lane) -> lane.share(parts, (part, helper) -> runs.incrementAndGet(item * 4 + part)));
                }
                for (int i = 0; i < runs.length(); i++) {
                    assertThat(runs.get(i)).isEqualTo(i / 4 < items && i % 4 < parts ? 1 : 0);
                }
            }
        }
    }

    // Each part waits until all of them have begun, so that they are done only if each has a worker of its own.
    @Test
    void share_ofOneItem_employsAllWorkers() {
        int threads = 4;
        CountDownLatch begun = new CountDownLatch(threads);
        Set<Lane> lanes = ConcurrentHashMap.newKeySet();
        try (Workers workers = workers(threads)) {
            workers.forEach(
                    1,
                    (item, lane) -> lane.share(threads, (part, helper) -> {
                        lanes.add(helper);
                        begun.countDown();
                        awaitAll(begun);
                    }));
        }
        assertThat(lanes).hasSize(threads);
    }

    @Test
    void share_withinAPart_isHelpedToo() {
        int threads = 4;
        CountDownLatch begun = new CountDownLatch(threads);
        AtomicInteger runs = new AtomicInteger();
        try (Workers workers = workers(threads)) {
            workers.forEach(
                    1,
                    (item, lane) -> lane.share(
                            2,
                            (part, helper) -> helper.share(2, (inner, innermost) -> {
                                runs.incrementAndGet();
                                begun.countDown();
                                awaitAll(begun);
                            })));
        }
        assertThat(runs).hasValue(4);
    }

    @Test
    void share_ofWhichAPartFails_failsForItsOwner() {
        try (Workers workers = workers(3)) {
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> workers.forEach(
                            2,
                            (item, lane) -> lane.share(5, (part, helper) -> {
                                if (item == 1 && part == 3) {
                                    throw new IllegalStateException("part 3");
                                }
                            })))
                    .withMessage("part 3");
            AtomicInteger runs = new AtomicInteger();
            workers.forEach(4, (item, lane) -> runs.incrementAndGet());
            assertThat(runs).hasValue(4);
        }
    }

    // Otherwise the memory that the second works with would be given back under it.
    @Test
    void forEach_ofWhichOneRunsOutOfMemory_waitsForTheOthers() {
        CountDownLatch begun = new CountDownLatch(2);
        AtomicInteger done = new AtomicInteger();
        try (Workers workers = workers(2)) {
            assertThatExceptionOfType(OutOfMemoryError.class)
                    .isThrownBy(() -> workers.forEach(2, (item, lane) -> {
                        begun.countDown();
                        awaitAll(begun);
                        if (lane.index() == 0) {
                            throw new OutOfMemoryError("of worker 0");
                        }
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
                        done.incrementAndGet();
                    }))
                    .withMessage("of worker 0");
            assertThat(done).hasValue(1);
        }
    }

    @Test
    void forEach_thatIsInterrupted_waitsForWhatHasBegun() {
        Thread caller = Thread.currentThread();
        AtomicInteger done = new AtomicInteger();
        try (Workers workers = workers(2)) {
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> workers.forEach(1, (item, lane) -> {
                        caller.interrupt();
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
                        done.incrementAndGet();
                    }))
                    .withMessage("interrupted");
            assertThat(done).hasValue(1);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void forEach_withoutEnoughThreads_failsWhenTheOthersAreDone() {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicInteger threads = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        ThreadFactory oneThread = work -> {
            if (threads.getAndIncrement() > 0) {
                awaitAll(begun);
                throw new OutOfMemoryError("no thread");
            }
            return new Thread(work);
        };
        try (Workers workers = new Workers(pass(2), module -> {}, Monitor.ofThreads(), oneThread)) {
            assertThatExceptionOfType(OutOfMemoryError.class)
                    .isThrownBy(() -> workers.forEach(1, (item, lane) -> {
                        begun.countDown();
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
                        done.incrementAndGet();
                    }))
                    .withMessage("no thread");
            assertThat(done).hasValue(1);
        }
    }

    @Test
    void shareRows_cutsRowsWithoutGaps() {
        Lane alone = Lane.alone(pass(1));
        AtomicInteger next = new AtomicInteger();
        alone.shareRows(1300, (from, count, lane) -> {
            assertThat(next.getAndAdd(count)).isEqualTo(from);
            assertThat(count).isEqualTo(Math.min(512, 1300 - from));
        });
        assertThat(next).hasValue(1300);
    }

    private static void awaitAll(CountDownLatch latch) {
        try {
            assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Workers workers(int threads) {
        return new Workers(pass(threads), module -> {}, Monitor.ofThreads());
    }

    private static Pass pass(int threads) {
        return new Pass(
                Kernels.reference(),
                Gemm.select("reference"),
                Tap.NONE,
                ExpertBackend.DECOMPOSED,
                ShownTokens.NONE,
                threads,
                Profile.NONE);
    }
}
