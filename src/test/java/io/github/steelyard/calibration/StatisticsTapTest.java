package io.github.steelyard.calibration;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Population;
import io.github.steelyard.model.Role;
import io.github.steelyard.model.Site;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

final class StatisticsTapTest {

    private static final Site GATE = new Site("layers.0.experts.0.gate_proj", Role.INPUT);
    private static final Site UP = new Site("layers.0.experts.0.up_proj", Role.INPUT);
    private static final Site KEY = new Site("layers.0.self_attn", Role.KEY);

    @Test
    void rows_sharedInput_isRecordedForEverySite() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), List.of());

        tap.rows(List.of(GATE, UP), Population.ROUTED, new float[] {9, 1, -3, 2, 0.5f, 9}, 1, 2, 2);

        assertThat(tap.statistics().sites())
                .containsOnlyKeys(GATE, UP)
                .allSatisfy((site, found) -> assertThat(found).isEqualTo(SiteStatistics.of(3, 2, 0)));
    }

    @Test
    void rows_nonFiniteValues_areCountedAndLeftOutOfAmax() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), List.of());

        tap.rows(List.of(KEY), Population.ROUTED, new float[] {Float.NaN, -2, Float.NEGATIVE_INFINITY, 1}, 0, 2, 2);

        assertThat(tap.statistics().at(KEY)).contains(SiteStatistics.of(2, 2, 2));
    }

    @Test
    void rows_bothPopulations_areKeptApart() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), List.of());

        tap.rows(List.of(GATE), Population.ALL, new float[] {7, 1, 1}, 0, 3, 1);
        tap.rows(List.of(GATE), Population.ROUTED, new float[] {1}, 0, 1, 1);

        SiteStatistics found = tap.statistics().at(GATE).orElseThrow();
        assertThat(found.routed()).isEqualTo(new Measurement(1, 1, 0));
        assertThat(found.all()).contains(new Measurement(7, 3, 0));
    }

    @Test
    void statistics_siteWithoutTokens_isPresentWithZeroTokens() {
        StatisticsTap tap = new StatisticsTap(Kernels.reference(), List.of(GATE));

        assertThat(tap.statistics().at(GATE)).contains(new SiteStatistics(Measurement.NONE, Optional.empty()));
    }

    // A peer's key and value scales depend on which sequence comes last; see docs/ODDITIES.md.
    @Test
    void statistics_anyOrderCutAndThreads_areEqual() throws InterruptedException {
        Random random = new Random(1);
        float[] values = new float[4096];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        StatisticsTap forwards = new StatisticsTap(Kernels.reference(), List.of());
        forwards.rows(List.of(KEY), Population.ROUTED, values, 0, 512, 8);

        StatisticsTap backwards = new StatisticsTap(Kernels.reference(), List.of());
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int row = 511; row >= 0; row--) {
                int offset = row * 8;
                threads.execute(() -> backwards.rows(List.of(KEY), Population.ROUTED, values, offset, 1, 8));
            }
        }

        assertThat(backwards.statistics()).isEqualTo(forwards.statistics());
    }

    @Test
    void merge_parts_takesMaximaAndSums() {
        Statistics one = Statistics.of(Map.of(GATE, SiteStatistics.of(3, 2, 0), KEY, SiteStatistics.of(1, 9, 1)));
        Statistics other = Statistics.of(Map.of(GATE, SiteStatistics.of(2, 5, 1)));

        assertThat(one.merge(other)).isEqualTo(other.merge(one));
        assertThat(one.merge(other).at(GATE)).contains(SiteStatistics.of(3, 7, 1));
        assertThat(one.merge(other).at(KEY)).contains(SiteStatistics.of(1, 9, 1));
    }
}
