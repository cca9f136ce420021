package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class ExpertPlacementTest {

    @Test
    void linear_unevenExperts_givesTheFirstRanksOneMore() {
        ExpertPlacement placement = ExpertPlacement.linear(10, 4);

        assertThat(placement.owned(0)).containsExactly(0, 1, 2);
        assertThat(placement.owned(1)).containsExactly(3, 4, 5);
        assertThat(placement.owned(2)).containsExactly(6, 7);
        assertThat(placement.owned(3)).containsExactly(8, 9);
    }

    @Test
    void roundRobin_unevenExperts_dealsThemOut() {
        ExpertPlacement placement = ExpertPlacement.roundRobin(7, 3);

        assertThat(placement.owned(0)).containsExactly(0, 3, 6);
        assertThat(placement.owned(1)).containsExactly(1, 4);
        assertThat(placement.local(0, 6)).isEqualTo(2);
        assertThat(placement.local(1, 6)).isEqualTo(-1);
    }

    @Test
    void bitmask_expertBeyondOneWord_setsItsBit() {
        ExpertPlacement placement = ExpertPlacement.of(34, List.of(range(0, 33), new int[] {33}));

        assertThat(placement.bitmask(0)).containsExactly(-1, 1);
        assertThat(placement.bitmask(1)).containsExactly(0, 2);
    }

    @Test
    void of_faultyPlacements_areRefused() {
        assertRefused(3, List.of(new int[] {0, 1}, new int[] {}), "rank 1 owns no expert");
        assertRefused(3, List.of(new int[] {0, 1}, new int[] {1, 2}), "expert 1 is on rank 0 and on rank 1");
        assertRefused(3, List.of(new int[] {0}, new int[] {2}), "expert 1 of 3 has no rank");
        assertRefused(3, List.of(new int[] {0, 1}, new int[] {3}), "rank 1: expected an expert in 0..2, found 3");
    }

    @Test
    void linear_moreRanksThanExperts_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ExpertPlacement.linear(2, 3))
                .withMessage("2 experts on 3 ranks: expected at least one expert per rank");
    }

    private static void assertRefused(int experts, List<int[]> ranks, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ExpertPlacement.of(experts, ranks))
                .withMessage(message);
    }

    private static int[] range(int from, int to) {
        return IntStream.range(from, to).toArray();
    }
}
