package io.github.steelyard.site;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class VariantsTest {

    @Test
    void endOfRun_everyRange_isWhereALinearSearchEnds() {
        Variants variants = new Variants(3, 2, 7);
        int[] tokens = new Random(3).ints(40, 0, 21).sorted().toArray();
        RowSource routed = new RowSource.Routed(tokens, 0, 2, 38, false);
        RowSource every = new RowSource.Every(5);

        for (int from = 0; from < 16; from++) {
            for (int to = from + 1; to <= 16; to++) {
                assertRun(variants, routed, from, to);
                assertRun(variants, every, from, to);
            }
        }
    }

    private static void assertRun(Variants variants, RowSource source, int from, int to) {
        int end = from + 1;
        while (end < to && variants.of(source, end) == variants.of(source, from)) {
            end++;
        }
        assertThat(variants.endOfRun(source, from, to))
                .as("%d to %d of %s", from, to, source)
                .isEqualTo(end);
    }

    @Test
    void of_eachSource_isTheCopyThatTheRowLiesIn() {
        Variants variants = new Variants(2, 3, 10);

        assertThat(variants.of(new RowSource.Weight(), 700)).isZero();
        assertThat(variants.of(new RowSource.Sequence(2), 0)).isZero();
        assertThat(variants.of(new RowSource.Sequence(3), 0)).isOne();
        assertThat(variants.of(new RowSource.Every(8), 1)).isZero();
        assertThat(variants.of(new RowSource.Every(8), 2)).isOne();
        assertThat(variants.of(new RowSource.Routed(new int[] {1, 9, 10}, 1, 1, 2, false), 1))
                .isOne();
    }

    @Test
    void of_oneCopy_isTheFirst() {
        assertThat(Variants.ONE.of(new RowSource.Sequence(Integer.MAX_VALUE - 1), 4))
                .isZero();
        assertThat(Variants.ONE.endOfRun(new RowSource.Sequence(7), 3, 900)).isEqualTo(900);
    }

    @Test
    void construction_emptyCopies_areRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Variants(0, 1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new Variants(2, 3, 2));
    }
}
