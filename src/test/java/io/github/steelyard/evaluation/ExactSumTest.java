package io.github.steelyard.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ExactSumTest {

    private static final long SEED = 20261129;

    @Test
    void add_anyOrder_hasTheSameBitsNearTheExactSum() {
        Random random = new Random(SEED);
        List<Double> values = new ArrayList<>(
                List.of(0.0, Double.MIN_VALUE, Double.MIN_NORMAL, Math.nextDown(Double.MIN_NORMAL), 1.0, 1e300));
        for (int i = 0; i < 2000; i++) {
            values.add(Math.scalb(random.nextDouble(), random.nextInt(600) - 300));
        }
        double first = sum(values);
        BigDecimal exact = values.stream().map(BigDecimal::new).reduce(BigDecimal.ZERO, BigDecimal::add);
        assertThat(first).as("seed %d", SEED).isCloseTo(exact.doubleValue(), within(Math.ulp(first)));
        for (int i = 0; i < 5; i++) {
            Collections.shuffle(values, random);
            assertThat(sum(values)).as("seed %d", SEED).isEqualTo(first);
        }
    }

    @Test
    void add_smallestNumbers_areNotLost() {
        assertThat(sum(Collections.nCopies(3, Double.MIN_VALUE))).isEqualTo(3 * Double.MIN_VALUE);
        assertThat(sum(Collections.nCopies(1000, 0.1f * 1.0))).isEqualTo(1000 * (double) 0.1f);
    }

    @Test
    void add_noNumber_givesNone() {
        assertThat(sum(List.of(1.0, Double.NaN))).isNaN();
        assertThat(sum(List.of(1.0, Double.POSITIVE_INFINITY))).isNaN();
    }

    private static double sum(List<Double> values) {
        ExactSum sum = new ExactSum();
        values.forEach(sum::add);
        return sum.value();
    }
}
