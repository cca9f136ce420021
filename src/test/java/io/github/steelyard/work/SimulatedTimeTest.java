package io.github.steelyard.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Tap;
import java.util.Locale;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Time that a clock measures; that which is said has its tests in `ScheduleSimulationTest`.
@Timeout(value = 1, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SimulatedTimeTest {

    private static final double EXACT = 1e-9;

    /// A clock of each thread, which goes on only where the thread works.
    private static final class WorkClock implements LongSupplier {

        private final ThreadLocal<Long> nanos = ThreadLocal.withInitial(() -> 0L);

        @Override
        public long getAsLong() {
            return nanos.get();
        }

        void work(double seconds) {
            nanos.set(nanos.get() + Math.round(seconds * 1e9));
        }
    }

    private final WorkClock clock = new WorkClock();

    @Test
    void items_areTakenByWhoeverIsFreeFirst() {
        SimulatedTime time = new SimulatedTime(2, clock);
        double[] lengths = {5, 1, 1, 2};
        try (Workers workers = workers(2, time)) {
            workers.forEach(4, (item, lane) -> clock.work(lengths[item]));
        }
        // One worker has the first item, the other one all that follow.
        assertThat(time.now()).isEqualTo(5, within(EXACT));
        assertThat(time.spent()).isEqualTo(9, within(EXACT));
    }

    @Test
    void parts_areDoneByTheIdle() {
        SimulatedTime time = new SimulatedTime(4, clock);
        try (Workers workers = workers(4, time)) {
            workers.forEach(1, (item, lane) -> {
                clock.work(1);
                lane.share(8, (part, helper) -> clock.work(1));
            });
        }
        assertThat(time.now()).isEqualTo(3, within(EXACT));
        assertThat(time.spent()).isEqualTo(9, within(EXACT));
    }

    @Test
    void workBetweenTwoLists_passesForAll() {
        SimulatedTime time = new SimulatedTime(3, clock);
        try (Workers workers = workers(3, time)) {
            workers.forEach(3, (item, lane) -> clock.work(1));
            clock.work(10);
            workers.forEach(3, (item, lane) -> clock.work(1));
        }
        assertThat(time.now()).isEqualTo(12, within(EXACT));
        assertThat(time.spent()).isEqualTo(16, within(EXACT));
        assertThat(time.alone()).isEqualTo(10, within(EXACT));
    }

    @Test
    void failure_endsAllWorkers() {
        SimulatedTime time = new SimulatedTime(4, clock);
        try (Workers workers = workers(4, time)) {
            assertThatExceptionOfType(IllegalStateException.class)
                    .isThrownBy(() -> workers.forEach(50, (item, lane) -> {
                        clock.work(1);
                        if (item == 5) {
                            throw new IllegalStateException(String.format(Locale.ROOT, "item %d", item));
                        }
                    }))
                    .withMessage("item 5");
        }
    }

    // Those that have a thread would wait for the others forever.
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void withoutEnoughThreads_endsTheWorkersThatHaveOne(int possible) {
        AtomicInteger threads = new AtomicInteger();
        ThreadFactory few = work -> {
            if (threads.getAndIncrement() == possible) {
                throw new OutOfMemoryError("no thread");
            }
            return new Thread(work);
        };
        AtomicInteger done = new AtomicInteger();
        try (Workers workers = new Workers(pass(4), module -> {}, new SimulatedTime(4, clock), few)) {
            assertThatExceptionOfType(OutOfMemoryError.class)
                    .isThrownBy(() -> workers.forEach(50, (item, lane) -> done.incrementAndGet()))
                    .withMessage("no thread");
            assertThat(done).hasValue(0);
            workers.forEach(50, (item, lane) -> done.incrementAndGet());
            assertThat(done).hasValue(50);
        }
    }

    private static Workers workers(int threads, SimulatedTime time) {
        return new Workers(pass(threads), module -> {}, time);
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
