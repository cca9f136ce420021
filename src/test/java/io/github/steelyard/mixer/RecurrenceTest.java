package io.github.steelyard.mixer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Tap;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The recurrences by chunks against the plain loops, and the plain loops against sums written out by hand.
final class RecurrenceTest {

    /// Largest difference between the two forms, relative to the largest value.
    private static final double BOUND = 2e-5;

    private final Random random = new Random(7);
    private final Lane lane = Lane.alone(new Pass(
            Kernels.fastest(),
            Gemm.select("auto"),
            Tap.NONE,
            ExpertBackend.DECOMPOSED,
            ShownTokens.NONE,
            1,
            Profile.NONE));

    // Around the chunk of 64 tokens and the blocks of 16 rows within it.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 15, 16, 17, 63, 64, 65, 128, 150})
    void selectiveScan_chunked_isThePlainLoop(int tokens) {
        SelectiveScan scan = new SelectiveScan(6, 8, 2, 12);
        float[] rows = normal(tokens * scan.columns(), 1);
        float[] steps = uniform(tokens * scan.heads(), 1e-4f, 0.3f);
        float[] rates = uniform(scan.heads(), -16, -0.01f);
        float[] skips = normal(scan.heads(), 1);
        float[] plain = new float[tokens * scan.innerColumns()];
        float[] chunked = new float[tokens * scan.innerColumns()];

        scan.plain(rows, steps, rates, skips, tokens, plain);
        scan.chunked(rows, steps, rates, skips, tokens, chunked, lane);

        assertClose(chunked, plain);
    }

    // Rates at which a state is forgotten within a chunk: exp(-64 · 2 · 16) is 0 in float32.
    @Test
    void selectiveScan_fastDecay_staysFinite() {
        SelectiveScan scan = new SelectiveScan(1, 4, 1, 4);
        float[] rows = normal(200 * scan.columns(), 1);
        float[] steps = uniform(200, 1.5f, 2);
        float[] plain = new float[200 * 4];
        float[] chunked = new float[200 * 4];

        scan.plain(rows, steps, new float[] {-16}, new float[1], 200, plain);
        scan.chunked(rows, steps, new float[] {-16}, new float[1], 200, chunked, lane);

        assertClose(chunked, plain);
    }

    @Test
    void selectiveScan_twoTokens_followTheFormula() {
        SelectiveScan scan = new SelectiveScan(1, 1, 1, 2);
        float[] rows = {3, 1, 2, 5, 7, /* second token */ -2, 4, -1, 6, 0.5f};
        float[] steps = {0.5f, 0.25f};
        float[] y = new float[2];

        scan.plain(rows, steps, new float[] {-2}, new float[] {10}, 2, y);

        double q0 = 0.5 * 3 * 1;
        double q1 = 0.5 * 3 * 2;
        assertThat((double) y[0]).isCloseTo(q0 * 5 + q1 * 7 + 10 * 3, within(1e-5));
        double decay = Math.exp(0.25 * -2);
        q0 = decay * q0 + 0.25 * -2 * 4;
        q1 = decay * q1 + 0.25 * -2 * -1;
        assertThat((double) y[1]).isCloseTo(q0 * 6 + q1 * 0.5 + 10 * -2, within(1e-5));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 15, 16, 17, 63, 64, 65, 128, 150})
    void deltaRule_chunked_isThePlainLoop(int tokens) {
        DeltaRule rule = new DeltaRule(2, 6, 8, 12);
        float[] rows = rows(rule, tokens);
        float[] rates = uniform(tokens * rule.valueHeads(), 0.01f, 0.99f);
        float[] logDecays = uniform(tokens * rule.valueHeads(), -0.5f, -1e-4f);
        float[] plain = new float[tokens * rule.valueColumns()];
        float[] chunked = new float[tokens * rule.valueColumns()];

        rule.plain(rows, rates, logDecays, tokens, plain);
        rule.chunked(rows, rates, logDecays, tokens, chunked, lane);

        assertClose(chunked, plain);
    }

    // Equal keys, full rates and hardly any decay: the triangular system is as far from the unit matrix as it can be.
    @Test
    void deltaRule_equalKeys_isThePlainLoop() {
        DeltaRule rule = new DeltaRule(1, 1, 4, 4);
        int tokens = 130;
        float[] rows = rows(rule, tokens);
        for (int token = 0; token < tokens; token++) {
            System.arraycopy(new float[] {0.5f, 0.5f, 0.5f, 0.5f}, 0, rows, token * rule.columns() + 4, 4);
        }
        float[] rates = uniform(tokens, 0.98f, 1);
        float[] logDecays = uniform(tokens, -1e-3f, 0);
        float[] plain = new float[tokens * 4];
        float[] chunked = new float[tokens * 4];

        rule.plain(rows, rates, logDecays, tokens, plain);
        rule.chunked(rows, rates, logDecays, tokens, chunked, lane);

        assertClose(chunked, plain);
    }

    @Test
    void deltaRule_twoTokens_followTheFormula() {
        DeltaRule rule = new DeltaRule(1, 1, 1, 1);
        float[] rows = {2, 0.5f, 3, /* second token */ 1, -1, 4};
        float[] o = new float[2];

        rule.plain(rows, new float[] {0.5f, 0.25f}, new float[] {0, (float) Math.log(0.5)}, 2, o);

        double state = 0.5 * 0.5 * 3;
        assertThat((double) o[0]).isCloseTo(2 * state, within(1e-6));
        state *= 0.5;
        state += -1 * 0.25 * (4 - -1 * state);
        assertThat((double) o[1]).isCloseTo(state, within(1e-6));
    }

    private float[] rows(DeltaRule rule, int tokens) {
        float[] rows = normal(tokens * rule.columns(), 1);
        for (int token = 0; token < tokens; token++) {
            for (int head = 0; head < 2 * rule.keyHeads(); head++) {
                int at = token * rule.columns() + head * rule.keyWidth();
                double squares = 0;
                for (int i = 0; i < rule.keyWidth(); i++) {
                    squares += rows[at + i] * rows[at + i];
                }
                for (int i = 0; i < rule.keyWidth(); i++) {
                    rows[at + i] /= (float) Math.sqrt(squares);
                }
            }
        }
        return rows;
    }

    private float[] normal(int length, float spread) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian() * spread;
        }
        return values;
    }

    private float[] uniform(int length, float min, float max) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = min + random.nextFloat() * (max - min);
        }
        return values;
    }

    private static void assertClose(float[] actual, float[] expected) {
        float largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertThat(largest).isGreaterThan(0.1f);
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i]).as("value %d", i).isCloseTo(expected[i], within(BOUND * largest));
        }
    }
}
