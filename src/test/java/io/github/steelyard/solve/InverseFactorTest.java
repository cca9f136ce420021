package io.github.steelyard.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class InverseFactorTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 127, 128, 129, 300})
    void transposed_isTheUpperFactorOfTheInverse(int size) {
        float[] matrix = positive(size);
        try (Desk desk = InputMomentsTest.desk()) {
            float[] factor =
                    InverseFactor.transposed(matrix.clone(), size, desk).orElseThrow();

            // U H Uᵀ = I, as H⁻¹ = Uᵀ U; rows of `factor` are columns of U.
            double[] left = new double[size * size];
            for (int i = 0; i < size; i++) {
                for (int j = 0; j < size; j++) {
                    for (int k = i; k < size; k++) {
                        left[i * size + j] += (double) factor[k * size + i] * matrix[k * size + j];
                    }
                }
            }
            for (int i = 0; i < size; i++) {
                for (int j = 0; j < i; j++) {
                    assertThat(factor[j * size + i]).isZero();
                }
                for (int j = 0; j < size; j++) {
                    double product = 0;
                    for (int k = j; k < size; k++) {
                        product += left[i * size + k] * factor[k * size + j];
                    }
                    assertThat(product).as("(%d, %d)", i, j).isCloseTo(i == j ? 1 : 0, within(1e-4));
                }
            }
        }
    }

    @Test
    void transposed_ofWhatIsNotPositiveDefinite_isNothing() {
        try (Desk desk = InputMomentsTest.desk()) {
            assertThat(InverseFactor.transposed(new float[200 * 200], 200, desk))
                    .isEmpty();
            float[] indefinite = positive(200);
            indefinite[5 * 200 + 5] = -1;
            assertThat(InverseFactor.transposed(indefinite, 200, desk)).isEmpty();
        }
    }

    /// Returns the second moment of correlated inputs.
    static float[] positive(int size) {
        Random random = new Random(size);
        double[] matrix = new double[size * size];
        for (int sample = 0; sample < 2 * size; sample++) {
            double common = random.nextGaussian();
            double[] x = new double[size];
            for (int i = 0; i < size; i++) {
                x[i] = random.nextGaussian() + common;
            }
            for (int i = 0; i < size * size; i++) {
                matrix[i] += x[i / size] * x[i % size] / (2 * size);
            }
        }
        float[] floats = new float[size * size];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) matrix[i] + (i / size == i % size ? 0.02f : 0);
        }
        return floats;
    }
}
