package io.github.steelyard.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;

final class MultipliersTest {

    @Test
    void spaced_defaults_are39WithoutOne() {
        Multipliers multipliers = Multipliers.spaced(0.25, 4, 0.1);

        assertThat(multipliers.values()).hasSize(39).isSorted().doesNotContain(1f);
        assertThat(multipliers.values().getFirst()).isEqualTo(0.25f);
        assertThat(multipliers.values().getLast()).isEqualTo(4);
    }

    @Test
    void spaced_fourOverSix_isOneAndAHalfMore() {
        assertThat(Multipliers.spaced(1, 1.5, 0.5).values()).containsExactly(1f, 1.5f);
    }

    @Test
    void spaced_oneValue_isTheStart() {
        assertThat(Multipliers.spaced(2, 2, 0.5).values()).containsExactly(2f);
    }

    @Test
    void spaced_tooMany_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Multipliers.spaced(1, 1e6, 1e-6))
                .withMessage(
                        "multipliers from 1.0 to 1000000.0 in steps of 1.0E-6 are 999999000001, at most 4096 are tried");
    }

    @Test
    void multipliers_notPositive_areRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Multipliers(List.of(0f)))
                .withMessage("multipliers must be positive and finite, found [0.0]");
    }
}
