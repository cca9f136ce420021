package io.github.steelyard.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ShapeTest {

    @Test
    void scalar_hasOneElementAndNoExtent() {
        assertThat(Shape.of().rank()).isZero();
        assertThat(Shape.of().elements()).isEqualTo(1);
        assertThat(Shape.of()).hasToString("[]");
    }

    @Test
    void dim_negativeAxis_countsFromTheLast() {
        Shape shape = Shape.of(2, 3, 5);
        assertThat(shape.dim(0)).isEqualTo(2);
        assertThat(shape.dim(-1)).isEqualTo(5);
        assertThat(shape.dim(-3)).isEqualTo(2);
        assertThat(shape.elements()).isEqualTo(30);
    }

    @Test
    void elements_beyond32Bits_areExact() {
        assertThat(Shape.of(1L << 31, 1L << 31).elements()).isEqualTo(1L << 62);
        assertThat(Shape.of(1L << 62, 0).elements()).isZero();
    }

    @Test
    void construction_negativeOrOverflowing_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Shape.of(2, -1))
                .withMessage("negative extent in shape [2, -1]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Shape.of(1L << 32, 1L << 31))
                .withMessage("element count of shape [4294967296, 2147483648] overflows 63 bits");
    }

    @Test
    void construction_copiesItsExtents() {
        List<Long> dims = new ArrayList<>(List.of(1L, 2L));
        Shape shape = new Shape(dims);
        dims.set(0, 9L);
        assertThat(shape).isEqualTo(Shape.of(1, 2));
    }
}
