package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.site.Tap;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Monitor;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import io.github.steelyard.work.Workers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class ExpertScheduleTest {

    private static final int TOKENS = 60;
    private static final int CHOSEN = 3;

    @Test
    void manyWorkers_anyAssignment_everyTokenMeetsItsExpertsInAscendingOrder() {
        SplittableRandom random = new SplittableRandom(5);
        for (int trial = 0; trial < 300; trial++) {
            int experts = random.nextInt(CHOSEN, 20);
            boolean skewed = trial % 3 == 0;
            Assignment assignment = new Assignment(TOKENS, CHOSEN);
            for (int token = 0; token < TOKENS; token++) {
                float[] logits = new float[experts];
                for (int expert = 0; expert < experts; expert++) {
                    logits[expert] = (float) random.nextDouble() - (skewed ? expert : 0);
                }
                assignment.choose(new Routing.Softmax(CHOSEN, false), token, logits, 0, experts, new float[0]);
            }
            Extent extent = new Extent(1 + trial % 3, 1 + trial % 5, random.nextInt(1, 8));
            Recorder recorder = new Recorder(assignment.byExpert(experts), extent);
            recorder.run(1 + trial % 6, trial % 2 == 0 ? 0 : TOKENS - 1);

            for (List<Integer> met : recorder.met) {
                assertThat(met).as("trial %d", trial).hasSize(CHOSEN).isSorted().doesNotHaveDuplicates();
            }
            for (int expert = 0; expert < experts; expert++) {
                assertThat(recorder.packed.get(expert)).isEqualTo(1);
                assertThat(recorder.every.get(expert)).isEqualTo(trial % 2 == 0 ? 0 : TOKENS - 1);
            }
        }
    }

    /// Keeps the experts that each token met, in that order, and sees that nobody takes a slot or a buffer from others.
    private static class Recorder implements ExpertSchedule.Work {

        private final Assignment.ByExpert rows;
        private final Extent extent;
        private final List<List<Integer>> met;
        private final AtomicIntegerArray packed;
        private final AtomicIntegerArray every; // tokens that an expert was shown
        private final AtomicIntegerArray slots; // 1 + the expert in each
        private final AtomicIntegerArray buffers; // 1 + the expert of the rows in each

        Recorder(Assignment.ByExpert rows, Extent extent) {
            this.rows = rows;
            this.extent = extent;
            this.met = Stream.generate(() -> Collections.synchronizedList(new ArrayList<Integer>()))
                    .limit(TOKENS)
                    .toList();
            this.packed = new AtomicIntegerArray(rows.experts());
            this.every = new AtomicIntegerArray(rows.experts());
            this.slots = new AtomicIntegerArray(extent.slots());
            this.buffers = new AtomicIntegerArray(extent.buffers());
        }

        void run(int threads, int everyTokens) {
            List<ExpertSchedule.Share> shares = IntStream.range(0, rows.experts())
                    .mapToObj(expert -> new ExpertSchedule.Share(expert, everyTokens, rows.rows(expert)))
                    .toList();
            try (Workers workers = workers(threads)) {
                ExpertSchedule schedule = new ExpertSchedule(shares, rows, extent, this, workers.monitor());
                workers.forEach(threads, (worker, lane) -> schedule.work(lane));
            }
        }

        @Override
        public void pack(int expert, int slot, Lane lane) {
            slots.set(slot, 1 + expert);
            packed.incrementAndGet(expert);
        }

        @Override
        public void compute(ExpertSchedule.Tile tile, Lane lane) {
            if (tile.shown()) {
                every.addAndGet(tile.expert(), tile.count());
            } else {
                assertThat(buffers.getAndSet(tile.buffer(), 1 + tile.expert())).isZero();
            }
            if (tile.expert() % 3 == tile.from() % 2) {
                LockSupport.parkNanos(1);
            }
            assertThat(slots.get(tile.slot())).isEqualTo(1 + tile.expert());
        }

        @Override
        public void add(ExpertSchedule.Tile tile, Lane lane) {
            assertThat(buffers.getAndSet(tile.buffer(), 0)).isEqualTo(1 + tile.expert());
            for (int row = tile.row(); row < tile.row() + tile.count(); row++) {
                met.get(rows.token(tile.expert(), row)).add(tile.expert());
            }
        }
    }

    @Test
    void work_ofWhichOneFails_endsForAll() {
        Assignment assignment = new Assignment(1, 2);
        assignment.choose(new Routing.Softmax(2, false), 0, new float[] {1, 1}, 0, 2, new float[0]);
        Assignment.ByExpert rows = assignment.byExpert(2);
        Extent extent = new Extent(1, 1, 1);
        Recorder failing = new Recorder(rows, extent) {
            @Override
            public void compute(ExpertSchedule.Tile tile, Lane lane) {
                throw new IllegalStateException("of expert " + tile.expert());
            }
        };

        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> failing.run(3, 0))
                .withMessage("of expert 0");
    }

    @Test
    void extent_ofFewRows_hasSmallTiles_unlessBitsDependOnThem() {
        assertThat(extent(1 << 20, 128, 64, RowPromise.SAME_BITS)).isEqualTo(new Extent(9, 192, 512));
        assertThat(extent(16_384, 128, 64, RowPromise.SAME_BITS)).isEqualTo(new Extent(64, 192, 64));
        assertThat(extent(16_384, 128, 64, RowPromise.SAME_WITHIN_ROUNDING).tileRows())
                .isEqualTo(512);
        assertThat(extent(16_384, 128, 2, RowPromise.SAME_BITS)).isEqualTo(new Extent(2, 6, 512));
        assertThat(extent(16_384, 128, 1, RowPromise.SAME_BITS).slots()).isEqualTo(1);
        assertThat(extent(16_384, 8, 64, RowPromise.SAME_BITS).slots()).isEqualTo(8);
    }

    private static Extent extent(long rows, int experts, int threads, RowPromise promise) {
        return Extent.of(rows, experts, threads, promise);
    }

    private static Workers workers(int threads) {
        Pass pass = new Pass(
                Kernels.reference(),
                Gemm.select("reference"),
                Tap.NONE,
                ExpertBackend.DECOMPOSED,
                ShownTokens.NONE,
                threads,
                Profile.NONE);
        return new Workers(pass, module -> {}, Monitor.ofThreads());
    }
}
