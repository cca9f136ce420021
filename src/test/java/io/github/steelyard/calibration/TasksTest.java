package io.github.steelyard.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class TasksTest {

    @Test
    void all_resultsAreInTheOrderOfTheWork() {
        List<Callable<Integer>> work = IntStream.range(0, 100)
                .<Callable<Integer>>mapToObj(i -> () -> i)
                .toList();

        assertThat(Tasks.all(3, work)).isEqualTo(IntStream.range(0, 100).boxed().toList());
    }

    @Test
    void all_afterAFailure_beginsNothingMore() {
        AtomicInteger begun = new AtomicInteger();
        Callable<Integer> failing = () -> {
            throw new IllegalStateException("failed");
        };
        CountDownLatch never = new CountDownLatch(1);
        Callable<Integer> slow = () -> {
            begun.incrementAndGet();
            never.await(100, TimeUnit.MILLISECONDS);
            return 0;
        };

        assertThatIllegalStateException()
                .isThrownBy(() -> Tasks.all(
                        1,
                        Stream.concat(Stream.of(failing), Collections.nCopies(20, slow).stream())
                                .toList()))
                .withMessage("failed");
        assertThat(begun.get()).isLessThan(20);
    }
}
