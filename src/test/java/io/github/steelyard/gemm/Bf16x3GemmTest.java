package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.onednn.Bf16Values;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The contract with weights of bf16 values.
final class Bf16x3GemmTest extends GemmContract {

    private final Gemm gemm = Gemm.select("onednn-bf16x3");

    @BeforeEach
    void requireLibrary() {
        Assumptions.assumeTrue(gemm.name().startsWith("onednn-bf16x3-"), gemm.reason());
    }

    @Override
    Gemm gemm() {
        return gemm;
    }

    @Override
    Matrix weight(long seed, int rows, int columns) {
        Matrix weight = normal(seed, rows, columns);
        for (int i = 0; i < weight.values().length; i++) {
            weight.values()[i] = Bf16Values.rounded(weight.values()[i]);
        }
        return weight;
    }

    @Override
    void pack(Matrix weight, PackedWeight target) {
        PlainWeight stored = PlainWeight.ofFloats(values(weight), weight.rows(), weight.columns());
        gemm.pack(List.of(stored), Kernels.fastest(), RowListener.NONE, target, workspace);
    }

    @Test
    void pack_weightsOfBf16Values_takeHalfTheMemory() {
        PackedWeight packed = new PackedWeight();
        pack(weight(1, 128, 96), packed);
        assertThat(packed.bytes()).isEqualTo(2 * 128 * 96);
        pack(normal(1, 128, 96), packed);
        assertThat(packed.bytes()).isEqualTo(4 * 128 * 96);
        assertThat(gemm.remarks()).containsExactly("packed as float32, 1 times: F32, values of more bits than bf16");
    }
}
