package io.github.steelyard.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
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
