package io.github.steelyard.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class InputMomentsTest {

    private static final int COLUMNS = 320; // more than one panel
    private static final int[] ROWS = {7, 64, 1, 130};

    @ParameterizedTest
    @ValueSource(ints = {16, Observed.ALL_PRODUCTS})
    void sums_anyOrderAndThreads_haveTheSameBits(int block) {
        float[][] calls = calls();
        InputMoments forward = moments(block);
        InputMoments backward = moments(block);
        try (Desk desk = desk()) {
            for (int i = 0; i < calls.length; i++) {
                forward.add(calls[i], 0, ROWS[i], desk);
                backward.add(calls[calls.length - 1 - i], 0, ROWS[calls.length - 1 - i], desk);
            }
        }
        InputMoments parallel = moments(block);
        IntStream.range(0, calls.length).parallel().forEach(i -> {
            try (Desk desk = desk()) {
                parallel.add(calls[i], 0, ROWS[i], desk);
            }
        });

        for (InputMoments other : new InputMoments[] {backward, parallel}) {
            assertThat(other.tokens()).isEqualTo(202);
            for (int i = 0; i < COLUMNS; i++) {
                assertThat(other.amax(i)).isEqualTo(forward.amax(i));
                assertThat(other.meanMagnitude(i)).isEqualTo(forward.meanMagnitude(i));
                for (int j = i; j < (block == 16 ? i / 16 * 16 + 16 : COLUMNS); j++) {
                    assertThat(other.product(i, j)).isEqualTo(forward.product(i, j));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, Observed.ALL_PRODUCTS})
    void sums_areThoseOfThePlainLoop(int block) {
        float[][] calls = calls();
        InputMoments moments = moments(block);
        double[] products = new double[COLUMNS * COLUMNS];
        double[] magnitudes = new double[COLUMNS];
        try (Desk desk = desk()) {
            for (int call = 0; call < calls.length; call++) {
                moments.add(calls[call], 0, ROWS[call], desk);
                for (int row = 0; row < ROWS[call]; row++) {
                    for (int i = 0; i < COLUMNS; i++) {
                        double x = calls[call][row * COLUMNS + i];
                        magnitudes[i] += Math.abs(x);
                        for (int j = 0; j < COLUMNS; j++) {
                            products[i * COLUMNS + j] += x * calls[call][row * COLUMNS + j];
                        }
                    }
                }
            }
        }

        for (int i = 0; i < COLUMNS; i++) {
            assertThat(moments.meanMagnitude(i)).isCloseTo(magnitudes[i] / 202, within(1e-9));
            for (int j = 0; j < COLUMNS; j++) {
                if (block != 16 || i / 16 == j / 16) {
                    assertThat(moments.product(i, j)).isCloseTo(products[i * COLUMNS + j], within(2e-3));
                }
            }
        }
    }

    @Test
    void rowsThatAreNoNumbersOrFarAboveTheBound_areLeftOutAndCounted() {
        InputMoments moments = new InputMoments(16, 16, 2, 4);
        float[] rows = new float[4 * 16];
        rows[3] = 1;
        rows[16] = Float.NaN;
        rows[2 * 16] = Float.NEGATIVE_INFINITY;
        rows[3 * 16] = 2.5f;
        try (Desk desk = desk()) {
            moments.add(rows, 0, 4, desk);
        }

        assertThat(moments.tokens()).isEqualTo(1);
        assertThat(moments.leftOut()).isEqualTo(3);
        assertThat(moments.product(3, 3)).isEqualTo(1);
        assertThat(moments.product(0, 0)).isZero();
    }

    // All rows at the bound: the largest sum there can be.
    @Test
    void sumAtTheBound_doesNotOverflow() {
        InputMoments moments = new InputMoments(16, 16, 3, 1000);
        float[] rows = new float[1000 * 16];
        Arrays.fill(rows, 3);
        try (Desk desk = desk()) {
            moments.add(rows, 0, 1000, desk);
        }

        assertThat(moments.product(0, 15)).isEqualTo(9000);
        assertThat(moments.meanMagnitude(0)).isEqualTo(3);
    }

    @Test
    void product_ofChannelsInDifferentBlocks_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> moments(16).product(15, 16))
                .withMessage("products of channels 15 and 16 were not summed");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new InputMoments(40, 16, 1, 1))
                .withMessage("40 features are no blocks of 16");
    }

    private static InputMoments moments(int block) {
        return new InputMoments(COLUMNS, block, 8, 202);
    }

    static Desk desk() {
        return new Desk(Kernels.fastest(), Gemm.select("auto"));
    }

    private static float[][] calls() {
        Random random = new Random(5);
        float[][] calls = new float[ROWS.length][];
        for (int i = 0; i < calls.length; i++) {
            calls[i] = new float[ROWS[i] * COLUMNS];
            for (int k = 0; k < calls[i].length; k++) {
                calls[i][k] = (float) random.nextGaussian();
            }
        }
        return calls;
    }
}
