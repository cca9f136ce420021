package io.github.steelyard.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class ExpTest {

    @Test
    void of_everyThousandthFloat_isWithinOneUlp() {
        double worst = 0;
        float worstAt = 0;
        for (long bits = 0; bits < 1L << 32; bits += 997) {
            float x = Float.intBitsToFloat((int) bits);
            if (!(x > -87 && x < 88.7f)) {
                continue;
            }
            double wanted = StrictMath.exp(x);
            double error = Math.abs(Exp.of(x) - wanted) / Math.ulp((float) wanted);
            if (error > worst) {
                worst = error;
                worstAt = x;
            }
        }
        assertThat(worst).as("error in ulp, at %s", worstAt).isLessThan(1).isGreaterThan(0.5);
    }

    @Test
    void of_subnormalResult_isWithinOneUlp() {
        for (float x = -104; x < -87; x += 0.001f) {
            double wanted = StrictMath.exp(x);
            assertThat(Math.abs(Exp.of(x) - wanted)).as("exp(%s)", x).isLessThanOrEqualTo(Float.MIN_VALUE);
        }
    }

    @Test
    void of_specials_followTheDefinition() {
        assertThat(Exp.of(Float.NaN)).isNaN();
        assertThat(Exp.of(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(Exp.of(88.73f)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(Exp.of(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(Exp.of(-1000)).isZero();
        assertThat(Exp.of(0)).isEqualTo(1);
        assertThat(Exp.of(-0f)).isEqualTo(1);
    }
}
