package io.github.steelyard.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Variants;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

final class StatisticsTapTest {

    private static final Site GATE = new Site("layers.0.experts.0.gate_proj", Role.INPUT);
    private static final Site UP = new Site("layers.0.experts.0.up_proj", Role.INPUT);
    private static final RowSource TOKENS = new RowSource.Sequence(0);
    private static final Site KEY = new Site("layers.0.self_attn", Role.KEY);

    @Test
    void rows_sharedInput_isRecordedForEverySite() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer);

        tap.rows(List.of(GATE, UP), TOKENS, new float[] {9, 1, -3, 2, 0.5f, 9}, 1, 2, 2);

        assertThat(tap.take().sites())
                .containsOnlyKeys(GATE, UP)
                .allSatisfy((site, found) -> assertThat(found).isEqualTo(SiteStatistics.of(3, 2, 0)));
    }

    @Test
    void rows_nonFiniteValues_areCountedAndLeftOutOfAmax() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer);

        tap.rows(List.of(KEY), TOKENS, new float[] {Float.NaN, -2, Float.NEGATIVE_INFINITY, 1}, 0, 2, 2);

        assertThat(tap.take().at(KEY)).contains(SiteStatistics.of(2, 2, 2));
    }

    @Test
    void rows_bothPopulations_areKeptApart() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer);

        tap.rows(List.of(GATE), new RowSource.Every(0), new float[] {7, 1, 1}, 0, 3, 1);
        tap.rows(List.of(GATE), TOKENS, new float[] {1}, 0, 1, 1);

        SiteStatistics found = tap.take().at(GATE).orElseThrow();
        assertThat(found.routed()).isEqualTo(new Measurement(1, 1, 0));
        assertThat(found.all()).contains(new Measurement(7, 3, 0));
    }

    // Two copies of three tokens in two sequences, and tokens of an expert from both.
    @Test
    void rows_ofSeveralVariants_rememberTheFirstThatShowedTheMost() {
        StatisticsTap tap =
                new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer, Map.of(), new Variants(2, 2, 3));

        tap.rows(List.of(KEY), new RowSource.Sequence(1), new float[] {3, 5}, 0, 2, 1);
        tap.rows(List.of(KEY), new RowSource.Sequence(3), new float[] {-5, 1}, 0, 2, 1);
        tap.rows(
                List.of(GATE),
                new RowSource.Routed(new int[] {9, 0, 2, 4, 5}, 1, 1, 4, false),
                new float[] {1, 2, 2, 3},
                0,
                4,
                1);
        tap.rows(List.of(GATE), new RowSource.Every(1), new float[] {1, 1, 8, 1}, 0, 4, 1);

        Statistics found = tap.take();
        assertThat(found.at(KEY).orElseThrow().routed()).isEqualTo(new Measurement(5, 4, 0, 0));
        assertThat(found.at(GATE).orElseThrow().routed()).isEqualTo(new Measurement(3, 4, 0, 1));
        assertThat(found.at(GATE).orElseThrow().all()).contains(new Measurement(8, 4, 0, 1));
    }

    @Test
    void rows_ofAnExpertThatIsShownAllOthers_countInBothPopulations() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer);

        tap.rows(List.of(GATE), new RowSource.Routed(new int[] {1, 4}, 0, 0, 2, true), new float[] {7, 1}, 0, 2, 1);
        tap.rows(List.of(GATE), new RowSource.Others(new int[] {0, 2, 3}), new float[] {9, 1, 1}, 0, 3, 1);

        SiteStatistics found = tap.take().at(GATE).orElseThrow();
        assertThat(found.routed()).isEqualTo(new Measurement(7, 2, 0));
        assertThat(found.all()).contains(new Measurement(9, 5, 0));
    }

    @Test
    void rows_nearestTokens_areKeptOneByOneBesideThePopulations() {
        StatisticsTap tap =
                new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer, Map.of(), Variants.ONE, 100, false);
        RowSource source = new RowSource.Nearest(new int[] {1, 4, 6}, new float[] {-3, -1, -2}, 1);

        tap.rows(List.of(GATE), source, new float[] {-7, 1, Float.NaN, 5}, 0, 2, 2);

        SiteStatistics found = tap.take().at(GATE).orElseThrow();
        assertThat(found.routed()).isEqualTo(Measurement.NONE);
        assertThat(found.topUp().tokens())
                .containsExactly(new TopUp.Token(-1, 104, 7, 0), new TopUp.Token(-2, 106, 5, 1));
        assertThat(found.topUp().measurement()).isEqualTo(new Measurement(7, 2, 1));
        assertThat(found.covered()).isEqualTo(2);
        assertThat(tap.watches(Role.WEIGHT)).isFalse(); // the tokens before came with them
    }

    // What is kept layer by layer must not be kept twice.
    @Test
    void layerEnds_handsOverWhatCameSinceTheLastOne() {
        List<Statistics> layers = new ArrayList<>();
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), (part, layer) -> layers.add(layer, part));
        tap.rows(List.of(GATE), TOKENS, new float[] {1}, 0, 1, 1);
        tap.layerEnds(0);
        tap.rows(List.of(UP), new RowSource.Every(0), new float[] {2}, 0, 1, 1);
        tap.layerEnds(1);

        assertThat(layers.get(0).sites()).containsOnlyKeys(GATE);
        assertThat(layers.get(1).sites()).containsOnlyKeys(UP);
        assertThat(tap.take().sites()).isEmpty();
    }

    private static void noLayer(Statistics part, int layer) {
        throw new AssertionError("no layer has ended");
    }

    // A peer's key and value scales depend on which sequence comes last; see docs/ODDITIES.md.
    @Test
    void take_anyOrderCutAndThreads_areEqual() throws InterruptedException {
        Random random = new Random(1);
        float[] values = new float[4096];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        StatisticsTap forwards = new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer);
        forwards.rows(List.of(KEY), TOKENS, values, 0, 512, 8);

        StatisticsTap backwards = new StatisticsTap(Kernels.reference(), StatisticsTapTest::noLayer);
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int row = 511; row >= 0; row--) {
                int offset = row * 8;
                threads.execute(() -> backwards.rows(List.of(KEY), TOKENS, values, offset, 1, 8));
            }
        }

        assertThat(backwards.take()).isEqualTo(forwards.take());
    }

    @Test
    void merged_parts_takesMaximaAndSums() {
        Statistics one = Statistics.of(Map.of(GATE, SiteStatistics.of(3, 2, 0), KEY, SiteStatistics.of(1, 9, 1)));
        Statistics other = Statistics.of(Map.of(GATE, SiteStatistics.of(2, 5, 1)));

        Statistics merged = Statistics.merged(List.of(one, other));
        assertThat(merged).isEqualTo(Statistics.merged(List.of(other, one)));
        assertThat(merged.at(GATE)).contains(SiteStatistics.of(3, 7, 1));
        assertThat(merged.at(KEY)).contains(SiteStatistics.of(1, 9, 1));
    }
}
