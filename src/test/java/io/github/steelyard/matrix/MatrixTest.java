package io.github.steelyard.matrix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

final class MatrixTest {

    @Test
    void ranges_pointIntoTheSameArray() {
        float[] x = {0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9};
        Matrix matrix = new Matrix(x, 2, 3, 3, 4);
        Matrix part = matrix.rowRange(1, 3).columnRange(1, 2);
        assertThat(part.values()).isSameAs(x);
        assertThat(x[part.at(0)]).isEqualTo(5);
        assertThat(x[part.at(1)]).isEqualTo(8);
        assertThat(matrix.rowRange(3, 3).rows()).isZero();
        assertThat(matrix.columnRange(3, 3).columns()).isZero();
    }

    @Test
    void extents_thatDoNotFit_areRefused() {
        float[] x = new float[10];
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Matrix(x, 0, 2, 3, 2))
                .withMessage("matrix: extents [2, 3] with row distance 2");
        assertThatIllegalArgumentException().isThrownBy(() -> new Matrix(x, 0, -1, 3, 3));
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> Matrix.dense(x, 4, 3));
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> new Matrix(x, 9, 1, 2, 2));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> Matrix.dense(x, 2, 3).rowRange(1, 3));
        assertThat(new Matrix(x, 10, 0, 3, 3).rows()).isZero();
    }
}
