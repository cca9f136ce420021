package io.github.steelyard.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/// The law of observations, for each kind: any tree of merges over any order of the parts gives the same.
final class ObservationTest {

    private static final int PARTS = 40;

    @Test
    void merge_measurementsInAnyTree_isTheSame() {
        anyTreeIsTheSame(random -> new Measurement(
                Math.scalb(random.nextFloat(), random.nextInt(200) - 100), random.nextInt(1000), random.nextInt(3)));
    }

    @Test
    void merge_histogramsInAnyTree_isTheSame() {
        anyTreeIsTheSame(ObservationTest::histogram);
    }

    @Test
    void merge_blockHistogramsInAnyTree_isTheSame() {
        anyTreeIsTheSame(ObservationTest::blocks);
    }

    // Some parts saw nothing, some were not asked for a distribution.
    @Test
    void merge_measurementsWithDistributionsInAnyTree_isTheSame() {
        anyTreeIsTheSame(random -> random.nextInt(4) == 0 ? Measurement.NONE : measurement(random, true));
        anyTreeIsTheSame(random -> measurement(random, random.nextInt(PARTS) > 0));
    }

    private static Measurement measurement(Random random, boolean distributed) {
        return distributed
                ? new Measurement(
                        1,
                        5,
                        0,
                        random.nextInt(3),
                        Optional.of(histogram(random)),
                        Optional.of(blocks(random)),
                        Optional.of(new ChannelAmax(new float[] {random.nextFloat(), random.nextFloat()})))
                : new Measurement(random.nextInt(2), 5, 0, random.nextInt(3));
    }

    private static Histogram histogram(Random random) {
        float[] values = new float[random.nextInt(50) + 1];
        int spread = random.nextInt(60) + 1;
        float amax = 0;
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextInt(9) == 0
                    ? 0
                    : Math.scalb(random.nextFloat() - 0.5f, random.nextInt(spread) - random.nextInt(200));
            amax = Math.max(amax, Math.abs(values[i]));
        }
        Histogram.Counter counter = new Histogram.Counter();
        int[] counts = new int[Histogram.BINS];
        Histogram.count(values, 0, values.length, Histogram.exponent(amax), counts);
        counter.add(Histogram.exponent(amax), counts);
        return counter.histogram();
    }

    private static BlockHistogram blocks(Random random) {
        return new BlockHistogram(Counts.of(random.longs(BlockHistogram.BINS, 0, 1L << random.nextInt(1, 40))
                .toArray()));
    }

    // Of the same tokens in other parts, each limited to what a target wants of it: nothing else remains.
    @Test
    void merge_topUpsInAnyTree_isTheSame_alsoWhereEachPartIsLimited() {
        AtomicLong next = new AtomicLong();
        anyTreeIsTheSame(random -> topUp(random, next, 3));
    }

    @Test
    void toppedUpTo_partsThatWereLimitedBefore_isAsIfTheyWereOne() {
        Random random = new Random(5);
        AtomicLong next = new AtomicLong();
        for (int round = 0; round < 100; round++) {
            SiteStatistics whole = SiteStatistics.of(0, 0, 0);
            SiteStatistics parts = whole;
            for (int part = 0; part < 5; part++) {
                SiteStatistics found = new SiteStatistics(
                        new Measurement(1, random.nextInt(4), 0), Optional.empty(), topUp(random, next, 20));
                whole = whole.merge(found);
                parts = parts.merge(found.toppedUpTo(16));
            }
            assertThat(parts.toppedUpTo(16)).isEqualTo(whole.toppedUpTo(16));
            assertThat(parts.toppedUpTo(16).covered()).isEqualTo(Math.max(16, whole.tokens()));
        }
    }

    private static TopUp topUp(Random random, AtomicLong next, int tokens) {
        List<TopUp.Token> found = new ArrayList<>();
        for (int i = 0; i < tokens; i++) {
            float score = -random.nextInt(8); // many are equally near
            found.add(new TopUp.Token(score, next.getAndIncrement(), random.nextFloat(), random.nextInt(2)));
        }
        return new TopUp(found);
    }

    private static <T extends Observation<T>> void anyTreeIsTheSame(Function<Random, T> part) {
        Random random = new Random(23);
        List<T> parts = new ArrayList<>();
        for (int i = 0; i < PARTS; i++) {
            parts.add(part.apply(random));
        }
        T expected = parts.stream().reduce(Observation::merge).orElseThrow();
        for (int tree = 0; tree < 50; tree++) {
            List<T> left = new ArrayList<>(parts);
            while (left.size() > 1) {
                Collections.shuffle(left, random);
                T merged = left.removeLast().merge(left.removeLast());
                left.add(merged);
            }
            assertThat(left).as("tree %d", tree).containsExactly(expected);
        }
    }
}
