package io.github.steelyard.range;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.StatisticsTap;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The cases of the shared numerics that are about room above the amax.
final class HeadroomTest {

    private static final Site SITE = new Site("layers.0.mlp.down_proj", Role.INPUT);

    @Test
    void amax_ofEqualBlocks_isRhoTimesTheMiddleOfTheirBin() {
        float[] values = new float[256 * 64];
        Arrays.fill(values, 0.5f);

        assertThat(amax(new Headroom(1, 99.99, 1024), values)).isEqualTo((float) 506.48474275531544);
    }

    @Test
    void amax_withoutRoom_isTheUpperPercentile() {
        float[] values = new float[64 * 64];
        Arrays.fill(values, 64, values.length, 1e-3f);
        Arrays.fill(values, 0, 16, 100);

        assertThat(amax(new Headroom(1, 99.99, 1), values)).isEqualTo((float) 99.77628161522156);
        assertThat(amax(new Headroom(1, 100, 1), values)).isEqualTo(100);
        assertThat(new Headroom(1, 99.99, 1).leavesRoom(seen(values).blocks().orElseThrow(), 100))
                .isFalse();
        assertThat(new Headroom(1, 99.99, 1e6).leavesRoom(seen(values).blocks().orElseThrow(), 100))
                .isTrue();
    }

    // Blocks a million times below the upper percentile are no anchor.
    @Test
    void amax_ofTinyBlocks_anchorsAboveThem() {
        float[] values = new float[64 * 64];
        Arrays.fill(values, 1e-9f);
        Arrays.fill(values, 0, 32 * 64, 1);

        assertThat(amax(new Headroom(1, 99.99, 1024), values)).isBetween(900f, 1200f);
    }

    @Test
    void amax_withoutBlocks_isTheLargest() {
        assertThat(amax(new Headroom(1, 99.99, 16384), new float[64])).isEqualTo(7);
    }

    private static float amax(Headroom headroom, float[] values) {
        Measurement seen = seen(values);
        return headroom.amax(seen.blocks().orElseThrow(), seen.amax() == 0 ? 7 : seen.amax());
    }

    private static Measurement seen(float[] values) {
        StatisticsTap tap =
                new StatisticsTap(Kernels.reference(), (part, layer) -> {}, Map.of(SITE, Set.of(Distribution.BLOCKS)));
        tap.rows(List.of(SITE), new RowSource.Sequence(0), values, 0, values.length / 64, 64);
        return tap.take().at(SITE).orElseThrow().routed();
    }
}
