package io.github.steelyard.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HistogramTest {

    private static final Site SITE = new Site("layers.0.mlp.down_proj", Role.INPUT);

    // The specification: each value falls into the bin that its definition names.
    @ParameterizedTest
    @ValueSource(floats = {0x1p-146f, 0x1p-100f, 0.99f, 1, 1.01f, 0x1.8p127f})
    void rows_anyValues_areCountedByTheDefinition(float largest) {
        Random random = new Random(7);
        float[] values = new float[3000];
        for (int i = 0; i < values.length; i++) {
            values[i] = (random.nextFloat() * 2 - 1) * largest;
        }
        values[17] = -largest;
        values[18] = 0;
        int exponent = -125;
        while (Math.scalb(1.0, exponent) <= largest) {
            exponent++;
        }
        long[] expected = new long[4096];
        for (float value : values) {
            expected[(int) Math.floor(Math.abs((double) value) / Math.scalb(1.0, exponent - 12))]++;
        }
        values[20] = Float.NaN;
        values[21] = Float.NEGATIVE_INFINITY;

        Histogram found = observed(values, 3000).routed().magnitudes().orElseThrow();

        assertThat(found.exponent()).isEqualTo(exponent);
        long missing = 0;
        for (int k = 0; k < 4096; k++) {
            assertThat(found.bins()[k]).isLessThanOrEqualTo(expected[k]);
            missing += expected[k] - found.bins()[k];
        }
        assertThat(missing).isEqualTo(2);
    }

    @Test
    void edges_areWhereBinsBegin() {
        Histogram found = observed(new float[] {1, 1.5f, -0.25f, 0}, 4)
                .routed()
                .magnitudes()
                .orElseThrow();

        assertThat(found.exponent()).isEqualTo(1);
        assertThat(found.bins()[2048]).isOne();
        assertThat(found.edge(2048)).isEqualTo(1);
        assertThat(found.edge(3072)).isEqualTo(1.5f);
        assertThat(found.center(3072)).isEqualTo(1.5f + 0x1p-12f);
    }

    @Test
    void of_binsThatAnotherExponentHas_isRefused() {
        long[] counts = new long[4096];
        counts[2047] = 1;

        assertThatIllegalArgumentException().isThrownBy(() -> new Histogram(0, Counts.of(counts)));
        assertThat(new Histogram(-125, Counts.of(counts)).bins()).containsExactly(counts);
    }

    // The logarithms of ModelOpt, for magnitudes over the whole range and at powers of two, which are edges.
    @Test
    void blocks_fallIntoTheBinOfTheirLogarithm() {
        Random random = new Random(3);
        for (int i = 0; i < 20_000; i++) {
            float amax = (float) Math.pow(2, random.nextDouble() * 90 - 45);
            double log = Math.log(amax) / Math.log(2);
            int expected = Math.clamp((long) Math.floor((log + 40) / 80 * 512), 0, 511);
            assertThat(BlockHistogram.bin(amax)).as("%s", amax).isEqualTo(expected);
        }
        for (int power = -40; power < 40; power += 5) {
            assertThat(BlockHistogram.bin(Math.scalb(1f, power))).isEqualTo((power + 40) * 32 / 5);
            assertThat(BlockHistogram.bin(Math.nextDown(Math.scalb(1f, power))))
                    .isEqualTo(Math.max(0, (power + 40) * 32 / 5 - 1));
        }
        assertThat(BlockHistogram.bin(Float.MIN_VALUE)).isZero();
        assertThat(BlockHistogram.bin(Float.MAX_VALUE)).isEqualTo(511);
    }

    @Test
    void blocks_endWithTheirRow_andZerosAreLeftOut() {
        float[] values = new float[2 * 20];
        values[3] = -8; // the first block of the first row
        values[20 + 19] = 0.5f; // the last, short one of the second

        long[] bins = observed(values, 2).routed().blocks().orElseThrow().bins();

        assertThat(bins[BlockHistogram.bin(8)]).isOne();
        assertThat(bins[BlockHistogram.bin(0.5f)]).isOne();
        assertThat(Arrays.stream(bins).sum()).isEqualTo(2);
    }

    private static SiteStatistics observed(float[] values, int rows) {
        StatisticsTap tap = new StatisticsTap(
                Kernels.reference(),
                (part, layer) -> {},
                Map.of(SITE, Set.of(Distribution.MAGNITUDES, Distribution.BLOCKS)));
        tap.rows(List.of(SITE), new RowSource.Sequence(0), values, 0, rows, values.length / rows);
        return tap.take().at(SITE).orElseThrow();
    }
}
