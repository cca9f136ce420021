package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.ExpertBackend;
import io.github.steelyard.model.Pass;
import io.github.steelyard.model.Profile;
import io.github.steelyard.model.Tap;
import io.github.steelyard.model.Workers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class OrderedCommitsTest {

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
            int tile = random.nextInt(1, 8);
            List<List<Integer>> met = run(assignment.byExpert(experts), tile, 1 + trial % 4, 2 + trial % 5);
            for (List<Integer> of : met) {
                assertThat(of).hasSize(CHOSEN).isSorted().doesNotHaveDuplicates();
            }
        }
    }

    /// Returns the experts that each token met, in that order.
    private static List<List<Integer>> run(Assignment.ByExpert rows, int tileRows, int threads, int buffers) {
        List<List<Integer>> met = Stream.generate(() -> Collections.synchronizedList(new ArrayList<Integer>()))
                .limit(TOKENS)
                .toList();
        OrderedCommits commits = new OrderedCommits(
                rows, Stream.generate(() -> new float[1]).limit(buffers).toList(), (tile, lane) -> {
                    for (int row = tile.from(); row < tile.from() + tile.count(); row++) {
                        met.get(rows.token(tile.expert(), row)).add(tile.expert());
                    }
                });
        try (Workers workers = workers(threads)) {
            workers.forEach(rows.experts(), (expert, lane) -> {
                for (int from = 0; from < rows.rows(expert); from += tileRows) {
                    float[] output = commits.buffer(expert);
                    if (expert % 3 == from % 2) {
                        LockSupport.parkNanos(1);
                    }
                    int count = Math.min(tileRows, rows.rows(expert) - from);
                    commits.done(new OrderedCommits.Tile(expert, from, count, output), lane);
                }
            });
        }
        return met;
    }

    @Test
    void fail_releasesWhoWaitsForABuffer() {
        Assignment assignment = new Assignment(1, 2);
        assignment.choose(new Routing.Softmax(2, false), 0, new float[] {1, 1}, 0, 2, new float[0]);
        OrderedCommits commits = new OrderedCommits(assignment.byExpert(2), List.of(new float[1]), (tile, lane) -> {});
        commits.fail();
        assertThatExceptionOfType(CancellationException.class).isThrownBy(() -> commits.buffer(1));
    }

    private static Workers workers(int threads) {
        Pass pass = new Pass(
                Kernels.reference(),
                Gemm.select("reference"),
                Tap.NONE,
                ExpertBackend.DECOMPOSED,
                false,
                threads,
                Profile.NONE);
        return new Workers(pass, module -> {});
    }
}
